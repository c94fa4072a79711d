"""The output folder: files are written whole or not at all, and only when they change.

A file may have companions, which say the same in fewer bytes or remember what it said before:
packed variants (``rss.xml.br``), and the history of a feed (``.rss.xml.history``). None outlives
the content it belongs to: a web server that finds a variant may send it without a look at the file.
"""

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
from digest.feeds.encodings import PACK_FROM, SUFFIXES, is_text, packed, plain_name
from digest.feeds.history import recorded

#: A temporary file lives for milliseconds; one so old has lost its writer. Seconds.
_ABANDONED_AFTER = 600
_TEMPORARY = (".digest-", ".tmp")
_HISTORY = (".", ".history")
#: How often a publisher looks whether the other one has ended; seconds.
_LOOK_AGAIN = 0.05
#: What the umask leaves of these is what web servers need to read.
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
_SECOND = 1_000_000_000  #: nanoseconds


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
                # In a worker thread; a wait for the lock itself could not be ended.
                time.sleep(_LOOK_AGAIN)
            yield
        finally:
            os.close(descriptor)

    def write(self, path: str, content: bytes) -> bool:
        """Make the file at ``path`` (relative, ``/``) hold ``content``; False if it did already.

        Readers see the old file or the new one. The new one is at least a second younger, so that
        a date alone, which counts in seconds, tells them apart. Raises OutputError, with no more
        changed than that the packed variants may be gone.
        """
        target = self._root / path
        try:
            if _holds(target, content):
                return False
            target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            _replace(target, content, written_at=_next_second(target), before=_unpack)
        except OSError as error:
            raise _explained(target, error) from error
        return True

    def pack(self, path: str) -> None:
        """Put packed variants beside a file, where it is text of some length, if need be.

        Each has the time of the file to the nanosecond; with another, it belongs to another
        content. Only while nobody writes the file (``alone``). Raises OutputError.
        """
        target = self._root / path
        try:
            file = target.stat()
            if file.st_size < PACK_FROM or not is_text(path):
                return
            missing = [
                encoding
                for encoding, suffix in SUFFIXES.items()
                if _written_at(target, suffix) != file.st_mtime_ns
            ]
            if missing:
                content = target.read_bytes()
            for encoding in missing:
                variant = target.with_name(target.name + SUFFIXES[encoding])
                _replace(variant, packed(encoding, content), written_at=file.st_mtime_ns)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise _explained(target, error) from error

    def record(self, path: str) -> None:
        """Add what an RSS or Atom feed holds to its history. Raises OutputError."""
        target = self._root / path
        log = history_of(target)
        try:
            content = target.read_bytes()
            before = log.read_bytes() if log.exists() else b""
            after = recorded(before, content)
            if after != before:
                _replace(log, after)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise _explained(log, error) from error

    def holds(self, path: str) -> bool:
        """Tell whether there is a file at ``path``."""
        return (self._root / path).is_file()

    def remove(self, path: str) -> bool:
        """Remove a file, its companions and the folders that became empty; False for no file.

        The first folder of ``path`` stays. Raises OutputError.
        """
        target = self._root / path
        try:
            _unpack(target)
            history_of(target).unlink(missing_ok=True)
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
        """Yield the paths of files that are ``stale``, and of what a writer that died has left.

        Companions go with the file that they belong to; one that has lost it is as stale as that
        would be.
        """
        for folder, _, files in os.walk(self._root, topdown=False):
            present = set(files)
            for name in files:
                path = Path(folder, name).relative_to(self._root)
                owner = path.with_name(_belongs_to(name))
                if owner != path and owner.name in present:
                    continue
                if stale(owner.as_posix()) or _is_abandoned(Path(folder, name)):
                    yield path.as_posix()


def history_of(file: Path) -> Path:
    """Return where the history of a feed's file is kept; hidden, as it is no reader's concern."""
    return file.with_name(_HISTORY[0] + file.name + _HISTORY[1])


def _belongs_to(name: str) -> str:
    """Return the name of the file that this one is a companion of; its own where it is none."""
    start, end = _HISTORY
    if name.startswith(start) and name.endswith(end) and len(name) > len(start + end):
        return name.removeprefix(start).removesuffix(end)
    return plain_name(name) or name


def _unpack(target: Path) -> None:
    """Remove the packed variants of a file that is about to change."""
    if is_text(target.name):
        for suffix in SUFFIXES.values():
            target.with_name(target.name + suffix).unlink(missing_ok=True)


def _written_at(target: Path, suffix: str = "") -> int | None:
    """Return when a file was written, in nanoseconds; None where there is none."""
    try:
        return target.with_name(target.name + suffix).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _next_second(target: Path) -> int:
    """Return now, in nanoseconds, or the next whole second after the file's, if that is later."""
    written = _written_at(target)
    now = time.time_ns()
    return now if written is None else max(now, (written // _SECOND + 1) * _SECOND)


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


def _replace(
    target: Path,
    content: bytes,
    *,
    written_at: int | None = None,
    before: Callable[[Path], None] = lambda _: None,
) -> None:
    """Put a file in place; ``before`` is called with its path when all but that is done."""
    start, end = _TEMPORARY
    temporary = target.parent / f"{start}{secrets.token_hex(8)}{end}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if written_at is not None:
                os.utime(descriptor, ns=(written_at, written_at))
            os.fsync(descriptor)
        before(target)
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
