"""The benchmarks of reading and of the mail measure what they say; here with a few messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import compose, reading, sending


def test_composing_is_measured_for_as_many_as_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--subscribers", "30", "--segments", "3", "--articles", "4"]
    monkeypatch.setattr("sys.argv", ["compose", *options])
    compose.main()
    told = capsys.readouterr().out
    assert re.search(r"a rendering: [0-9.]+ ms \(3 segments\)", told)
    assert re.search(r"30 messages in 3 segments on one core: [0-9.]+ s .* MiB", told)


def test_segments_differ_in_categories_or_language() -> None:
    found = {compose.wishes(segment, 10) for segment in range(200)}
    assert len(found) == 200


def test_reading_is_measured_with_each_engine_and_after_a_storm(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["reading", "--articles", "30"])
    reading.main()
    told = capsys.readouterr().out
    assert re.search(r"reading 30 articles, nh3: .* µs an article", told)
    assert re.search(r"both engines: .* times nh3 alone", told)
    assert re.search(r"nothing changed: .* of the first reading", told)
    assert re.search(r"storm: .* of the first reading", told)


@pytest.mark.skipif(sending.program("smtp-sink") is None, reason="smtp-sink is not there")
@pytest.mark.parametrize("pipelining", [True, False])
def test_sending_is_measured_beside_its_references(pipelining: bool, tmp_path: Path) -> None:
    plan = sending.Plan(
        subscribers=30, segments=3, articles=4, rounds=2, reference=20, pipelining=pipelining
    )
    figures = sending.measure(plan, 2, tmp_path / "here")
    assert [run.messages for run in figures.digest] == [30, 30]
    assert [run.messages for run in figures.bare] == [20, 20, 20]
    assert figures.ratio > 0
    assert re.match(r"2 connections: [0-9,]+ messages/s, [0-9.]+ of a bare pool's", str(figures))


def test_a_server_that_is_missing_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["sending"])
    monkeypatch.setattr(sending, "_SBIN", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    sending.main()
    assert "smtp-sink is not there" in capsys.readouterr().out
