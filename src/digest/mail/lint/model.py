"""The model of the lint: a parsed message, rules, and findings with who demands them."""

# pure
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.message import Message
from email.policy import SMTP
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, urlsplit

from selectolax.lexbor import LexborHTMLParser

#: What the standard library raises for fields that are broken in ways it did not expect.
_FAULTS = (AttributeError, LookupError, MessageError, TypeError, ValueError)
#: Characters of what was found that are shown.
_SHOWN = 120


class FindingSeverity(StrEnum):
    """How severe a finding is."""

    ERROR = "error"  #: a specification's "must", or what providers refuse or readers lose
    WARNING = "warning"  #: what makes a mail worse


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMessage:
    """A message that was read back, in the parts that rules look at."""

    raw: bytes  #: as it goes to the server
    message: Message
    fields: tuple[tuple[str, str], ...]  #: names in lower case and values, unfolded, as written
    text: str  #: of the plain part
    html: str
    page: LexborHTMLParser
    postal_address: str  #: what the footer should show; empty where none is configured

    def values(self, name: str) -> list[str]:
        """Return the values of the fields of a name, as written."""
        return [value for known, value in self.fields if known == name.lower()]

    def read(self, name: str) -> Any:
        """Return the first field of a name as the standard library reads it; None if it cannot."""
        return next((read_field(name, value) for value in self.values(name)), None)

    @property
    def ways_out(self) -> list[str]:
        """The addresses in List-Unsubscribe."""
        values = self.values("List-Unsubscribe")
        return [each.strip().strip("<>") for value in values for each in value.split(",")]

    @property
    def unsubscribe(self) -> str | None:
        """The address of the web in List-Unsubscribe."""
        return next((each for each in self.ways_out if each.startswith(("http:", "https:"))), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRule:
    """A demand on messages, with its source."""

    name: str
    severity: FindingSeverity
    source: str  #: who demands it
    check: Callable[[ParsedMessage], Iterator[str]]  #: yields what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A violation of a rule by a message."""

    rule: str
    severity: FindingSeverity
    problem: str
    source: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.rule}: {self.problem} ({self.source})"


def read_field(name: str, value: str) -> Any:
    """Return a field as the standard library reads it; None if it cannot."""
    try:
        return SMTP.header_factory(name, value)
    except _FAULTS:
        return None


def parted(address: str) -> SplitResult:
    """Return the parts of a web address; empty parts for any other text."""
    try:
        return urlsplit(address)
    except ValueError:  # such as a bracket that nothing closes
        return SplitResult("", "", "", "", "")


def shortened(text: str) -> str:
    """Return a text for quoting in a finding: on one line, cut to a length."""
    line = " ".join(text.split())
    return ascii(line if len(line) <= _SHOWN else line[:_SHOWN] + "…") if line else "nothing"
