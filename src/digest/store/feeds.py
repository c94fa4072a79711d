"""Feeds: which are stale, their contents, and the recorded files of output folders."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import itemgetter

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    exists,
    func,
    select,
    update,
)

from digest.articles.model import Article, CategoryPath, Facet, FacetKind, Scope
from digest.feeds.model import Feed
from digest.feeds.publish.documents import FeedContents
from digest.feeds.publish.model import OutputRecord
from digest.feeds.publish.output_folder import Written
from digest.feeds.publish.plan import StaleFeeds
from digest.store.archives import feed_state, update_archives
from digest.store.article_queries import of_sequences
from digest.store.connection import Database, Lock
from digest.store.meta_values import meta_value
from digest.store.revisions import articles_since, changed_since, current
from digest.store.schema import (
    article_state,
    category,
    facet,
    facet_article,
    membership,
    meta,
    output,
    published_file,
    unsynced_writer,
)
from digest.store.statements import PreparedAmong, PreparedQuery, insert_new, put
from digest.store.types import chunks, hashed
from digest.store.visibility import visible_state
from digest.store.withdrawals import any_withdrawn

#: Rows of ``meta``, one for each output folder (by its token): files that cannot be written.
_FAILURES = "failures "


def _holds_visible(selection: Column[int], number: Column[int]) -> ColumnElement[bool]:
    """Return the condition that a selection has a visible article in its table of members."""
    sequence = selection.table.c.article
    return exists().where(selection == number, article_state.c.article == sequence, visible_state())


_IN_CATEGORY = _holds_visible(membership.c.category, category.c.id)
_IN_FACET = _holds_visible(facet_article.c.facet, facet.c.id)
#: Those that hold a visible article.
_CATEGORIES_BY_KEY = PreparedAmong(select(category.c.key).where(_IN_CATEGORY), category.c.key)
_FACETS_BY_KEY = PreparedAmong(select(facet.c.key).where(_IN_FACET), facet.c.key)
_FACETS_OF_KINDS = PreparedAmong(select(facet.c.kind, facet.c.name).where(_IN_FACET), facet.c.kind)
_OUTPUT = PreparedQuery(
    select(output.c.revision, output.c.fingerprint).where(output.c.token == bindparam("token"))
)
_WRITERS = PreparedQuery(
    select(unsynced_writer.c.pid, unsynced_writer.c.boot).where(
        unsynced_writer.c.output == bindparam("token")
    )
)
_RECORDED = PreparedAmong(
    select(published_file.c.key, published_file.c.size, published_file.c.mtime_ns).where(
        published_file.c.output == bindparam("token")
    ),
    published_file.c.key,
)


class FeedStore:
    """Implements ``PublishStore``. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stale(self, since: int | None, kinds: Collection[FacetKind]) -> StaleFeeds:
        """Return the feeds that changed after a content revision, or (None) all feeds."""
        with self._database.read() as connection:
            number = current(connection).number
            spoken = {FacetKind.LANGUAGE}.intersection(kinds)
            languages = frozenset(_facets(connection, spoken))
            if since is None:
                holding: frozenset[Scope] = frozenset(
                    (*_categories(connection), *_facets(connection, kinds))
                )
                return StaleFeeds(
                    revision=number,
                    selections=dict.fromkeys((None, *holding), number),
                    articles=None,
                    holding=holding,
                    languages=languages,
                )
            changed = changed_since(connection, since)
            return StaleFeeds(
                revision=number,
                selections=changed,
                articles=frozenset(articles_since(connection, since)),
                holding=frozenset(_holding(connection, changed)),
                languages=languages,
            )

    def contents(
        self, feeds: Sequence[Feed], changed: frozenset[int] | None, *, archives: bool
    ) -> list[FeedContents]:
        """Return the contents of each feed; with ``archives``, close full archives first."""
        with self._database.read() as connection:
            gone = any_withdrawn(connection)
            states = [
                feed_state(connection, feed, changed, archives=archives, withdrawals=gone)
                for feed in feeds
            ]
        if not any(state.plan for state in states):
            return [state.contents for state in states]
        with self._database.write(Lock.ARCHIVES) as connection:
            for number, feed in enumerate(feeds):
                if states[number].plan:
                    # Plan again: another publisher may have closed it meanwhile.
                    states[number] = feed_state(connection, feed, changed, archives=archives)
                    update_archives(connection, states[number])
        return [state.contents for state in states]

    def articles_of(self, sequences: Collection[int]) -> list[Article]:
        """Return the visible articles with these sequences, in any order."""
        with self._database.read() as connection:
            return of_sequences(connection, sequences)

    def output(self, token: str) -> OutputRecord | None:
        """Return the record of an output folder; None if the folder is unknown."""
        with self._database.read() as connection:
            for row in _OUTPUT.run(connection, token=token):
                writers = _WRITERS.run(connection, token=token)
                return OutputRecord(
                    revision=row.revision,
                    fingerprint=row.fingerprint,
                    unsynced=frozenset((writer.boot, writer.pid) for writer in writers),
                    failures=json.loads(meta_value(connection, _FAILURES + token) or "{}"),
                )
        return None

    def begin_writing(self, token: str, boot: str, pid: int) -> None:
        """Record that a process writes into an output folder, known or new."""
        with self._database.write() as connection:
            new = {"token": token, "revision": None, "fingerprint": ""}
            insert_new(connection, output, [new], key="token")
            insert_new(
                connection,
                unsynced_writer,
                [{"output": token, "boot": boot, "pid": pid}],
                key=("output", "boot", "pid"),
            )

    def written_files(self, token: str) -> Iterator[tuple[str, int, int]]:
        """Yield path, size and mtime (nanoseconds) of each file as it was written."""
        columns = (published_file.c.path, published_file.c.size, published_file.c.mtime_ns)
        with self._database.read() as connection:
            query = select(*columns).where(published_file.c.output == token)
            for row in connection.execute(query).all():
                yield row.path, row.size, row.mtime_ns

    def recorded(self, token: str, paths: Collection[str]) -> dict[str, tuple[int, int]]:
        """Return those of these paths that were written, each with size and mtime of its file."""
        keys = {hashed(path): path for path in paths}
        with self._database.read() as connection:
            rows = _RECORDED.run(connection, keys, token=token)
            return {keys[row.key]: (row.size, row.mtime_ns) for row in rows}

    def unrecorded(self, token: str, files: Collection[Written]) -> set[str]:
        """Return the paths of those files that were recorded with another size or time, or not."""
        recorded = self.recorded(token, [file.path for file in files])
        return {
            file.path for file in files if recorded.get(file.path) != (file.size, file.mtime_ns)
        }

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
        """Record the files that were written and removed."""
        rows = [
            {
                "output": token,
                "key": hashed(file.path),
                "path": file.path,
                "size": file.size,
                "mtime_ns": file.mtime_ns,
            }
            for file in files
        ]
        with self._database.write() as connection:
            # In a fixed order, so that two processes that record the same files do not deadlock.
            rows.sort(key=itemgetter("key"))
            put(connection, published_file, rows, key=("output", "key"))
            for chunk in chunks([hashed(path) for path in removed]):
                gone = published_file.c.key.in_(chunk) & (published_file.c.output == token)
                connection.execute(delete(published_file).where(gone))
            known = output.c.fingerprint == fingerprint
            statement = update(output).where(output.c.token == token)
            if complete is None:
                if everything:  # some files are of this configuration now, and some are not
                    begun = statement.where(~known)
                    connection.execute(begun.values(revision=None, fingerprint=""))
                return
            # Another process may have published a later revision.
            further = known & (output.c.revision > complete)
            values = {
                "revision": case((further, output.c.revision), else_=complete),
                "fingerprint": fingerprint,
            }
            connection.execute((statement if everything else statement.where(known)).values(values))

    def record_failures(self, token: str, failures: Mapping[str, str]) -> None:
        """Record the files that cannot be written, in place of those recorded before."""
        name = _FAILURES + token
        with self._database.write() as connection:
            connection.execute(delete(meta).where(meta.c.name == name))
            if failures:
                row = {"name": name, "value": json.dumps(dict(failures), ensure_ascii=False)}
                insert_new(connection, meta, [row], key="name")

    def count_files(self, token: str) -> int:
        """Return how many files of feeds were written into an output folder."""
        query = select(func.count()).where(published_file.c.output == token)
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def end_writing(self, token: str, boot: str, pids: Collection[int]) -> None:
        """Record that everything these processes wrote is on the disk."""
        ended = (
            (unsynced_writer.c.output == token)
            & (unsynced_writer.c.boot == boot)
            & unsynced_writer.c.pid.in_(pids)
        )
        with self._database.write() as connection:
            connection.execute(delete(unsynced_writer).where(ended))

    def forget_other_boots(self, token: str, boot: str) -> None:
        """Record that files written under other boot ids were verified."""
        others = (
            (unsynced_writer.c.output == token)
            & (unsynced_writer.c.boot != boot)
            & ~unsynced_writer.c.boot.startswith(f"{boot} ", autoescape=True)
        )
        with self._database.write() as connection:
            connection.execute(delete(unsynced_writer).where(others))


def _categories(connection: Connection) -> list[CategoryPath]:
    """Return every category at every level that holds a visible article."""
    query = select(category.c.names).where(_IN_CATEGORY)
    return [CategoryPath(names) for names in connection.scalars(query)]


def _facets(connection: Connection, kinds: Collection[FacetKind]) -> list[Facet]:
    """Return every facet of these kinds that holds a visible article."""
    return [
        Facet(FacetKind(row.kind), row.name)
        for row in _FACETS_OF_KINDS.run(connection, map(str, kinds))
    ]


def _holding(connection: Connection, selections: Collection[Scope]) -> Iterator[Scope]:
    """Yield those of these selections that hold a visible article."""
    categories = {
        hashed(path.folder): path for path in selections if isinstance(path, CategoryPath)
    }
    facets = {hashed(str(held)): held for held in selections if isinstance(held, Facet)}
    for row in _CATEGORIES_BY_KEY.run(connection, categories):
        yield categories[row.key]
    for row in _FACETS_BY_KEY.run(connection, facets):
        yield facets[row.key]
