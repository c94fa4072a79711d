"""The output folder: files are written whole or not at all, and only when they change.

A file may have companions: packed variants of it (``rss.xml.br``), and the history of a feed
(``.rss.xml.history``). A variant never outlives the content of its file, because a web server may
send a variant without looking at the file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from digest.errors import OutputError
from digest.feeds.encodings import PACK_FROM, SUFFIXES, is_text, packed, plain_name
from digest.feeds.publish.power_loss import is_running, sync_file_system
from digest.feeds.versions import recorded

#: A temporary file lives for milliseconds; one so old has lost its writer. Seconds.
_ABANDONED_AFTER = 600
#: A file that is being written: the process, and what makes the name its own.
_TEMPORARY = re.compile(r"\.digest-(?:([0-9]{1,7})-)?[0-9a-f]+\.tmp")
_HISTORY = (".", ".history")
#: How often a publisher looks whether the other one has ended; seconds.
_LOOK_AGAIN = 0.05
#: What web servers need to read; the umask may take something from a folder's.
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
_SECOND = 1_000_000_000  #: nanoseconds
#: Replaced files that are kept open until a batch ends; a process may have 1,024 open, or less.
MAX_OPEN = 64
_OPEN_FLAGS = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_NOFOLLOW | os.O_CLOEXEC
#: Holds what tells the folder from any other: 32 hexadecimal digits.
ID_FILE = ".digest-output"
_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The result of writing a file."""

    path: str  #: relative to the output folder
    changed: bool  #: it holds other bytes than before
    previous: bytes | None  #: what it held before; None where it was not there
    size: int
    mtime_ns: int


class OutputFolder:
    """A folder that may be served while it is written. Thread-safe."""

    def __init__(self, root: Path, *, time_ns: Callable[[], int] = time.time_ns) -> None:
        self.root = root
        self._time_ns = time_ns
        self._device: int | None = None  # the file system on which the token was seen last
        self._replaced: list[int] | None = None  # descriptors of replaced files; None unless locked

    @contextlib.contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Lock the folder: no other process publishes here until the block ends.

        Otherwise one that read the store earlier could replace a newer feed by an older one.
        ``waiting`` is called repeatedly while another process publishes; an exception from it ends
        the wait. Files that are replaced in the block are freed at its end. Raises OutputError.
        """
        try:
            self.root.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise explained(self.root, error) from error
        try:
            while not _lock(descriptor):
                waiting()
                # In a worker thread; a wait for the lock itself could not be ended.
                time.sleep(_LOOK_AGAIN)
            self._replaced = []
            yield
        finally:
            os.close(descriptor)
            replaced, self._replaced = self._replaced or [], None
            for descriptor in replaced:
                os.close(descriptor)

    def _keep_open(self, target: Path) -> None:
        """Keep the content of a file and of its packed variants until ``locked`` ends.

        Freeing a file takes the file system milliseconds, replacing a name only 0.1 ms.
        """
        for suffix in ("", *SUFFIXES.values()):
            if self._replaced is not None and len(self._replaced) < MAX_OPEN:
                with contextlib.suppress(OSError):
                    self._replaced.append(os.open(f"{target}{suffix}", _OPEN_FLAGS))

    def token(self) -> str | None:
        """Return the token that identifies this folder; None if it has none yet.

        Raises OutputError, also if the folder had a token and is on another file system now: it was
        unmounted, and nothing must be written to its mount point.
        """
        path = self.root / ID_FILE
        try:
            content = path.read_text(encoding="ascii").strip()
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            content = ""
        except OSError as error:
            raise explained(path, error) from error
        device = _device(self.root)
        if _ID.fullmatch(content):
            self._device = device
            return content
        if None not in (self._device, device) and device != self._device:
            raise OutputError(self.root, "its file system is not mounted any more")
        return None

    def make_token(self) -> str:
        """Give the folder a new token, and return it. Raises OutputError."""
        token = secrets.token_hex(16)
        path = self.root / ID_FILE
        try:
            self.root.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            replace_file(path, f"{token}\n".encode())
        except OSError as error:
            raise explained(path, error) from error
        self._device = _device(self.root)
        return token

    def wait(self, path: str) -> float:
        """Return how many seconds are left of the second in which a file was last written.

        HTTP dates have whole seconds: a file replaced after that second has another date, and none
        in the future. Returns 0 if there is no file, or if its date is in the future because the
        clock was set back.
        """
        written_at = _written_at(self.root / path)
        if written_at is None:
            return 0.0
        left = (written_at // _SECOND + 1) * _SECOND - self._time_ns()
        return left / _SECOND if 0 < left <= _SECOND else 0.0

    def write(self, path: str, content: bytes, present: bytes | None = None) -> Written:
        """Make the file at ``path`` (relative, ``/``) hold ``content``.

        ``present`` is what it holds now, where the caller has read it; None: it is read here.
        Readers see the old file or the new one, and never a variant of the old file beside the new
        one. Nothing is synced to disk: files lost with the power are made again. Raises
        OutputError; then at most variants have been removed.
        """
        target = self.root / path
        try:
            previous = file_content(target) if present is None else present
            if previous != content or self.stamp(path) is None:
                target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
                written_at = self._next_second(target)
                self._keep_open(target)
                replace_file(target, content, written_at=written_at, before=_unpack)
            status = target.stat()
        except OSError as error:
            raise explained(target, error) from error
        return Written(
            path=path,
            changed=previous != content,
            previous=previous,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
        )

    def _next_second(self, target: Path) -> int:
        """Return the time in nanoseconds; the second after the file's if the clock was set back."""
        written, now = _written_at(target), self._time_ns()
        return now if written is None else max(now, (written // _SECOND + 1) * _SECOND)

    def stamp(self, path: str) -> tuple[int, int] | None:
        """Return size and mtime (nanoseconds) of a file; None unless it is readable by all."""
        try:
            status = (self.root / path).stat()
        except OSError:
            return None
        return (status.st_size, status.st_mtime_ns) if status.st_mode & stat.S_IROTH else None

    def unpack(self, path: str) -> None:
        """Remove the packed variants of a file. Raises OutputError."""
        try:
            _unpack(self.root / path)
        except NotADirectoryError:
            return
        except OSError as error:
            raise explained(self.root / path, error) from error

    def packed(self, path: str) -> bool:
        """Return whether a file has all its packed variants, or needs none."""
        target = self.root / path
        try:
            file = target.stat()
            return file.st_size < PACK_FROM or all(
                _written_at(target, suffix) == file.st_mtime_ns for suffix in SUFFIXES.values()
            )
        except OSError:
            return True

    def sync(self) -> None:
        """Sync everything that was written here to the disk.

        Raises OutputError.
        """
        try:
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                sync_file_system(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise explained(self.root, error) from error

    def pack(self, path: str) -> None:
        """Write the missing packed variants of a file, if it is text of PACK_FROM bytes or more.

        Each has the mtime of the file to the nanosecond; one with another mtime is of another
        content. Call it only within ``locked``. Raises OutputError.
        """
        target = self.root / path
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
                replace_file(variant, packed(encoding, content), written_at=file.st_mtime_ns)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise explained(target, error) from error

    def record(self, path: str, previous: bytes) -> None:
        """Add a replaced version of an RSS or Atom feed to the history beside it.

        Raises OutputError.
        """
        log = history_of(self.root / path)
        try:
            before = log.read_bytes() if log.exists() else b""
            after = recorded(before, previous)
            if after != before:
                replace_file(log, after)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise explained(log, error) from error

    def remove(self, path: str) -> bool:
        """Remove a file, its companions and folders left empty; return False if there was no file.

        The first folder of ``path`` stays. Raises OutputError.
        """
        target = self.root / path
        try:
            _unpack(target)
            history_of(target).unlink(missing_ok=True)
            target.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise explained(target, error) from error
        for folder in Path(path).parents:
            if len(folder.parts) < 2 or not remove_folder(self.root / folder):
                break
        return True

    def leftovers(self, below: str, stale: Callable[[str], bool]) -> Iterator[str]:
        """Yield the paths of files that are ``stale``, and of temporary files of dead writers.

        Searches one top-level folder (``below``) and the files at the top; other folders are not
        ours, and may be large. Companions are yielded with their file; a companion without its file
        is as stale as the file would be.
        """
        for folder, folders, files in os.walk(self.root):
            if Path(folder) == self.root:
                folders[:] = [inner for inner in folders if inner == below]
            present = set(files)
            for name in files:
                path = Path(folder, name).relative_to(self.root)
                owner = path.with_name(_belongs_to(name))
                if owner != path and owner.name in present:
                    continue
                if stale(owner.as_posix()) or _is_abandoned(Path(folder, name)):
                    yield path.as_posix()


def history_of(file: Path) -> Path:
    """Return the path of the history of a feed's file; its name is hidden."""
    return file.with_name(_HISTORY[0] + file.name + _HISTORY[1])


def _belongs_to(name: str) -> str:
    """Return the name of the file that this one is a companion of, else its own name."""
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
    """Return a file's mtime in nanoseconds; None if it cannot be read."""
    try:
        return target.with_name(target.name + suffix).stat().st_mtime_ns
    except OSError:
        return None


def _device(folder: Path) -> int | None:
    """Return the device number of a folder's file system; None if there is no folder."""
    try:
        return folder.stat().st_dev
    except OSError:
        return None


def _lock(descriptor: int) -> bool:
    """Lock a descriptor until it is closed; return False while another process has the lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: then there is one publisher, or some luck
        return True
    return True


def file_content(target: Path) -> bytes | None:
    """Return the content of a file; None if there is none."""
    try:
        return target.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def replace_file(
    target: Path,
    content: bytes,
    *,
    written_at: int | None = None,
    before: Callable[[Path], None] = lambda _: None,
) -> None:
    """Replace a file by rename; ``before`` is called with its path right before the rename."""
    temporary = target.parent / f".digest-{os.getpid()}-{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _FILE_MODE)  # whatever the umask: it is published
            file.write(content)
            file.flush()
            if written_at is not None:
                os.utime(descriptor, ns=(written_at, written_at))
        before(target)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def remove_folder(folder: Path) -> bool:
    """Remove a folder if it is empty; return whether it is gone."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _is_abandoned(file: Path) -> bool:
    """Return whether the writer of a temporary file has died."""
    named = _TEMPORARY.fullmatch(file.name)
    if not named:
        return False
    if named[1] and not is_running(int(named[1])):
        return True
    try:
        return time.time() - file.stat().st_mtime > _ABANDONED_AFTER
    except OSError:
        return False


def explained(target: Path, error: OSError) -> OutputError:
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return OutputError(target, "there is a file where a folder should be")
    if error.errno == errno.EISDIR:
        return OutputError(target, "there is a folder where a file should be")
    return OutputError(target, error.strerror or str(error))
