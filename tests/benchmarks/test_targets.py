"""The table of targets says what was reached, and its rows measure a small tree to the end."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from benchmarks import targets
from benchmarks.bench import Bench, Options, Result, Target
from benchmarks.corpus import sample
from benchmarks.file_to_feed import Watch
from benchmarks.installation import NH3
from tests.effort import SOAK_ALONE

LESS = Target(row=1, what="time", unit="×", must=2.0, wanted=1.0)
MORE = Target(row=7, what="rate", unit="/s", must=800.0, more=True)
SMALL = ["--articles", "60", "--large", "0", "--settle", "0", "--times", "1"]


def verdict(target: Target, value: float | None) -> str:
    return Result(target=target, value=value, detail="").verdict()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "not measured"), (2.1, "missed"), (2.0, "met"), (1.0, "as wanted"), (0.0, "as wanted")],
)
def test_less_is_better_for_a_time(value: float | None, expected: str) -> None:
    assert verdict(LESS, value) == expected


@pytest.mark.parametrize(("value", "expected"), [(799.0, "missed"), (800.0, "met")])
def test_more_is_better_for_a_rate(value: float, expected: str) -> None:
    assert verdict(MORE, value) == expected


def test_what_is_only_wanted_is_never_missed() -> None:
    only = Target(row=3, what="start", unit="s", wanted=0.5)
    assert (verdict(only, 0.6), verdict(only, 0.5)) == ("below wanted", "as wanted")
    assert verdict(Target(row=1, what="beside another", unit="×"), 7.0) == ""


def test_a_line_shows_target_and_result_side_by_side() -> None:
    line = Result(target=LESS, value=19.44, detail="5 s beside 1 s").line()
    assert line.split() == ["1", "time", "2.00", "×", "1.00", "×", "19.4", "×", "missed"]
    line = Result(target=MORE, value=1234.5, detail="").line()
    assert line.split() == ["7", "rate", "800", "/s", "1,234", "/s", "met"]
    assert str(Result(target=LESS, value=None, detail="no Hugo")).endswith(
        "not measured\n      no Hugo"
    )


def test_every_row_is_measured_unless_some_are_named() -> None:
    rows, chosen = targets.options([])
    assert sorted(rows) == list(range(1, 10))
    assert (chosen.articles, chosen.large) == (10_000, 100_000)
    rows, chosen = targets.options(["--rows", "3,1", "--articles", "500", "--large", "0"])
    assert (rows, chosen.articles, chosen.large) == ([3, 1], 500, 0)


@pytest.mark.parametrize(
    "arguments",
    [["--rows", "10"], ["--rows", "one"], ["--articles", "59"], ["--folder", "/none"]],
    ids=" ".join,
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        targets.options(arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.soak
@SOAK_ALONE
def test_rows_of_builds_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets.main([*SMALL, "--rows", "2,5,8", "--folder", str(tmp_path)])
    told = capsys.readouterr().out
    table = told[told.index("row target") :]
    assert [int(row) for row in re.findall(r"^ +(\d) ", table, re.MULTILINE)] == [2, 5, 5, 8, 8]
    assert "not measured" not in table
    assert re.search(r"files of feeds that the storm touched +0.00 +0.00 +met", table)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.soak
@SOAK_ALONE
def test_a_file_is_timed_to_its_feeds_and_the_daemon_is_gone_after_that(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Options(articles=60))
    installation, usage = bench.built(60, NH3)
    assert usage.processor > 0
    assert usage.memory > 10_000_000
    assert len(installation.pages()) == 60
    with installation.daemon() as daemon:
        began = time.perf_counter()
        seconds = Watch(installation).once()
        assert 0 < seconds <= time.perf_counter() - began
    assert daemon.process.returncode == 0
    assert bench.built(60, NH3)[0] is installation
    changed = installation.write(sample(1, visit=1))
    assert changed.read_text("utf-8") != (bench.articles(60) / sample(1).path).read_text("utf-8")
