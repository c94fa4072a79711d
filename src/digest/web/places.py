"""Where a requested path leads: to a file below the output folder, elsewhere, or nowhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from digest.feeds.encodings import plain_name
from digest.feeds.selection import PAGE


class Places:
    """Finds files below the output folder, and no others."""

    def __init__(self, output: Path, moved: Mapping[str, str]) -> None:
        """Keep what is needed; ``moved`` has new folders by old ones, relative to the output."""
        self._output = output
        self._moved = {_folder(old): _folder(new) for old, new in moved.items()}

    def find(self, path: str) -> Path | str | None:
        """Return the file at a decoded path, a relative address to go to instead, or None."""
        segments = path.split("/")
        folder = segments[-1] == ""
        if folder:
            segments.pop()
        if any(not segment or segment.startswith(".") for segment in segments):
            return None
        file = None if folder else self._file(segments)
        if file is not None:
            return file
        page = self._file([*segments, PAGE])
        if page is None or folder:
            return page
        return quote(segments[-1], safe="") + "/"

    def elsewhere(self, path: str, depth: int) -> str | None:
        """Return where a moved folder's file is now, as a relative address; None if it is not.

        ``depth`` is how many folders below the root the client sees the path.
        """
        segments = path.split("/")
        for count in range(len(segments), 0, -1):  # the innermost folder that moved
            new = self._moved.get(_folder("/".join(segments[:count])))
            if new is None:
                continue
            place = new + "/".join(segments[count:])
            found = self.find(place)
            if found is None:
                return None
            # A folder at once with its slash: one step rather than two.
            return "../" * depth + quote(place) + ("/" if isinstance(found, str) else "")
        return None

    def _file(self, segments: list[str]) -> Path | None:
        """Return the file that a path means on disk: as it is, composed or decomposed."""
        path = "/".join(segments)
        root = self._output.resolve()
        forms = (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
        for form in dict.fromkeys(forms):
            try:
                file = (root / form).resolve(strict=True)
                inside = file.relative_to(root)
            except (OSError, ValueError, RuntimeError):
                continue  # absent, unreadable, too long, with NUL, a loop of links, outside
            # Links may lead about within the folder, but not to hidden files. A packed variant is
            # had by asking for the file itself.
            hidden = any(part.startswith(".") for part in inside.parts) or plain_name(file.name)
            if file.is_file() and not hidden:
                return file
        return None


def _folder(path: str) -> str:
    """Return a folder's path as it is compared: composed, with one slash at its end."""
    return unicodedata.normalize("NFC", path.strip("/")) + "/"
