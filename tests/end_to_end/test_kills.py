"""Killed at any moment, an edition reaches everybody; only what was on its way may come twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.kills import CONNECTIONS, Harness

#: 2,000 mails, each marked with a flush to the disk: minutes on a busy machine.
pytestmark = pytest.mark.timeout(240)


async def test_daemons_killed_twenty_times_miss_nobody(tmp_path: Path) -> None:
    figures = await Harness(folder=tmp_path, readers=2000, kills=20, seed=20).run()
    assert figures.kills == 20
    assert figures.missed == 0
    assert figures.most_doubted <= CONNECTIONS
    assert figures.repeats <= figures.in_doubt
    assert figures.other_ids == 0, str(figures)
