"""Store a batch of read files, with one statement for many rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from digest.articles.filters import FilterInput
from digest.articles.ingest.records import Failure, FileRecord, Reading
from digest.articles.model import ArticleKey, Changes, Draft, Note, Severity, UnchangedText, noted
from digest.articles.revision import IngestPolicy, Kind, Known, content_of, decide, hold, notes
from digest.site import tag_uri
from digest.store.article_lookup import load
from digest.store.article_matching import ArticleMatcher, MatchedArticle, own_identity
from digest.store.file_assets import replace_assets
from digest.store.memberships import FacetInput, note_policy, update_categories, update_facets
from digest.store.problems import note
from digest.store.revisions import advance, record_changes
from digest.store.rewritten_files import remember_repeats
from digest.store.schema import article, article_state, content_signature, file
from digest.store.statements import PreparedAmong, insert, put
from digest.store.types import chunks, hashed, storable
from digest.store.visibility import decide_mail_only, hide_mail_only, mail_only
from digest.store.withdrawals import changes_of

_SEQUENCES = PreparedAmong(select(article.c.key, article.c.id), article.c.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The values to store for one file."""

    record: FileRecord
    notes: tuple[Note, ...]
    embargo_at: datetime | None = None
    expires_at: datetime | None = None
    text_hash: str | None = None  #: None if its article was not made of this text
    raw_hash: str | None = None


@dataclass(slots=True, kw_only=True)
class _Outcome:
    """The result of a batch before it is written."""

    files: dict[str, _Seen] = field(default_factory=dict)  #: by path
    revised: dict[str, tuple[MatchedArticle, Draft]] = field(default_factory=dict)  #: by identity
    completed: list[MatchedArticle] = field(default_factory=list)  #: with a new signature
    unchanged: int = 0


def record(
    connection: Connection,
    authority: str,
    readings: Sequence[Reading],
    now: datetime,
    policy: IngestPolicy,
) -> Changes:
    """Store read files within the caller's transaction, and return the changes."""
    note_policy(connection, policy)
    repeated = remember_repeats(connection, readings, now, policy)
    if not repeated.rest:
        return Changes(unchanged=repeated.unchanged)
    matcher = load(connection, repeated.rest, fold=policy.fold)
    outcome = _decide(matcher, repeated.rest, now, policy)
    revised = list(outcome.revised.values())
    new = [(matched, draft) for matched, draft in revised if matched.sequence is None]
    changed = [(matched, draft) for matched, draft in revised if matched.sequence is not None]
    recategorized = [
        matched for name, matched in matcher.recategorized.items() if name not in outcome.revised
    ]
    _insert(connection, authority, new)
    _update(connection, changed)
    filed = update_categories(
        connection,
        [matched for matched, _ in new],
        [matched for matched, _ in changed],
        recategorized,
    )
    _store_signatures(connection, [*(matched for matched, _ in revised), *outcome.completed])
    _remember(connection, matcher, outcome)
    replace_assets(
        connection,
        {
            storable(reading.record.path): reading.outcome.assets
            for reading in repeated.rest
            if isinstance(reading.outcome, Draft)
        },
    )
    note(connection, {path: seen.notes for path, seen in outcome.files.items()}, now)
    touched = {
        matched.key: matched.sequence
        for matched in (*(matched for matched, _ in revised), *filed.moved)
    }
    sequences = [sequence for sequence in touched.values() if sequence is not None]
    facet_changes = update_facets(connection, sequences, policy, _facet_inputs(new, changed))
    if touched:
        revision = advance(connection, now)
        added = {matched.sequence: draft.announced for matched, draft in new}
        rows = [
            {"article": number, "hidden": 0, "announced": announced, "revision": revision.number}
            for number, announced in added.items()
        ]
        insert(connection, article_state, rows)
        record_changes(
            connection,
            revision,
            articles=[sequence for sequence in sequences if sequence not in added],
            selections=(None, *filed.categories, *facet_changes.facets),
        )
    rehidden = Changes()
    folders, others = mail_only(connection, policy)
    if others:  # remembered with the first files that it hides
        rehidden = changes_of(connection, hide_mail_only(connection, policy), now)
    elif folders:
        files = map(matcher.file, outcome.files)
        holders = [known.article for known in files if known and known.article]
        numbers = {matched.sequence for matched in holders if matched.sequence is not None}
        decided = decide_mail_only(connection, folders, numbers)
        rehidden = changes_of(connection, decided, now)
    return rehidden + Changes(
        articles=frozenset(touched),
        categories=filed.categories,
        facets=facet_changes.facets,
        new=len(new),
        updated=len(touched) - len(new),
        unchanged=outcome.unchanged + repeated.unchanged,
        problems=sum(map(_failed, outcome.files.values())),
    )


def _decide(
    matcher: ArticleMatcher, readings: Sequence[Reading], now: datetime, policy: IngestPolicy
) -> _Outcome:
    """Assign every file to its article, and return which articles changed."""
    outcome = _Outcome()
    for reading in readings:
        record, draft = reading.record, reading.outcome
        path = storable(record.path)
        assert not isinstance(draft, UnchangedText)  # noqa: S101 they are taken out before
        if isinstance(draft, Failure):
            matcher.keep(path, record.content)
            if draft.held_back:
                matcher.hold_back(path)
            failed = Note(severity=draft.severity, line=draft.line, cause=draft.cause)
            outcome.files[path] = _Seen(record=record, notes=(failed,))
            continue
        draft = _storable(draft)
        before = matcher.file(path)
        if before is not None and before.waited:
            draft = _after_waiting(draft)
        matched = matcher.assign(path, record.content, draft)
        rival = matcher.rivals.get(path)
        if rival is not None:
            cause = f"its id is that of {rival}, which says something else; id and path count"
            draft = replace(draft, notes=(*draft.notes, noted(None, cause)))
        held = hold(draft, now)
        if held:
            matcher.hold_back(path)
            outcome.files[path] = _Seen(
                record=record, notes=(held.note, *draft.notes), embargo_at=held.until
            )
            continue
        expires = draft.availability.expires if draft.availability else None
        outcome.files[path] = _Seen(
            record=record,
            notes=notes(draft, now, policy),
            expires_at=expires.at if expires else None,
        )
        revision = decide(matched.known, draft, now, policy)
        if revision.kind is Kind.EMBARGOED:
            matcher.withhold(path)
            outcome.files[path] = _Seen(
                record=record, notes=draft.notes, embargo_at=revision.published_at
            )
            continue
        if not matcher.lead(matched, path, draft):
            outcome.unchanged += 1
            continue
        if draft.identity in (matched.identity, own_identity(path)):
            # Written again with the same text, it would find the same article.
            outcome.files[path] = replace(
                outcome.files[path],
                text_hash=draft.text_hash or None,
                raw_hash=draft.raw_hash or None,
            )
        known = Known(
            fingerprint=draft.fingerprint,
            published_at=revision.published_at,
            updated_at=revision.updated_at,
            content=content_of(draft),
        )
        completed = _completes_signature(matched, draft)
        matcher.revise(matched, known, draft)
        if revision.kind is Kind.UNCHANGED:
            outcome.unchanged += 1
            outcome.completed += [matched] if completed else []
        else:
            outcome.revised[matched.identity] = (matched, draft)
    return outcome


def _storable(draft: Draft) -> Draft:
    """Return the draft with its identity as the database stores it."""
    identity = storable(draft.identity)
    return draft if identity == draft.identity else replace(draft, identity=identity)


def _after_waiting(draft: Draft) -> Draft:
    """Return the draft of a file that was held back, published no earlier than it may be."""
    wanted = draft.availability.not_before if draft.availability else None
    if wanted is None or draft.published_at is None or draft.published_at >= wanted.at:
        return draft
    return replace(draft, published_at=wanted.at)


def _completes_signature(matched: MatchedArticle, draft: Draft) -> bool:
    """Return whether a draft adds to the stored signature of an article."""
    before, signature = matched.signature, draft.signature
    return signature is not None and (
        before is None or (bool(signature.sketch) and not before.sketch)
    )


def _failed(seen: _Seen) -> bool:
    return any(note.severity is Severity.FAILED for note in seen.notes)


def _facet_inputs(
    new: Sequence[tuple[MatchedArticle, Draft]], changed: Sequence[tuple[MatchedArticle, Draft]]
) -> dict[int, FacetInput]:
    """Return the inputs for the facets of these articles, by sequence."""
    return {
        matched.sequence: FacetInput(
            filter_input=FilterInput(
                title=draft.title,
                authors=tuple(map(storable, draft.authors)),
                categories=matched.categories(),
                language=draft.language,
                body=draft.body,
            ),
            published_at=matched.known.published_at,
            new=index < len(new),
        )
        for index, (matched, draft) in enumerate([*new, *changed])
        if matched.sequence is not None and matched.known is not None
    }


def _columns(matched: MatchedArticle, draft: Draft) -> dict[str, Any]:
    """Return the columns of an article that a new version may change."""
    known = matched.known
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
        "enclosure": draft.enclosure,
        "pinned": draft.pinned,
        "credit": draft.credit,
    }


def _insert(
    connection: Connection, authority: str, new: Sequence[tuple[MatchedArticle, Draft]]
) -> None:
    """Insert new articles in the order of their files, and set their sequences."""
    if not new:
        return
    rows = [
        {
            "key": matched.key,
            "tag": tag_uri(authority, matched.key),
            "identity": matched.identity,
            "by_path": matched.by_path,
            **_columns(matched, draft),
        }
        for matched, draft in new
    ]
    insert(connection, article, rows)
    by_key = {matched.key: matched for matched, _ in new}
    for row in _SEQUENCES.run(connection, by_key):
        by_key[ArticleKey(row.key)].sequence = row.id


def _update(connection: Connection, changed: Sequence[tuple[MatchedArticle, Draft]]) -> None:
    if changed:
        rows = [
            {"sequence": matched.sequence, **_columns(matched, draft)} for matched, draft in changed
        ]
        statement = article.update().where(article.c.id == bindparam("sequence"))
        connection.execute(statement, rows)


def _store_signatures(connection: Connection, articles: Sequence[MatchedArticle]) -> None:
    """Store the signatures of articles, by which duplicates are recognized."""
    rows = [
        {
            "article": matched.sequence,
            "title": matched.signature.title,
            "exact": matched.signature.exact,
            "linked": matched.signature.linked,
            "sketch": matched.signature.sketch,
        }
        for matched in articles
        if matched.signature is not None
    ]
    put(connection, content_signature, rows, key="article")


def _remember(connection: Connection, matcher: ArticleMatcher, outcome: _Outcome) -> None:
    """Write the rows of files, each with its article."""
    for chunk in chunks([hashed(path) for path in matcher.moved]):
        connection.execute(delete(file).where(file.c.key.in_(chunk)))
    rows = []
    for path, seen in outcome.files.items():
        known = matcher.file(path)
        assert known is not None  # noqa: S101 every file of the batch has one
        rows.append(
            {
                "key": hashed(path),
                "path": path,
                "size": seen.record.size,
                "mtime_ns": seen.record.mtime_ns,
                # Without its content a file is read again once its time has come.
                "content": "" if seen.embargo_at or seen.expires_at else seen.record.content,
                "options_hash": seen.record.options_hash,
                "missing_at": None,
                "article": known.article.sequence if known.article else None,
                "leads": known.leads,
                "fingerprint": known.fingerprint,
                "categories": known.categories,
                "rival": hashed(matcher.rivals[path]) if path in matcher.rivals else None,
                "embargo_at": seen.embargo_at,
                "expires_at": seen.expires_at,
                "held": known.held,
                "text_hash": seen.text_hash,
                "raw_hash": seen.raw_hash,
            }
        )
    put(connection, file, rows, key="key")
    for chunk in chunks([hashed(path) for path in matcher.former_leaders]):
        connection.execute(update(file).where(file.c.key.in_(chunk)).values(leads=False))
    for followers in chunks([matched.sequence for matched in matcher.uncertain.values()]):
        # What follows is read again: it may be about another article by now.
        follows = file.c.article.in_(followers) & ~file.c.leads
        connection.execute(update(file).where(follows).values(content="", size=-1))
