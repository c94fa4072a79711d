"""Revision: decide by a draft and the stored version whether an article is new or updated."""

# pure
from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.articles.filters import ArticleFilter
from digest.articles.model import Draft, Note, VolatileFields, noted
from digest.times import format_utc, require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPolicy:
    """The rules by which files become articles, and articles are withdrawn."""

    fold: bool = False  #: nearly the same articles become one
    longest_embargo: timedelta = timedelta.max  #: a date further ahead counts as none
    grace: timedelta | None = None  #: how long after its files an article is withdrawn; None: never
    language: str = ""  #: of articles that name none (BCP 47); empty: unknown
    filters: tuple[ArticleFilter, ...] = ()  #: of the operator's feeds
    mail_only: tuple[str, ...] = ()  #: folders of the tree whose articles editions alone show
    republished: tuple[str, ...] = ()  #: folders whose articles everybody may see (again)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The stored version of an article, as far as a decision needs it."""

    fingerprint: str  #: its draft's
    published_at: datetime  #: aware UTC
    updated_at: datetime  #: aware UTC
    content: str  #: ``content_digest`` of its draft


class Kind(StrEnum):
    """What a draft does to the stored version of its article."""

    NEW = "new"
    EMBARGOED = "embargoed"  #: its date is still to come: it is looked at again then
    UPDATED = "updated"
    REVISED = "revised"  #: other bytes, same meaning: published again, but no update to readers
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDecision:
    """A decision: its kind, and the dates of the article after it."""

    kind: Kind
    published_at: datetime  #: aware UTC; fixed at first sight
    updated_at: datetime  #: aware UTC, not before ``published_at``


def content_digest(draft: Draft) -> str:
    """Return a hash, in hex, over all published fields of a draft except its dates."""
    published: list[object] = [
        draft.title,
        draft.authors,
        [category.names for category in draft.categories],
        draft.link,
        draft.image,
        draft.language,
        draft.summary,
        draft.body,
    ]
    if draft.enclosure is not None:  # most have none, and theirs is to stay as it was
        published.append(astuple(draft.enclosure))
    if draft.pinned:
        published.append(draft.pinned)
    if draft.credit is not None:
        published.append(["credit", *astuple(draft.credit)])
    raw = json.dumps(published, separators=(",", ":")).encode("ascii")
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def content_of(draft: Draft) -> str:
    """Return the draft's ``content_digest``, computed if the draft has none yet."""
    return draft.content or content_digest(draft)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The reason why a file does not allow its article to be published now."""

    note: Note
    until: datetime | None = None  #: aware UTC; None where only another version of the file ends it


def hold(draft: Draft, now: datetime) -> Hold | None:
    """Return why a draft may not be published at ``now``, aware UTC; None if it may."""
    wanted = draft.availability
    if wanted is None:
        return None
    if wanted.held_back:
        return Hold(note=wanted.held_back)
    if wanted.expires and wanted.expires.at <= now:
        cause = f"it ended at {format_utc(wanted.expires.at)}: {wanted.expires.key}"
        return Hold(note=noted(wanted.expires.line, cause))
    if wanted.not_before and wanted.not_before.at > now:
        at = wanted.not_before.at
        cause = f"it begins at {format_utc(at)}: {wanted.not_before.key}"
        return Hold(note=noted(wanted.not_before.line, cause), until=at)
    return None


def decide(known: Known | None, draft: Draft, now: datetime, policy: IngestPolicy) -> DraftDecision:
    """Decide whether a draft is new, an update, unchanged or embargoed at ``now``, aware UTC.

    Versions are compared by content. A new article is published at its own date, or now if it has
    none; it is embargoed while its date is in the future. An update moves ``updated_at``; a changed
    date, image or pin does not.
    """
    require_utc("now", now)
    if known is None:
        first = draft.published_at
        if first is None or too_far(draft, now, policy):
            first = now
        kind = Kind.EMBARGOED if first > now else Kind.NEW
        return DraftDecision(
            kind=kind, published_at=first, updated_at=_updated(draft, first, now) or first
        )
    kind, updated_at = Kind.UNCHANGED, known.updated_at
    if draft.fingerprint != known.fingerprint:
        kind = Kind.UPDATED
        stated = _updated(draft, known.updated_at, now)
        updated_at = stated or max(now, known.published_at)
    elif content_of(draft) != known.content:
        kind = Kind.REVISED
    return DraftDecision(kind=kind, published_at=known.published_at, updated_at=updated_at)


def _updated(draft: Draft, after: datetime, now: datetime) -> datetime | None:
    """Return the file's own date of update if it lies after ``after`` and is not in the future."""
    stated = draft.updated_at
    return stated if stated is not None and after < stated <= now else None


def too_far(draft: Draft | VolatileFields, now: datetime, policy: IngestPolicy) -> bool:
    """Return whether a draft's date is further ahead than ``policy.longest_embargo``."""
    return draft.published_at is not None and draft.published_at - now > policy.longest_embargo


def notes(draft: Draft | VolatileFields, now: datetime, policy: IngestPolicy) -> tuple[Note, ...]:
    """Return the draft's notes, and one more if its date is too far ahead."""
    if draft.published_at is None or not too_far(draft, now, policy):
        return draft.notes
    cause = (
        f"the date {draft.published_at:%Y-%m-%d} is over {policy.longest_embargo.days} days ahead; "
        "the moment when the file was first seen counts"
    )
    return (*draft.notes, noted(None, cause))
