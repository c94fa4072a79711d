"""A run of the benchmarks: what is asked for, what rows share, and a row's target and result."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.corpus import write_corpus
from benchmarks.installation import Installation
from benchmarks.processes import Usage

#: Seconds that files seem to have lain untouched, so that a pass takes them at once.
_AGE = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much is measured."""

    articles: int = 10_000
    large: int = 0  #: articles of the large tree; 0: there is none
    samples: int = 120
    idle: float = 0.0  #: seconds; 0: no file is timed after idling
    settle: float = 10.0  #: seconds
    rewrites: int = 2_000
    requests: int = 20_000
    seconds: int = 20
    times: int = 3  #: that a build without changes is run
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is to be reached."""

    row: int  #: of the table
    what: str
    unit: str  #: behind each value, such as ``×``, ``ms`` or ``/s``
    must: float | None = None
    wanted: float | None = None
    more: bool = False  #: whether more is better

    def reached(self, value: float, bound: float | None) -> bool:
        """Tell whether a value is as good as a bound; False where there is none."""
        if bound is None:
            return False
        return value >= bound if self.more else value <= bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was reached; of which target."""

    HEAD: ClassVar[str] = (
        f"{'row':3} {'target':44} {'must':>10} {'wanted':>10} {'result':>10} {'':12}"
    )
    target: Target
    value: float | None  #: None where it was not measured
    detail: str  #: how the value came about, or why there is none

    def verdict(self) -> str:
        """Return how good it is: not measured, wanted, met, missed, or nothing to reach."""
        target = self.target
        if self.value is None:
            return "not measured"
        if target.must is None and target.wanted is None:
            return ""
        if target.reached(self.value, target.wanted):
            return "as wanted"
        if target.must is None:
            return "below wanted"
        return "met" if target.reached(self.value, target.must) else "missed"

    def line(self) -> str:
        """Return a line of the table."""
        target = self.target
        must, wanted, value = (
            "" if number is None else f"{_number(number)} {target.unit}"
            for number in (target.must, target.wanted, self.value)
        )
        return (
            f"{target.row:3} {target.what:44} {must:>10} {wanted:>10} {value:>10} {self.verdict()}"
        ).rstrip()

    def __str__(self) -> str:
        return f"{self.line()}\n      {self.detail}"


def _number(value: float) -> str:
    """Return a number with three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


class Bench:
    """What rows share: trees of articles, installations over them, and their first builds."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self.options = options
        self._built: dict[tuple[int, tuple[str, ...]], tuple[Installation, Usage]] = {}

    def articles(self, count: int) -> Path:
        """Return a tree of so many articles that have lain there for an hour; not to be changed."""
        root = self.folder / f"{count}-articles"
        if not root.exists():
            root.mkdir()
            write_corpus(root, count)
            moment = time.time() - _AGE
            for path in root.rglob("*.md"):
                os.utime(path, (moment, moment))
        return root

    def installation(self, name: str, count: int, engines: Sequence[str]) -> Installation:
        """Return a new installation with links to so many articles."""
        return Installation(self.folder / name, self.articles(count), engines)

    def built(self, count: int, engines: tuple[str, ...]) -> tuple[Installation, Usage]:
        """Return an installation that is built, and what its first build took."""
        if (count, engines) not in self._built:
            name = f"{count}-{'-'.join(engines)}"
            installation = self.installation(name, count, engines)
            self._built[count, engines] = installation, installation.measure("build")
        return self._built[count, engines]
