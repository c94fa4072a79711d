"""Change is judged by content: dates and images alone never move an article."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.articles.model import (
    Availability,
    CategoryPath,
    Credit,
    DateLimit,
    Draft,
    Note,
    SafeHtml,
    Severity,
)
from digest.articles.reading.enclosures import Enclosure
from digest.articles.revision import (
    DraftDecision,
    Kind,
    Known,
    content_digest,
    decide,
    hold,
    notes,
)
from tests.defaults import default_policy

FIRST = datetime(2024, 1, 1, 6, 0, tzinfo=UTC)
NOW = datetime(2024, 5, 1, 8, 0, tzinfo=UTC)
DRAFT = Draft(
    identity="a",
    title="利率下调",
    authors=("甲",),
    categories=(CategoryPath(("财经",)),),
    published_at=datetime(2024, 4, 30, tzinfo=UTC),
    link="https://example.org/a",
    image="https://example.org/a.png",
    language="zh",
    summary="摘要",
    body=SafeHtml("<p>正文</p>"),
    fingerprint="f1",
)
NOTE = Note(severity=Severity.SALVAGED, line=2, cause="odd quotes")
KNOWN = Known(fingerprint="f1", published_at=FIRST, updated_at=FIRST, content=content_digest(DRAFT))


@pytest.mark.parametrize("date", [DRAFT.published_at, None])
def test_a_new_article_is_published_at_its_date_or_at_first_sight(date: datetime | None) -> None:
    moment = date or NOW
    assert decide(None, replace(DRAFT, published_at=date), NOW, default_policy()) == DraftDecision(
        kind=Kind.NEW, published_at=moment, updated_at=moment
    )


@pytest.mark.parametrize("date", [DRAFT.published_at, None, NOW])
def test_the_same_content_is_unchanged_whatever_its_date_says(date: datetime | None) -> None:
    assert decide(KNOWN, replace(DRAFT, published_at=date), NOW, default_policy()) == DraftDecision(
        kind=Kind.UNCHANGED, published_at=FIRST, updated_at=FIRST
    )


@pytest.mark.parametrize("other", [{"image": "https://example.org/b.png"}, {"pinned": 1}])
def test_other_bytes_of_the_same_meaning_are_published_without_an_update(
    other: dict[str, Any],
) -> None:
    changed = replace(DRAFT, **other)
    assert decide(KNOWN, changed, NOW, default_policy()) == DraftDecision(
        kind=Kind.REVISED, published_at=FIRST, updated_at=FIRST
    )


def test_another_meaning_is_an_update_now() -> None:
    assert decide(KNOWN, replace(DRAFT, fingerprint="f2"), NOW, default_policy()) == DraftDecision(
        kind=Kind.UPDATED, published_at=FIRST, updated_at=NOW
    )


def test_an_update_is_never_before_the_publication() -> None:
    later = replace(KNOWN, published_at=NOW + timedelta(days=1), updated_at=NOW + timedelta(days=1))
    revision = decide(later, replace(DRAFT, fingerprint="f2"), NOW, default_policy())
    assert revision.updated_at == revision.published_at == NOW + timedelta(days=1)


def test_a_date_to_come_is_an_embargo() -> None:
    tomorrow = NOW + timedelta(days=1)
    revision = decide(None, replace(DRAFT, published_at=tomorrow), NOW, default_policy())
    assert revision == DraftDecision(
        kind=Kind.EMBARGOED, published_at=tomorrow, updated_at=tomorrow
    )
    assert decide(KNOWN, replace(DRAFT, published_at=tomorrow), NOW, default_policy()).kind == (
        Kind.UNCHANGED
    ), "what is published stays"


def test_a_date_too_far_ahead_is_first_sight_with_a_note() -> None:
    policy = default_policy(longest_embargo=timedelta(days=30))
    far = replace(DRAFT, published_at=NOW + timedelta(days=31), notes=(NOTE,))
    assert decide(None, far, NOW, policy) == DraftDecision(
        kind=Kind.NEW, published_at=NOW, updated_at=NOW
    )
    own, added = notes(far, NOW, policy)
    assert own is NOTE
    assert (added.severity, added.line) == (Severity.NOTED, None)
    assert "2024-06-01" in added.cause
    assert "30 days" in added.cause


@pytest.mark.parametrize("date", [None, NOW, NOW + timedelta(days=30)])
def test_other_dates_are_no_note(date: datetime | None) -> None:
    policy = default_policy(longest_embargo=timedelta(days=30))
    assert notes(replace(DRAFT, published_at=date, notes=(NOTE,)), NOW, policy) == (NOTE,)


def test_now_must_be_utc() -> None:
    with pytest.raises(ValueError, match="now"):
        decide(None, DRAFT, datetime(2024, 1, 1), default_policy())  # noqa: DTZ001 - what is refused


def test_everything_that_is_published_is_in_the_digest_but_no_date() -> None:
    others: dict[str, Any] = {
        "title": "x",
        "authors": ("x",),
        "categories": (),
        "link": None,
        "image": None,
        "language": "en",
        "summary": "x",
        "body": SafeHtml("x"),
    }
    digests = {content_digest(replace(DRAFT, **{name: value})) for name, value in others.items()}
    recording = Enclosure(url="https://example.org/a.mp3", media_type="audio/mpeg")
    digests.add(content_digest(replace(DRAFT, enclosure=recording)))
    digests |= {content_digest(replace(DRAFT, pinned=number)) for number in (1, 2)}
    digests.add(content_digest(replace(DRAFT, credit=Credit(name="x"))))
    others |= {"enclosure": recording, "pinned": 1, "credit": Credit(name="x")}
    assert len(digests | {content_digest(DRAFT)}) == len(others) + 2
    assert {field.name for field in fields(Draft)} - set(others) == {
        "identity",
        "published_at",
        "updated_at",
        "availability",
        "fingerprint",
        "content",
        "text_hash",
        "raw_hash",
        "signature",
        "announced",
        "assets",
        "notes",
    }
    assert content_digest(replace(DRAFT, published_at=None)) == content_digest(DRAFT)


def limit(at: datetime) -> DateLimit:
    return DateLimit(at=at, line=4, key="x")


LATER = NOW + timedelta(days=1)
HELD_BACK = Note(severity=Severity.NOTED, line=3, cause="it is a draft: draft: true")


@pytest.mark.parametrize(
    ("availability", "cause", "until"),
    [
        (None, None, None),
        (Availability(held_back=HELD_BACK), "it is a draft: draft: true", None),
        (Availability(not_before=limit(LATER)), "it begins at", LATER),
        (Availability(not_before=limit(NOW)), None, None),
        (Availability(expires=limit(NOW)), "it ended at", None),
        (Availability(expires=limit(LATER)), None, None),
        (Availability(expires=limit(NOW), not_before=limit(LATER)), "it ended at", None),
    ],
)
def test_a_draft_is_held_back_as_its_file_says(
    availability: Availability | None, cause: str | None, until: datetime | None
) -> None:
    held = hold(replace(DRAFT, availability=availability), NOW)
    assert (held is None) == (cause is None)
    if held is not None and cause is not None:
        assert held.note.cause.startswith(cause)
        assert held.until == until


def test_an_update_that_the_file_tells_counts_at_first_sight_and_where_the_text_differs() -> None:
    week = timedelta(days=7)
    told = replace(DRAFT, published_at=NOW - 3 * week, updated_at=NOW - week)
    policy = default_policy()
    assert decide(None, told, NOW, policy).updated_at == NOW - week
    ahead = replace(told, updated_at=NOW + week)
    assert decide(None, ahead, NOW, policy).updated_at == NOW - 3 * week
    known = Known(
        fingerprint="another",
        published_at=NOW - 3 * week,
        updated_at=NOW - 2 * week,
        content="c",
    )
    assert decide(known, told, NOW, policy).updated_at == NOW - week
    assert decide(replace(known, updated_at=NOW - week), told, NOW, policy).updated_at == NOW
    same = replace(known, fingerprint=told.fingerprint, content=content_digest(told))
    assert decide(same, told, NOW, policy).updated_at == NOW - 2 * week
