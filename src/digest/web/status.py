"""How the daemon is doing, as the status page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from digest.articles.model import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the daemon is doing."""

    version: str
    started_at: datetime  #: aware UTC
    articles: int
    categories: int
    feeds: int
    problems: tuple[Problem, ...]
    digests: tuple[tuple[str, str, datetime | None], ...]  #: name, title, next run (aware)
    outbox: Mapping[str, int]  #: deliveries by state
    last_scan_at: datetime | None  #: aware UTC
