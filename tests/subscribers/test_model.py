from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from digest.articles.model import CategoryPath
from digest.subscribers.model import NewSubscriber, may_read
from tests.mail.samples import make_subscriber


def test_a_subscriber_needs_utc() -> None:
    with pytest.raises(ValueError, match="created_at"):
        replace(make_subscriber(), created_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_what_is_not_told_of_a_new_subscriber_is_unknown() -> None:
    new = NewSubscriber(address="a@example.org", digest="daily")
    assert (new.name, new.categories, new.language) == (None, None, None)


@pytest.mark.parametrize(
    ("chosen", "selected", "may"),
    [
        ((), (), True),
        ((), ("News",), True),
        (("News",), (), True),
        (("News/Local",), ("News",), True),
        (("News",), ("News/Local",), True),
        (("Nonexistent",), (), False),
        (("News", "Nonexistent"), (), True),
        (("Sports",), ("News",), False),
        (("Newsletter",), ("News",), False),
    ],
)
def test_who_chose_only_what_a_digest_never_has_can_get_no_mail(
    chosen: tuple[str, ...], selected: tuple[str, ...], may: bool
) -> None:
    known = {CategoryPath.parse(path) for path in ("News", "News/Local", "Sports")}
    wanted, taken = (tuple(map(CategoryPath.parse, paths)) for paths in (chosen, selected))
    assert may_read(wanted, taken, known) is may
