"""Load the articles and files that a batch of files may concern."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from digest.articles.duplicates import ContentSignature
from digest.articles.ingest.records import Reading
from digest.articles.model import Draft, SafeHtml, article_key
from digest.articles.revision import Known
from digest.store.article_matching import (
    ArticleMatcher,
    MatchedArticle,
    MatchedFile,
    identity_apart,
    own_identity,
)
from digest.store.schema import article, content_signature, file
from digest.store.statements import PreparedAmong, PreparedQuery
from digest.store.types import hashed, storable

#: Articles of one title among which one that is nearly the same is looked for, the newest.
_NEWEST = 200

_KNOWN = (
    article.c.id,
    article.c.identity,
    article.c.by_path,
    article.c.fingerprint,
    article.c.content,
    article.c.published_at,
    article.c.updated_at,
    content_signature.c.title,
    content_signature.c.exact,
    content_signature.c.linked,
    content_signature.c.sketch,
)
_FILE = (
    file.c.path,
    file.c.content,
    file.c.missing_at,
    file.c.held,
    file.c.embargo_at,
    file.c.article,
    file.c.leads,
    file.c.fingerprint,
    file.c.categories,
)
_FILES, _ENTRIES = (
    select(*_FILE),
    select(*_KNOWN).outerjoin(content_signature, content_signature.c.article == article.c.id),
)
_BY_PATH = PreparedAmong(_FILES, file.c.key)
_BY_ARTICLE = PreparedAmong(_FILES, file.c.article)
_GONE_BY_CONTENT = PreparedAmong(
    _FILES.where(file.c.missing_at.is_not(None), file.c.article.is_not(None)), file.c.content
)
_BY_SEQUENCE = PreparedAmong(_ENTRIES, article.c.id)
_BY_KEY = PreparedAmong(_ENTRIES, article.c.key)
_SIGNED = select(content_signature.c.article)
_BY_SIGNATURE = PreparedAmong(_SIGNED, content_signature.c.exact)
_NEWEST_BY_TITLE = PreparedQuery(
    _SIGNED.where(content_signature.c.title == bindparam("title"))
    .order_by(content_signature.c.article.desc())
    .limit(_NEWEST)
)


def load(connection: Connection, readings: Sequence[Reading], *, fold: bool) -> ArticleMatcher:
    """Return a matcher with all articles and files that these files may concern."""
    paths = {storable(reading.record.path) for reading in readings}
    drafts = [
        (storable(reading.record.path), reading.record.content, reading.outcome)
        for reading in readings
        if isinstance(reading.outcome, Draft)
    ]
    contents = {content for _, content, _ in drafts if content}
    rows = {row.path: row for row in _BY_PATH.run(connection, map(hashed, paths))}
    rows |= {row.path: row for row in _GONE_BY_CONTENT.run(connection, contents)}
    articles = {row.article for row in rows.values()} - {None}
    # A file that holds an article is about that one; the others may be about any.
    unassigned = [draft for path, _, draft in drafts if path not in rows or not rows[path].article]
    sequences = articles | _duplicates(connection, unassigned, fold=fold)
    identities = {storable(draft.identity) for _, _, draft in drafts}
    identities |= {
        identity_apart(storable(draft.identity), path)
        for path, _, draft in drafts
        if draft.identity != own_identity(path)
    }
    known = _articles(connection, sequences, identities)
    rows |= {row.path: row for row in _BY_ARTICLE.run(connection, known)}
    files = [
        MatchedFile(
            path=row.path,
            content=row.content,
            missing=row.missing_at is not None,
            held=row.held,
            waited=row.embargo_at is not None,
            article=known.get(row.article),
            leads=row.leads,
            fingerprint=row.fingerprint,
            categories=row.categories or (),
        )
        for row in rows.values()
    ]

    def taken(identity: str) -> bool:
        query = select(article.c.id).where(article.c.key == article_key(identity))
        return connection.scalar(query) is not None

    def stored(sequence: int) -> SafeHtml:
        body = connection.scalar(select(article.c.body).where(article.c.id == sequence))
        return SafeHtml(body or "")

    return ArticleMatcher(known.values(), files, paths, taken, stored, fold=fold)


def _duplicates(connection: Connection, drafts: Sequence[Draft], *, fold: bool) -> set[int]:
    """Return the sequences of articles of which these drafts may be duplicates."""
    known = [draft.signature for draft in drafts if draft.signature]
    exact = {signature.exact for signature in known if signature.exact}
    sequences = {row.article for row in _BY_SIGNATURE.run(connection, exact)}
    for title in {signature.title for signature in known} if fold else ():
        sequences.update(_NEWEST_BY_TITLE.scalars(connection, title=title))
    return sequences


def _articles(
    connection: Connection, sequences: Collection[int], identities: Collection[str]
) -> dict[int, MatchedArticle]:
    """Return the articles with these sequences or identities, by sequence."""
    keys = [article_key(identity) for identity in identities]
    rows = [*_BY_SEQUENCE.run(connection, sequences), *_BY_KEY.run(connection, keys)]
    return {row.id: _article(row) for row in rows}


def _article(row: Any) -> MatchedArticle:
    return MatchedArticle(
        identity=row.identity,
        by_path=row.by_path,
        sequence=row.id,
        known=Known(
            fingerprint=row.fingerprint,
            published_at=row.published_at,
            updated_at=row.updated_at,
            content=row.content,
        ),
        signature=None
        if row.exact is None
        else ContentSignature(
            title=row.title, exact=row.exact, linked=row.linked, sketch=row.sketch
        ),
    )
