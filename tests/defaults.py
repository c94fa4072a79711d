"""Values as a configuration without options makes them; each takes what a test wants otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from digest.articles.draft_options import DraftOptions
from digest.articles.revision import IngestPolicy
from digest.feeds.catalog import FeedPlan
from digest.feeds.model import Feed
from digest.mail.transports.model import SmtpServer
from digest.settings.model import Settings
from digest.settings.options import MailTable, SmtpTable
from digest.site import Site

_SETTINGS = Settings(mail=MailTable(smtp=SmtpTable(host="localhost")))
_OPTIONS = replace(_SETTINGS.draft_options(), language="")
_POLICY = replace(_SETTINGS.ingest_policy(), language="")
_PLAN = replace(_SETTINGS.feed_plan(_SETTINGS.site()), authors=False, languages=False)


def default_options(**changes: Any) -> DraftOptions:
    """Return options of drafts, of no language."""
    return replace(_OPTIONS, **changes)


def default_policy(**changes: Any) -> IngestPolicy:
    """Return a policy of taking files in, of no language."""
    return replace(_POLICY, **changes)


def default_plan(*, site: Site, **changes: Any) -> FeedPlan:
    """Return a plan without feeds of authors and languages."""
    return replace(_PLAN, site=site, **changes)


def default_feed(*, site: Site, **changes: Any) -> Feed:
    """Return a feed, of everything unless said otherwise."""
    return Feed(
        **{
            "site": site,
            "full": _PLAN.full,
            "formats": _PLAN.formats,
            "limit": _PLAN.limit,
            "ttl": _PLAN.ttl,
            **changes,
        }
    )


def default_smtp_server(**changes: Any) -> SmtpServer:
    """Return a server on this machine."""
    return replace(_SETTINGS.smtp(), **changes)
