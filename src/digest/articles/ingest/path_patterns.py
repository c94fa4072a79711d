"""Globs: which paths of the tree are article files."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_MAGIC = re.compile(r"[*?\[]")


def glob_pattern(glob: str) -> str:
    """Return the regular expression of a glob, for whole relative paths.

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


def _compile(globs: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that matches any of these globs; None without globs."""
    source = "|".join(f"(?:{glob_pattern(glob)})" for glob in globs)
    return re.compile(source, re.DOTALL) if source else None


class _Matcher:
    """Matches any of several globs. A scan asks for every file, so the usual ones are cheap.

    ``**/*.md`` is compared with the end of a path, in any case: it matches ``README.MD``. ``**/.*``
    is compared with the last name.
    """

    def __init__(self, globs: Iterable[str]) -> None:
        ends, names, paths = [], [], []
        for glob in globs:
            name = glob[3:]
            if not glob.startswith("**/") or "/" in name or "**" in name or not name:
                paths.append(glob)
            elif name[0] == "*" and not _MAGIC.search(name[1:]):
                ends.append(name[1:].lower())
            else:
                names.append(name)
        self._ends = tuple(ends)
        self._name = _compile(names)
        self._path = _compile(paths)

    def matches(self, path: str) -> bool:
        """Return whether any glob matches a whole relative path."""
        name = path[path.rfind("/") + 1 :]
        return (
            name.lower().endswith(self._ends)
            or (self._name is not None and self._name.fullmatch(name) is not None)
            or (self._path is not None and self._path.fullmatch(path) is not None)
        )


@dataclass(frozen=True, slots=True)
class PathFilter:
    """Selects the paths that match a glob of ``include`` and none of ``exclude``.

    Raises ``re.error`` for an invalid set such as ``[z-a]``.
    """

    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    _taken: _Matcher = field(init=False, repr=False, compare=False)
    _left: _Matcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_taken", _Matcher(self.include))
        object.__setattr__(self, "_left", _Matcher(self.exclude))

    def takes(self, path: str) -> bool:
        """Return whether a file's relative path, with ``/`` between names, is selected."""
        return self._taken.matches(path) and not self._left.matches(path)

    def enters(self, folder: str) -> bool:
        """Return whether a folder is searched: unless ``exclude`` matches it."""
        return not self._left.matches(folder)
