"""Files that are written again and say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from digest.articles.ingest.records import FileRecord, Reading
from digest.articles.model import (
    Article,
    Changes,
    Credit,
    Draft,
    Note,
    Severity,
    UnchangedText,
    VolatileFields,
)
from digest.articles.reading.enclosures import Enclosure
from digest.store.database import Store
from tests import stores
from tests.defaults import default_policy
from tests.store.samples import NOW, SPACE, failure, reading

LATER = NOW + timedelta(hours=1)
AFTER = LATER + timedelta(hours=1)
PICTURE = "https://img.example.org/1.png"
RECORDING = Enclosure(url="https://example.org/a.mp3", media_type="audio/mpeg")
NOTED = Note(severity=Severity.NOTED, line=5, cause="no date")
TEXT = "<p>河上的新桥今天通车了，桥长三百米，两岸的人走过去只要五分钟，以前要坐半小时的船。</p>" * 2


def first(path: str = "a.md", text: str = "text", **options: object) -> Reading:
    """Return the reading of a file whose text is hashed."""
    taken = reading(path, **options)  # type: ignore[arg-type]
    assert isinstance(taken.outcome, Draft)
    return replace(taken, outcome=replace(taken.outcome, text_hash=text, raw_hash="raw"))


def again(
    volatile: VolatileFields | None = None,
    path: str = "a.md",
    text: str = "text",
    content: str = "new",
    raw: str = "raw",
) -> Reading:
    """Return the reading of a file that says the same; without ``volatile``, in the same lines."""
    record = FileRecord(
        path=path, size=7, mtime_ns=8, content=content, options_hash="r1", text_hash=text
    )
    return Reading(
        record=record,
        outcome=UnchangedText(volatile=volatile, raw_hash=raw if volatile is None else "newer"),
    )


def rewritten(
    image: str | None = None,
    published_at: datetime | None = None,
    enclosure: Enclosure | None = None,
    pinned: int = 0,
    notes: tuple[Note, ...] = (),
) -> VolatileFields:
    return VolatileFields(
        image=image, published_at=published_at, enclosure=enclosure, pinned=pinned, notes=notes
    )


def only(store: Store) -> Article:
    (found,) = stores.since(store)
    return found


@pytest.mark.parametrize("said", [None, rewritten(PICTURE), rewritten(None, LATER)])
def test_a_file_that_says_the_same_changes_nothing_but_its_record(
    store: Store, said: VolatileFields | None
) -> None:
    store.articles.record([first(image=PICTURE)], NOW)
    before = only(store)
    assert store.articles.record([again(said)], LATER) == Changes(unchanged=1)
    assert only(store) == before
    (record,) = store.articles.files().values()
    assert (record.size, record.mtime_ns, record.content) == (7, 8, "new")
    assert (record.text_hash, record.raw_hash) == ("text", "newer" if said else "raw")


def test_a_credit_is_published_and_stays_when_something_beside_the_text_changes(
    store: Store,
) -> None:
    credit = Credit(name="Harbour", url="https://harbour.example/")
    taken = first()
    assert isinstance(taken.outcome, Draft)
    credited = replace(taken, outcome=replace(taken.outcome, credit=credit))
    store.articles.record([taken], NOW)
    assert store.articles.record([credited], LATER).updated == 1
    assert only(store).credit == credit
    store.articles.record([again(rewritten(PICTURE))], AFTER)
    assert (only(store).credit, only(store).image) == (credit, PICTURE)
    assert store.articles.record([credited], AFTER).updated == 1  # without the picture


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        (rewritten("https://img.example.org/2.png"), {"image": "https://img.example.org/2.png"}),
        (rewritten(PICTURE, pinned=3), {"pinned": 3}),
        (
            rewritten(PICTURE, enclosure=RECORDING),
            {"enclosure": RECORDING},
        ),
    ],
)
def test_another_picture_recording_or_pin_is_published_with_the_text_that_is_stored(
    store: Store, said: VolatileFields, changed: dict[str, object]
) -> None:
    store.articles.record([first(image=PICTURE, body=TEXT, alike=True)], NOW)
    before = only(store)
    changes = store.articles.record([again(said)], LATER)
    assert (changes.new, changes.updated, changes.articles) == (0, 1, frozenset({before.key}))
    assert only(store) == replace(before, **changed)  # type: ignore[arg-type]
    # It is still known by its text, and by the hash of that.
    (record,) = store.articles.files().values()
    assert (record.text_hash, record.raw_hash) == ("text", "newer")
    twin = reading("b.md", body=TEXT, alike=True, categories=(SPACE,))
    assert store.articles.record([twin], AFTER).new == 0


def test_what_is_to_be_said_of_a_file_is_renewed(store: Store) -> None:
    store.articles.record([first(notes=(NOTED,))], NOW)
    store.articles.record([again(rewritten(notes=(NOTED,)))], LATER)
    (problem,) = store.articles.problems(noted=True)
    assert problem.seen_at == NOW, "it is known since then"
    store.articles.record([again(raw="newer")], LATER)
    assert len(store.articles.problems(noted=True)) == 1
    store.articles.record([again(rewritten())], LATER)
    assert store.articles.problems(noted=True) == []
    far = LATER + timedelta(days=4_000)
    policy = default_policy()
    store.articles.record([again(rewritten(published_at=far))], LATER, policy)
    (problem,) = store.articles.problems(noted=True)
    assert "days ahead" in problem.cause


def test_one_batch_may_hold_files_that_say_the_same_and_others(store: Store) -> None:
    store.articles.record([first(), first("b.md"), first("c.md")], NOW)
    batch = [again(), reading("b.md", title="另一个题目"), failure("c.md"), reading("d.md")]
    changes = store.articles.record(batch, LATER)
    assert (changes.new, changes.updated, changes.unchanged, changes.problems) == (1, 1, 1, 1)


def hashes(store: Store) -> dict[str, str]:
    return {path: record.text_hash for path, record in store.articles.files().items()}


def test_the_hash_is_told_only_while_the_article_says_what_the_file_says(store: Store) -> None:
    same = [first(path, body=TEXT, alike=True) for path in ("a.md", "b.md")]
    store.articles.record(same, NOW)
    assert hashes(store) == {"a.md": "text", "b.md": ""}, "the second one follows"
    store.articles.mark_missing(["a.md"], NOW)
    assert hashes(store)["a.md"] == ""
    store.articles.record([first("b.md", text="other", body=TEXT + "<p>。</p>")], LATER)
    assert hashes(store) == {"a.md": "", "b.md": "other"}, "the other one leads by now"
    store.articles.record([failure("b.md")], LATER)
    assert hashes(store)["b.md"] == "", "it is to be read whatever it says"
    store.articles.record([first("c.md", published_at=LATER + timedelta(days=1))], LATER)
    assert hashes(store)["c.md"] == "", "its date is to come"


def test_an_identity_that_led_to_another_article_is_looked_at_each_time(store: Store) -> None:
    store.articles.record([first("a.md", identity="urn:a")], NOW)
    store.articles.record([first("a.md", identity="urn:b")], LATER)
    assert hashes(store) == {"a.md": "text"}
    store.articles.record([first("a.md")], LATER)
    assert hashes(store) == {"a.md": "text"}, "it holds on to its article"


def test_a_file_of_which_something_else_was_stored_meanwhile_is_left_to_the_next_scan(
    store: Store,
) -> None:
    store.articles.record([first(text="newest")], NOW)
    before = store.articles.files()
    assert store.articles.record([again(rewritten(PICTURE))], LATER) == Changes()
    assert store.articles.record([again(text="newest", raw="former")], LATER) == Changes()
    store.articles.mark_missing(["a.md"], LATER)
    assert store.articles.record([again(text="newest")], LATER) == Changes()
    (record,) = store.articles.files().values()
    assert (record.size, record.content) == (before["a.md"].size, before["a.md"].content)
