"""Common: what every format of a feed must get right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.feed_validation.finding import Document, Rulebook, Severity, Spot
from tests.feed_validation.syntax import web_address

COMMON = Rulebook()

#: Before feeds there were none; the W3C Feed Validator draws the line here as well.
_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
#: Clocks differ, and zones are mistaken for each other.
_AHEAD = timedelta(days=1)
#: XML 1.0 section 2.2 and RFC 3629; never in a feed of any format.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: C1 controls are mostly Windows-1252 that was misread; U+FFFD stands for what was lost.
_SUSPECT = re.compile("[\x7f-\x9f\ufffd]")


@COMMON.rule(
    "id-missing",
    Severity.ERROR,
    expected="an id",
    source="RFC 4287 section 4.1.2; JSON Feed 1.1: id; RSS Best Practices Profile: guid",
)
def _id(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        if not entry.id:
            yield Spot(entry.where, "id")


@COMMON.rule(
    "id-repeated",
    Severity.ERROR,
    expected="an id that no other entry has",
    source="RFC 4287 section 4.1.1; JSON Feed 1.1: id; RSS Best Practices Profile: guid",
)
def _repeated(document: Document) -> Iterator[Spot]:
    seen = set()
    for entry in document.entries:
        if entry.id and entry.id in seen:
            yield Spot(entry.where, "id", entry.id)
        seen.add(entry.id)


@COMMON.rule(
    "date-form",
    Severity.ERROR,
    expected="a date as the format writes it, with seconds and zone",
    source="RFC 822 section 5 with RFC 1123 years, in GMT; RFC 3339 section 5.6",
)
def _date(document: Document) -> Iterator[Spot]:
    return (spot for spot in document.dates if document.moment(spot.text) is None)


@COMMON.rule(
    "date-plausible",
    Severity.WARNING,
    expected="a date from 1990 on, and not more than a day ahead",
    source="W3C Feed Validator: ImplausibleDate; readers keep such entries on top",
)
def _plausible(document: Document) -> Iterator[Spot]:
    for spot in document.dates:
        moment = document.moment(spot.text)
        if moment is not None and not _FIRST <= moment <= document.now + _AHEAD:
            yield spot


@COMMON.rule(
    "order",
    Severity.WARNING,
    expected="the newest entry first",
    source="readers: those that fetch a part, and people who read the file",
)
def _order(document: Document) -> Iterator[Spot]:
    dated = [(entry, document.moment(entry.date)) for entry in document.entries]
    known = [(entry, moment) for entry, moment in dated if moment is not None]
    for (_, newer), (entry, older) in pairwise(known):
        if older > newer:
            yield Spot(entry.where, "date", entry.date)


@COMMON.rule(
    "address",
    Severity.ERROR,
    expected="an absolute http(s) address in ASCII, its host in punycode",
    source="RFC 3986 section 4.3; RFC 5890; RSS Best Practices Profile: URLs",
)
def _address(document: Document) -> Iterator[Spot]:
    return (spot for spot in document.addresses if not web_address(spot.text))


@COMMON.rule(
    "characters-forbidden",
    Severity.ERROR,
    expected="no control character, surrogate or U+FFFE",
    source="XML 1.0 section 2.2; RFC 8259 section 8.2; readers drop such feeds",
)
def _forbidden(document: Document) -> Iterator[Spot]:
    return (spot for spot in document.texts if FORBIDDEN.search(spot.text))


@COMMON.rule(
    "characters-suspect",
    Severity.WARNING,
    expected="no C1 control and no U+FFFD: what was misread on its way here",
    source="XML 1.0 section 2.2, note; W3C Feed Validator: BadCharacters",
)
def _suspect(document: Document) -> Iterator[Spot]:
    return (spot for spot in document.texts if _SUSPECT.search(spot.text))
