"""Watches: one for each root, renewed as roots go away and come back."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import structlog

from digest.articles.ingest.tree import TOP
from digest.articles.ingest.watch import Listener, Watch

_log = structlog.get_logger(__name__)

#: Linux says so where a user has too many watches or too many watchers (inotify(7)).
_NO_MORE_WATCHES = (errno.ENOSPC, errno.EMFILE)


class Watches:
    """Watches every root that is there. Blocking: call it from one thread at a time."""

    def __init__(self, roots: Mapping[str, Path], listener: Listener) -> None:
        self._roots = roots
        self._listener = listener
        self._watches: dict[str, Watch] = {}
        self._unwatchable: set[str] = set()  # roots for which the system has no watch left

    def alive(self) -> bool:
        """Tell whether each root is watched that is there; ``renew`` sees to it otherwise."""
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
            # One that is not there is told of by the scan.
            if error.errno in _NO_MORE_WATCHES:
                problem = str(error)
                self._unwatchable.add(name)
        else:
            self._watches[name] = watch
            if not watch.whole():
                self._unwatchable.add(name)
        if name in self._unwatchable and not known:
            _log.error("cannot watch, only scans will find changes", root=name, error=problem)


def _enterable(root: Path) -> bool:
    """Tell whether a folder is there and open to us; False, too, where the disk only fails."""
    return os.path.isdir(root) and os.access(root, os.R_OK | os.X_OK)  # noqa: PTH112 - never raises
