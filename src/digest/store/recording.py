"""Recording: store a batch of files that were read, with one statement for many rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from digest.articles.ingest import Failure, FileRecord, Reading
from digest.articles.model import ArticleKey, Changes, Draft, article_key
from digest.articles.revision import Kind, Known, content_digest, decide
from digest.site import tag_uri
from digest.store.filing import file_under
from digest.store.register import Entry, Holding, Register
from digest.store.schema import article, file, problem
from digest.store.statements import among, put
from digest.store.types import chunks, hashed, storable

_KNOWN = (
    article.c.id,
    article.c.identity,
    article.c.by_path,
    article.c.fingerprint,
    article.c.content,
    article.c.published_at,
    article.c.updated_at,
)
_FILE = (file.c.path, file.c.content, file.c.missing_at, file.c.article)


@dataclass(slots=True, kw_only=True)
class _Outcome:
    """What a batch comes to, before it is written."""

    files: dict[str, tuple[FileRecord, Failure | None]] = field(default_factory=dict)
    revised: dict[str, tuple[Entry, Draft]] = field(default_factory=dict)  #: by identity
    unchanged: int = 0


def record(
    connection: Connection, authority: str, readings: Sequence[Reading], now: datetime
) -> Changes:
    """Store what was read, within the caller's transaction, and return what changed."""
    register = _load(connection, readings)
    outcome = _decide(register, readings, now)
    revised = list(outcome.revised.values())
    new = [(entry, draft) for entry, draft in revised if entry.sequence is None]
    changed = [(entry, draft) for entry, draft in revised if entry.sequence is not None]
    _insert(connection, authority, new)
    _update(connection, changed)
    categories = file_under(connection, new, changed)
    _remember(connection, register, outcome, now)
    return Changes(
        articles=frozenset(entry.key for entry, _ in revised),
        categories=frozenset(categories),
        new=len(new),
        updated=len(changed),
        unchanged=outcome.unchanged,
        problems=sum(failure is not None for _, failure in outcome.files.values()),
    )


def _load(connection: Connection, readings: Sequence[Reading]) -> Register:
    """Return the register of all that these files may be about."""
    paths = {storable(reading.record.path) for reading in readings}
    drafts = [
        (reading.record.content, reading.outcome)
        for reading in readings
        if isinstance(reading.outcome, Draft)
    ]
    identities = {storable(draft.identity) for _, draft in drafts}
    contents = {content for content, _ in drafts if content}
    rows = list(among(connection, select(*_FILE), file.c.key, [hashed(path) for path in paths]))
    gone = select(*_FILE).where(file.c.missing_at.is_not(None), file.c.article.is_not(None))
    rows += [
        row for row in among(connection, gone, file.c.content, contents) if row.path not in paths
    ]
    entries = _entries(connection, {row.article for row in rows} - {None}, identities)
    holdings = [
        Holding(
            path=row.path,
            content=row.content,
            missing=row.missing_at is not None,
            entry=entries.get(row.article),
        )
        for row in rows
    ]

    def taken(identity: str) -> bool:
        query = select(article.c.id).where(article.c.key == article_key(identity))
        return connection.scalar(query) is not None

    return Register(entries.values(), holdings, paths, taken)


def _entries(
    connection: Connection, sequences: Collection[int], identities: Collection[str]
) -> dict[int, Entry]:
    """Return the articles with these sequences or identities, by sequence, with their owners."""
    keys = [article_key(identity) for identity in identities]
    rows = [
        *among(connection, select(*_KNOWN), article.c.id, sequences),
        *among(connection, select(*_KNOWN), article.c.key, keys),
    ]
    entries = {
        row.id: Entry(
            identity=row.identity,
            by_path=row.by_path,
            sequence=row.id,
            known=Known(
                fingerprint=row.fingerprint,
                published_at=row.published_at,
                updated_at=row.updated_at,
                content=row.content,
            ),
        )
        for row in rows
    }
    present = select(file.c.article, file.c.path).where(file.c.missing_at.is_(None))
    for owner in among(connection, present, file.c.article, entries):
        entries[owner.article].owners.add(owner.path)
    return entries


def _decide(register: Register, readings: Sequence[Reading], now: datetime) -> _Outcome:
    """Bring every file together with its article, and tell which articles changed."""
    outcome = _Outcome()
    for reading in readings:
        record, draft = reading.record, reading.outcome
        path = storable(record.path)
        if isinstance(draft, Failure):
            register.keep(path, record.content)
            outcome.files[path] = (record, draft)
            continue
        entry = register.assign(path, record.content, storable(draft.identity))
        outcome.files[path] = (record, None)
        revision = decide(entry.known, draft, now)
        if revision.kind is Kind.UNCHANGED:
            outcome.unchanged += 1
            continue
        entry.known = Known(
            fingerprint=draft.fingerprint,
            published_at=revision.published_at,
            updated_at=revision.updated_at,
            content=content_digest(draft),
        )
        outcome.revised[entry.identity] = (entry, draft)
    return outcome


def _columns(entry: Entry, draft: Draft) -> dict[str, Any]:
    """Return the columns of an article that a new version may change."""
    known = entry.known
    assert known is not None  # noqa: S101 decided just before
    return {
        "fingerprint": known.fingerprint,
        "content": known.content,
        "published_at": known.published_at,
        "updated_at": known.updated_at,
        "language": draft.language,
        "link": draft.link,
        "image": draft.image,
        "title": draft.title,
        "authors": draft.authors,
        "summary": draft.summary,
        "body": draft.body,
    }


def _insert(connection: Connection, authority: str, new: Sequence[tuple[Entry, Draft]]) -> None:
    """Insert new articles in the order of their files, and learn their sequences."""
    if not new:
        return
    rows = [
        {
            "key": entry.key,
            "tag": tag_uri(authority, entry.key),
            "identity": entry.identity,
            "by_path": entry.by_path,
            **_columns(entry, draft),
        }
        for entry, draft in new
    ]
    connection.execute(article.insert(), rows)
    entries = {entry.key: entry for entry, _ in new}
    query = select(article.c.key, article.c.id)
    for row in among(connection, query, article.c.key, entries):
        entries[ArticleKey(row.key)].sequence = row.id


def _update(connection: Connection, changed: Sequence[tuple[Entry, Draft]]) -> None:
    if changed:
        rows = [{"sequence": entry.sequence, **_columns(entry, draft)} for entry, draft in changed]
        statement = article.update().where(article.c.id == bindparam("sequence"))
        connection.execute(statement, rows)


def _remember(connection: Connection, register: Register, outcome: _Outcome, now: datetime) -> None:
    """Write the files and their problems."""
    for chunk in chunks([hashed(path) for path in register.moved]):
        connection.execute(delete(file).where(file.c.key.in_(chunk)))
    rows, failures, fine = [], {}, []
    for path, (record, failure) in outcome.files.items():
        key = hashed(path)
        holding = register.holding(path)
        rows.append(
            {
                "key": key,
                "path": path,
                "size": record.size,
                "mtime_ns": record.mtime_ns,
                "content": record.content,
                "recipe": record.recipe,
                "missing_at": None,
                "article": holding.entry.sequence if holding and holding.entry else None,
            }
        )
        if failure is None:
            fine.append(key)
        else:
            failures[key] = failure
    put(connection, file, rows, key="key")
    for chunk in chunks(fine):
        connection.execute(delete(problem).where(problem.c.file.in_(chunk)))
    since = {
        row.file: row.seen_at
        for row in among(connection, select(problem), problem.c.file, failures)
        if row.cause == storable(failures[row.file].cause)
    }
    found = [
        {"file": key, "line": failure.line, "cause": failure.cause, "seen_at": since.get(key, now)}
        for key, failure in failures.items()
    ]
    put(connection, problem, found, key="file")
