"""Exporting: bring a folder of plain files up to date with the store."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from digest import __version__, resources
from digest.app.builders import check_export_folder, make_pages
from digest.app.export.contents import (
    ArticlePage,
    Document,
    SiteContents,
    SiteSource,
    article_pages,
    site_contents,
)
from digest.app.export.folder import ExportFolder, FileState, Manifest, content_hash
from digest.assets import ASSETS, is_asset_name
from digest.errors import ConfigurationError, OutputError
from digest.feeds.catalog import FeedPlan
from digest.web.edition_pages import WebEditions
from digest.web.pages import WebPages

if TYPE_CHECKING:
    from digest.app.wiring import Services

#: Articles that are in memory at once.
_BATCH = 100
#: Packages that the bytes of documents depend on, beside Digest itself.
_LIBRARIES = ("Babel", "feedgen", "Jinja2", "lxml", "MarkupSafe")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSource:
    """Reads the asset files of articles and mails, and rewrites their addresses."""

    folder: Path
    url: bytes  #: of the folder as articles name it
    exported_url: bytes  #: of the folder in the export
    others: frozenset[str] = frozenset()  #: names of files that no article brings

    def copies(self) -> set[str]:
        """Return the names of all files that are there. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):  # no article has brought any
            return {file.name for file in self.folder.iterdir() if is_asset_name(file.name)}
        return set()

    def documents(self, names: Collection[str]) -> list[Document]:
        """Return the files of these names."""
        return [
            Document(path=f"{ASSETS}{name}", version=name, render=(self.folder / name).read_bytes)
            for name in sorted(names)
        ]

    def moved(self, content: bytes) -> bytes:
        """Return a document with the addresses of assets changed to those in the export."""
        if self.url == self.exported_url:
            return content
        return content.replace(self.url, self.exported_url)


class ExportStore(Protocol):
    """The part of the store that exports use."""

    def snapshot(self) -> AbstractContextManager[SiteSource]:
        """Yield a snapshot of the store. Raises StoreError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The counts of a finished export."""

    written: int  #: files
    unchanged: int  #: files
    removed: int  #: files
    written_bytes: int
    total_bytes: int  #: of all files that belong to the site
    edited: tuple[str, ...]  #: paths of files that others had modified, overwritten
    kept: tuple[str, ...]  #: paths of obsolete files that others had modified, left
    in_the_way: tuple[str, ...]  #: paths not written because files of other origin exist


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """The writes and removals of an export."""

    articles: Sequence[ArticlePage]  #: to be made
    documents: Sequence[Document]  #: to be made, in this order
    unchanged: frozenset[str]  #: paths of up-to-date files
    unwanted: Sequence[str]  #: paths of obsolete files written earlier

    @property
    def paths(self) -> list[str]:
        """The paths of the files to make."""
        return [*(page.path for page in self.articles), *(page.path for page in self.documents)]


def plan(
    contents: SiteContents,
    known: Manifest,
    fingerprint: str,
    is_untouched: Callable[[str], bool],
) -> ExportPlan:
    """Return the writes and removals that bring a folder up to date with these contents.

    ``known`` is the manifest of the last export. A file is unchanged if its version is the same,
    the ``fingerprint`` of program, templates and configuration is the same, and the file was not
    modified since.
    """
    comparable = fingerprint == known.fingerprint

    def is_fresh(page: ArticlePage | Document) -> bool:
        state = known.files.get(page.path)
        return (
            comparable
            and state is not None
            and page.version is not None
            and page.version == state.version
            and page.path not in known.begun
            and is_untouched(page.path)
        )

    wanted: list[ArticlePage | Document] = [*contents.articles, *contents.documents]
    unchanged = frozenset(page.path for page in wanted if is_fresh(page))
    paths = {page.path for page in wanted}
    return ExportPlan(
        articles=[page for page in contents.articles if page.path not in unchanged],
        documents=[page for page in contents.documents if page.path not in unchanged],
        unchanged=unchanged,
        unwanted=sorted((known.files.keys() | known.begun) - paths),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Writes the whole site into a folder. Blocks."""

    store: ExportStore
    folder: ExportFolder
    feeds: FeedPlan
    pages: WebPages
    editions: WebEditions
    assets: AssetSource
    configuration: str  #: a text of all options that pages depend on; it is hashed

    def export(self, progress: Progress | None = None) -> Exported:
        """Bring the folder up to date.

        ``progress`` is called with the number of files done and their total. Raises OutputError if
        a file cannot be written, StoreError, TemplateError. Files written until then stay,
        complete, and the next export continues from there.
        """
        report = progress or (lambda _done, _total: None)
        with self.folder.locked(), self.store.snapshot() as source:
            known = self.folder.manifest()
            contents = site_contents(
                source, plan=self.feeds, pages=self.pages, editions=self.editions
            )
            copies = self.assets.copies()
            shown = source.asset_names(copies) | (self.assets.others & copies)
            brought = self.assets.documents(shown)
            contents = replace(contents, documents=[*brought, *contents.documents])
            fingerprint = self._fingerprint()
            untouched = _Untouched(self.folder, known)
            planned = plan(contents, known, fingerprint, untouched)
            run = _Run(folder=self.folder, known=known, planned=planned, fingerprint=fingerprint)
            run.files.update(untouched.copies)
            try:
                self._make(run, source, report)
                run.remove_unwanted()
            except BaseException:
                with contextlib.suppress(OutputError):  # it is known what was begun
                    run.end()
                raise
            run.end()
            return run.exported()

    def _make(self, run: _Run, source: SiteSource, report: Progress) -> None:
        planned = run.planned
        done = len(planned.unchanged)
        total = done + len(planned.articles) + len(planned.documents)
        report(done, total)
        articles = iter(planned.articles)
        while batch := list(islice(articles, _BATCH)):
            for page, content in article_pages(source, self.pages, batch):
                run.put(page.path, self.assets.moved(content), page.version)
            done += len(batch)
            report(done, total)
        for document in planned.documents:
            content = document.render()
            if not document.path.startswith(ASSETS):
                content = self.assets.moved(content)
            run.put(document.path, content, document.version, optional=document.optional)
            done += 1
            report(done, total)

    def _fingerprint(self) -> str:
        """Return a hash of all that the bytes of files depend on, beside their contents."""
        libraries = resources.library_versions(*_LIBRARIES)
        inputs = [__version__, *libraries, self.pages.fingerprint, repr(self.feeds)]
        text = "\0".join([*inputs, self.configuration])
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


class _Untouched:
    """Checks whether files are as written; a copy with other times counts as unmodified."""

    def __init__(self, folder: ExportFolder, known: Manifest) -> None:
        self._folder = folder
        self._known = known
        self.copies: dict[str, FileState] = {}  #: unmodified, but with other times

    def __call__(self, path: str) -> bool:
        state, stamp = self._known.files[path], self._folder.stamp(path)
        if stamp is None or stamp.size != state.size:
            return False
        if stamp.mtime_ns == state.mtime_ns:
            return True
        if self._folder.hash(path) != state.digest:
            return False
        self.copies[path] = replace(state, mtime_ns=stamp.mtime_ns)
        return True


@dataclass(slots=True, kw_only=True)
class _Run:
    """Carries out an export's plan and counts."""

    folder: ExportFolder
    known: Manifest
    planned: ExportPlan
    fingerprint: str
    files: dict[str, FileState] = field(init=False)  # as they are by now
    written: int = 0
    unchanged: int = field(init=False)
    removed: int = 0
    written_bytes: int = 0
    edited: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    in_the_way: list[str] = field(default_factory=list)
    begun: bool = False

    def __post_init__(self) -> None:
        # What is not reached is to be made by the next export.
        again = set(self.planned.paths)
        self.files = {
            path: replace(state, version=None) if path in again else state
            for path, state in self.known.files.items()
        }
        self.unchanged = len(self.planned.unchanged)

    def put(
        self, path: str, content: bytes, version: str | None, *, optional: bool = False
    ) -> None:
        """Write a file, unless it has this content already.

        A file of other origin is left alone, and reported unless ``optional``.
        """
        digest = content_hash(content)
        present = self._present(path)
        ours = path in self.known.files or path in self.known.begun
        if present is not None and not ours and (optional or present.digest != digest):
            if not optional:
                self.in_the_way.append(path)
            return
        if present is not None and present.digest == digest:
            self.files[path] = replace(present, version=version)
            self.unchanged += 1
            return
        if present is not None and self._is_edited(path, present):
            self.edited.append(path)
        self._begin()
        written = self.folder.write(path, content)
        self.files[path] = FileState(version, digest, written.size, written.mtime_ns)
        self.written += 1
        self.written_bytes += len(content)

    def remove_unwanted(self) -> None:
        """Remove obsolete files, except those that were modified since."""
        for path in self.planned.unwanted:
            present = self._present(path)
            if present is not None and self._is_edited(path, present):
                self.kept.append(path)
            elif present is not None:
                self._begin()
                self.folder.remove(path)
                self.removed += 1
            self.files.pop(path, None)

    def end(self) -> None:
        """Sync the folder, then write the final manifest. Raises OutputError."""
        if self.written or self.removed:
            self.folder.sync()
        self.folder.write_manifest(Manifest(fingerprint=self.fingerprint, files=self.files))

    def exported(self) -> Exported:
        return Exported(
            written=self.written,
            unchanged=self.unchanged,
            removed=self.removed,
            written_bytes=self.written_bytes,
            total_bytes=sum(state.size for state in self.files.values()),
            edited=tuple(self.edited),
            kept=tuple(self.kept),
            in_the_way=tuple(self.in_the_way),
        )

    def _present(self, path: str) -> FileState | None:
        """Return the state of the file at a path; None if there is none."""
        stamp = self.folder.stamp(path)
        if stamp is None:
            return None
        state = self.known.files.get(path)
        known = state is not None and (stamp.size, stamp.mtime_ns) == (state.size, state.mtime_ns)
        digest = state.digest if state and known else self.folder.hash(path)
        return FileState(None, digest or "", stamp.size, stamp.mtime_ns)

    def _is_edited(self, path: str, present: FileState) -> bool:
        """Return whether a file was modified by others than this or an interrupted export."""
        state = self.known.files.get(path)
        return path not in self.known.begun and state is not None and present.digest != state.digest

    def _begin(self) -> None:
        """Record the files about to be written, before writing: this process may be killed."""
        if self.begun:
            return
        self.begun = True
        before = self.known.files.keys() | self.known.begun
        begun = {
            path for path in self.planned.paths if path in before or self.folder.stamp(path) is None
        }
        begun.update(self.known.begun.intersection(self.planned.unwanted))
        self.folder.write_manifest(
            Manifest(fingerprint=self.fingerprint, files=self.files, begun=frozenset(begun))
        )


def make_exporter(services: Services, folder: Path, *, url: str, archives: bool) -> Exporter:
    """Return the exporter of the whole site into a folder, for an address (``Site.url``).

    Raises ConfigurationError if the folder must not be used, or there are no archives.
    """
    settings, digests, schedules = services.settings, services.digests, services.schedules
    check_export_folder(settings, folder)
    if archives and not settings.feeds.archives:
        problem = "is needed for --archives; there are none to be exported"
        raise ConfigurationError("feeds.archives", "false", problem)
    services.publish_logo()
    # Nobody tells a hub of a copy under another address.
    hubs = services.site.hubs if url == services.site.url else ()
    site = replace(services.site, url=url, hubs=hubs)
    pages = make_pages(settings, site, digests, schedules)
    return Exporter(
        store=services.store.pages,
        folder=ExportFolder(folder),
        feeds=replace(settings.feed_plan(site), archives=archives),
        pages=pages,
        editions=WebEditions(
            digests=digests, site=site, pages=pages, clock=services.clock, samples=False
        ),
        assets=AssetSource(
            folder=settings.asset_folder(),
            url=services.site.link(ASSETS).encode(),
            exported_url=site.link(ASSETS).encode(),
            others=frozenset({services.logo.name} if services.logo else ()),
        ),
        configuration=repr((digests, schedules, settings.feeds.readers)),
    )
