"""What publishing needs of the store, what the store knows of an output folder, and the result."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from digest.articles.facets import FacetKind
from digest.articles.model import Article
from digest.feeds.model import Feed
from digest.feeds.publish.documents import FeedContents
from digest.feeds.publish.output_folder import Written
from digest.feeds.publish.plan import StaleFeeds


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """What the store knows of an output folder."""

    revision: int | None  #: the content revision that it is complete up to; None: of none
    fingerprint: str  #: of the program and configuration that wrote it
    #: What did not end cleanly: boot id, a blank and whose process numbers count, and a number.
    unsynced: Collection[tuple[str, int]]
    #: What cannot be written, the first ones: why, by path.
    failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What publishing did to the output folder, in files."""

    written: int = 0
    unchanged: int = 0  #: held the right bytes already
    removed: int = 0
    wait: float | None = None  #: seconds until feeds that changed a moment ago may change again


class PublishStore(Protocol):
    """What publishing needs of the store. Every method raises StoreError."""

    def stale(self, since: int | None, kinds: Collection[FacetKind]) -> StaleFeeds:
        """Return the feeds that changed after a content revision, or (None) all that there are.

        ``kinds`` are the kinds of facets that may have feeds.
        """

    def contents(
        self, feeds: Sequence[Feed], changed: frozenset[int] | None, *, archives: bool
    ) -> list[FeedContents]:
        """Return the entries of each feed; with ``archives``, close archives first.

        An archive is closed wherever a version of an article would be told by no document.
        ``changed`` are the sequences of the articles that changed since the last call for these
        feeds; None means any.
        """

    def articles_of(self, sequences: Collection[int]) -> list[Article]:
        """Return the visible articles with these sequences, in any order."""

    def output(self, token: str) -> OutputRecord | None:
        """Return the record of an output folder; None for a foreign one."""

    def begin_writing(self, token: str, boot: str, pid: int) -> None:
        """Note that a process writes into an output folder, which may be a new one.

        ``boot`` is as in ``OutputRecord.unsynced``.
        """

    def written_files(self, token: str) -> Iterable[tuple[str, int, int]]:
        """Yield path, size and mtime (nanoseconds) of each file as it was written."""

    def recorded(self, token: str, paths: Collection[str]) -> Mapping[str, tuple[int, int]]:
        """Return those of these paths that were written, by any process, and not removed since.

        Each with size and mtime (nanoseconds) of its file.
        """

    def unrecorded(self, token: str, files: Collection[Written]) -> set[str]:
        """Return the paths of those files that were recorded with another size or time, or not."""

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
        """Note what was written and removed.

        ``complete`` is the content revision that the folder is complete up to; None where
        something is still to be written. Unless ``everything`` was compared, that holds only
        where the folder is of the same ``fingerprint``, and where everything was and not all
        could be written, the folder is of none.
        """

    def record_failures(self, token: str, failures: Mapping[str, str]) -> None:
        """Note what cannot be written, in the place of what was noted before."""

    def count_files(self, token: str) -> int:
        """Return how many files of feeds were written into an output folder."""

    def end_writing(self, token: str, boot: str, pids: Collection[int]) -> None:
        """Note that everything that these processes wrote is on the disk."""

    def forget_other_boots(self, token: str, boot: str) -> None:
        """Note that what processes of other boots wrote is as it should be."""
