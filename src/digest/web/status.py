"""How the daemon is doing, as the status page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from digest.articles.model import Problem
from digest.editions.model import Edition
from digest.editions.progress import Progress

#: Problems that the page shows; `digest problems` lists all.
MAX_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A draft that the operator has not decided on."""

    edition_id: int
    title: str  #: the digest's
    number: int
    decided_at: datetime | None  #: aware UTC: when it is sent or dropped; None: not by itself
    sends: bool  #: sent then, not dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the daemon is doing."""

    version: str
    started_at: datetime  #: aware UTC
    articles: int
    categories: int
    feeds: int
    problems: tuple[Problem, ...]  #: the first MAX_SHOWN of them
    failed: int  #: files that could not become an article
    salvaged: int  #: files that became one, though they are broken
    digests: tuple[tuple[str, str, datetime | None], ...]  #: name, title, next run (aware)
    outbox: Mapping[str, int]  #: deliveries by state
    sending: tuple[tuple[Edition, Progress], ...] = ()  #: editions under way, oldest first
    pauses: tuple[tuple[str, datetime, str], ...] = ()  #: digest (empty: all mail), since, why
    drafts: tuple[Waiting, ...] = ()  #: oldest first
    last_scan_at: datetime | None  #: aware UTC
    fault: str = ""  #: why templates that were saved are not in use; empty where they are
