"""Globs: which paths of the tree are taken for articles."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


def glob_pattern(glob: str) -> str:
    """Return a glob as the source of a regular expression over whole relative paths.

    ``**/`` stands for any number of folders, none included; ``**`` at the end for everything
    below; ``*`` and ``?`` never cross a ``/``; ``[abc]`` and ``[!abc]`` are sets.
    """
    parts: list[str] = []
    rest = glob
    while rest:
        if rest.startswith("**/"):
            parts.append("(?:[^/]+/)*")
            rest = rest[3:]
        elif rest == "**":
            parts.append(".+")
            rest = ""
        elif rest[0] == "*":
            parts.append("[^/]*")
            rest = rest.lstrip("*")
        elif rest[0] == "?":
            parts.append("[^/]")
            rest = rest[1:]
        elif rest[0] == "[" and (end := rest.find("]", 2)) > 0:
            inner = rest[1:end].replace("\\", "\\\\")
            parts.append(f"[^{inner[1:]}/]" if inner[0] == "!" else f"[{inner}]")
            rest = rest[end + 1 :]
        else:
            parts.append(re.escape(rest[0]))
            rest = rest[1:]
    return "".join(parts)


def _compile(globs: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{glob_pattern(glob)})" for glob in globs) or "(?!)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PathFilter:
    """Takes the paths that a glob of ``include`` matches and none of ``exclude``.

    Raises ``re.error`` for a set that is no set, such as ``[z-a]``.
    """

    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    _taken: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _left: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_taken", _compile(self.include))
        object.__setattr__(self, "_left", _compile(self.exclude))

    def takes(self, path: str) -> bool:
        """Tell whether a file's relative path, with ``/`` between names, is taken."""
        return bool(self._taken.fullmatch(path)) and not self._left.fullmatch(path)

    def enters(self, folder: str) -> bool:
        """Tell whether a folder is looked into: unless ``exclude`` matches it."""
        return not self._left.fullmatch(folder)
