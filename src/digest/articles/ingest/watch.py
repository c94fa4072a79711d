"""Watching the roots: events of the file system name the paths to read."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import structlog
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

from digest.articles.ingest.tree import TOP

if sys.platform == "linux":
    from digest.articles.ingest.inotify import ReportingObserver
else:  # pragma: no cover - other systems than Linux
    from watchdog.observers import Observer

_log = structlog.get_logger(__name__)

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


#: Linux says so where a user has too many watches or too many watchers (inotify(7)).
_NO_MORE_WATCHES = (errno.ENOSPC, errno.EMFILE)


class Listener(Protocol):
    """Receives the changes that watches observe; called from their threads."""

    def add(self, path: str) -> None:
        """Handle a path at which something changed."""

    def lose(self) -> None:
        """Handle lost events: only a scan finds the changes."""


class Watch(FileSystemEventHandler):
    """Watches one root; calls a listener, from a thread of its own, for each changed path.

    A path has ``/`` between names and begins with ``prefix``, which alone stands for the root.
    What is there now may be a file, a folder or nothing; a path that ends in ``/`` was a folder.
    """

    def __init__(self, root: Path, listener: Listener, prefix: str = "") -> None:
        self._root = root
        self._folder = root  # resolved by `start`: what the kernel watches
        self._listener = listener
        self._prefix = prefix
        self._unwatched = False
        self._observer: BaseObserver | None = None
        self._identity: tuple[int, int] | None = None

    def start(self) -> None:
        """Begin to watch.

        Raises OSError where the root is not there or the system's limit of watches is reached,
        RuntimeError where the system gives no thread.
        """
        status = self._root.stat()
        self._identity = (status.st_dev, status.st_ino)
        self._folder = self._root.resolve()
        self._observer = _observer(self._listener.lose, self._note_unwatched)
        try:
            self._observer.schedule(self, str(self._folder), recursive=True, event_filter=_EVENTS)
            self._observer.start()
        except BaseException:
            self._observer.stop()
            raise

    def alive(self) -> bool:
        """Return whether events still come from the folder that is at the root's path now."""
        try:
            status = self._root.stat()
        except OSError:
            return False
        # A new folder may get the inode of the deleted one; the thread has ended then.
        hears = self._observer is not None and _hears(self._observer)
        return hears and (status.st_dev, status.st_ino) == self._identity

    def whole(self) -> bool:
        """Return whether every folder is watched."""
        return not self._unwatched

    def stop(self) -> None:
        """End the threads; may be called twice, and before ``start``."""
        if self._observer is not None and self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def _note_unwatched(self) -> None:
        self._unwatched = True

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Report the path of an event, and the second path of a move."""
        self._report(event.src_path, "/" if isinstance(event, _FOLDER_GONE) else "")
        if event.dest_path:
            self._report(event.dest_path, "")

    def _report(self, path: bytes | str, end: str) -> None:
        relative = os.path.relpath(os.fsdecode(path), self._folder)
        if relative == ".":
            self._listener.add(self._prefix)
        else:
            self._listener.add(f"{self._prefix}/{relative}{end}".removeprefix("/"))


class Watches:
    """One watch for each root that is there, renewed as roots go away and come back.

    Blocking: call it from one thread at a time.
    """

    def __init__(self, roots: Mapping[str, Path], listener: Listener) -> None:
        self._roots = roots
        self._listener = listener
        self._watches: dict[str, Watch] = {}
        self._unwatchable: set[str] = set()  # roots for which the system has no watch left

    def use(self, roots: Mapping[str, Path]) -> None:
        """Take other roots; ``alive`` tells that they are not watched until the next ``renew``."""
        self._roots = roots

    def alive(self) -> bool:
        """Return whether every root that is there is watched; if not, call ``renew``."""
        return all(
            self._watches[name].alive()
            if name in self._watches
            else name in self._unwatchable or not _enterable(root)
            for name, root in self._roots.items()
        )

    def renew(self) -> None:
        """Watch the folders that are at the roots' paths now.

        What cannot be watched is logged, and tried again at the next call.
        """
        for name in self._watches.keys() - self._roots.keys():
            self._watches.pop(name).stop()
        for name, root in self._roots.items():
            watch = self._watches.get(name)
            if watch and watch.alive() and watch.whole():
                continue
            if watch:
                if not watch.alive():
                    _log.warning("the articles folder was replaced; watching it anew", root=name)
                watch.stop()
                del self._watches[name]
            self._begin(name, root)

    def stop(self) -> None:
        """End every thread."""
        for watch in self._watches.values():
            watch.stop()
        self._watches.clear()

    def _begin(self, name: str, root: Path) -> None:
        known = name in self._unwatchable
        self._unwatchable.discard(name)
        problem = "inotify watch limit reached"
        try:
            watch = Watch(root, self._listener, "" if name == TOP else name)
            watch.start()
        except OSError as error:
            # The scan reports a root that is not there.
            if error.errno in _NO_MORE_WATCHES:
                problem = str(error)
                self._unwatchable.add(name)
        except RuntimeError as error:  # no thread is to be had
            problem = str(error)
            self._unwatchable.add(name)
        else:
            self._watches[name] = watch
            if not watch.whole():
                self._unwatchable.add(name)
        if name in self._unwatchable and not known:
            _log.error("cannot watch, only scans will find changes", root=name, error=problem)


def _enterable(root: Path) -> bool:
    """Return whether a folder can be listed; False where the disk fails."""
    return os.path.isdir(root) and os.access(root, os.R_OK | os.X_OK)  # noqa: PTH112 - never raises


def _observer(lost: Callable[[], None], unwatched: Callable[[], None]) -> BaseObserver:
    """Return the observer of this system."""
    if sys.platform == "linux":
        return ReportingObserver(lost, unwatched)
    else:  # noqa: RET505 - mypy wants the else  # pragma: no cover - other systems
        return Observer()


def _hears(observer: BaseObserver) -> bool:
    """Return whether all threads of an observer are at work."""
    if sys.platform == "linux":
        return isinstance(observer, ReportingObserver) and observer.hears()
    else:  # noqa: RET505 - mypy wants the else  # pragma: no cover - other systems
        return observer.is_alive()
