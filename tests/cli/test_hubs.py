"""Commands that publish tell hubs of it, and fail for no hub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import Program
from tests.conftest import Workplace
from tests.hub import Hub, serving


@pytest.fixture(name="hub")
def _hub(workplace: Workplace) -> Iterator[Hub]:
    hub = Hub(fetches=False)
    workplace.configure(f"[feeds]\nhubs = ['{hub.address}']\n")
    with serving(hub.server):
        yield hub


def test_build_and_withdraw_tell_hubs(program: Program, workplace: Workplace, hub: Hub) -> None:
    workplace.write("a.md", categories=("Notes",))
    assert program("build").code == 0
    assert len(hub.told.all) == 3 * 3, "everything, the category and the author, in three formats"
    assert program("build").code == 0
    assert len(hub.told.all) == 3 * 3, "nothing changed"
    assert program("articles", "withdraw", "a.md").code == 0
    assert sorted(hub.told.all[9:]) == [
        f"http://127.0.0.1:8000/feeds/{name}" for name in ("atom.xml", "feed.json", "rss.xml")
    ]


def test_a_hub_that_is_away_is_told_by_the_next_command(
    program: Program, workplace: Workplace, hub: Hub
) -> None:
    port = hub.server.server_port
    hub.server.shutdown()
    hub.server.server_close()
    workplace.write("a.md", categories=("Notes",))
    built = program("build")
    assert built.code == 0
    assert "hub not told, will try again" in built.err
    back = Hub(port, fetches=False)
    with serving(back.server):
        assert program("build").code == 0
    assert len(back.told.all) == 3 * 3


def test_what_a_failing_build_did_write_is_told(
    program: Program, workplace: Workplace, hub: Hub
) -> None:
    workplace.write("a.md", categories=("Notes",))
    (workplace.output / "feeds/Notes/rss.xml").mkdir(parents=True)  # where a file should be
    assert program("build").code == 1
    told = set(hub.told.all)
    assert "http://127.0.0.1:8000/feeds/atom.xml" in told
    assert "http://127.0.0.1:8000/feeds/Notes/rss.xml" not in told
