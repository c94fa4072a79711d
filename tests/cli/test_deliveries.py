"""`digest deliveries list`: who got an edition, and what servers answered."""

from __future__ import annotations

import json

import pytest

from digest.editions.delivery import DeliveryState
from tests.cli.conftest import Program
from tests.cli.test_editions import issue, settle
from tests.conftest import Workplace


@pytest.fixture
def sent(program: Program, workplace: Workplace) -> Program:
    """Return the program in a workplace with an edition, id 1, that three readers were sent."""
    workplace.write("old.md", "旧闻")
    program("build")
    workplace.write("new.md", "新闻")
    program("build")
    for name in ("a", "b", "c"):
        program("subscribers", "add", f"{name}@example.org", "--digest", "daily")
    issue(workplace)
    settle(workplace, DeliveryState.SENT, DeliveryState.FAILED)
    return program


def test_deliveries_are_listed_by_edition_and_state(sent: Program) -> None:
    every = json.loads(sent("deliveries", "list", "--edition", "1", "--json").out)
    assert sorted(one["state"] for one in every) == ["failed", "queued", "sent"]
    failed = sent("deliveries", "list", "--edition", "1", "--state", "failed")
    assert failed.code == 0
    assert "b@example.org" in failed.out
    assert "a@example.org" not in failed.out
    assert "No deliveries" in sent("deliveries", "list", "--edition", "1", "--state", "expired").out


def test_an_edition_that_is_not_there_is_told(sent: Program) -> None:
    unknown = sent("deliveries", "list", "--edition", "99")
    assert unknown.code == 2
    assert "there is no edition 99" in unknown.err
    assert sent("deliveries", "list").code == 2
    assert sent("deliveries", "list", "--edition", "1", "--state", "lost").code == 2
