"""Watch: events of the file system, as hints where to look. A scan is the truth."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from watchdog.events import (
    DirAttribEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver

if sys.platform == "linux":
    from digest.articles.ingest.inotify import ToldObserver
else:  # pragma: no cover - other systems than Linux
    from watchdog.observers import Observer

#: What is asked of the kernel. Opened and modified files are not: they would fill its queue.
_EVENTS: list[type[FileSystemEvent]] = [
    FileClosedEvent,
    FileCreatedEvent,  # also a file moved in from elsewhere
    FileDeletedEvent,
    FileMovedEvent,
    FileAttribEvent,  # it may be read by now, or no longer
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    DirAttribEvent,
]
#: After these, whatever is at the path now is not the folder that was there.
_FOLDER_GONE = (DirDeletedEvent, DirMovedEvent)


class Listener(Protocol):
    """Who is told; from other threads."""

    def add(self, path: str) -> None:
        """Hear that something was touched."""

    def lose(self) -> None:
        """Hear that events were lost: only a scan can tell what they were."""


class Watch(FileSystemEventHandler):
    """Watches a folder tree; tells a listener, from a thread of its own, every path touched.

    The path has ``/`` between names and begins with ``prefix``, which alone stands for the root.
    It may be a file or a folder, there or gone: nothing more is certain. One that ends in ``/``
    was a folder.
    """

    def __init__(self, root: Path, listener: Listener, prefix: str = "") -> None:
        self._root = root
        self._folder = root  # where that leads, which is what the kernel watches
        self._listener = listener
        self._prefix = prefix
        self._unwatched = False
        self._observer: BaseObserver | None = None
        self._identity: tuple[int, int] | None = None

    def start(self) -> None:
        """Begin to watch.

        Raises OSError where the root is not there or the system's limit of watches is reached.
        """
        found = self._root.stat()
        self._identity = (found.st_dev, found.st_ino)
        self._folder = self._root.resolve()
        self._observer = _observer(self._listener.lose, self._note_unwatched)
        try:
            self._observer.schedule(self, str(self._folder), recursive=True, event_filter=_EVENTS)
            self._observer.start()
        except BaseException:
            self._observer.stop()
            raise

    def alive(self) -> bool:
        """Tell whether events still come, from the folder that is at the root's path now."""
        try:
            found = self._root.stat()
        except OSError:
            return False
        # A new folder may get the number of the one that was deleted; the thread has ended then.
        hearing = self._observer is not None and _hears(self._observer)
        return hearing and (found.st_dev, found.st_ino) == self._identity

    def whole(self) -> bool:
        """Tell whether every folder is watched; False until ``start`` where one could not be."""
        return not self._unwatched

    def stop(self) -> None:
        """End the threads; safe to call twice, and before start."""
        if self._observer is not None and self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def _note_unwatched(self) -> None:
        self._unwatched = True

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Turn an event into hints: one for each end of a move."""
        self._hint(event.src_path, "/" if isinstance(event, _FOLDER_GONE) else "")
        if event.dest_path:
            self._hint(event.dest_path, "")

    def _hint(self, path: bytes | str, end: str) -> None:
        relative = os.path.relpath(os.fsdecode(path), self._folder)
        if relative == ".":
            self._listener.add(self._prefix)
        else:
            self._listener.add(f"{self._prefix}/{relative}{end}".removeprefix("/"))


def _observer(lost: Callable[[], None], unwatched: Callable[[], None]) -> BaseObserver:
    """Return what listens to the system."""
    if sys.platform == "linux":
        return ToldObserver(lost, unwatched)
    else:  # noqa: RET505 - mypy wants the else  # pragma: no cover - other systems
        return Observer()


def _hears(observer: BaseObserver) -> bool:
    """Tell whether all threads of an observer are at work."""
    if sys.platform == "linux":
        return isinstance(observer, ToldObserver) and observer.hears()
    else:  # noqa: RET505 - mypy wants the else  # pragma: no cover - other systems
        return observer.is_alive()
