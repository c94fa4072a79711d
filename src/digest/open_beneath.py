"""Opening files below a folder, so that no symbolic link leads out of it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Self

#: Names in a path: each costs a call, for every folder of a scan.
_MAX_NAMES = 128
#: Bytes of a path: Linux's PATH_MAX without the NUL at its end.
_MAX_PATH = 4_095
#: Folders on the way are searched, which needs no permission to list them (Linux has O_PATH).
_SEARCH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
# Without O_NONBLOCK a named pipe would hold the reader for ever.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
#: What open(2) says of a link that it is not to follow: EMLINK on FreeBSD, ENOTDIR of a folder.
_LINK = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR)
#: A name that no link leads to. Kubernetes mounts files as links by way of ``..data``.
_HIDDEN = re.compile(r"\.(?!\.)")
#: Nothing may be read at the path: it is not there, or a link leads out of the root or in a circle.
ABSENT = (errno.ENOENT, errno.EXDEV, *_LINK)


def open_beneath(root: Path, path: str, *, links: bool = True, closed: Collection[str] = ()) -> int:
    """Return a descriptor, open for reading, of the file or folder at ``path`` below ``root``.

    ``path`` is relative, with ``/`` between names; the empty path is the root itself. Each name
    is opened in the folder before it, and no link is followed, so that nothing that takes a
    folder's or a file's place meanwhile leads elsewhere. With ``links``, a path with links in it
    is resolved, and the result is opened in the same way. No link leads to a hidden name, such as
    ``.git/config``: who sends links by Git cannot read that file otherwise. Nothing is opened of
    the ``closed`` files and folders, real paths, whatever leads there.

    The caller checks what it is (``os.fstat``) and closes it. Raises OSError: EXDEV where the path
    or a link leads out of the root (as openat2(2) does), to a hidden name or to what is closed,
    ELOOP or ENOTDIR for a link that is not followed, ENAMETOOLONG above 128 names or 4,095 bytes.
    """
    names = path.split("/") if path else []
    if ".." in names or "\0" in path:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
    if len(names) > _MAX_NAMES or len(os.fsencode(path)) > _MAX_PATH:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
    if closed and _is_within(root, names, closed):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
    try:
        return _open_names(root, names)
    except OSError as error:
        if not links or error.errno not in _LINK:
            raise
        target = _resolved(root, path)
        if target == names:  # there is no link, or no longer
            raise
        if any(map(_HIDDEN.match, target)) or _is_within(root, target, closed):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path) from None
    return _open_names(root, target)


class LastFolder:
    """Opens files as ``open_beneath`` does; the folder of the last one stays open for the next.

    Where files are read in order of their paths, most need one call instead of one for each name
    and one more to close it. For one thread, and a short time: a folder that was moved away is
    still that of its files.
    """

    def __init__(self) -> None:
        self._folder: tuple[Path, str] | None = None
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def open(self, root: Path, path: str) -> int:
        """Return a descriptor of the file at ``path``. Raises OSError as ``open_beneath`` does."""
        above, _, name = path.rpartition("/")
        if not name or ".." in path or "\0" in path:
            return open_beneath(root, path)
        try:
            if (root, above) != self._folder:
                self._close()
                names = above.split("/") if above else []
                if len(names) >= _MAX_NAMES or len(os.fsencode(path)) > _MAX_PATH:
                    return open_beneath(root, path)
                self._descriptor = _open_folder(root, names)
                self._folder = root, above
            return os.open(name, _READ, dir_fd=self._descriptor)
        except OSError:  # there may be a link, or what there was is gone
            return open_beneath(root, path)

    def _close(self) -> None:
        if self._folder is not None:
            self._folder = None
            os.close(self._descriptor)


def _open_folder(root: Path, names: Sequence[str]) -> int:
    """Return a descriptor for opening what is in a folder; no link on the way is followed."""
    folder = os.open(root, _SEARCH)
    for name in names:
        folder = _step(folder, name, _SEARCH | os.O_NOFOLLOW)
    return folder


def _is_within(root: Path, names: Sequence[str], folders: Collection[str]) -> bool:
    """Return whether names below a root, none of them a link, lead to or into a real path."""
    place = "/".join((os.path.realpath(root).rstrip("/"), *names, ""))
    return any(place.startswith(f"{folder}/") for folder in folders)


def _open_names(root: Path, names: Sequence[str]) -> int:
    if not names:
        return os.open(root, _READ & ~os.O_NOFOLLOW)
    return _step(_open_folder(root, names[:-1]), names[-1], _READ)


def _step(folder: int, name: str, flags: int) -> int:
    """Open a name in a folder, and close the folder."""
    try:
        return os.open(name, flags, dir_fd=folder)
    finally:
        os.close(folder)


def _resolved(root: Path, path: str) -> list[str]:
    """Return the names below the root that a path leads to; raise OSError."""
    try:
        target = (root / path).resolve(strict=True).relative_to(root.resolve())
    except ValueError:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path) from None
    except (RuntimeError, OSError) as error:
        # A circle of links, before Python 3.13; EINVAL: what was a link is none any more.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path) from None
    return list(target.parts)
