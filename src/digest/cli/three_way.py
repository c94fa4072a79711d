"""Three-way merges of texts."""

# pure
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merged text; if both sides changed the same lines, it has both between marks."""

    text: str
    conflicts: int  #: places with marks


def merge(base: str, own: str, shipped: str) -> Merged:
    """Return ``own`` with the changes from ``base`` to ``shipped``.

    Conflicts are written in the form of `diff3 -m`, with all three texts.
    """
    lines, yours, ours = (text.splitlines(keepends=True) for text in (base, own, shipped))
    merged: list[str] = []
    conflicts = at = at_yours = at_ours = 0
    for begin, begin_yours, begin_ours, size in _common(lines, yours, ours):
        before = lines[at:begin]
        left, right = yours[at_yours:begin_yours], ours[at_ours:begin_ours]
        if left == right or right == before:
            merged += left
        elif left == before:
            merged += right
        else:
            conflicts += 1
            merged += [
                "<<<<<<< yours\n",
                *_ended(left),
                "||||||| shipped before\n",
                *_ended(before),
            ]
            merged += ["=======\n", *_ended(right), ">>>>>>> shipped now\n"]
        merged += lines[begin : begin + size]
        at, at_yours, at_ours = begin + size, begin_yours + size, begin_ours + size
    return Merged(text="".join(merged), conflicts=conflicts)


def _common(
    base: Sequence[str], own: Sequence[str], shipped: Sequence[str]
) -> list[tuple[int, int, int, int]]:
    """Return the common runs of lines, in order: the start in each text, and the length.

    The last run is empty, at the ends.
    """
    in_own = _places(base, own)
    in_shipped = _places(base, shipped)
    runs: list[tuple[int, int, int, int]] = []
    for line in sorted(in_own.keys() & in_shipped.keys()):
        place = line, in_own[line], in_shipped[line]
        if runs and tuple(begin + runs[-1][3] for begin in runs[-1][:3]) == place:
            runs[-1] = (*runs[-1][:3], runs[-1][3] + 1)
        else:
            runs.append((*place, 1))
    return [*runs, (len(base), len(own), len(shipped), 0)]


def _places(base: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    """Return the lines of ``base`` that ``other`` has, each with its line there."""
    matcher = SequenceMatcher(None, base, other, autojunk=False)
    return {
        block.a + step: block.b + step
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    }


def _ended(lines: Sequence[str]) -> list[str]:
    """Return the lines with a line end after the last one, because a mark follows."""
    return [line if line.endswith("\n") else line + "\n" for line in lines]
