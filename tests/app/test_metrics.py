"""Metrics: what they say of the store and the services, and how they are answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from digest.app.daemon import Daemon
from digest.app.metrics import DaemonMetrics, metrics_application
from digest.editions.delivery import DeliveryState
from digest.errors import OutputError, StoreError
from digest.feeds.publish.output_folder import OutputFolder
from digest.store.articles import ArticleStore
from digest.subscribers.model import NewSubscriber
from digest.web import shared_answer
from digest.web.render_queue import Busy, RenderQueue
from tests.conftest import Workplace

DOCUMENTED = (Path(__file__).parents[2] / "docs/operating.md").read_text(encoding="utf-8")


async def scrape(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Return values by name and labels."""
    response = await client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_metrics_tell_how_everything_is(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_answer, "KEEP", 0.0)
    workplace.write("a.md", categories=("Notes",))
    workplace.write_text("bad.md", "---\ntitle: x\n")
    workplace.configure('[sources.port]\nurl = "https://port.example/rss"\n')
    with workplace.open() as services:
        workplace.build(services)
        store, now = services.store, services.clock()
        digests = list(services.digests)
        store.editions.start_digests(digests, now)
        store.subscribers.add(NewSubscriber(address="reader@example.org", digest="daily"), now)
        store.editions.open_edition(services.digests["daily"], now, now, latest=1)
        store.deliveries.pause("daily", now, now, "451 secret.example is away")
        workplace.write("b.md")
        workplace.build(services)
        daemon, queue = Daemon(services), RenderQueue()
        await daemon._publish_loop._publish()
        metrics = DaemonMetrics(
            services,
            publish_loop=daemon._publish_loop,
            delivery=daemon._delivery,
            queue=queue,
            unready=daemon._unready,
            sources=services.settings.source_list,
        )
        daemon._delivery._worker.totals[DeliveryState.SENT] = 7
        queue._most_waiting = 0
        transport = httpx.ASGITransport(metrics_application(metrics))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            values = await scrape(client)
            expected = {
                ("digest_ready",): 0,
                ("digest_database_up",): 1,
                ("digest_articles", "published"): 2,
                ("digest_problems", "failed"): 1,
                ("digest_deliveries", "daily", "queued"): 1,
                ("digest_deliveries", "notes", "sent"): 0,
                ("digest_delivery_attempts_total", "sent"): 7,
                ("digest_pauses",): 1,
                ("digest_subscribers", "daily"): 1,
                ("digest_signups_waiting",): 0,
                ("digest_sources", "new"): 1,
                ("digest_feeds_stale",): 0,
                ("digest_feed_files_unwritable",): 0,
                ("digest_publish_duration_seconds_count",): 1,
                ("digest_renders_refused_total",): 0,
                ("digest_last_scan_timestamp_seconds",): now.timestamp(),
            }
            assert {name: values[name] for name in expected} == expected
            assert ("process_cpu_seconds_total",) in values
            for name, *_ in values:
                told = name.removesuffix("_count").removesuffix("_sum")
                assert f"`{told}" in DOCUMENTED or told.startswith("process_"), name
            assert "example" not in (await client.get("/metrics")).text

            workplace.write("c.md")
            with services.workers() as workers:
                services.ingest(workers).scan()
            assert (await scrape(client))["digest_feeds_stale",] > 0
            monkeypatch.setattr(OutputFolder, "token", _fail)
            assert ("digest_feeds_stale",) not in await scrape(client)
            monkeypatch.setattr(ArticleStore, "counts", _fail_to_store)
            values = await scrape(client)
            assert values["digest_database_up",] == 0
            assert ("digest_articles", "published") not in values
            assert values["digest_delivery_attempts_total", "sent"] == 7


def _fail(*_: object) -> None:
    raise OutputError(Path("public"), "is away")


def _fail_to_store(*_: object) -> None:
    raise StoreError("locked")


async def test_who_waits_too_long_for_metrics_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(_: object) -> bytes:
        raise TimeoutError

    monkeypatch.setattr(shared_answer.SharedAnswer, "get", late)
    transport = httpx.ASGITransport(metrics_application(_NoMetrics()))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        response = await client.get("/metrics")
    assert (response.status_code, response.headers["retry-after"]) == (503, "15")


class _NoMetrics:
    def collect(self) -> list[object]:
        return []


async def test_pages_that_are_rendered_or_refused_are_counted() -> None:
    queue = RenderQueue(1, ahead=0, most_waiting=0)
    seen: list[int] = []
    work = asyncio.create_task(queue.run(lambda: seen.append(queue.running)))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await queue.run(lambda: None)
    await work
    await asyncio.sleep(0)
    assert (seen, queue.running, queue.refused) == ([1], 0, 1)
