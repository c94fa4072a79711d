"""Memberships: the categories and facets of each article, decided when the article is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, delete, func, literal, select

from digest.articles.filters import FilterInput, facets_of, fingerprint
from digest.articles.model import CategoryPath, Changes, Facet, FacetKind, SafeHtml
from digest.articles.revision import IngestPolicy
from digest.feeds.model import FacetSummary
from digest.store.article_matching import MatchedArticle
from digest.store.article_queries import filed, newest_sequence, pairs
from digest.store.connection import Database, Lock
from digest.store.meta_values import meta_value, put_meta_value
from digest.store.revisions import advance, record_changes
from digest.store.schema import (
    article,
    article_state,
    category,
    facet,
    facet_article,
    membership,
)
from digest.store.statements import PreparedAmong, among, insert, insert_new
from digest.store.types import CHUNK, chunks, hashed
from digest.store.visibility import visible_state

#: The row of ``meta`` that tells by which filters and language the facets were decided; empty
#: where not all were decided by the same.
_DECIDED_BY = "facet_rules"

_CATEGORIES = PreparedAmong(select(category.c.key, category.c.id), category.c.key)
_FACETS = PreparedAmong(select(facet.c.key, facet.c.id), facet.c.key)
_KINDS = {str(kind): kind for kind in FacetKind}
#: Articles' facets, each with the date there.
_Runs = dict[int, dict[Facet, datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryChanges:
    """Which categories, and which articles that were stored before, an update concerns."""

    categories: frozenset[CategoryPath]  #: of all articles asked for: old and new, every level
    moved: tuple[MatchedArticle, ...]  #: stored before, with other categories now


def update_categories(
    connection: Connection,
    new: Sequence[MatchedArticle],
    changed: Sequence[MatchedArticle],
    perhaps: Sequence[MatchedArticle] = (),
) -> CategoryChanges:
    """Bring memberships up to date.

    The categories of ``changed`` articles are always returned, those of ``perhaps`` only if they
    differ now.
    """
    known = [*changed, *perhaps]
    before = _positions(connection, [matched.sequence for matched in known])
    after = {matched.identity: matched.categories() for matched in (*new, *known)}
    moved = [
        matched
        for matched in known
        if before.get(matched.sequence or 0, [])
        != [(path, _published_at(matched)) for path in after[matched.identity]]
    ]
    for chunk in chunks([matched.sequence for matched in moved]):
        connection.execute(delete(membership).where(membership.c.article.in_(chunk)))
    rows = [
        row for matched in (*new, *moved) for row in _memberships(matched, after[matched.identity])
    ]
    numbers = _category_ids(connection, {path for _, path, _, _ in rows})
    insert(
        connection,
        membership,
        [
            {
                "article": sequence,
                "category": numbers[path],
                "position": position,
                "published_at": published_at,
            }
            for sequence, path, position, published_at in rows
        ],
    )
    affected = [*new, *changed, *moved]
    direct = {path for matched in affected for path in after[matched.identity]}
    direct.update(path for matched in affected for path, _ in before.get(matched.sequence or 0, ()))
    return CategoryChanges(
        categories=frozenset(ancestor for path in direct for ancestor in path.lineage()),
        moved=tuple(moved),
    )


def _published_at(matched: MatchedArticle) -> datetime | None:
    return matched.known.published_at if matched.known else None


def _positions(
    connection: Connection, sequences: Collection[int | None]
) -> dict[int, list[tuple[CategoryPath, datetime]]]:
    """Return the categories that articles name, each with the stored date of publication."""
    positions: dict[int, list[tuple[CategoryPath, datetime]]] = {}
    query = (
        select(membership.c.article, membership.c.published_at, category.c.names)
        .join(category, category.c.id == membership.c.category)
        .where(membership.c.position.is_not(None))
        .order_by(membership.c.article, membership.c.position)
    )
    for row in among(connection, query, membership.c.article, sequences):
        positions.setdefault(row.article, []).append((CategoryPath(row.names), row.published_at))
    return positions


def _memberships(
    matched: MatchedArticle, categories: Iterable[CategoryPath]
) -> Iterable[tuple[int | None, CategoryPath, int | None, datetime | None]]:
    """Yield sequence, category, position and date of an article, for every level."""
    positions: dict[CategoryPath, int | None] = {}
    for position, path in enumerate(categories):
        for ancestor in path.lineage():
            positions.setdefault(ancestor, None)
        positions[path] = position
    for path, place in positions.items():
        yield matched.sequence, path, place, _published_at(matched)


def _category_ids(
    connection: Connection, paths: Collection[CategoryPath]
) -> dict[CategoryPath, int]:
    """Return the ids of categories; insert new ones."""
    folders = {path: path.folder for path in paths}
    keys = {path: hashed(folder) for path, folder in folders.items()}
    known = {row.key: row.id for row in _CATEGORIES.run(connection, keys.values())}
    missing = sorted(path for path in paths if keys[path] not in known)
    rows = [{"key": keys[path], "folder": folders[path], "names": path.names} for path in missing]
    insert_new(connection, category, rows, key="key")
    added = _CATEGORIES.run(connection, [keys[path] for path in missing])
    known.update((row.key, row.id) for row in added)
    return {path: known[key] for path, key in keys.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetChanges:
    """The facets of the updated articles."""

    facets: frozenset[Facet]  #: of all articles asked for: old and new
    changed: frozenset[Facet]  #: those that gained or lost an article


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetInput:
    """The facet inputs of an article just stored, so that it need not be read again."""

    filter_input: FilterInput
    published_at: datetime  #: aware UTC
    new: bool  #: it was not there before


_NO_INPUTS: Mapping[int, FacetInput] = MappingProxyType({})


def update_facets(
    connection: Connection,
    sequences: Collection[int],
    policy: IngestPolicy,
    inputs: Mapping[int, FacetInput] = _NO_INPUTS,
) -> FacetChanges:
    """Bring the facets of these articles up to date; ``inputs`` are those already known."""
    before = _running(
        connection,
        [sequence for sequence in sequences if sequence not in inputs or not inputs[sequence].new],
    )
    after = _decided(
        connection, [sequence for sequence in sequences if sequence not in inputs], policy
    )
    for sequence, content in inputs.items():
        decided = facets_of(content.filter_input, policy.filters, policy.language)
        after[sequence] = dict.fromkeys(sorted(decided), content.published_at)
    moved = [sequence for sequence in after if before.get(sequence, {}) != after[sequence]]
    for chunk in chunks([sequence for sequence in moved if sequence in before]):
        connection.execute(delete(facet_article).where(facet_article.c.article.in_(chunk)))
    numbers = _facet_ids(
        connection, {running_in for sequence in moved for running_in in after[sequence]}
    )
    rows = [
        {"article": sequence, "facet": numbers[running_in], "published_at": published_at}
        for sequence in moved
        for running_in, published_at in after[sequence].items()
    ]
    insert(connection, facet_article, rows)
    facets = frozenset().union(*before.values(), *after.values())
    changed = {
        running_in
        for sequence in moved
        for running_in, _ in before.get(sequence, {}).items() ^ after[sequence].items()
    }
    return FacetChanges(facets=facets, changed=frozenset(changed))


def note_policy(connection: Connection, policy: IngestPolicy) -> None:
    """Record the policy by which the facets of the next batch are decided."""
    known, own = meta_value(connection, _DECIDED_BY), fingerprint(policy.filters, policy.language)
    if known == own:
        return
    # Where there are articles already, they may have been decided by others.
    value = "" if newest_sequence(connection) else own
    put_meta_value(connection, _DECIDED_BY, value)


def update_all_facets(database: Database, policy: IngestPolicy, now: datetime) -> Changes:
    """Decide the facets of all articles again if they were decided by another policy.

    In several transactions, so that other writers need not wait.
    """
    own = fingerprint(policy.filters, policy.language)
    with database.read() as connection:
        if meta_value(connection, _DECIDED_BY) == own:
            return Changes()
    changed: frozenset[Facet] = frozenset()
    last: int | None = 0
    while last is not None:
        with database.write(Lock.ARTICLES) as connection:
            query = select(article.c.id).where(article.c.id > last)
            sequences = list(connection.scalars(query.order_by(article.c.id).limit(CHUNK)))
            facet_changes = update_facets(connection, sequences, policy).changed
            if facet_changes:
                record_changes(
                    connection, advance(connection, now), selections=(None, *facet_changes)
                )
            changed |= facet_changes
            last = sequences[-1] if sequences else None
            if last is None:
                put_meta_value(connection, _DECIDED_BY, own)
    return Changes(facets=changed)


def facets_of_articles(connection: Connection, sequences: Collection[int]) -> frozenset[Facet]:
    """Return all stored facets of these articles."""
    return frozenset().union(*_running(connection, sequences).values())


def summaries(connection: Connection, kinds: Collection[FacetKind]) -> list[FacetSummary]:
    """Return every facet of these kinds that shows an article, in order."""
    # There may be ten thousand authors, and this is asked at every change.
    of_kinds = select(facet.c.id).where(facet.c.kind.in_(kinds))
    counted = (
        select(facet_article.c.facet, func.count())
        .where(facet_article.c.facet.in_(of_kinds))
        .group_by(facet_article.c.facet)
    )
    # Counting all and taking off the few that are hidden spares a look at every article.
    unseen = counted.join(article_state, article_state.c.article == facet_article.c.article).where(
        ~visible_state()
    )
    hidden, shown = pairs(connection, unseen), pairs(connection, counted)
    named = select(facet.c.kind, facet.c.name, facet.c.id).where(facet.c.kind.in_(kinds))
    rows = sorted(
        (kind, name, articles)
        for kind, name, number in connection.execute(named).all()
        if (articles := shown.get(number, 0) - hidden.get(number, 0))
    )
    return [
        FacetSummary(facet=Facet(_KINDS[kind], name), articles=articles)
        for kind, name, articles in rows
    ]


def _running(connection: Connection, sequences: Collection[int]) -> _Runs:
    """Return the stored facets of each article."""
    runs: _Runs = {}
    query = select(
        facet_article.c.article, facet_article.c.published_at, facet.c.kind, facet.c.name
    ).join(facet, facet.c.id == facet_article.c.facet)
    for row in among(connection, query, facet_article.c.article, sequences):
        running_in = Facet(FacetKind(row.kind), row.name)
        runs.setdefault(row.article, {})[running_in] = row.published_at
    return runs


def _decided(connection: Connection, sequences: Collection[int], policy: IngestPolicy) -> _Runs:
    """Return the facets that stored articles should have by ``policy``."""
    reads = any(article_filter.reads for article_filter in policy.filters)
    query = select(
        article.c.id,
        article.c.published_at,
        article.c.language,
        article.c.title,
        article.c.authors,
        article.c.body if reads else literal("").label("body"),
    )
    rows = list(among(connection, query, article.c.id, sequences))
    categories = filed(connection, [row.id for row in rows]) if policy.filters else {}
    runs: _Runs = {}
    for row in rows:
        filter_input = FilterInput(
            title=row.title,
            authors=row.authors,
            categories=categories.get(row.id, ()),
            language=row.language,
            body=SafeHtml(row.body),
        )
        decided = facets_of(filter_input, policy.filters, policy.language)
        runs[row.id] = dict.fromkeys(sorted(decided), row.published_at)
    return runs


def _facet_ids(connection: Connection, wanted: Iterable[Facet]) -> dict[Facet, int]:
    """Return the ids of facets; insert new ones."""
    keys = {hashed(str(selected)): selected for selected in sorted(wanted)}
    known = {row.key: row.id for row in _FACETS.run(connection, keys)}
    rows = [
        {"key": key, "kind": selected.kind, "name": selected.name}
        for key, selected in keys.items()
        if key not in known
    ]
    insert_new(connection, facet, rows, key="key")
    added = _FACETS.run(connection, [row["key"] for row in rows])
    known.update((row.key, row.id) for row in added)
    return {selected: known[key] for key, selected in keys.items()}
