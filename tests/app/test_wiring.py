"""Assembly: what is made once and kept."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from digest.app.wiring import Services, feed_fingerprint, template_folders, token_key
from digest.errors import ConfigurationError, OutputError
from digest.feeds.publish import output_folder
from digest.feeds.publish.output_folder import OutputFolder
from tests.conftest import Workplace
from tests.feeds.publish.conftest import Seconds


def test_the_key_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    key = token_key(tmp_path / "data")
    assert len(key) == 32
    assert token_key(tmp_path / "data") == key
    assert (tmp_path / "data" / "token.key").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(ConfigurationError, match="No space left on device"):
            token_key(tmp_path)
    assert len(token_key(tmp_path)) == 32


def test_a_damaged_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "token.key").write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="has 5 bytes, expected 32"):
        token_key(tmp_path)


def test_a_folder_of_templates_that_is_none_is_told(workplace: Workplace) -> None:
    workplace.configure('[paths]\ntemplates = "own"\n')
    with pytest.raises(ConfigurationError, match=r"own: is no folder"):
        template_folders(workplace.settings())
    (workplace.folder / "own").mkdir()
    own, brought = template_folders(workplace.settings())
    assert own == workplace.folder / "own"
    assert (brought / "mail" / "digest.html").is_file()


def test_feeds_are_compared_wherever_something_of_them_is_configured_otherwise(
    workplace: Workplace,
) -> None:
    def fingerprint(text: str = "", style_sheet: bytes = b"") -> str:
        workplace.configure(text)
        settings = workplace.settings()
        return feed_fingerprint(settings.feed_plan(settings.site()), style_sheet)

    before = fingerprint()
    assert fingerprint() == before
    others = {
        fingerprint(style_sheet=b"feed {}"),
        fingerprint("[feeds]\nlimit = 7\n"),
        fingerprint('[feeds]\ncontent = "summary"\n'),
        fingerprint('[feeds]\nformats = ["rss"]\n'),
        fingerprint("[feeds]\narchives = false\n"),
        fingerprint("[feeds]\nmax_bytes = 100000\n"),
        fingerprint('[feeds]\nhubs = ["https://hub.example/"]\n'),
        fingerprint('[feeds.custom.tea]\nwords = ["tea"]\n'),
    }
    assert len(others) == 8
    assert before not in others
    assert fingerprint("[feeds]\nreaders = {}\n") == before, "pages alone name readers"


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
    monkeypatch.setattr(Services, "tell_hubs", lambda services: told.append(services))

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(output_folder, "sync_file_system", fail)
    with workplace.open() as services, pytest.raises(OutputError, match="Input/output error"):
        services.publish()
    assert told == [services]
