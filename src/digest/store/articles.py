"""Articles, their categories, the files that they came from, and the files' problems."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, delete, distinct, func, select, update

from digest.articles.ingest import FileRecord, Reading
from digest.articles.model import Article, ArticleKey, CategoryPath, Changes, Problem
from digest.feeds.selection import CategorySummary
from digest.store.connection import Database, Lock
from digest.store.reading import COLUMNS, newest, newest_sequence, read, selected
from digest.store.recording import record
from digest.store.schema import article, category, file, membership, meta, problem
from digest.store.statements import among
from digest.store.types import chunks, hashed, storable

#: The row of ``meta`` that holds the authority of tag URIs.
AUTHORITY = "authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much the store holds."""

    articles: int
    categories: int  #: at every level, those that hold an article
    files: int  #: those that are there now
    problems: int


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
            file.c.recipe,
            file.c.missing_at.is_not(None),
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
                recipe=recipe,
                missing=missing,
            )
            for path, size, mtime_ns, content, recipe, missing in rows
        }

    def record(self, readings: Sequence[Reading], now: datetime) -> Changes:
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
            return record(connection, known, readings, now)

    def touch(self, records: Sequence[FileRecord]) -> None:
        """Remember new sizes, times and recipes of files whose content is as before.

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
                recipe=bindparam("recipe"),
                missing_at=case((bindparam("gone"), file.c.missing_at), else_=None),
            )
        )
        rows = [
            {
                "touched": hashed(known.path),
                "size": known.size,
                "mtime_ns": known.mtime_ns,
                "recipe": known.recipe,
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
                gone = file.c.key.in_(chunk)
                troubled = file.c.key.in_(select(problem.c.file))
                connection.execute(update(file).where(gone).values(missing_at=now))
                connection.execute(update(file).where(gone, troubled).values(content=""))
                connection.execute(delete(problem).where(problem.c.file.in_(chunk)))

    def counts(self) -> Counts:
        """Return how much there is."""
        with self._database.read() as connection:
            return Counts(
                articles=_count(connection, select(func.count()).select_from(article)),
                categories=_count(connection, select(func.count(distinct(membership.c.category)))),
                files=_count(connection, select(func.count()).where(file.c.missing_at.is_(None))),
                problems=_count(connection, select(func.count()).select_from(problem)),
            )

    def problems(self) -> list[Problem]:
        """Return the files that could not become articles, in order of path."""
        query = select(file.c.path, problem).join(file, file.c.key == problem.c.file)
        with self._database.read() as connection:
            found = [
                Problem(path=row.path, line=row.line, cause=row.cause, seen_at=row.seen_at)
                for row in connection.execute(query)
            ]
        return sorted(found, key=lambda one: one.path)

    def categories(self) -> list[CategorySummary]:
        """Return every category at every level that holds an article, in order of path."""
        totals = (
            select(membership.c.category, func.count().label("articles"))
            .group_by(membership.c.category)
            .subquery()
        )
        query = select(category.c.names, totals.c.articles).join(
            totals, totals.c.category == category.c.id
        )
        with self._database.read() as connection:
            summaries = [
                CategorySummary(path=CategoryPath(row.names), articles=row.articles)
                for row in connection.execute(query)
            ]
        return sorted(summaries, key=lambda summary: summary.path)

    def newest(self, category: CategoryPath | None, limit: int) -> list[Article]:
        """Return the newest articles by publication, then sequence, of a category or of all."""
        return self._articles(newest(category).limit(limit))

    def articles(self, keys: Collection[ArticleKey]) -> list[Article]:
        """Return the articles with these keys, in order of sequence; unknown keys are left out."""
        with self._database.read() as connection:
            found = [
                one
                for chunk in chunks(list(keys))
                for one in read(connection, select(*COLUMNS).where(article.c.key.in_(chunk)))
            ]
        return sorted(found, key=lambda one: one.sequence)

    def article_keys(self) -> list[ArticleKey]:
        """Return the keys of all articles, in order of sequence."""
        with self._database.read() as connection:
            return list(connection.scalars(select(article.c.key).order_by(article.c.id)))

    def newest_sequence(self) -> int:
        """Return the sequence of the newest article, 0 where there is none."""
        with self._database.read() as connection:
            return newest_sequence(connection)

    def latest(self, categories: Collection[CategoryPath], limit: int) -> list[Article]:
        """Return the newest articles by sequence in any of these categories, or of all.

        They come in order of sequence.
        """
        query = selected(select(*COLUMNS), categories).order_by(article.c.id.desc())
        return self._articles(query.limit(limit))[::-1]

    def since(self, after: int, categories: Collection[CategoryPath]) -> list[Article]:
        """Return the articles with a greater sequence in any of these categories, or all.

        They come in order of sequence.
        """
        query = selected(select(*COLUMNS), categories).where(article.c.id > after)
        return self._articles(query.order_by(article.c.id))

    def _articles(self, query: Select[Any]) -> list[Article]:
        with self._database.read() as connection:
            return read(connection, query)


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
