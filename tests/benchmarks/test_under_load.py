"""The benchmark of everything at once times bursts and mails; the whole of it is for a soak."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from benchmarks import under_load
from benchmarks.bench import Bench, Options
from benchmarks.installation import NH3
from tests.effort import SOAK_ALONE


def test_mails_of_earlier_editions_are_left_out(tmp_path: Path) -> None:
    installation = Bench(tmp_path, Options()).installation("here", 60, NH3)
    folder = installation.folder / "mail" / "new"
    folder.mkdir(parents=True)
    for number, moment in enumerate((60.0, 121.5, 120.5, 180.0)):
        (folder / str(number)).touch()
        os.utime(folder / str(number), (moment, moment))
    assert under_load.delivered(installation, 120.0, 2) == [120.5, 121.5]


@pytest.mark.soak
@SOAK_ALONE
def test_visitors_articles_and_an_edition_are_measured_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sizes = {"articles": 60, "burst": 2, "idle": 1, "seconds": 3, "subscribers": 5}
    under_load.main([f"--{name}={size}" for name, size in sizes.items()])
    told = capsys.readouterr().out
    assert re.search(r"answers but 200 and a polite 503 +0.00 +0.00 +met", told)
    assert "the last of 5 mails" in told
