from __future__ import annotations

import pytest

from digest.articles.facets import Strand, StrandKind


def test_strands_are_in_order_of_kind_and_name() -> None:
    found = [Strand(kind, name) for name in ("b", "a") for kind in reversed(StrandKind)]
    assert [str(one) for one in sorted(found)] == [
        "author:a",
        "author:b",
        "custom:a",
        "custom:b",
        "language:a",
        "language:b",
    ]


def test_a_strand_needs_a_name() -> None:
    with pytest.raises(ValueError, match="needs a name: author"):
        Strand(StrandKind.AUTHOR, "")
