"""One publication: the files that it wrote and removed, and its errors."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from digest.errors import OutputError
from digest.feeds.model import ATOM, RSS
from digest.feeds.publish.model import Published
from digest.feeds.publish.output_folder import OutputFolder, Written


@dataclass(slots=True, kw_only=True)
class PublishRun:
    """Writes and removes the files of one publication, and collects the errors."""

    folder: OutputFolder
    unpacked: dict[str, None]
    files: list[Written] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)  #: whether there was a file or not
    files_removed: int = 0
    error: OutputError | None = None  #: the first one
    failures: dict[str, str] = field(default_factory=dict)  #: problems by path
    wait: float | None = None
    replaced: list[tuple[str, bytes]] = field(default_factory=list)  #: feeds' last versions

    def write(self, path: str, content: bytes, present: bytes | None = None) -> bool:
        """Write a file, as ``OutputFolder.write``; return False if it could not be written."""
        try:
            written = self.folder.write(path, content, present)
        except OutputError as error:
            self._fail(path, error)
            return False
        if written.changed or not self.folder.packed(path):
            self.unpacked.pop(path, None)
            self.unpacked[path] = None
        if written.previous is not None and written.changed and _has_history(path):
            self.replaced.append((path, written.previous))
        # What a file held before is large, and needed no longer than until it is recorded.
        self.files.append(replace(written, previous=None))
        return True

    def remove(self, path: str) -> None:
        """Remove a file, if it exists."""
        try:
            self.files_removed += self.folder.remove(path)
            self.removed.append(path)
        except OutputError as error:
            self._fail(path, error)

    def record_histories(self) -> None:
        """Record which entries the replaced versions of feeds held (RFC 3229)."""
        for path, previous in self.replaced:
            try:
                self.folder.record(path, previous)
            except OutputError as error:
                self._fail(path, error)
        self.replaced.clear()

    def _fail(self, path: str, error: OutputError) -> None:
        self.error = self.error or error
        self.failures[path] = error.problem

    def defer(self, seconds: float) -> None:
        """Leave a feed to a publication in so many seconds."""
        self.wait = seconds if self.wait is None else max(self.wait, seconds)

    def published(self) -> Published:
        """Return the numbers of files written, unchanged and removed."""
        changed = sum(file.changed for file in self.files)
        return Published(
            written=changed,
            unchanged=len(self.files) - changed,
            removed=self.files_removed,
            wait=self.wait,
        )


def _has_history(path: str) -> bool:
    """Return whether a file has a history of its versions."""
    return path.rpartition("/")[2] in (RSS, ATOM)
