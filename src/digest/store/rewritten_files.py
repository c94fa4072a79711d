"""Files that were rewritten with the same text: record them without processing it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from digest.articles.duplicates import ContentSignature
from digest.articles.ingest.records import Reading
from digest.articles.model import Draft, SafeHtml, UnchangedText, VolatileFields, path_identity
from digest.articles.revision import IngestPolicy, notes
from digest.store.problems import note
from digest.store.schema import article, content_signature, file
from digest.store.statements import Prepared, among
from digest.store.types import bounded, hashed, storable

#: The condition that an article says what a file of it said last.
HOLDS_ARTICLE = (
    file.c.leads
    & file.c.missing_at.is_(None)
    & file.c.embargo_at.is_(None)
    & file.c.expires_at.is_(None)
    & ~file.c.held
    & file.c.article.is_not(None)
)
_REMEMBER = Prepared(
    update(file)
    .where(file.c.key == bindparam("repeated"))
    .values(
        size=bindparam("size"),
        mtime_ns=bindparam("mtime_ns"),
        content=bindparam("content"),
        raw_hash=bindparam("raw_hash"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """The result of a batch with rewritten files."""

    rest: list[Reading]  #: the other files, and those that change their articles
    unchanged: int  #: files that were written


def remember_repeats(
    connection: Connection, readings: Sequence[Reading], now: datetime, policy: IngestPolicy
) -> Repeated:
    """Record the files of a batch with the same text, if their articles do not change.

    A file with another image, recording or pin is returned as a draft. A file whose text, or lines
    where they were compared, another process has replaced meanwhile is ignored: the next scan finds
    it.
    """
    same = {
        hashed(reading.record.path): (reading, reading.outcome)
        for reading in readings
        if isinstance(reading.outcome, UnchangedText)
    }
    rest = [reading for reading in readings if not isinstance(reading.outcome, UnchangedText)]
    if not same:
        return Repeated(rest=rest, unchanged=0)
    query = select(
        file.c.key,
        file.c.text_hash,
        file.c.raw_hash,
        article.c.image,
        article.c.enclosure,
        article.c.pinned,
    )
    query = query.join(article, article.c.id == file.c.article).where(HOLDS_ARTICLE)
    plain, others = [], []
    for row in among(connection, query, file.c.key, same):
        reading, text = same[row.key]
        if row.text_hash != reading.record.text_hash:
            continue
        if text.volatile is None and row.raw_hash != text.raw_hash:
            continue
        if text.volatile is None or _is_as_stored(text.volatile, row):
            plain.append((row.key, reading, text))
        else:
            others.append(row.key)
    rows = [
        {
            "repeated": key,
            "size": bounded(reading.record.size),
            "mtime_ns": bounded(reading.record.mtime_ns),
            "content": reading.record.content,
            "raw_hash": text.raw_hash or None,
        }
        for key, reading, text in plain
    ]
    _REMEMBER.run(connection, rows)
    remarks = {
        storable(reading.record.path): notes(text.volatile, now, policy)
        for _, reading, text in plain
        if text.volatile is not None
    }
    note(connection, remarks, now)
    for row in _articles(connection, others):
        reading, text = same[row.key]
        assert text.volatile is not None  # noqa: S101 looked at above
        draft = replace(_draft(row, text.volatile), raw_hash=text.raw_hash)
        rest.append(Reading(record=reading.record, outcome=draft))
    return Repeated(rest=rest, unchanged=len(plain))


def _is_as_stored(volatile: VolatileFields, row: Row[Any]) -> bool:
    """Return whether an article has the image, recording and pin of its file."""
    image = volatile.image or row.image
    return (image, volatile.enclosure, volatile.pinned) == (row.image, row.enclosure, row.pinned)


def _articles(connection: Connection, keys: Sequence[str]) -> list[Row[Any]]:
    """Return the stored articles of these files."""
    query = (
        select(
            file.c.key,
            file.c.path,
            file.c.categories,
            file.c.text_hash,
            article.c.fingerprint,
            article.c.title,
            article.c.authors,
            article.c.link,
            article.c.image,
            article.c.language,
            article.c.summary,
            article.c.body,
            article.c.credit,
            content_signature.c.title.label("title_hash"),
            content_signature.c.exact,
            content_signature.c.linked,
            content_signature.c.sketch,
        )
        .join(article, article.c.id == file.c.article)
        .outerjoin(content_signature, content_signature.c.article == article.c.id)
    )
    return list(among(connection, query, file.c.key, keys))


def _draft(row: Row[Any], volatile: VolatileFields) -> Draft:
    """Return the draft of a file whose text is the stored one."""
    signature = None
    if row.exact is not None:
        signature = ContentSignature(
            title=row.title_hash, exact=row.exact, linked=row.linked, sketch=row.sketch
        )
    return Draft(
        identity=path_identity(PurePosixPath(row.path)),  # the file holds its article anyway
        title=row.title,
        authors=row.authors,
        categories=row.categories or (),
        published_at=volatile.published_at,
        link=row.link,
        image=volatile.image or row.image,
        language=row.language,
        summary=row.summary,
        body=SafeHtml(row.body),
        fingerprint=row.fingerprint,
        enclosure=volatile.enclosure,
        pinned=volatile.pinned,
        credit=row.credit,
        text_hash=row.text_hash,
        signature=signature,
        notes=volatile.notes,
    )
