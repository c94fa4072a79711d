"""Articles, their categories, the files that they came from, and the files' problems."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, delete, func, select, update

from digest.articles.ingest.records import Embargoes, FileRecord, Reading
from digest.articles.model import Changes, Problem, Severity
from digest.articles.revision import IngestPolicy
from digest.store.article_batches import record
from digest.store.article_queries import category_summaries
from digest.store.connection import Database, Lock
from digest.store.file_assets import referring_files
from digest.store.memberships import update_all_facets
from digest.store.problems import FAILED, counted, listed
from digest.store.rewritten_files import SAID
from digest.store.schema import article, article_state, file, meta, problem, withdrawal
from digest.store.statements import among
from digest.store.types import chunks, hashed, storable
from digest.store.visibility import visible
from digest.store.withdrawals import review, reviewable

_POLICY = IngestPolicy()
#: The row of ``meta`` that holds the authority of tag URIs.
AUTHORITY = "authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much the store holds."""

    articles: int  #: those that are shown
    categories: int  #: at every level, those that hold an article
    files: int  #: those that are there now
    problems: int  #: files that could not become an article
    salvaged: int = 0  #: files that became one, though they are broken
    noted: int = 0  #: files of which something is done without
    embargoed: int = 0  #: files that wait for the date of their article
    withdrawn: int = 0  #: articles


class ArticleStore:
    """What ingest, publishing and the commands need to know of articles.

    Every method raises StoreError where the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def files(self, paths: Collection[str] | None = None) -> dict[str, FileRecord]:
        """Return the records of these paths, or of all, by path; missing ones too."""
        query = select(
            file.c.path,
            file.c.size,
            file.c.mtime_ns,
            file.c.content,
            file.c.options_hash,
            file.c.missing_at.is_not(None),
            case((SAID, file.c.text_hash), else_=None),
            case((SAID, file.c.raw_hash), else_=None),
        )
        with self._database.read() as connection:
            if paths is None:
                rows = list(connection.execute(query))
            else:
                rows = []
                for chunk in chunks([hashed(path) for path in paths]):
                    rows += connection.execute(query.where(file.c.key.in_(chunk)))
        return {
            path: FileRecord(
                path=path,
                size=size,
                mtime_ns=mtime_ns,
                content=content,
                options_hash=options_hash,
                missing=missing,
                text_hash=text_hash or "",
                raw_hash=raw_hash or "",
            )
            for path, size, mtime_ns, content, options_hash, missing, text_hash, raw_hash in rows
        }

    def record(
        self, readings: Sequence[Reading], now: datetime, policy: IngestPolicy = _POLICY
    ) -> Changes:
        """Store what was read, all or nothing, and return what changed.

        ``Store.authority`` must have been called on this database once: new articles get their
        public ids from it. Raises RuntimeError where it was not.
        """
        if not readings:
            return Changes()
        with self._database.write(Lock.ARTICLES) as connection:
            known = authority(connection)
            if known is None:
                raise RuntimeError("the store has no authority yet: call Store.authority first")
            return record(connection, known, readings, now, policy)

    def referring_files(self, assets: Collection[str]) -> set[str]:
        """Return the paths of article files that refer to one of these files on disk."""
        if not assets:
            return set()
        with self._database.read() as connection:
            return referring_files(connection, assets)

    def touch(self, records: Sequence[FileRecord]) -> None:
        """Remember new sizes, times and hashes of options of files whose content is as before.

        A file that was missing is there again, unless its record says otherwise.
        """
        if not records:
            return
        statement = (
            update(file)
            .where(file.c.key == bindparam("touched"))
            .values(
                size=bindparam("size"),
                mtime_ns=bindparam("mtime_ns"),
                options_hash=bindparam("options_hash"),
                missing_at=case((bindparam("gone"), file.c.missing_at), else_=None),
            )
        )
        rows = [
            {
                "touched": hashed(known.path),
                "size": known.size,
                "mtime_ns": known.mtime_ns,
                "options_hash": known.options_hash,
                "gone": known.missing,
            }
            for known in records
        ]
        with self._database.write(Lock.ARTICLES) as connection:
            connection.execute(statement, rows)

    def vanish(self, paths: Collection[str], now: datetime) -> None:
        """Remember that these files, and those in these folders, are gone; their articles stay.

        Problems of theirs go. The content of such a file is forgotten with its problem, so that
        it is read again when it comes back.
        """
        wanted = {storable(path) for path in paths}
        if not wanted:
            return
        with self._database.write(Lock.ARTICLES) as connection:
            for chunk in chunks(_present(connection, wanted)):
                these = file.c.key.in_(chunk)
                failed = select(problem.c.file).where(FAILED)
                connection.execute(update(file).where(these).values(missing_at=now))
                connection.execute(
                    update(file).where(these, file.c.key.in_(failed)).values(content="")
                )
                connection.execute(delete(problem).where(problem.c.file.in_(chunk), FAILED))

    def embargoes(self, now: datetime) -> Embargoes:
        """Return which files wait for the date of their article, or for its end."""
        over: set[str] = set()
        later: list[datetime] = []
        with self._database.read() as connection:
            for column, waiting in (
                (file.c.embargo_at, file.c.embargo_at.is_not(None)),
                (file.c.expires_at, file.c.expires_at.is_not(None) & ~file.c.held),
            ):
                there = file.c.missing_at.is_(None) & waiting
                over |= set(connection.scalars(select(file.c.path).where(there, column <= now)))
                next_at = connection.scalar(select(func.min(column)).where(there, column > now))
                later += [next_at] if next_at else []
        return Embargoes(over=frozenset(over), next_at=min(later, default=None))

    def waiting(self) -> list[tuple[str, datetime]]:
        """Return the paths of files with a date to come, and that date, the next one first."""
        query = select(file.c.path, file.c.embargo_at).where(
            file.c.missing_at.is_(None), file.c.embargo_at.is_not(None)
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(file.c.embargo_at, file.c.path))
            return [(row.path, row.embargo_at) for row in rows]

    def review(
        self, now: datetime, grace: timedelta | None, policy: IngestPolicy | None = None
    ) -> Changes:
        """Show articles again whose files are back, and withdraw those whose files hold them back.

        With ``grace`` those without a file for so long are withdrawn, too; but where not a single
        file is there, the tree itself is away, and none are. With ``policy`` facets are decided
        anew where those that are known were decided by others: another language of the site,
        other feeds of the operator's.
        """
        facet_changes = update_all_facets(self._database, policy, now) if policy else Changes()
        if grace is None:
            with self._database.read() as connection:
                if not reviewable(connection):
                    return facet_changes
        with self._database.write(Lock.ARTICLES) as connection:
            return facet_changes + review(connection, now, grace)

    def counts(self) -> Counts:
        """Return how much there is."""
        present = select(func.count()).where(file.c.missing_at.is_(None))
        gone = select(func.count()).where(withdrawal.c.at.is_not(None))
        unseen = select(func.count()).where(article_state.c.hidden != 0)
        with self._database.read() as connection:
            withdrawn = _count(connection, gone)
            troubled = counted(connection)
            return Counts(
                articles=_count(connection, select(func.count()).select_from(article_state))
                - _count(connection, unseen),
                categories=len(category_summaries(connection)),
                files=_count(connection, present),
                problems=troubled[Severity.FAILED],
                salvaged=troubled[Severity.SALVAGED],
                noted=troubled[Severity.NOTED],
                embargoed=_count(connection, present.where(file.c.embargo_at.is_not(None))),
                withdrawn=withdrawn,
            )

    def without_link(self) -> int:
        """Return how many articles have no address but that of their page here."""
        query = select(func.count()).select_from(article)
        with self._database.read() as connection:
            return _count(connection, query.where(article.c.link.is_(None), visible()))

    def problems(self, *, noted: bool = False) -> list[Problem]:
        """Return what files have wrong, in order of path and line; all but what is only noted.

        With ``noted`` that, too.
        """
        with self._database.read() as connection:
            return listed(connection, noted=noted)


def authority(connection: Connection) -> str | None:
    """Return the authority that articles' ids are made with; None where none is stored yet."""
    return connection.scalar(select(meta.c.value).where(meta.c.name == AUTHORITY))


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.scalar(query) or 0)


def _present(connection: Connection, wanted: Collection[str]) -> list[str]:
    """Return the keys of the files at these paths, and in these folders, that are still there."""
    present = select(file.c.key, file.c.path).where(file.c.missing_at.is_(None))
    hashes = [hashed(path) for path in wanted]
    files = {row.path: row.key for row in among(connection, present, file.c.key, hashes)}
    folders = frozenset(wanted) - files.keys()
    if not folders:
        return list(files.values())
    below = (key for key, path in connection.execute(present) if _below(path, folders))
    return [*files.values(), *below]


def _below(path: str, folders: frozenset[str]) -> bool:
    """Tell whether a path lies in one of these folders."""
    end = path.rfind("/")
    while end > 0:
        if path[:end] in folders:
            return True
        end = path.rfind("/", 0, end)
    return False
