"""The folder of an export, and its manifest: the files that an export may replace and remove."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from digest.errors import OutputError
from digest.feeds.publish.output_folder import OutputFolder

#: The name of the manifest's file.
MANIFEST = ".digest-export.json"
#: The version of the manifest's format.
_FORMAT = 1
_ABOUT = "What `digest export` wrote here. Without it, these files are taken for somebody else's."
#: The temporary name of a file being written. There is one writer.
_TEMPORARY = ".digest-export.tmp"
#: Modes before the umask, so that web servers can read.
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was written."""

    version: str | None  #: of its source, see ``contents``; None if unknown
    digest: str  #: of its content, see ``content_hash``
    size: int  #: bytes
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of an export."""

    fingerprint: str = ""  #: of the program, templates and configuration that wrote it
    files: Mapping[str, FileState] = field(default_factory=dict)  #: by path
    #: Paths that an interrupted export may have written since.
    begun: frozenset[str] = frozenset()

    def encode(self) -> bytes:
        """Return it as JSON in UTF-8, a line for each file; deterministic."""
        head: dict[str, Any] = {
            "about": _ABOUT,
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "begun": sorted(self.begun),
        }
        lines = [
            f"{_json(path)}:{_json([state.version, state.digest, state.size, state.mtime_ns])}"
            for path, state in sorted(self.files.items())
        ]
        text = f'{_json(head)[:-1]},"files":{{\n' + ",\n".join(lines) + "\n}}\n"
        return text.encode()

    @classmethod
    def decode(cls, content: bytes) -> Manifest:
        """Return the manifest of JSON by ``encode``. Raises ValueError if it is invalid."""
        try:
            fields = json.loads(content.decode())
            if fields["format"] != _FORMAT:
                raise ValueError(f"it has format {fields['format']!r}, expected {_FORMAT}")
            files = {str(path): _state(*state) for path, state in fields["files"].items()}
            begun = frozenset(map(str, fields["begun"]))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("it is not what `digest export` writes") from error
        for path in (*files, *begun):
            if not is_inside(path):
                raise ValueError(f"it names a path that leads out of the folder: {path!r}")
        return cls(
            fingerprint=str(fields["fingerprint"]),
            files=files,
            begun=begun,
        )


def content_hash(content: bytes) -> str:
    """Return the hash of a content: 128 bits of BLAKE2b, hex."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def is_inside(path: str) -> bool:
    """Return whether a relative path stays below its folder, by its text alone."""
    return all(part not in ("", ".", "..") and "\0" not in part for part in path.split("/"))


def _state(version: str | None, digest: str, size: int, mtime_ns: int) -> FileState:
    return FileState(
        None if version is None else str(version), str(digest), int(size), int(mtime_ns)
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size and time of a file, to detect later writes."""

    size: int  #: bytes
    mtime_ns: int


class ExportFolder:
    """Reads and writes files below a folder. Links are not followed. Raises OutputError."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._output = OutputFolder(root)
        self._known = {PurePosixPath()}  # folders that are there

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Create the folder, and lock out other exports until the block ends."""

        def busy() -> None:
            raise OutputError(self._root, "another `digest export` is writing there; wait for it")

        if self._root.exists() and not self._root.is_dir():
            raise OutputError(self._root, "is a file; expected a folder or nothing")
        with self._output.locked(busy):
            self._known = {PurePosixPath()}
            yield

    def manifest(self) -> Manifest:
        """Return the manifest of the last export; an empty one if there was none."""
        content = self.read(MANIFEST)
        if content is None:
            return Manifest()
        try:
            return Manifest.decode(content)
        except ValueError as error:
            raise OutputError(
                self._root / MANIFEST,
                f"{error}; restore it, or delete it together with the files of the export",
            ) from error

    def stamp(self, path: str) -> Stamp | None:
        """Return size and time of a file; None if there is none."""
        try:
            status = os.lstat(self._root / path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._explained(path, error) from error
        return Stamp(status.st_size, status.st_mtime_ns)

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None if it is missing or a link."""
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self._root / path, flags)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if (self._root / path).is_symlink():
                return None
            raise self._explained(path, error) from error
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise OutputError(self._root / path, "is no file; expected one, or nothing")
            with os.fdopen(descriptor, "rb", closefd=False) as file:  # raises OSError for a folder
                return file.read()
        except OSError as error:
            raise self._explained(path, error) from error
        finally:
            os.close(descriptor)

    def hash(self, path: str) -> str | None:
        """Return the hash of a file's content; None if it is missing or a link."""
        content = self.read(path)
        return None if content is None else content_hash(content)

    def write(self, path: str, content: bytes, *, lasting: bool = False) -> Stamp:
        """Write a file atomically, by rename; with ``lasting``, sync it to the disk first."""
        temporary, target = self._root / _TEMPORARY, self._root / path
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._make_folder(PurePosixPath(path).parent)
            with os.fdopen(os.open(temporary, flags, _FILE_MODE), "wb") as file:
                file.write(content)
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
                written = os.fstat(file.fileno())
            temporary.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise self._explained(path, error) from error
        return Stamp(written.st_size, written.st_mtime_ns)

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that became empty."""
        place = PurePosixPath(path)
        try:
            self._check_folder(place.parent)
            (self._root / path).unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise self._explained(path, error) from error
        for folder in place.parents[:-1]:
            try:
                (self._root / folder).rmdir()
            except OSError:
                break
            self._known.discard(folder)

    def sync(self) -> None:
        """Sync everything that was written to the disk."""
        self._output.sync()

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the manifest, if it changed."""
        content = manifest.encode()
        if self.read(MANIFEST) != content:
            self.write(MANIFEST, content, lasting=True)

    def _make_folder(self, folder: PurePosixPath) -> None:
        if folder in self._known:
            return
        self._make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            (self._root / folder).mkdir(mode=_FOLDER_MODE)
        self._check_folder(folder)

    def _check_folder(self, folder: PurePosixPath) -> None:
        """Check that a path below this folder is a folder, reached without any link."""
        if folder in self._known:
            return
        self._check_folder(folder.parent)
        if not stat.S_ISDIR(os.lstat(self._root / folder).st_mode):
            raise OutputError(self._root / folder, "is a file or a link; expected a folder")
        self._known.add(folder)

    def _explained(self, path: str, error: OSError) -> OutputError:
        if isinstance(error, IsADirectoryError):
            return OutputError(self._root / path, "is a folder; expected a file, or nothing")
        return OutputError(self._root / path, error.strerror or str(error))
