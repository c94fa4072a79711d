"""Links to other articles of the tree: find the file of a reference, and its page."""

from __future__ import annotations

import os
import re
import stat
import time
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from digest.articles.categories import is_bundle
from digest.articles.draft_options import AssetOptions, LinkOptions
from digest.articles.ingest.path_patterns import PathFilter
from digest.articles.ingest.tree import TOP, Tree
from digest.articles.model import (
    ARTICLE_SCHEME,
    MARKDOWN_SUFFIXES,
    SUFFIXES,
    SourceFile,
    article_key,
)
from digest.articles.reading.fields import MAX_LENGTH
from digest.errors import SourceError
from digest.open_beneath import open_beneath
from digest.urls import article_folder

if TYPE_CHECKING:
    from digest.articles.reading.parse import Header

#: Folders and files of the tree whose names are known; in a larger tree only paths are looked up.
_MAX_FOLDERS, _MAX_FILES = 10_000, 100_000
#: Names at the end of a path that are compared.
_MAX_PARTS = 4
#: A folder that changed so shortly before it was listed is listed again; nanoseconds.
_FRESH = 1_000_000_000
#: Headers that are remembered: many articles link to the same ones.
_MAX_TARGETS = 4_096
#: What the names of ``file_keys`` begin with; no path does.
NAMED = ("*/", "^/")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}-(?=.)")


@dataclass(frozen=True, slots=True)
class Target:
    """The article file that a reference leads to."""

    path: str  #: absolute, on disk
    address: str  #: of its page; empty where it has none now
    problem: str  #: why it has none
    status: os.stat_result


@dataclass(slots=True)
class _Folder:
    mtime_ns: int
    folders: list[str] = field(default_factory=list)  #: paths of the tree
    files: list[str] = field(default_factory=list)


def _parts(path: str) -> list[str]:
    """Return the names of a path, compared without case, without an article file's extension."""
    name = PurePosixPath(unicodedata.normalize("NFC", path))
    if name.suffix.lower() in SUFFIXES:
        name = name.parent if is_bundle(name) and name.parent.name else name.with_suffix("")
    return [part.casefold() for part in name.parts if part not in ("/", "..")]


def file_keys(path: str) -> list[str]:
    """Return the keys by which references may name the article file at a path of the tree.

    ``*/`` precedes the end of its path, ``^/`` the whole path. The date before its name may be left
    out.
    """
    parts = _parts(path)
    if not parts:
        return []
    keys = []
    for name in dict.fromkeys((parts[-1], _DATE.sub("", parts[-1]))):
        names = [*parts[:-1], name]
        keys += ["*/" + "/".join(names[-count:]) for count in range(1, _MAX_PARTS + 1)]
        keys.append("^/" + "/".join(names))
    return list(dict.fromkeys(keys))


def reference_keys(reference: str) -> list[str]:
    """Return the keys of ``file_keys`` that fit a reference, the best first.

    Its first folders may lie above the tree: then it ends in the whole path of the file.
    """
    parts = _parts(reference)[-_MAX_PARTS:]
    if not parts:
        return []
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    return ["*/" + ends[0], *("^/" + end for end in ends[1:])]


@dataclass(frozen=True, slots=True)
class ArticleReference:
    """A reference to the file of an article."""

    path: str
    fragment: str  #: with its ``#``; may be empty
    anywhere: bool  #: in the tree, not only beside the article that refers to it


def article_reference(reference: str, local: str) -> ArticleReference | None:
    """Return a reference to the file of an article in its parts; None where it is to another file.

    ``local`` is the reference as a path of the site, empty where it is none. Those of generators'
    tags begin with ARTICLE_SCHEME, those of Zola with ``@/``.
    """
    if named := reference.startswith(ARTICLE_SCHEME):
        local, _, fragment = unquote(reference.removeprefix(ARTICLE_SCHEME)).partition("#")
    else:
        fragment = reference.partition("#")[2]
    suffix = PurePosixPath(local).suffix.lower()
    below_root = local.startswith(("/", "@/")) and suffix in MARKDOWN_SUFFIXES
    if not named and not below_root and (local.startswith("/") or suffix not in SUFFIXES):
        return None
    return ArticleReference(
        path=local.strip().removeprefix("@"),
        fragment=f"#{fragment}" if fragment else "",
        anywhere=named or below_root,
    )


class ArticlePages:
    """Finds article files by reference, and the addresses of their pages.

    Identity, link and whether a file is held back are read from its front matter.
    """

    def __init__(self, options: AssetOptions, links: LinkOptions) -> None:
        self._site = links.site
        self._zone = ZoneInfo(links.timezone)
        self._tree = Tree(
            roots={name: Path(path) for name, path in options.roots},
            files=PathFilter(links.include, links.exclude),
            max_bytes=MAX_LENGTH,
            settle=timedelta(),
        )
        self._folders: dict[str, _Folder] = {}
        self._by_key: dict[str, list[str]] = {}
        self._targets: dict[tuple[str, int, int], Header | str] = {}

    def beside(self, path: str, article: PurePosixPath) -> str | None:
        """Return a relative path as a path of the tree; None if it leads out of the tree."""
        joined = os.path.normpath(article.parent / path)
        taken = not joined.startswith("..") and self._tree.takes(joined)
        return joined if taken else None

    def on_disk(self, path: str) -> str:
        """Return the absolute path on disk of a path of the tree."""
        return self._tree.on_disk(path)

    def named(self, reference: str, article: PurePosixPath) -> str | None:
        """Return the path of the article file that a reference names, anywhere in the tree.

        Of several files, one in the article's own folder is preferred, then the shortest path.
        """
        self._list_folders()
        for key in reference_keys(reference):
            if paths := self._by_key.get(key):
                beside = str(article.parent)
                return min(paths, key=lambda path: (
                    str(PurePosixPath(path).parent) != beside, path.count("/"), path
                ))  # fmt: skip
        return None

    def target(self, path: str, now: datetime, fragment: str) -> Target:
        """Return the article file at a path of the tree. Raises OSError if there is none.

        ``fragment`` is kept if the article has a link of its own.
        """
        descriptor = open_beneath(*self._tree.below_root(path))
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError(path)
            key = (path, status.st_size, status.st_mtime_ns)
            if key not in self._targets:
                if len(self._targets) >= _MAX_TARGETS:
                    self._targets.clear()
                self._targets[key] = self._header(path, os.read(descriptor, MAX_LENGTH))
        finally:
            os.close(descriptor)
        header = self._targets[key]
        problem = header if isinstance(header, str) else _held_back(header, now)
        address = ""
        if not problem and not isinstance(header, str):
            page = self._site + article_folder(article_key(header.identity))
            address = header.link + fragment if header.link else page
        return Target(self.on_disk(path), address, problem, status)

    def _header(self, path: str, head: bytes) -> Header | str:
        """Return the header of an article file, or the error why it is no article."""
        from digest.articles.reading.parse import parse_header  # it is in workers alone

        if len(head) == MAX_LENGTH:
            head = head[: head.rfind(b"\n") + 1] or head
        try:
            source = SourceFile(path=PurePosixPath(path), content=head)
            return parse_header(source, self._zone)
        except SourceError:
            return "is no article"

    def _list_folders(self) -> None:
        """List the folders of the tree that have changed since the last call."""
        waiting = ["" if name == TOP else name for name in self._tree.roots]
        seen: dict[str, _Folder] = {}
        files, changed = 0, False
        while waiting and len(seen) < _MAX_FOLDERS and files < _MAX_FILES:
            path = waiting.pop()
            known = self._folders.get(path)
            try:
                mtime_ns = Path(self._tree.on_disk(path)).stat().st_mtime_ns
                if known is None or known.mtime_ns != mtime_ns:
                    known, changed = self._listed(path), True
            except OSError:
                continue
            seen[path] = known
            waiting += known.folders
            files += len(known.files)
        if changed or seen.keys() != self._folders.keys():
            self._folders = seen
            self._by_key = {}
            for folder in seen.values():
                for path in folder.files:
                    for key in file_keys(path):
                        self._by_key.setdefault(key, []).append(path)

    def _listed(self, path: str) -> _Folder:
        descriptor = open_beneath(*self._tree.below_root(path), links=False)
        try:
            mtime_ns = os.fstat(descriptor).st_mtime_ns
            if time.time_ns() - mtime_ns < _FRESH:
                mtime_ns = -1
            folder = _Folder(mtime_ns)
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    below = f"{path}/{entry.name}" if path else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if self._tree.files.enters(below) and (
                            path or below not in self._tree.roots
                        ):
                            folder.folders.append(below)
                    elif self._tree.files.takes(below):
                        folder.files.append(below)
        finally:
            os.close(descriptor)
        return folder


def _held_back(header: Header, now: datetime) -> str:
    """Return why an article may not be published now; empty if it may."""
    limits = header.publication.availability
    if limits is None:
        return ""
    if limits.held_back or (limits.not_before and limits.not_before.at > now):
        return "is not published yet"
    return "has expired" if limits.expires and limits.expires.at <= now else ""
