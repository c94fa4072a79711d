"""Decide what a refresh of a source writes, and the source's next state and next refresh."""

# pure
from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from digest.sources.article_file import entry_hash
from digest.sources.model import Entry, EntryRecord, FeedDocument, Health, Source, SourceState
from digest.spelling import counted

_DAY = timedelta(days=1)
#: A permanent redirect is followed for good once it has been the same so many times in a row.
_REDIRECTS_IN_A_ROW = 3
#: However seldom a feed changes, and however often.
LONGEST, SHORTEST = timedelta(days=1), timedelta(minutes=10)
#: A source that fails is asked at least this often.
_LONGEST_FAILING = timedelta(hours=12)
#: A server may ask for a longer pause than we would make, up to this.
_LONGEST_RETRY_AFTER = timedelta(days=2)
#: Part of an interval by which it is spread, so that sources do not fall into step.
_SPREAD = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEntry:
    """An entry whose file is to be written."""

    entry: Entry
    record: EntryRecord | None  #: what is remembered of it; None for a new one


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The decisions on the entries of a feed."""

    entries: tuple[PlannedEntry, ...] = ()  #: oldest first, as they would have arrived
    waiting: int = 0  #: those above the limits: they are taken once these allow


def plan(
    source: Source,
    document: FeedDocument,
    records: Collection[EntryRecord],
    *,
    taken_today: int,
    first: bool,
    now: datetime,
) -> Plan:
    """Return the decisions on a document's entries.

    ``records`` are the stored records of its entries, by id or by alias. ``taken_today`` counts
    new entries of the last 24 hours; the limit of a day does not hold for the ``first`` document.
    Over the limit, the newest are taken. The same limit holds for the changed entries of one
    document: a feed that changes all its entries each time would keep everything else waiting.
    """
    by_key = {record.key: record for record in records}
    by_alias = {record.alias: record for record in records if record.alias}
    keys = {entry.key for entry in document.entries}
    new: list[Entry] = []
    changed: list[PlannedEntry] = []
    for entry in document.entries:
        record = by_key.get(entry.key)
        if record is None and (other := by_alias.get(entry.alias)) and other.key not in keys:
            record = other  # under another id
        if record is None:
            if not _too_old(source, entry, now):
                new.append(entry)
        elif record.content != entry_hash(entry):
            changed.append(PlannedEntry(entry=entry, record=record))
    new.sort(key=lambda entry: entry.published_at or entry.updated_at or now)
    allowed = len(new) if first else max(source.max_per_day - taken_today, 0)
    left_out = max(len(new) - allowed, 0)
    planned = changed[: source.max_per_day]
    planned += [PlannedEntry(entry=entry, record=None) for entry in new[left_out:]]
    return Plan(entries=tuple(planned), waiting=len(changed) + len(new) - len(planned))


def _too_old(source: Source, entry: Entry, now: datetime) -> bool:
    moment = entry.published_at or entry.updated_at
    return source.max_age is not None and moment is not None and moment < now - source.max_age


def after_document(
    state: SourceState,
    source: Source,
    headers: Mapping[str, str],
    *,
    document: FeedDocument | None = None,
    took: int = 0,
    now: datetime,
) -> SourceState:
    """Return the state after an answer with a document, or after 304 (``document`` is None).

    ``took`` is the number of entries that were new or changed.
    """
    pause = max_age(headers.get("cache-control"))
    changed, unread = took > 0, state.unread
    entries = counted(len(document.entries), "entry", "entries") if document else None
    wanted = max(filter(None, (pause, document.pause if document else None)), default=None)
    interval = next_interval(state.interval, changed=changed, pause=wanted, every=source.every)
    state = replace(
        state,
        asked_at=now,
        changed_at=now if changed else state.changed_at,
        next_at=now + interval,
        interval=interval,
        failures=0,
        health=Health.OK,
        answer=entries or "not modified",
    )
    if document is None:
        return state
    problem = f", broken: {document.problem}" if document.problem else ""
    if document.cut_off:  # the rest is wanted again, and if it was the first, that is no news
        begun = None if unread else state.changed_at
        return replace(
            state,
            changed_at=begun,
            entity_tag="",
            last_modified="",
            answer=f"{state.answer}{problem}, cut off",
        )
    return replace(
        state,
        entity_tag=headers.get("etag", ""),
        last_modified=headers.get("last-modified", ""),
        answer=state.answer + problem,
        title=document.title or state.title,
        home=document.home or state.home,
    )


def after_failure(
    state: SourceState, problem: str, *, retry_after: timedelta | None, gone: bool, now: datetime
) -> SourceState:
    """Return the state after a failed request; ``gone`` ends the source."""
    failures = state.failures + 1
    wait = retry_interval(failures, retry_after)
    return replace(
        state,
        asked_at=now,
        next_at=None if gone else now + wait,
        failures=failures,
        health=Health.GONE if gone else Health.FAILING,
        answer=problem,
    )


def after_redirect(state: SourceState, moved_to: str) -> SourceState:
    """Return the state after permanent redirects to an address, "" if there were none.

    The address is used once it has been the same three times in a row.
    """
    if not moved_to or moved_to == state.address:
        return replace(state, redirects=0, redirect_to="")
    times = state.redirects + 1 if moved_to == state.redirect_to else 1
    if times < _REDIRECTS_IN_A_ROW:
        return replace(state, redirects=times, redirect_to=moved_to)
    return replace(state, moved_to=moved_to, redirects=0, redirect_to="")


def is_due(state: SourceState, now: datetime) -> bool:
    """Return whether a source is due for a refresh."""
    if state.health is Health.GONE:
        return False
    return state.next_at is None or state.next_at <= now or state.next_at > now + 3 * _DAY


def next_interval(
    last: timedelta, *, changed: bool, pause: timedelta | None, every: timedelta | None
) -> timedelta:
    """Return the interval until the next refresh, after an answer.

    Without a configured ``every``, a feed with something new is asked again after two thirds of
    the last interval, one without after a quarter more. ``pause`` is what the feed or its server
    asks for (``ttl``, ``sy:updatePeriod``, ``max-age``), limited to a day.
    """
    if every is not None:
        return max(every, min(pause, LONGEST)) if pause else every
    wanted: timedelta = last * 2 / 3 if changed else last * 5 / 4
    return min(max(wanted, SHORTEST, min(pause or SHORTEST, LONGEST)), LONGEST)


def retry_interval(failures: int, retry_after: timedelta | None = None) -> timedelta:
    """Return the interval after ``failures`` failed requests in a row (at least 1).

    ``retry_after`` is what the server asks for, limited to two days.
    """
    wait = min(SHORTEST * (1 << min(failures - 1, 10)), _LONGEST_FAILING)
    return max(wait, min(retry_after, _LONGEST_RETRY_AFTER)) if retry_after else wait


def spread(interval: timedelta, chance: float) -> timedelta:
    """Return an interval that is up to a tenth longer; ``chance`` is 0 to 1."""
    return interval * (1 + _SPREAD * chance)


def max_age(cache_control: str | None) -> timedelta | None:
    """Return the ``max-age`` of a ``Cache-Control`` (RFC 9111 section 5.2.2.1)."""
    for directive in (cache_control or "").split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and value.strip('" ').isdecimal():
            return timedelta(seconds=min(int(value.strip('" ')[:9]), 10**8))
    return None
