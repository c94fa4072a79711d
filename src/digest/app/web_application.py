"""Wiring of the web application: files of feeds, assets, pages, forms and the links of mails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from starlette.types import ASGIApp

from digest.app.wiring import Services
from digest.feeds.model import CategorySummary
from digest.feeds.websub.protocol import feed_links
from digest.web.app import Approvals, Probes, create_app
from digest.web.assets import AssetFiles
from digest.web.edition_pages import WebEditions
from digest.web.feed_files import FeedFiles
from digest.web.forms import LinkContext
from digest.web.public_pages import PublicPages
from digest.web.render_queue import RenderQueue
from digest.web.routing import Addresses
from digest.web.subscribing import SignupRequests, Subscribing


def make_application(
    services: Services,
    *,
    approvals: Approvals,
    probes: Probes,
    wake: Callable[[], None] = lambda: None,
    queue: RenderQueue | None = None,
) -> FeedFiles:
    """Return the whole web application.

    ``approvals`` carries out decisions on editions; ``wake`` is called when a mail waits, to
    confirm a request or to welcome; pages are rendered in ``queue``, by default one of their own.
    """
    queue = queue or RenderQueue()
    settings, store = services.settings, services.store
    context = LinkContext(
        pages=services.pages,
        digests=services.digests,
        token_keys=services.token_keys,
        clock=services.clock,
    )
    requests, subscribing = None, None
    if services.schedules:
        policy = settings.signup_policy()
        requests = SignupRequests(signups=store.signups, context=context, policy=policy, wake=wake)
        if services.can_subscribe:
            mailed = {name: services.digests[name] for name in services.schedules}
            subscribing = Subscribing(
                requests=requests,
                context=replace(context, digests=mailed),
                categories=partial(_categories, services),
                queue=queue,
            )
    app = create_app(
        context,
        subscriptions=store.subscribers,
        approvals=approvals,
        categories=partial(_categories, services),
        requests=requests,
        queue=queue,
        subscribing=subscribing,
        probes=probes,
    )
    return FeedFiles(
        settings.paths.output,
        AssetFiles(settings.asset_folder(), make_public_pages(services, app, queue)),
        moved=settings.moved_feeds(),
        links=partial(feed_links, services.site),
        clock=services.clock,
    )


def make_public_pages(
    services: Services, inner: ASGIApp, queue: RenderQueue | None = None
) -> PublicPages:
    """Return the application that serves pages, and hands other requests to ``inner``.

    Pages are rendered in ``queue``, by default one of their own.
    """
    settings, pages = services.settings, services.pages
    editions = WebEditions(
        digests=services.digests, site=services.site, pages=pages, clock=services.clock
    )
    depends_on = (
        services.plan,
        services.digests,
        services.schedules,
        settings.feeds.readers,
        services.can_subscribe,
    )
    return PublicPages(
        inner,
        store=services.store.pages,
        addresses=Addresses(
            pages=pages,
            plan=services.plan,
            editions=editions,
            archives=settings.feeds.archives,
            moved=settings.moved_feeds(),
            search=services.search,
        ),
        pages=pages,
        configuration=repr(depends_on),
        clock=services.clock,
        queue=queue,
        proxies=settings.signup_policy().proxies,
    )


def _categories(services: Services) -> list[CategorySummary]:
    with services.store.pages.snapshot() as source:
        return source.categories(None)
