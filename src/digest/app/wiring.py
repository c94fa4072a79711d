"""Wiring: build the services from the configuration and connect them.

What only some commands need (pages, mail, hubs, exports, the web server) is imported by the
function that makes it: a build that finds nothing changed needs none of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from random import random
from typing import TYPE_CHECKING

import structlog

from digest.app.builders import (
    feed_fingerprint,
    feed_style_sheet,
    make_mail_templates,
    make_pages,
    make_schedules,
    make_transport,
    make_tree,
    template_folders,
)
from digest.app.token_keys import fingerprint, load_keys, log_lost_keys
from digest.articles.ingest.asset_copies import UnusedAssets
from digest.articles.ingest.ingest import Ingest
from digest.articles.ingest.ingest_options import CurrentOptions, IngestOptions
from digest.articles.ingest.tree import Tree
from digest.articles.ingest.workers import Workers
from digest.articles.model import Scope
from digest.editions.model import Digest, Edition
from digest.errors import ConfigurationError
from digest.feeds.catalog import FeedPlan, FeedSummary, article_counts
from digest.feeds.publish.model import OutputRecord, Published
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.publish.publisher import Publisher
from digest.scheduling.schedule import Schedule
from digest.settings import Settings
from digest.site import Site
from digest.store.database import Store, open_store
from digest.subscribers.tokens import approval_token
from digest.times import Clock, utc_now
from digest.urls import APPROVE_PATH

if TYPE_CHECKING:
    from digest.app.approval import ApprovalService
    from digest.app.mail_logo import LogoFile
    from digest.app.publish_loop import PendingPaths, PublishLoop
    from digest.app.search_indexer import SearchIndexer
    from digest.feeds.websub.notifier import HubNotifier
    from digest.mail.composer import Composer
    from digest.mail.delivery.service import DeliveryService
    from digest.mail.render import MailTemplates
    from digest.scheduling.due import DueRuns
    from digest.sources.follower import Follower
    from digest.sources.model import Source
    from digest.web.pages import WebPages

_log = structlog.get_logger(__name__)

#: How long a command waits for hubs; seconds.
_NOTIFY_WITHIN = 10.0


@dataclass(frozen=True, kw_only=True)
class Services:
    """The services of commands and the daemon; some are created when first used."""

    settings: Settings
    store: Store
    site: Site
    tree: Tree
    plan: FeedPlan
    style_sheet: bytes  #: that browsers show feeds with
    digests: Mapping[str, Digest]  #: by name
    schedules: Mapping[str, Schedule]  #: by name; of the enabled digests
    token_keys: Sequence[bytes]  #: of links in mails: the first signs, all are valid
    clock: Clock

    @cached_property
    def publisher(self) -> Publisher:
        """The publisher of feeds."""
        # The notifier is made here, and not by whichever thread publishes first: there is only one.
        changed = self.hub_notifier.changed if self.site.hubs else lambda _paths: None
        return Publisher(
            store=self.store.feeds,
            folder=OutputFolder(self.settings.paths.output),
            feed_plan=self.plan,
            style_sheet=self.style_sheet,
            fingerprint=feed_fingerprint(self.plan, self.style_sheet),
            changed=changed,
        )

    @cached_property
    def hub_notifier(self) -> HubNotifier:
        """The notifier of WebSub hubs."""
        from digest.feeds.websub.notifier import HubNotifier

        store = self.store.hub_notifications
        return HubNotifier(site=self.site, store=store, clock=self.clock, jitter=random)

    @cached_property
    def pages(self) -> WebPages:
        """The renderer of pages; TemplateError if a template cannot be read."""
        return make_pages(
            self.settings,
            self.site,
            self.digests,
            self.schedules,
            search=self.search,
            subscribe=self.can_subscribe,
        )

    @cached_property
    def search(self) -> bool:
        """Whether articles can be searched: configured, and possible with this database."""
        return self.settings.web.search and self.store.search.available()

    @cached_property
    def mail_templates(self) -> MailTemplates:
        """The renderer of mails; TemplateError if a template cannot be read."""
        return make_mail_templates(self.settings, self.site, self.logo)

    @cached_property
    def logo(self) -> LogoFile | None:
        """The logo of mails if it is a file; ConfigurationError if that is no picture for mails."""
        from digest.app.mail_logo import read_logo

        return read_logo(self.settings)

    def publish_logo(self) -> None:
        """Copy the logo of mails into the folder of assets, if it is a file."""
        from digest.app.mail_logo import publish_logo

        if self.logo:
            publish_logo(self.settings, self.logo)

    def check_templates(self) -> None:
        """Render all templates of pages and mails with sample data. Raises TemplateError."""
        self.pages.check()
        for digest in self.digests.values():
            self.mail_templates.check(digest)

    def workers(self) -> Workers:
        """Return a new pool of processes that make drafts; the caller closes it."""
        articles = self.settings.articles
        return Workers(
            self.settings.draft_options(), count=articles.workers, timeout=articles.timeout
        )

    def ingest(self, workers: Workers, current: CurrentOptions | None = None) -> Ingest:
        """Return the service that reads article files into the store.

        ``current`` returns the present options, by default those of the settings.
        """
        options = IngestOptions(
            tree=self.tree, drafts=workers.options, policy=self.settings.ingest_policy()
        )
        return Ingest(
            store=self.store.articles,
            memory=self.store.scans,
            workers=workers,
            clock=self.clock,
            options=current or (lambda: options),
        )

    def unused_assets(self) -> UnusedAssets:
        """Return the service that removes copies of assets no longer in use."""
        articles, kept = self.settings.articles, frozenset[str]()
        with suppress(ConfigurationError):  # who sends mail tells it; it is copied once it is back
            kept = frozenset({self.logo.name} if self.logo else ())
        return UnusedAssets(
            folder=self.settings.asset_folder(),
            limit=articles.max_asset_folder_bytes,
            largest=articles.max_asset_bytes,
            keep=articles.keep_unused_assets,
            kept=kept,
            store=self.store.assets,
            clock=self.clock,
        )

    def search_indexer(self) -> SearchIndexer | None:
        """Return the service that updates the search index; None without a search."""
        from digest.app.search_indexer import SearchIndexer

        web = self.settings.web
        if web.enabled and web.search and not self.search:
            _log.warning("there is no search: this SQLite was built without FTS5")
        return SearchIndexer(self.store.search.update) if web.enabled and self.search else None

    def publish_loop(
        self,
        workers: Workers,
        published: Callable[[], None] = lambda: None,
        options: CurrentOptions | None = None,
    ) -> PublishLoop:
        """Return the service that publishes changes of the tree.

        ``published`` is called whenever feeds were published; ``options`` as for ``ingest``.
        """
        from digest.app.publish_loop import PublishLoop
        from digest.articles.ingest.watch import Watches

        articles = self.settings.articles

        def watches(pending: PendingPaths) -> Watches:
            return Watches(self.tree.roots, pending)

        poll = articles.watch == "poll"
        return PublishLoop(
            ingest=self.ingest(workers, options),
            publisher=self.publisher,
            watch=None if poll else watches,
            scan_every=articles.poll_every if poll else articles.scan_every,
            settle=articles.settle,
            clock=self.clock,
            published=published,
        )

    def follower(self, sources: Callable[[], Sequence[Source]] | None = None) -> Follower:
        """Return the follower of sources, by default those configured; needs an event loop."""
        from digest.sources.fetching import Fetcher
        from digest.sources.follower import Follower

        return Follower(
            sources=sources or self.settings.source_list,
            folder=self.settings.source_folder(),
            store=self.store.sources,
            fetcher=Fetcher(proxy=self.settings.fetching_proxy()),
            site_url=self.site.url,
            clock=self.clock,
            jitter=random,
        )

    def output(self) -> OutputRecord | None:
        """Return the record of the output folder; None if there is none. Raises OutputError."""
        token = OutputFolder(self.settings.paths.output).token()
        return self.store.feeds.output(token) if token else None

    def feeds(self) -> list[FeedSummary]:
        """Return every feed with its count of articles, the site's first."""
        plan = self.plan
        scopes: dict[Scope, int] = {None: self.store.articles.counts().articles}
        with self.store.pages.snapshot() as source:
            scopes |= article_counts(plan, source.categories(None), source.facets(plan.kinds))
        counted = ((plan.feed(scope), count) for scope, count in scopes.items())
        return [FeedSummary(feed=feed, articles=count) for feed, count in counted if feed]

    def publish(self, progress: Callable[[int, int], None] | None = None) -> Published:
        """Publish and pack all stale feeds, and notify hubs, before a command ends.

        Raises OutputError, StoreError; hubs are notified of the files written until then.
        """
        publisher = self.publisher
        done = Published(removed=publisher.start())
        try:
            while True:
                published = publisher.publish(progress)
                done = replace(
                    done,
                    written=done.written + published.written,
                    unchanged=done.unchanged + published.unchanged,
                    removed=done.removed + published.removed,
                )
                if published.wait is None:
                    break
                time.sleep(published.wait)  # a feed changes once a second, and this process ends
            publisher.pack()
        finally:
            try:
                publisher.close()
            finally:
                self.notify_hubs()
        return done

    def notify_hubs(self) -> None:
        """Notify hubs of the files published by a command; failed notifications stay queued.

        Blocks for some seconds at most; results are logged.
        """
        if self.site.hubs:
            asyncio.run(self.hub_notifier.run_once(_NOTIFY_WITHIN))

    def due_runs(self) -> DueRuns:
        """Return the finder of due runs."""
        from digest.scheduling.due import DueRuns

        return DueRuns(
            schedules=self.schedules,
            catch_up={name: table.catch_up for name, table in self.settings.digests.items()},
            editions=self.store.editions,
            readers=self.store.subscribers,
        )

    def composer(self) -> Composer:
        """Return the composer of messages."""
        from digest.mail.composer import Composer

        return Composer(
            templates=self.mail_templates,
            site=self.site,
            sender=self.settings.sender(),
            token_key=self.token_keys[0],
        )

    def delivery(self, owner: str | None = None) -> DeliveryService:
        """Return the service that opens editions and sends them; ``owner`` is the daemon's id."""
        from digest.mail.delivery.operator_reports import OperatorReports
        from digest.mail.delivery.service import DeliveryService
        from digest.mail.delivery.worker import DeliverySettings, DeliveryWorker

        settings, store, transport = self.settings, self.store, make_transport(self.settings)
        self.publish_logo()
        worker = DeliveryWorker(
            store=store.deliveries,
            editions=store.editions,
            composer=self.composer(),
            transport=transport,
            settings=DeliverySettings(
                digests=self.digests,
                connections=settings.mail.smtp.connections,
                limits=settings.limits(),
                owner=owner,
            ),
            clock=self.clock,
            jitter=random,
        )
        reports = OperatorReports(
            store=store.reports,
            transport=transport,
            sender=settings.sender(),
            to=settings.mail.report_to,
            titles={name: digest.title for name, digest in self.digests.items()},
            clock=self.clock,
        )
        return DeliveryService(
            worker=worker,
            editions=store.editions,
            queue=store.deliveries,
            reports=reports,
            transport=transport,
            digests=self.digests,
            clock=self.clock,
        )

    def approval(self, delivery: DeliveryService | None = None) -> ApprovalService:
        """Return the service that asks for approval; ``delivery`` sends its mail and is woken."""
        from digest.app.approval import ApprovalService, OperatorMail

        operator, to = None, self.settings.mail.report_to
        if delivery and to:
            operator = OperatorMail(
                to=to,
                sender=self.settings.sender(),
                send=delivery.reports.send,
                link=self.approval_link if self.settings.web.enabled else None,
            )
        return ApprovalService(
            store=self.store.editions,
            digests=self.digests,
            clock=self.clock,
            wake=delivery.wake if delivery else lambda: None,
            operator=operator,
        )

    @property
    def can_subscribe(self) -> bool:
        """Whether readers can subscribe on the web."""
        return self.settings.subscribing() and bool(self.schedules)

    def approval_link(self, edition: Edition) -> str:
        """Return the address of the page where the operator decides on an edition."""
        token = approval_token(self.token_keys[0], edition.id, edition.digest, edition.due_at)
        return self.site.link(f"{APPROVE_PATH}{token}")


@contextmanager
def open_services(
    settings: Settings, clock: Clock = utc_now, *, check: bool = True
) -> Iterator[Services]:
    """Yield all services, built from the configuration and checked; close them at the end.

    Without ``check`` templates are not checked; shipped ones never are. Raises ConfigurationError
    before anything is written, StoreError if the database cannot be opened, TemplateError.
    """
    tree = make_tree(settings)
    style_sheet = feed_style_sheet(*template_folders(settings))
    keys = load_keys(settings)
    with open_store(settings.database_url()) as store:
        site = settings.site(store.authority(settings.authority()))
        log_lost_keys(store.keys.record(list(map(fingerprint, keys)), clock()))
        services = Services(
            settings=settings,
            store=store,
            site=site,
            tree=tree,
            plan=settings.feed_plan(site),
            style_sheet=style_sheet,
            digests={name: settings.digest(name) for name in settings.digests},
            schedules=make_schedules(settings),
            token_keys=keys,
            clock=clock,
        )
        if check and settings.paths.templates is not None:
            services.check_templates()
        yield services
