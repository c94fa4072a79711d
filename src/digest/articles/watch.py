"""Watch: events of the file system, as hints where to look. A scan is the truth."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

#: What is asked of the kernel. Opened and modified files are not: they would fill its queue.
_EVENTS: list[type[FileSystemEvent]] = [
    FileClosedEvent,
    FileCreatedEvent,  # also a file moved in from elsewhere
    FileDeletedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
]


class Watch(FileSystemEventHandler):
    """Watches a folder tree; calls ``hint`` from a thread of its own with every path touched.

    The path is relative to the root, with ``/`` between names, empty for the root itself; it may
    be a file or a folder, there or gone: nothing more is certain.
    """

    def __init__(self, root: Path, hint: Callable[[str], None]) -> None:
        self._root = root
        self._folder = root  # where that leads, which is what the kernel watches
        self._hint = hint
        self._observer = Observer()
        self._identity: tuple[int, int] | None = None

    def start(self) -> None:
        """Begin to watch.

        Raises OSError where the root is not there or the system's limit of watches is reached.
        """
        found = self._root.stat()
        self._identity = (found.st_dev, found.st_ino)
        self._folder = self._root.resolve()
        self._observer.schedule(self, str(self._folder), recursive=True, event_filter=_EVENTS)
        self._observer.start()

    def alive(self) -> bool:
        """Tell whether events still come, from the folder that is at the root's path now."""
        try:
            found = self._root.stat()
        except OSError:
            return False
        # A new folder may get the number of the one that was deleted; the thread has ended then.
        hearing = self._observer.is_alive() and all(
            emitter.is_alive() for emitter in self._observer.emitters
        )
        return hearing and (found.st_dev, found.st_ino) == self._identity

    def stop(self) -> None:
        """End the threads; safe to call twice, and before start."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Turn an event into hints: one for each end of a move."""
        for path in (event.src_path, event.dest_path):
            if path:
                relative = os.path.relpath(os.fsdecode(path), self._folder)
                self._hint("" if relative == "." else relative)
