"""Revision: what a draft means beside the version that is known."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digest.articles.model import Draft
from digest.times import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is remembered of an article's last version."""

    fingerprint: str  #: its draft's
    published_at: datetime  #: aware UTC
    updated_at: datetime  #: aware UTC
    content: str  #: ``content_digest`` of its draft


class Kind(StrEnum):
    """What a draft is to the known version."""

    NEW = "new"
    UPDATED = "updated"
    REVISED = "revised"  #: other bytes, same meaning: published again, but no update to readers
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What is decided: the kind, and the dates that the article has from now on."""

    kind: Kind
    published_at: datetime  #: aware UTC; fixed at first sight
    updated_at: datetime  #: aware UTC, not before ``published_at``


def content_digest(draft: Draft) -> str:
    """Return hex over everything of a draft that is published, except its dates."""
    published = [
        draft.title,
        draft.authors,
        [category.names for category in draft.categories],
        draft.link,
        draft.image,
        draft.language,
        draft.summary,
        draft.body,
    ]
    raw = json.dumps(published, separators=(",", ":")).encode("ascii")
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def decide(known: Known | None, draft: Draft, now: datetime) -> Revision:
    """Return what becomes of a draft at ``now``, aware UTC.

    Change is judged by content. A new article is published at its own date, else now. An update
    moves ``updated_at``; neither a date nor an image does.
    """
    require_utc("now", now)
    if known is None:
        first = draft.published_at or now
        return Revision(kind=Kind.NEW, published_at=first, updated_at=first)
    kind, updated_at = Kind.UNCHANGED, known.updated_at
    if draft.fingerprint != known.fingerprint:
        kind, updated_at = Kind.UPDATED, max(now, known.published_at)
    elif content_digest(draft) != known.content:
        kind = Kind.REVISED
    return Revision(kind=kind, published_at=known.published_at, updated_at=updated_at)
