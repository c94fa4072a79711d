"""Killed at any moment, an edition reaches everybody; only what was on its way may come twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.effort import effort
from tests.end_to_end.kills import CONNECTIONS, Harness


@pytest.mark.soak
async def test_daemons_killed_over_and_over_miss_nobody(tmp_path: Path) -> None:
    kills = effort(4, soak=20)
    figures = await Harness(
        folder=tmp_path, readers=effort(200, soak=200), kills=kills, seed=20
    ).run()
    assert figures.kills == kills
    assert figures.missed == 0
    assert figures.most_doubted <= CONNECTIONS
    assert figures.repeats <= figures.in_doubt
    assert figures.other_ids == 0, str(figures)
