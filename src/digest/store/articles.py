"""Articles, their categories, the files that they came from, and the files' problems."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
from digest.store.meta_values import meta_value
from digest.store.problems import FAILED, counted, listed
from digest.store.rewritten_files import HOLDS_ARTICLE
from digest.store.schema import article, article_state, file, problem, withdrawal
from digest.store.statements import PreparedAmong, among
from digest.store.types import chunks, hashed, storable
from digest.store.visibility import hide_mail_only, mail_only, visible, visible_state
from digest.store.withdrawals import changes_of, has_outdated_withdrawals, update_withdrawals

_POLICY = IngestPolicy()
#: The row of ``meta`` with the authority of articles' tag URIs (RFC 4151).
AUTHORITY = "authority"
_RECORDS = select(
    file.c.path,
    file.c.size,
    file.c.mtime_ns,
    file.c.content,
    file.c.options_hash,
    file.c.missing_at.is_not(None).label("missing"),
    case((HOLDS_ARTICLE, file.c.text_hash), else_=None).label("text_hash"),
    case((HOLDS_ARTICLE, file.c.raw_hash), else_=None).label("raw_hash"),
)
_RECORDS_OF = PreparedAmong(_RECORDS, file.c.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The numbers of stored items."""

    articles: int  #: those that are shown
    categories: int  #: at every level, those that hold an article
    files: int  #: those that are there now
    problems: int  #: files that could not become an article
    salvaged: int = 0  #: files that became one, though they are broken
    noted: int = 0  #: files of which something is done without
    embargoed: int = 0  #: files that wait for the date of their article
    withdrawn: int = 0  #: articles


class ArticleStore:
    """Stores articles and the records of their files.

    Every method raises StoreError where the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def files(self, paths: Collection[str] | None = None) -> dict[str, FileRecord]:
        """Return the records of these paths, or of all, by path; missing ones too."""
        with self._database.read() as connection:
            rows: Iterable[Any]
            if paths is None:
                rows = connection.execute(_RECORDS).all()
            else:
                rows = list(_RECORDS_OF.run(connection, map(hashed, paths)))
        return {
            row.path: FileRecord(
                path=row.path,
                size=row.size,
                mtime_ns=row.mtime_ns,
                content=row.content,
                options_hash=row.options_hash,
                missing=row.missing,
                text_hash=row.text_hash or "",
                raw_hash=row.raw_hash or "",
            )
            for row in rows
        }

    def record(
        self, readings: Sequence[Reading], now: datetime, policy: IngestPolicy = _POLICY
    ) -> Changes:
        """Store read files, all or none, and return the changes.

        ``Store.authority`` must have been called on this database once: new articles get their
        public ids from it. Raises RuntimeError where it was not.
        """
        if not readings:
            return Changes()
        with self._database.write(Lock.ARTICLES) as connection:
            authority = meta_value(connection, AUTHORITY)
            if authority is None:
                raise RuntimeError("the store has no authority yet: call Store.authority first")
            return record(connection, authority, readings, now, policy)

    def referring_files(self, assets: Collection[str]) -> set[str]:
        """Return the paths of article files that refer to one of these files on disk."""
        if not assets:
            return set()
        with self._database.read() as connection:
            return referring_files(connection, assets)

    def record_unchanged(self, records: Sequence[FileRecord]) -> None:
        """Record new sizes, times and hashes of options of files with unchanged content.

        A missing file counts as present again, unless its record says otherwise.
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

    def mark_missing(self, paths: Collection[str], now: datetime) -> None:
        """Record that these files, and those in these folders, are missing; their articles stay.

        Their problems are deleted, together with the hash of such a file, so that it is read
        again when it comes back.
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
        """Return the files that wait for their article's date of publication or of expiry."""
        due: set[str] = set()
        later: list[datetime] = []
        with self._database.read() as connection:
            for column, waiting in (
                (file.c.embargo_at, file.c.embargo_at.is_not(None)),
                (file.c.expires_at, file.c.expires_at.is_not(None) & ~file.c.held),
            ):
                there = file.c.missing_at.is_(None) & waiting
                due |= set(connection.scalars(select(file.c.path).where(there, column <= now)))
                next_at = connection.scalar(select(func.min(column)).where(there, column > now))
                later += [next_at] if next_at else []
        return Embargoes(due=frozenset(due), next_at=min(later, default=None))

    def waiting(self) -> list[tuple[str, datetime]]:
        """Return paths and dates of files with a date in the future, earliest first."""
        query = select(file.c.path, file.c.embargo_at).where(
            file.c.missing_at.is_(None), file.c.embargo_at.is_not(None)
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(file.c.embargo_at, file.c.path))
            return [(row.path, row.embargo_at) for row in rows]

    def update_withdrawals(
        self, now: datetime, grace: timedelta | None, policy: IngestPolicy | None = None
    ) -> Changes:
        """Restore articles whose files are back; withdraw those whose files hold them back.

        With ``grace``, articles without a file for that long are withdrawn, too, unless no file
        at all is present: then the tree is unavailable. With ``policy``, facets are decided
        again if the stored ones are of another policy (language of the site, custom feeds).
        """
        facet_changes = update_all_facets(self._database, policy, now) if policy else Changes()
        if policy:
            facet_changes += self._hide_mail_only(policy, now)
        if grace is None:
            with self._database.read() as connection:
                if not has_outdated_withdrawals(connection):
                    return facet_changes
        with self._database.write(Lock.ARTICLES) as connection:
            return facet_changes + update_withdrawals(connection, now, grace)

    def _hide_mail_only(self, policy: IngestPolicy, now: datetime) -> Changes:
        """Hide articles from all but mails, and show others again, if the folders are others."""
        with self._database.read() as connection:
            if not mail_only(connection, policy)[1]:
                return Changes()
        with self._database.write(Lock.ARTICLES) as connection:
            return changes_of(connection, hide_mail_only(connection, policy), now)

    def counts(self) -> Counts:
        """Return the numbers of stored items."""
        present = select(func.count()).where(file.c.missing_at.is_(None))
        gone = select(func.count()).where(withdrawal.c.at.is_not(None))
        unseen = select(func.count()).where(~visible_state())
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
        """Return the number of visible articles without a link of their own."""
        query = select(func.count()).select_from(article)
        with self._database.read() as connection:
            return _count(connection, query.where(article.c.link.is_(None), visible()))

    def problems(self, *, noted: bool = False) -> list[Problem]:
        """Return the problems of files, in order of path and line.

        Those of severity NOTED are included only if ``noted``.
        """
        with self._database.read() as connection:
            return listed(connection, noted=noted)


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.scalar(query) or 0)


def _present(connection: Connection, wanted: Collection[str]) -> list[str]:
    """Return the keys of present files at these paths and in these folders."""
    present = select(file.c.key, file.c.path).where(file.c.missing_at.is_(None))
    hashes = [hashed(path) for path in wanted]
    files = {row.path: row.key for row in among(connection, present, file.c.key, hashes)}
    folders = frozenset(wanted) - files.keys()
    if not folders:
        return list(files.values())
    below = (key for key, path in connection.execute(present) if _below(path, folders))
    return [*files.values(), *below]


def _below(path: str, folders: frozenset[str]) -> bool:
    """Return whether a path lies in one of these folders."""
    end = path.rfind("/")
    while end > 0:
        if path[:end] in folders:
            return True
        end = path.rfind("/", 0, end)
    return False
