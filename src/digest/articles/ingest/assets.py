"""Assets of an article: the files beside it that it shows or links to, copied to be served."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

from digest.articles.draft_options import AssetOptions
from digest.articles.ingest.article_links import (
    ArticlePages,
    ArticleReference,
    article_reference,
    reference_keys,
)
from digest.articles.ingest.asset_copies import DiskQuota
from digest.articles.model import AssetState
from digest.assets import HEAD, NO_ROOM, asset_name, picture_extension
from digest.open_beneath import ABSENT, open_beneath

#: References of one article that are looked up; and paths that are remembered of it.
_MAX_REFERENCES = 500
#: Errors that a look for a file may end with where there is none at its path.
_NOT_THERE = (*ABSENT, errno.ENAMETOOLONG)
#: Extensions of what links to other pages of a site lead to.
_PAGES = frozenset({"", "adoc", "htm", "html", "markdown", "md", "mdx", "org", "php", "rst", "txt"})
#: The files of one article are as large as so many of the largest ones together.
_LARGEST_FILES = 10
#: Seconds after which a copy that is not finished was left by a process that was killed.
_LEFT_OVER = 3_600.0
#: Seconds after which a copy that is referred to again is marked as used today.
_MARK_AFTER = 3_600.0
#: Bytes copied at once.
_CHUNK = 262_144
#: Copies that are remembered, so that a picture of many articles is hashed once.
_MAX_COPIES = 4_096
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//|[#?]|$", re.IGNORECASE)
_UPWARDS = re.compile(r"(?:\.\.?/)+")
#: Generators' words for a file of the site: Pelican's ``{static}/a.png`` and ``|static|/a.png``.
_PELICAN = re.compile(r"(?:\{(?:static|attach|filename)\}|\|(?:static|attach|filename)\|)")


class _Version(NamedTuple):
    """The state of a file at a moment."""

    device: int
    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class _Copy:
    name: str  #: below the folder of assets
    picture: bool


class AssetError(Exception):
    """A file that an article refers to cannot be published; the message is the reason."""


class NoRoomError(AssetError):
    """There is no room for the file in the folder of assets."""


class CopyError(OSError):
    """The folder of assets is full, or cannot be written."""


@lru_cache(maxsize=4)
def asset_folder(options: AssetOptions) -> AssetFolder:
    """Return the folder for these options, one for the whole process."""
    return AssetFolder(options)


class AssetFolder:
    """Publishes files of the trees in the folder of assets, each content once.

    Where a reference leads is decided without following a link out of the folders it is looked up
    in (``open_beneath``). Names that begin with a dot are not looked into, nor are hidden folders.
    """

    def __init__(self, options: AssetOptions) -> None:
        self._options = options
        self.url = options.url  #: of the copies
        self._folder = Path(options.target)
        self._roots = {name: Path(path) for name, path in options.roots}
        self._folders = [Path(path) for path in options.folders]
        self._hidden = tuple(map(os.path.realpath, options.hidden))
        self._copies: dict[_Version, _Copy] = {}
        self._quota = DiskQuota(self._folder, options.max_folder_bytes)
        self.max_article_bytes = _LARGEST_FILES * options.max_bytes
        self._remove_unfinished()
        #: Of other articles; None where links to their files lead nowhere.
        self.pages = ArticlePages(options, options.links) if options.links else None

    def serves(self, article: PurePosixPath) -> bool:
        """Return whether an article may refer to files of the site.

        An article of an upstream feed may not: its author could publish any file.
        """
        return article.parts[0] not in self._options.foreign

    def of(self, article: PurePosixPath, now: datetime) -> ArticleAssets:
        """Return the assets of the article file at a path of the tree."""
        return ArticleAssets(self, article, now)

    def candidates(self, reference: str, article: PurePosixPath) -> Iterator[tuple[Path, str]]:
        """Yield candidates for a reference: a folder and a path below it, the likeliest first.

        Relative ones are looked up beside the article, in the folder that has the article's name
        (Hexo's asset folders), and below the operator's folders, there also without ``../`` at
        their start, since a page has another address than its file; those that begin with ``/``
        are looked up below the operator's folders and the roots.
        """
        beside, below_root = self._on_disk(article.parent), reference.startswith("/")
        places = [] if below_root else [beside, beside / article.stem]
        places += self._folders
        if below_root:
            places += self._roots.values()
        paths = [os.path.normpath(place / reference.lstrip("/")) for place in places]
        if not below_root:  # Obsidian names an attachment without its folder
            names = (_UPWARDS.sub("", reference), PurePosixPath(reference).name)
            paths += [os.path.normpath(at / name) for name in names for at in self._folders]
        for path in dict.fromkeys(paths):
            for base in (*self._roots.values(), *self._folders):
                if path.startswith(f"{base}/"):
                    below = path[len(str(base)) + 1 :]
                    if not any(name.startswith(".") for name in below.split("/")):
                        yield base, below
                    break

    def _on_disk(self, folder: PurePosixPath) -> Path:
        """Return the folder on disk of a folder of the tree."""
        first = folder.parts[0] if folder.parts else "."
        if first in self._roots and first != ".":
            return self._roots[first].joinpath(*folder.parts[1:])
        return self._roots.get(".", Path("/")) / folder

    def _remove_unfinished(self) -> None:
        """Remove unfinished copies of processes that were killed."""
        with suppress(OSError):
            for part in self._folder.glob(".*.*.[0-9]*"):
                if part.stat().st_mtime < time.time() - _LEFT_OVER:
                    part.unlink()

    def publish(
        self, base: Path, below: str, *, picture: bool, left: int
    ) -> tuple[str, os.stat_result]:
        """Copy a file into the folder of assets unless it is there; return its name and status.

        ``left`` is the number of bytes that the article may still add. Raises AssetError for a file
        that may not be published, OSError if it cannot be read or written (ENOENT if missing).
        """
        descriptor = open_beneath(base, below, closed=self._hidden)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.ENOENT, "is no file")
            limit = self._options.max_bytes
            if status.st_size > limit:
                raise AssetError(f"has {status.st_size:,} bytes; at most {limit:,} are published")
            if status.st_size > left:
                most = self.max_article_bytes
                raise AssetError(f"would make more than {most:,} bytes of files of one article")
            version = _Version(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            copy = self._copies.get(version)
            if copy is None or not self._has(copy.name):
                copy = self._copied(descriptor, below, status.st_size)
                if len(self._copies) >= _MAX_COPIES:
                    self._copies.clear()
                self._copies[version] = copy
        finally:
            os.close(descriptor)
        if picture and not copy.picture:
            raise AssetError("is no picture that browsers show")
        return copy.name, status

    def _has(self, name: str) -> bool:
        """Return whether there is a copy; if so, mark it as used today, which keeps it."""
        path = self._folder / name
        if not path.exists():
            return False
        try:
            if path.stat().st_mtime < time.time() - _MARK_AFTER:
                os.utime(path)
        except FileNotFoundError:  # removed just now
            return False
        except OSError:  # of another user, or read-only: it is used as it is
            pass
        return True

    def _copied(self, descriptor: int, below: str, size: int) -> _Copy:
        head = os.pread(descriptor, HEAD, 0)
        extension = picture_extension(head)
        picture = extension is not None
        if extension is None:
            extension = PurePosixPath(below).suffix.removeprefix(".").lower()
            if extension in _PAGES:
                raise OSError(errno.ENOENT, "is a page")
            if extension not in self._options.linked:
                raise AssetError("is no picture, and its type is not in [articles] asset_types")
        name = asset_name(_hash(descriptor, size), extension)
        try:
            self._keep(descriptor, name, size)
        except OSError as error:
            raise CopyError(error.errno, error.strerror) from error
        return _Copy(name, picture)

    def _keep(self, descriptor: int, name: str, size: int) -> None:
        if self._has(name):
            return
        if not self._quota.reserve(size):
            most = self._options.max_folder_bytes
            raise NoRoomError(f"has no room in the {most:,} bytes of the folder of assets")
        try:
            self._write(descriptor, name, size)
        except (OSError, AssetError):
            self._quota.release(size)
            raise

    def _write(self, descriptor: int, name: str, size: int) -> None:
        """Write a copy to a temporary file, synced to disk, and rename it."""
        part = self._folder / f".{name}.{os.getpid()}"
        try:
            with part.open("wb") as target:
                for chunk in _chunks(descriptor, size):
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
            with part.open("rb") as written:
                if _hash(written.fileno(), size) != name.partition(".")[0]:
                    raise AssetError("changes while it is read")  # its next event comes
            part.rename(self._folder / name)
        finally:
            part.unlink(missing_ok=True)


class ArticleAssets:
    """The assets of one article: addresses for its markup, and their states to be stored."""

    def __init__(self, folder: AssetFolder, article: PurePosixPath, now: datetime) -> None:
        self._folder = folder
        self._article = article
        self._now = now
        self._addresses: dict[tuple[str, bool], str | None] = {}
        self._states: dict[str, AssetState] = {}
        self._left = folder.max_article_bytes
        #: What could not be published: the reference and why, each once.
        self.problems: dict[str, str] = {}

    @property
    def states(self) -> tuple[AssetState, ...]:
        """The files that were looked up, by path; a change of one makes the article outdated."""
        return tuple(state for _, state in sorted(self._states.items()))

    def address(self, reference: str, *, picture: bool) -> str | None:
        """Return the address at which a file of the tree is published; None if it is not.

        For an article file that is the address of its page, or its own link. ``reference`` is the
        value of ``src`` or ``href``. Returns None for absolute addresses.
        """
        key = (reference, picture)
        if key not in self._addresses:
            address = None
            if len(self._addresses) < _MAX_REFERENCES:
                local = _local(reference)
                page = None if picture else article_reference(reference, local)
                if page:
                    address = self._page(page)
                elif local:
                    address = self._publish(local, picture)
            self._addresses[key] = address
        return self._addresses[key]

    def _page(self, reference: ArticleReference) -> str | None:
        """Return the address of the article whose file is referred to."""
        pages = self._folder.pages
        if pages is None:
            return None
        look = pages.named if reference.anywhere else pages.beside
        problem = "is no article of the tree"
        if path := look(reference.path, self._article):
            try:
                target = pages.target(path, self._now, reference.fragment)
            except OSError:
                self._remember([AssetState(path=pages.on_disk(path), size=-1, mtime_ns=0)])
            else:
                self._remember([_state_of(pages.on_disk(path), target.status)])
                if target.address:
                    return target.address
                problem = target.problem
        elif reference.anywhere:
            keys = reference_keys(reference.path)
            self._remember([AssetState(path=key, size=-1, mtime_ns=0) for key in keys])
        if reference.anywhere or not reference.path.lower().endswith(("htm", "html")):
            self.problems[reference.path] = f"{problem}; the link to it is left out"
        return None

    def _publish(self, reference: str, picture: bool) -> str | None:
        absent: list[AssetState] = []
        for base, below in self._folder.candidates(reference, self._article):
            path = str(base / below)
            size, mtime_ns = -1, 0
            try:
                size, mtime_ns = _present(path)  # else each folder would be opened in vain
                name, status = self._folder.publish(base, below, picture=picture, left=self._left)
            except OSError as error:
                # What is there and may not be published is looked at again once it changes.
                copying = isinstance(error, CopyError)
                if copying or error.errno not in _NOT_THERE:
                    size, mtime_ns = -1, 0
                    done = "copied into the folder of assets" if copying else "read"
                    problem = f"cannot be {done}: {error.strerror}; it is left out"
                    self.problems[reference] = problem
                absent.append(AssetState(path=path, size=size, mtime_ns=mtime_ns))
                continue
            except AssetError as error:
                self.problems[reference] = f"{error}; it is left out"
                name = NO_ROOM if isinstance(error, NoRoomError) else ""
                self._remember([AssetState(path=path, size=size, mtime_ns=mtime_ns, name=name)])
                return None
            if path not in self._states:
                self._left -= status.st_size
            state = _state_of(path, status, name)
            self._remember([state])
            return self._folder.url + name
        if picture:
            self.problems.setdefault(reference, "is not there; it is left out")
        self._remember(absent)
        return None

    def _remember(self, states: Sequence[AssetState]) -> None:
        for state in states:
            if len(self._states) < _MAX_REFERENCES:
                self._states[state.path] = state


def changed(states: Sequence[AssetState]) -> bool:
    """Return whether any file has another size or mtime than in its state."""
    return any(_stamp(state.path) != (state.size, state.mtime_ns) for state in states)


def _stamp(path: str) -> tuple[int, int]:
    """Return size and mtime (nanoseconds) of a file; (-1, 0) if there is none."""
    try:
        return _present(path)
    except FileNotFoundError:
        return -1, 0


def _present(path: str) -> tuple[int, int]:
    """Return size and mtime of a file, (-1, 0) if nobody can tell; raise FileNotFoundError."""
    try:
        status = os.stat(path)  # noqa: PTH116 a Path takes longer, and a scan asks for each file
    except FileNotFoundError:
        raise
    except (OSError, ValueError):
        return -1, 0
    return status.st_size, status.st_mtime_ns


def _state_of(path: str, status: os.stat_result, name: str = "") -> AssetState:
    return AssetState(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns, name=name)


def _local(reference: str) -> str:
    """Return a reference to a file of the site as a path; empty for any other reference."""
    text = _PELICAN.sub("", reference.strip(), count=1)
    if _SCHEME.match(text) or "\0" in text:
        return ""
    path = unquote(re.split(r"[?#]", text, maxsplit=1)[0], errors="surrogateescape")
    return path.replace("\\", "/")


def _hash(descriptor: int, size: int) -> str:
    """Return 128 bits of BLAKE2b over a file of ``size`` bytes, as hex."""
    content = hashlib.blake2b(digest_size=16)
    for chunk in _chunks(descriptor, size):
        content.update(chunk)
    return content.hexdigest()


def _chunks(descriptor: int, size: int) -> Iterator[bytes]:
    """Yield the first ``size`` bytes of a file, which may grow while it is read."""
    for start in range(0, size, _CHUNK):
        yield os.pread(descriptor, min(_CHUNK, size - start), start)
