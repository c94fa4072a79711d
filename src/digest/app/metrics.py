"""Metrics for Prometheus, read from the store and the services at each request.

Labels are names of digests and Digest's own words, so that their number is bounded and they reveal
nothing about readers, files or addresses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digest import __version__
from digest.app.publish_loop import PublishLoop
from digest.editions.delivery import DeliveryState
from digest.errors import OutputError, StoreError
from digest.mail.delivery.service import DeliveryService
from digest.sources.model import Health, Source
from digest.web.render_queue import RenderQueue
from digest.web.shared_answer import SharedAnswer

if TYPE_CHECKING:
    from digest.app.wiring import Services

#: Prometheus waits for ten seconds.
_TIMEOUT = 9.0
_ATTEMPTS = (DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED)


class DaemonMetrics(Collector):
    """The metrics of a running daemon."""

    def __init__(
        self,
        services: Services,
        *,
        publish_loop: PublishLoop,
        delivery: DeliveryService,
        queue: RenderQueue,
        unready: Callable[[], str],
        sources: Callable[[], Sequence[Source]],
    ) -> None:
        self._services = services
        self._publish_loop = publish_loop
        self._delivery = delivery
        self._queue = queue
        self._unready = unready
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, without those of the database if it cannot be used. Blocking."""
        yield InfoMetricFamily("digest_build", "This program.", {"version": __version__})
        yield _gauge("digest_ready", "Whether /readyz answers 200.", not self._unready())
        try:
            stored = list(self._stored())
        except StoreError:
            stored = []
        yield _gauge("digest_database_up", "Whether the database answers.", bool(stored))
        yield from stored
        yield from self._counted()

    def _stored(self) -> Iterator[Metric]:
        services, store = self._services, self._services.store
        counts, names = store.articles.counts(), services.digests
        states = {
            "published": counts.articles,
            "waiting": counts.embargoed,
            "withdrawn": counts.withdrawn,
        }
        yield _gauges("digest_articles", "Articles by state.", "state", states)
        yield _gauge("digest_files", "Article files that are there.", counts.files)
        severities = {
            "failed": counts.problems,
            "salvaged": counts.salvaged,
            "noted": counts.noted,
        }
        yield _gauges("digest_problems", "Files with problems.", "severity", severities)
        if scan := store.scans.last():
            ended, took = scan.ended_at.timestamp(), scan.took.total_seconds()
            yield _gauge("digest_last_scan_timestamp_seconds", "When the last scan ended.", ended)
            yield _gauge("digest_last_scan_duration_seconds", "How long it took.", took)
        yield from self._feeds()
        labels = ("digest", "state")
        deliveries = GaugeMetricFamily(
            "digest_deliveries", "Deliveries under way or of the last edition.", labels=labels
        )
        by_digest = store.deliveries.present()
        for name in names:
            for state in DeliveryState:
                deliveries.add_metric((name, state), by_digest.get((name, state), 0))
        yield deliveries
        pauses = len(store.deliveries.pauses())
        yield _gauge("digest_pauses", "Pauses of digests, or of all mail.", pauses)
        active = store.subscribers.count()
        readers = {name: active.get(name, 0) for name in names}
        yield _gauges("digest_subscribers", "Active subscribers.", "digest", readers)
        waiting = len(store.signups.waiting(services.clock()))
        yield _gauge("digest_signups_waiting", "Sign-ups whose mail is to be sent.", waiting)
        known = store.sources.states()
        health = Counter(
            known[source.name].health if source.name in known else Health.NEW
            for source in self._sources()
        )
        by_health = {str(each): health[each] for each in Health}
        yield _gauges("digest_sources", "Sources that are followed.", "health", by_health)

    def _feeds(self) -> Iterator[Metric]:
        services = self._services
        try:
            output = services.output()
        except OutputError:
            return
        if output:
            stale = services.store.feeds.stale(output.revision, services.plan.kinds).selections
            yield _gauge("digest_feeds_stale", "Feeds that are to be written.", len(stale))
            unwritable = len(output.failures)
            help_text = "Files of feeds that could not be written."
            yield _gauge("digest_feed_files_unwritable", help_text, unwritable)

    def _counted(self) -> Iterator[Metric]:
        loop, totals, queue = self._publish_loop, self._delivery.totals, self._queue
        yield SummaryMetricFamily(
            "digest_publish_duration_seconds",
            "What publishing stale feeds took.",
            count_value=loop.publish_count,
            sum_value=loop.publish_seconds,
        )
        attempts = CounterMetricFamily(
            "digest_delivery_attempts", "Attempts to deliver a mail.", labels=("result",)
        )
        for state in _ATTEMPTS:
            attempts.add_metric((state,), totals[state])
        yield attempts
        yield _gauge("digest_renders_running", "Pages being rendered.", queue.running)
        yield _gauge("digest_renders_waiting", "Requests that wait for that.", queue.waiting)
        help_text = "Requests for pages answered by 503, for there was too much to do."
        yield CounterMetricFamily("digest_renders_refused", help_text, queue.refused)


def metrics_application(metrics: DaemonMetrics) -> Starlette:
    """Return the application that serves ``/metrics``, collected at most once a second."""
    registry = CollectorRegistry()
    registry.register(metrics)
    ProcessCollector(registry=registry)
    answer = SharedAnswer(partial(generate_latest, registry), timeout=_TIMEOUT)

    async def show(_: Request) -> Response:
        try:
            content = await answer.get()
        except TimeoutError:
            return PlainTextResponse("The database is slow.\n", 503, {"Retry-After": "15"})
        return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/metrics", show, methods=["GET"])])


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value)


def _gauges(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family
