"""The output folder: files are written whole or not at all, and only when they change."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from digest.errors import OutputError

#: A temporary file lives for milliseconds; one so old has lost its writer. Seconds.
_ABANDONED_AFTER = 600
_TEMPORARY = (".digest-", ".tmp")
#: How often a publisher looks whether the other one has ended; seconds.
_LOOK_AGAIN = 0.05
#: What the umask leaves of these is what web servers need to read.
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755


class OutputFolder:
    """A folder that may be served while it is written. Its methods may run in many threads."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextlib.contextmanager
    def alone(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Keep other processes from publishing here until the block ends.

        Else one that read the store earlier could write an old feed over a newer one. ``waiting``
        is called again and again while another process is at it; what it raises ends the wait.
        Raises OutputError.
        """
        try:
            self._root.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _explained(self._root, error) from error
        try:
            while not _lock(descriptor):
                waiting()
                time.sleep(
                    _LOOK_AGAIN
                )  # in a worker thread; a wait for the lock could not be ended
            yield
        finally:
            os.close(descriptor)

    def write(self, path: str, content: bytes) -> bool:
        """Make the file at ``path`` (relative, ``/``) hold ``content``; False if it did already.

        Readers see the old file or the new one. Raises OutputError, with nothing changed.
        """
        target = self._root / path
        try:
            if _holds(target, content):
                return False
            target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            _replace(target, content)
        except OSError as error:
            raise _explained(target, error) from error
        return True

    def remove(self, path: str) -> bool:
        """Remove a file and the folders that became empty; False if it was not there.

        The first folder of ``path`` stays. Raises OutputError.
        """
        target = self._root / path
        try:
            target.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise _explained(target, error) from error
        for folder in Path(path).parents:
            if len(folder.parts) < 2 or not _rmdir(self._root / folder):
                break
        return True

    def leftovers(self, stale: Callable[[str], bool]) -> Iterator[str]:
        """Yield the paths of files that are ``stale``, and of what a writer that died has left."""
        for folder, _, files in os.walk(self._root, topdown=False):
            for name in files:
                path = Path(folder, name).relative_to(self._root).as_posix()
                if stale(path) or _is_abandoned(Path(folder, name)):
                    yield path


def _lock(descriptor: int) -> bool:
    """Take a lock that goes with the descriptor; False while another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: then there is one publisher, or some luck
        return True
    return True


def _holds(target: Path, content: bytes) -> bool:
    try:
        return target.stat().st_size == len(content) and target.read_bytes() == content
    except (FileNotFoundError, NotADirectoryError):
        return False


def _replace(target: Path, content: bytes) -> None:
    start, end = _TEMPORARY
    temporary = target.parent / f"{start}{secrets.token_hex(8)}{end}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _rmdir(folder: Path) -> bool:
    """Remove a folder if it is empty; tell whether it is gone."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _is_abandoned(file: Path) -> bool:
    """Tell a temporary file whose writer died from one that another process writes just now."""
    start, end = _TEMPORARY
    if not (file.name.startswith(start) and file.name.endswith(end)):
        return False
    try:
        return time.time() - file.stat().st_mtime > _ABANDONED_AFTER
    except OSError:
        return False


def _explained(target: Path, error: OSError) -> OutputError:
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return OutputError(target, "there is a file where a folder should be")
    if error.errno == errno.EISDIR:
        return OutputError(target, "there is a folder where a file should be")
    return OutputError(target, error.strerror or str(error))
