"""Services: what a command publishes, and tells to hubs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from digest.app.wiring import Services
from digest.errors import OutputError
from digest.feeds.publish import output_folder
from digest.feeds.publish.output_folder import OutputFolder
from tests.conftest import Workplace
from tests.feeds.publish.conftest import Seconds


def test_a_command_publishes_all_and_waits_for_feeds_of_this_second(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("a.md", "早")
    waits: list[float] = []
    clock = Seconds()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.pass_(seconds)

    monkeypatch.setattr("digest.app.wiring.time", SimpleNamespace(sleep=sleep))
    with workplace.open() as services:
        folder = OutputFolder(workplace.output, time_ns=clock)
        monkeypatch.setattr(services.publisher, "_folder", folder)
        workplace.build(services)
        workplace.write("b.md", "晚")
        with services.workers() as workers:
            services.ingest(workers).scan()
        done = services.publish()
    assert waits == [0.75]
    assert done.wait is None
    assert done.written > 0
    assert "晚" in (workplace.output / "feeds/rss.xml").read_text("utf-8")


def test_what_was_written_is_told_to_hubs_even_where_the_disk_fails(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Services] = []
    monkeypatch.setattr(Services, "notify_hubs", lambda services: told.append(services))

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(output_folder, "sync_file_system", fail)
    with workplace.open() as services, pytest.raises(OutputError, match="Input/output error"):
        services.publish()
    assert told == [services]
