from __future__ import annotations

import pytest

from digest.articles.facets import Facet, FacetKind


def test_facets_are_in_order_of_kind_and_name() -> None:
    found = [Facet(kind, name) for name in ("b", "a") for kind in reversed(FacetKind)]
    assert [str(one) for one in sorted(found)] == [
        "author:a",
        "author:b",
        "custom:a",
        "custom:b",
        "language:a",
        "language:b",
    ]


def test_a_facet_needs_a_name() -> None:
    with pytest.raises(ValueError, match="needs a name: author"):
        Facet(FacetKind.AUTHOR, "")
