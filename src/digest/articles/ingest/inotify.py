"""A watchdog observer for Linux that reports lost events and folders that cannot be watched.

It overrides private parts of watchdog; ``tests/articles/ingest/test_inotify.py`` fails when those
change.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from watchdog.events import DirAttribEvent, FileAttribEvent
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter, InotifyObserver, InotifyWatchGroup
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)

from digest.open_beneath import open_beneath

Report = Callable[[], None]

#: inotify_add_watch(2) returns it where it fails.
_NO_WATCH = WatchDescriptor(-1)
#: Errors that are not reported: the folder is gone, or it cannot be listed, which a scan reports.
_EXPECTED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENAMETOOLONG)


class ReportingObserver(InotifyObserver):
    """Calls ``lost`` when events were lost, ``unwatched`` when a folder cannot be watched."""

    def __init__(self, lost: Report, unwatched: Report) -> None:
        self._inotify_fd = _Descriptor(unwatched)
        self._inotify_fd.start()
        # Not by way of the parent, which would make a descriptor of its own.
        BaseObserver.__init__(self, _Emitter, inotify_fd=self._inotify_fd, lost=lost)

    def hears(self) -> bool:
        """Return whether every thread between the kernel and the handler is running."""
        return (
            self.is_alive()
            and self._inotify_fd.is_alive()
            and all(emitter.is_alive() for emitter in self.emitters)
        )


class _Descriptor(InotifyFD):
    """An inotify descriptor."""

    def __init__(self, unwatched: Report) -> None:
        super().__init__()
        self._unwatched = unwatched

    def start(self) -> None:
        """Start the thread, which closes what is open at its end. Raises RuntimeError."""
        try:
            super().start()
        except RuntimeError:  # no thread is to be had
            self._close_resources()
            raise

    def _add_callback(
        self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId
    ) -> WatchDescriptor:
        """Watch a path; one that was moved out of the root and back gets its new name.

        Raises OSError.
        """
        try:
            watch = self._get_or_create_watch(path, mask)
            if watch.wd == _NO_WATCH:  # EACCES, for which watchdog raises nothing
                del self._watch_for_wd[_NO_WATCH]
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        except OSError as error:
            if error.errno not in _EXPECTED:
                self._unwatched()
            raise
        watch.callbacks[id_] = callback
        return watch.wd


class _Emitter(InotifyEmitter):
    """Emits the events of one root."""

    def __init__(self, *args: Any, lost: Report, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lost = lost

    def on_thread_start(self) -> None:
        self._inotify = _Group(
            self._inotify_fd,
            os.fsencode(self.watch.path),
            is_recursive=self.watch.is_recursive,
            event_mask=self.get_event_mask_from_filter(),
            lost=self._lost,
        )

    def get_event_mask_from_filter(self) -> Mask:
        """Return the mask for the kernel; with changes of permissions where the filter has them."""
        mask = super().get_event_mask_from_filter()
        if self._event_filter and self._event_filter & {FileAttribEvent, DirAttribEvent}:
            mask = Mask(mask | InotifyConstants.IN_ATTRIB)
        return mask


class _Group(InotifyWatchGroup):
    """The watches of one root, one for each folder."""

    def __init__(self, *args: Any, lost: Report, **kwargs: Any) -> None:
        self._lost = lost  # first: the parent begins to watch
        super().__init__(*args, **kwargs)

    def on_queue_overflow(self) -> None:
        """Watch every folder anew, and report that events were lost."""
        super().on_queue_overflow()
        self._lost()

    def _add_all_callbacks(self, path: bytes) -> None:
        """Watch a folder and all below it, as far as they are there. Raises OSError."""
        self._add_callback(path)
        for folder, names, _ in self._walk(path):
            for name in names:
                self._add_callback(folder + b"/" + name)

    def _recursive_simulate(self, src_path: bytes) -> list[InotifyEvent]:
        """Return an event for everything in a new folder; unwatched folders report their own."""
        return [
            InotifyEvent(watch, Mask(InotifyConstants.IN_CREATE | kind), 0, name)
            for folder, *names_by_kind in self._walk(src_path)
            if (watch := self._active_callbacks_by_path.get(folder)) is not None
            for names, kind in zip(names_by_kind, (InotifyConstants.IN_ISDIR, 0), strict=True)
            for name in names
        ]

    def _walk(self, path: bytes) -> Iterator[tuple[bytes, list[bytes], list[bytes]]]:
        """Yield each folder at and below a path, its folders and its files; follow no link.

        ``os.walk`` would follow one that takes the folder's place meanwhile, wherever it leads.
        """
        top = Path(os.fsdecode(self.path))
        folders = [path]
        while folders:
            folder = folders.pop()
            inner: list[bytes] = []
            files: list[bytes] = []
            with suppress(OSError):  # it is gone, or cannot be listed
                below = os.fsdecode(os.path.relpath(folder, self.path))
                descriptor = open_beneath(top, "" if below == "." else below, links=False)
                try:
                    with os.scandir(descriptor) as entries:
                        for entry in entries:
                            names = inner if entry.is_dir(follow_symlinks=False) else files
                            names.append(os.fsencode(entry.name))
                finally:
                    os.close(descriptor)
            yield folder, inner, files
            folders += [folder + b"/" + name for name in inner]

    def on_event(self, event: InotifyEvent) -> None:
        """Handle an event; watch a folder whose permissions now allow it."""
        super().on_event(event)
        if event.is_attrib and event.is_directory:
            with self._lock:
                path = self._build_event_source_path(event) if self.is_active else None
                if path is not None and path not in self._active_callbacks_by_path:
                    self._add_all_callbacks(path)
