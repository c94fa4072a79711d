"""Which archives are closed, and that readers who follow them miss nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from digest.feeds.archive import ALONE, ArchivedEntry, Place, Version, plan_archives
from digest.feeds.feedgen_extensions import ArchiveMark
from digest.feeds.model import ATOM
from digest.urls import archive_path
from tests.defaults import default_feed
from tests.effort import effort
from tests.feeds.samples import NOON, PORTS, SITE

MINUTE = timedelta(minutes=1)
FEED = default_feed(site=SITE, category=PORTS)


def version(
    number: int, changed: int = 0, *, gone: bool = False, published: int | None = None
) -> Version:
    return Version(
        sequence=number,
        published_at=NOON + (number if published is None else published) * MINUTE,
        changed_at=NOON + (number + changed) * MINUTE,
        gone=gone,
    )


def entry(archive: int, one: Version) -> ArchivedEntry:
    return ArchivedEntry(
        archive=archive, sequence=one.sequence, changed_at=one.changed_at, gone=one.gone
    )


def numbers(sets: tuple[tuple[Version, ...], ...]) -> list[list[int]]:
    return [[one.sequence for one in held] for held in sets]


@pytest.mark.parametrize(
    ("current", "others", "expected"),
    [
        ([], [], []),
        ([4, 5, 6], [], []),  # nothing is lost
        ([4, 5, 6], [3], [[3, 4, 5]]),  # filled up with what will be pushed out next
        ([4, 5, 6], [3, 1, 2], [[1, 2, 3]]),
        ([7, 8, 9], [3, 1, 2, 6], [[1, 2, 3], [6, 7, 8]]),
        ([4], [3], [[3, 4]]),
        ([4, 5, 6], [3, 3], [[3, 4, 5]]),  # found twice, lost once
        ([4, 5, 6], [4], []),  # found elsewhere too
    ],
)
def test_an_archive_is_closed_where_something_is_lost(
    current: list[int], others: list[int], expected: list[list[int]]
) -> None:
    found = plan_archives(list(map(version, current)), list(map(version, others)), [], 3)
    assert numbers(found.sets) == expected
    assert bool(found) is bool(expected)


def test_what_an_archive_tells_is_not_lost_when_it_leaves_the_current_document() -> None:
    entries = [entry(1, version(3)), entry(1, version(4))]
    assert not plan_archives([version(4), version(5)], [version(3)], entries, 3)
    found = plan_archives(
        [version(4), version(5), version(6)], [version(2), version(3)], entries, 3
    )
    assert numbers(found.sets) == [[2, 5, 6]]


@pytest.mark.parametrize("now", [version(3, 1), version(3, gone=True), None])
def test_an_entry_is_stale_once_its_article_is_another_or_away(now: Version | None) -> None:
    old = entry(1, version(3))
    others = [] if now is None else [now]
    found = plan_archives([version(5)], others, [old], 3)
    assert found.stale == (old,)
    assert numbers(found.sets) == ([] if now is None else [[3, 5]])


def test_an_entry_that_was_stale_stays_so_and_tells_nothing() -> None:
    old = ArchivedEntry(archive=1, sequence=3, changed_at=None, gone=False)
    found = plan_archives([version(5)], [version(3)], [old], 3)
    assert found.stale == ()
    assert numbers(found.sets) == [[3, 5]]


def test_a_correction_within_the_current_document_closes_nothing_yet() -> None:
    corrected = version(3, 1)
    found = plan_archives([corrected], [], [entry(1, version(3))], 3)
    assert found.stale
    assert not found.sets


def test_a_place_knows_its_neighbours() -> None:
    def links(place: Place) -> dict[str, str]:
        return dict(place.links(ATOM))

    assert links(ALONE) == {}
    assert links(Place(newest=2)) == {"prev-archive": "archive.d/2/atom.xml"}
    assert links(Place(newest=2, number=2)) == {
        "prev-archive": "archive.d/1/atom.xml",
        "current": "atom.xml",
    }
    assert links(Place(newest=2, number=1)) == {
        "next-archive": "archive.d/2/atom.xml",
        "current": "atom.xml",
    }
    assert Place(newest=2).path(ATOM) == ATOM
    assert Place(newest=2, number=1).path(ATOM) == archive_path(1, ATOM)
    assert ALONE.previous_link(FEED, ATOM) is None
    link = Place(newest=2).previous_link(FEED, ATOM)
    assert link == FEED.link("archive.d/2/atom.xml")


def test_an_archive_is_marked() -> None:
    mark = ArchiveMark()
    feed = mark.extend_atom(etree.Element("feed", nsmap=mark.extend_ns()))
    assert b"<fh:archive/>" in etree.tostring(feed)


# ---- Readers ------------------------------------------------------------------------------------


@dataclass
class Document:
    """What a reader gets under one address."""

    versions: list[Version]
    previous: str | None


@dataclass
class Press:
    """One feed whose articles change at random, and its documents."""

    dice: random.Random
    limit: int
    articles: dict[int, Version] = field(default_factory=dict)
    away: dict[int, Version] = field(default_factory=dict)  #: in another category now
    entries: list[ArchivedEntry] = field(default_factory=list)
    sets: list[frozenset[int]] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)
    updated: dict[int, datetime] = field(default_factory=dict)
    clock: int = 0

    def now(self) -> datetime:
        return NOON + self.clock * MINUTE

    def change(self) -> None:
        """Do something that a tree of articles may do."""
        self.clock += 1
        deed = self.dice.choice(["burst", "burst", "one", "one", "late", "correct", "withdraw",
                                 "restore", "leave", "return", "correct many"])  # fmt: skip
        if deed in ("burst", "one", "late"):
            for _ in range(1 if deed != "burst" else self.dice.randint(1, 3 * self.limit)):
                number = len(self.articles) + len(self.away) + 1
                self.updated[number] = self.now()
                # An article whose embargo has ended is dated now, too.
                age = self.dice.randint(0, 500) if deed == "late" else self.dice.randint(-2, 2)
                self.articles[number] = Version(
                    sequence=number,
                    published_at=self.now() - age * MINUTE,
                    changed_at=self.now(),
                    gone=False,
                )
            return
        some = sorted(self.away if deed == "return" else self.articles)
        count = self.dice.randint(2, 9) if deed == "correct many" else 1
        for number in self.dice.sample(some, min(count, len(some))):
            if deed == "return":
                self.articles[number] = self.away.pop(number)
                continue
            one = self.articles.pop(number)
            if deed == "leave":
                self.away[number] = one
                continue
            gone = {"withdraw": True, "restore": False}.get(deed, one.gone)
            if deed.startswith("correct"):
                self.updated[number] = self.now()
            # Restoring is no update: what is told is what was told before.
            told = one.changed_at if gone and one.gone else self.now() if gone else None
            self.articles[number] = Version(
                sequence=number,
                published_at=one.published_at,
                changed_at=told or self.updated[number],
                gone=gone,
            )

    def publish(self) -> None:
        """Write the documents, as the store and the publisher do."""
        shown = sorted(
            (one for one in self.articles.values() if not one.gone),
            key=lambda one: (one.published_at, one.sequence),
        )
        gone = sorted(
            (one for one in self.articles.values() if one.gone),
            key=lambda one: (one.changed_at, one.sequence),
        )
        current = [*shown[-self.limit :], *gone[-self.limit :]]
        others = [*shown[: -self.limit], *gone[: -self.limit]]
        found = plan_archives(current, others, self.entries, self.limit)
        assert all(0 < len(held) <= self.limit for held in found.sets)
        self.entries = [one for one in self.entries if one not in found.stale]
        for held in found.sets:
            self.sets.append(frozenset(one.sequence for one in held))
            self.entries += [entry(len(self.sets), one) for one in held]
        for number, members in enumerate(self.sets, 1):
            place = Place(newest=len(self.sets), number=number)
            now = [self.articles[one] for one in sorted(members & self.articles.keys())]
            self.documents[place.path(ATOM)] = self._document(now, place)
        place = Place(newest=len(self.sets))
        self.documents[ATOM] = self._document(current, place)

    def _document(self, versions: list[Version], place: Place) -> Document:
        return Document(versions, dict(place.links(ATOM)).get("prev-archive"))


@dataclass
class Reader:
    """Follows a feed as RFC 5005 section 4.2 says."""

    known: set[str] = field(default_factory=set)
    has: dict[int, Version] = field(default_factory=dict)  #: with tombstones
    told: list[Version] = field(default_factory=list)  #: what was put before a person

    def visit(self, press: Press) -> None:
        fetched = [press.documents[ATOM]]
        while (previous := fetched[-1].previous) is not None and previous not in self.known:
            self.known.add(previous)
            fetched.append(press.documents[previous])
        for one in chain.from_iterable(document.versions for document in reversed(fetched)):
            if self.has.get(one.sequence) != one:
                self.has[one.sequence] = one
                self.told.append(one)


@pytest.mark.full_speed
@pytest.mark.soak
@pytest.mark.parametrize("part", range(2))
def test_whoever_follows_the_archives_misses_nothing(part: int) -> None:
    count = effort(50, soak=25)
    for seed in range(part * count, part * count + count):
        dice = random.Random(seed)
        press = Press(dice, limit=dice.randint(1, 5))
        press.publish()
        readers = [Reader() for _ in range(3)]
        for _ in range(40):
            for _ in range(dice.randint(1, 3)):
                press.change()
            press.publish()
            for often, reader in enumerate(readers):
                if dice.randrange(6) < 2 * often + 1:
                    reader.visit(press)
                    has = {key: one for key, one in reader.has.items() if key not in press.away}
                    assert has == press.articles, f"seed {seed}"
        newcomer = Reader()
        newcomer.visit(press)
        assert newcomer.has == press.articles, f"seed {seed}"
        assert len(newcomer.told) == len(press.articles), f"seed {seed}"


def test_an_archive_never_loses_nor_gains_an_article() -> None:
    dice = random.Random(7)
    press = Press(dice, limit=3)
    for _ in range(300):
        before = list(press.sets)
        press.change()
        press.publish()
        assert press.sets[: len(before)] == before
    assert len(press.sets) > 50


@given(st.lists(st.booleans(), max_size=60))
def test_where_articles_come_one_by_one_archives_are_full(pauses: list[bool]) -> None:
    press = Press(random.Random(1), limit=5)
    for pause in pauses:
        press.clock += 1
        number = len(press.articles) + 1
        press.articles[number] = version(number)
        if pause:
            press.publish()
    press.publish()
    assert all(len(held) == 5 for held in press.sets[:-1])
    assert len(press.sets) <= len(pauses) / 5 + 1
