"""Weaving: keep the strands that articles run in; they are decided when an article is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, delete, func, literal, select

from digest.articles.facets import Strand, StrandKind
from digest.articles.filters import Sifted, fingerprint, strands
from digest.articles.model import Changes, SafeHtml
from digest.articles.revision import IngestPolicy
from digest.feeds.model import StrandSummary
from digest.store.article_queries import filed, newest_sequence, pairs
from digest.store.connection import Database, Lock
from digest.store.revisions import advance, record_changes
from digest.store.schema import article, article_state, meta, strand, strand_article
from digest.store.statements import among, insert, insert_new, put
from digest.store.types import CHUNK, chunks, hashed

#: The row of ``meta`` that tells by which sieves and language the strands were decided; empty
#: where not all were decided by the same.
DECIDED_BY = "woven"

_KINDS = {str(kind): kind for kind in StrandKind}
#: Articles' strands, each with the date there.
_Runs = dict[int, dict[Strand, datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetChanges:
    """What weaving found."""

    strands: frozenset[Strand]  #: of all articles asked for: old and new
    changed: frozenset[Strand]  #: those that gained or lost an article


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an article says that was just stored, so that it need not be read again."""

    sifted: Sifted
    published_at: datetime  #: aware UTC
    new: bool  #: it was not there before


_NOTHING_SAID: Mapping[int, Said] = MappingProxyType({})


def update_facets(
    connection: Connection,
    sequences: Collection[int],
    policy: IngestPolicy,
    said: Mapping[int, Said] = _NOTHING_SAID,
) -> FacetChanges:
    """Bring the strands of these articles up to date; of some it is known what they say."""
    before = _running(
        connection, [one for one in sequences if one not in said or not said[one].new]
    )
    after = _decided(connection, [one for one in sequences if one not in said], policy)
    for number, one in said.items():
        decided = strands(one.sifted, policy.sieves, policy.language)
        after[number] = dict.fromkeys(sorted(decided), one.published_at)
    moved = [one for one in after if before.get(one, {}) != after[one]]
    for chunk in chunks([one for one in moved if one in before]):
        connection.execute(delete(strand_article).where(strand_article.c.article.in_(chunk)))
    numbers = _numbers(connection, {one for sequence in moved for one in after[sequence]})
    rows = [
        {"article": sequence, "strand": numbers[one], "published_at": published_at}
        for sequence in moved
        for one, published_at in after[sequence].items()
    ]
    insert(connection, strand_article, rows)
    told = {one for runs in (before, after) for some in runs.values() for one in some}
    changed = {
        one
        for sequence in moved
        for one, _ in before.get(sequence, {}).items() ^ after[sequence].items()
    }
    return FacetChanges(strands=frozenset(told), changed=frozenset(changed))


def note_policy(connection: Connection, policy: IngestPolicy) -> None:
    """Remember by which policy the strands of a batch that follows are decided."""
    known, own = _decided_by(connection), fingerprint(policy.sieves, policy.language)
    if known == own:
        return
    # Where there are articles already, they may have been decided by others.
    value = "" if newest_sequence(connection) else own
    put(connection, meta, [{"name": DECIDED_BY, "value": value}], key="name")


def update_all_facets(database: Database, policy: IngestPolicy, now: datetime) -> Changes:
    """Decide the strands of all articles anew if they were decided by another policy.

    Other writers get their turn in between.
    """
    own = fingerprint(policy.sieves, policy.language)
    with database.read() as connection:
        if _decided_by(connection) == own:
            return Changes()
    changed: frozenset[Strand] = frozenset()
    last: int | None = 0
    while last is not None:
        with database.write(Lock.ARTICLES) as connection:
            query = select(article.c.id).where(article.c.id > last)
            some = list(connection.scalars(query.order_by(article.c.id).limit(CHUNK)))
            facet_changes = update_facets(connection, some, policy).changed
            if facet_changes:
                record_changes(
                    connection, advance(connection, now), selections=(None, *facet_changes)
                )
            changed |= facet_changes
            last = some[-1] if some else None
            if last is None:
                put(connection, meta, [{"name": DECIDED_BY, "value": own}], key="name")
    return Changes(strands=changed)


def running(connection: Connection, sequences: Collection[int]) -> frozenset[Strand]:
    """Return all strands that any of these articles runs in."""
    return frozenset(one for some in _running(connection, sequences).values() for one in some)


def summaries(connection: Connection, kinds: Collection[StrandKind]) -> list[StrandSummary]:
    """Return every strand of these kinds that shows an article, in order."""
    # There may be ten thousand authors, and this is asked at every change.
    of_kinds = select(strand.c.id).where(strand.c.kind.in_(kinds))
    counted = (
        select(strand_article.c.strand, func.count())
        .where(strand_article.c.strand.in_(of_kinds))
        .group_by(strand_article.c.strand)
    )
    # Counting all and taking off the few that are hidden spares a look at every article.
    unseen = counted.join(article_state, article_state.c.article == strand_article.c.article).where(
        article_state.c.hidden != 0
    )
    hidden, shown = pairs(connection, unseen), pairs(connection, counted)
    named = select(strand.c.kind, strand.c.name, strand.c.id).where(strand.c.kind.in_(kinds))
    found = sorted(
        (kind, name, articles)
        for kind, name, number in connection.execute(named).all()
        if (articles := shown.get(number, 0) - hidden.get(number, 0))
    )
    return [
        StrandSummary(strand=Strand(_KINDS[kind], name), articles=articles)
        for kind, name, articles in found
    ]


def _decided_by(connection: Connection) -> str | None:
    return connection.scalar(select(meta.c.value).where(meta.c.name == DECIDED_BY))


def _running(connection: Connection, sequences: Collection[int]) -> _Runs:
    """Return the strands that articles are known to run in."""
    found: _Runs = {}
    query = select(
        strand_article.c.article, strand_article.c.published_at, strand.c.kind, strand.c.name
    ).join(strand, strand.c.id == strand_article.c.strand)
    for row in among(connection, query, strand_article.c.article, sequences):
        one = Strand(StrandKind(row.kind), row.name)
        found.setdefault(row.article, {})[one] = row.published_at
    return found


def _decided(connection: Connection, sequences: Collection[int], policy: IngestPolicy) -> _Runs:
    """Return the strands that articles should run in, as they are stored now."""
    reads = any(sieve.reads for sieve in policy.sieves)
    query = select(
        article.c.id,
        article.c.published_at,
        article.c.language,
        article.c.title,
        article.c.authors,
        article.c.body if reads else literal("").label("body"),
    )
    rows = list(among(connection, query, article.c.id, sequences))
    categories = filed(connection, [row.id for row in rows]) if policy.sieves else {}
    found: _Runs = {}
    for row in rows:
        sifted = Sifted(
            title=row.title,
            authors=row.authors,
            categories=categories.get(row.id, ()),
            language=row.language,
            body=SafeHtml(row.body),
        )
        decided = strands(sifted, policy.sieves, policy.language)
        found[row.id] = dict.fromkeys(sorted(decided), row.published_at)
    return found


def _numbers(connection: Connection, wanted: Iterable[Strand]) -> dict[Strand, int]:
    """Return the ids of strands; those that are new are made."""
    keys = {hashed(str(one)): one for one in sorted(wanted)}
    query = select(strand.c.key, strand.c.id)
    known = {row.key: row.id for row in among(connection, query, strand.c.key, keys)}
    rows = [
        {"key": key, "kind": one.kind, "name": one.name}
        for key, one in keys.items()
        if key not in known
    ]
    insert_new(connection, strand, rows, key="key")
    added = among(connection, query, strand.c.key, [row["key"] for row in rows])
    known.update((row.key, row.id) for row in added)
    return {one: known[key] for key, one in keys.items()}
