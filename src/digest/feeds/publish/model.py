"""The Protocol of the store for publishing, the record of an output folder, and the result."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from digest.articles.model import Article, FacetKind
from digest.feeds.model import Feed
from digest.feeds.publish.documents import FeedContents
from digest.feeds.publish.output_folder import Written
from digest.feeds.publish.plan import StaleFeeds


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """The stored record of an output folder."""

    revision: int | None  #: the content revision that it is complete up to; None: of none
    fingerprint: str  #: of the program and configuration that wrote it
    #: What did not end cleanly: boot id, a blank and whose process numbers count, and a number.
    unsynced: Collection[tuple[str, int]]
    #: What cannot be written, the first ones: why, by path.
    failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The result of a publication, in numbers of files."""

    written: int = 0
    unchanged: int = 0  #: held the right bytes already
    removed: int = 0
    wait: float | None = None  #: seconds until feeds that changed a moment ago may change again


class PublishStore(Protocol):
    """The part of the store that publishing uses. Every method raises StoreError."""

    def stale(self, since: int | None, kinds: Collection[FacetKind]) -> StaleFeeds:
        """Return the feeds that changed after a content revision, or (None) all feeds.

        ``kinds`` are the kinds of facets that may have feeds.
        """

    def contents(
        self, feeds: Sequence[Feed], changed: frozenset[int] | None, *, archives: bool
    ) -> list[FeedContents]:
        """Return the contents of each feed; with ``archives``, close archives first.

        An archive is closed if a version of an article would otherwise be in no document.
        ``changed`` are the sequences of the articles that have changed since the last call for
        these feeds; None means any.
        """

    def articles_of(self, sequences: Collection[int]) -> list[Article]:
        """Return the visible articles with these sequences, in any order."""

    def output(self, token: str) -> OutputRecord | None:
        """Return the record of an output folder; None if the folder is unknown."""

    def begin_writing(self, token: str, boot: str, pid: int) -> None:
        """Record that a process writes into an output folder, known or new.

        ``boot`` is as in ``OutputRecord.unsynced``.
        """

    def written_files(self, token: str) -> Iterable[tuple[str, int, int]]:
        """Yield path, size and mtime (nanoseconds) of each file as it was written."""

    def recorded(self, token: str, paths: Collection[str]) -> Mapping[str, tuple[int, int]]:
        """Return those of these paths that any process wrote and none has removed since.

        Each has the size and mtime (nanoseconds) of its file.
        """

    def unrecorded(self, token: str, files: Collection[Written]) -> set[str]:
        """Return the paths of files whose record has another size or mtime, or is missing."""

    def record_output(
        self,
        token: str,
        files: Collection[Written],
        removed: Collection[str],
        complete: int | None,
        fingerprint: str,
        *,
        everything: bool,
    ) -> None:
        """Record the files that were written and removed.

        ``complete`` is the content revision up to which the folder is complete; None if files
        are still to be written. Unless ``everything`` was compared, it is recorded only for a
        folder of the same ``fingerprint``. If everything was compared and some files could not be
        written, the folder's fingerprint is deleted.
        """

    def record_failures(self, token: str, failures: Mapping[str, str]) -> None:
        """Record the files that cannot be written, in place of those recorded before."""

    def count_files(self, token: str) -> int:
        """Return how many files of feeds were written into an output folder."""

    def end_writing(self, token: str, boot: str, pids: Collection[int]) -> None:
        """Record that everything these processes wrote is on the disk."""

    def forget_other_boots(self, token: str, boot: str) -> None:
        """Record that files written under other boot ids were verified."""
