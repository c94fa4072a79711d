"""Findings: what a feed has wrong, by which rule, and where that rule comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

#: Characters of what was found that are shown.
_SHOWN = 80


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"


class Spot(NamedTuple):
    """A place in a document, and what stands there."""

    where: str  #: ``feed``, or an entry's number and id
    element: str  #: such as ``pubDate``, ``link@href`` or ``authors``
    text: str = ""


class Link(NamedTuple):
    """A link of Atom, at any level."""

    where: str
    rel: str
    href: str
    type: str
    hreflang: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is asked of an entry in every format."""

    where: str
    id: str  #: empty where there is none
    date: str  #: of publication, else of change, as written; empty where there is none
    root: Any  #: an element, or the value of an item


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A feed that was read, in the parts that rules look at."""

    root: Any  #: the root element, or the value of the whole document
    address: str | None  #: absolute; where readers fetch it, None where that is not known
    now: datetime  #: aware UTC
    moment: Callable[[str], datetime | None]  #: reads a date of this format; None where it is none
    entries: tuple[Entry, ...] = ()
    links: tuple[Link, ...] = ()
    addresses: tuple[Spot, ...] = ()  #: that must be absolute
    dates: tuple[Spot, ...] = ()
    markup: tuple[Spot, ...] = ()  #: HTML
    texts: tuple[Spot, ...] = ()  #: every text there is


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a feed has wrong."""

    rule: str  #: its name, which stays
    severity: Severity
    where: str  #: ``feed``, or an entry's number and id
    element: str
    expected: str
    source: str  #: who demands it
    found: str = ""  #: at most 80 characters

    def __str__(self) -> str:
        found = f", found {self.found!r}" if self.found else ""
        return f"{self.where}: {self.element}: expected {self.expected}{found} ({self.source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is expected, and who says so."""

    name: str
    severity: Severity
    expected: str
    source: str

    def broken(self, spot: Spot) -> Finding:
        """Return the finding of this rule at a place."""
        text = spot.text if len(spot.text) <= _SHOWN else spot.text[: _SHOWN - 1] + "…"
        return Finding(
            rule=self.name,
            severity=self.severity,
            where=spot.where,
            element=spot.element,
            expected=self.expected,
            source=self.source,
            found=text,
        )


#: Yields the places where a rule is broken.
Check = Callable[[Document], Iterable[Spot]]


class Rulebook:
    """Rules with their checks, in the order they are written down."""

    def __init__(self) -> None:
        self._checks: list[tuple[Rule, Check]] = []

    def rule(
        self, name: str, severity: Severity, *, expected: str, source: str
    ) -> Callable[[Check], Check]:
        """Return what writes a check down under its rule."""
        rule = Rule(name=name, severity=severity, expected=expected, source=source)

        def write_down(check: Check) -> Check:
            self._checks.append((rule, check))
            return check

        return write_down

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules."""
        return tuple(rule for rule, _ in self._checks)

    def findings(self, document: Document) -> Iterator[Finding]:
        """Yield what the document has wrong, rule by rule."""
        for rule, check in self._checks:
            for spot in check(document):
                yield rule.broken(spot)
