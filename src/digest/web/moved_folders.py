"""Folders of the site that moved: where what was below them is now."""

# pure
from __future__ import annotations

import unicodedata
from collections.abc import Mapping


class MovedFolders:
    """The folders that moved, relative to the site."""

    def __init__(self, moved: Mapping[str, str]) -> None:
        """``moved`` has the new folders by the old ones: ``{"feeds/old": "feeds/new"}``."""
        self._moved = {_comparable(old): _comparable(new) for old, new in moved.items()}
        self._deepest = max((old.count("/") for old in self._moved), default=0)

    def place(self, path: str) -> str | None:
        """Return the path in the new place of the innermost folder that moved; None if none did."""
        segments = path.split("/")
        for count in range(min(len(segments), self._deepest), 0, -1):
            new = self._moved.get(_comparable("/".join(segments[:count])))
            if new is not None:
                return new + "/".join(segments[count:])
        return None


def _comparable(folder: str) -> str:
    """Return a folder's path for comparing: in NFC, with one slash at its end."""
    return unicodedata.normalize("NFC", folder.strip("/")) + "/"
