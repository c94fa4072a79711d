"""`digest status --watch`."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from rich.console import Console

from digest import resources
from digest.cli import status, terminal
from digest.errors import StoreError
from digest.store.articles import ArticleStore, Counts
from tests.cli.conftest import Program
from tests.cli.test_terminal import Terminal
from tests.conftest import Workplace


def test_watching_is_refused_where_nobody_watches(program: Program) -> None:
    for arguments, told in (
        (("--watch",), "--watch needs a terminal"),
        (("--watch", "--json"), "choose one of them"),
        (("--watch", "--every", "0.1"), "0.5"),
    ):
        ended = program("status", *arguments)
        assert ended.code == 2
        assert told in ended.err


def test_watching_goes_on_until_ctrl_c_whatever_the_database_does(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, pauses, counts = Terminal(), list[float](), ArticleStore.counts
    console = Console(file=shown, force_terminal=True, width=100, height=30, highlight=False)
    monkeypatch.setattr(terminal, "out", console)
    monkeypatch.setattr(status, "sys", SimpleNamespace(stdout=shown))

    def count(store: ArticleStore) -> Counts:
        if len(pauses) == 1:
            raise StoreError("\x1b[31mlocked")
        return counts(store)

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(ArticleStore, "counts", count)
    monkeypatch.setattr(status, "sleep", sleep)

    ended = program("status", "--watch", "--every", "7")

    assert (ended.code, pauses) == (0, [7, 7, 7])
    told = shown.getvalue()
    database = told.index("locked")
    assert told.index("Articles     0 in 0 categories") < database
    assert told.rindex("Articles     0 in 0 categories") > database
    assert "\x1b[31mlocked" not in told
    assert "every 7 s; Ctrl-C ends" in told


def test_watching_sees_templates_being_mended(
    workplace: Workplace, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = workplace.folder / "own"
    shutil.copytree(resources.templates(), own)
    workplace.configure(f'[paths]\ntemplates = "{own}"\n')
    page, shown, looks = own / "web" / "gone.html", Terminal(), list[float]()
    whole = page.read_text("utf-8")
    page.write_text("{{ nothing.at.all }}", "utf-8")
    monkeypatch.setattr(terminal, "out", Console(file=shown, width=200, height=30))
    monkeypatch.setattr(status, "sys", SimpleNamespace(stdout=shown))

    def sleep(seconds: float) -> None:
        looks.append(shown.getvalue().count("Templates    "))
        page.write_text(whole, "utf-8")
        shown.truncate(0)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(status, "sleep", sleep)
    assert program("status", "--watch").code == 0
    assert looks == [1, 0]


def test_what_is_wrong_is_seen_on_a_low_terminal(
    workplace: Workplace, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.configure(
        "".join(f'[digests.d{number}]\nschedule = "daily 07:00"\n' for number in range(9))
    )
    with workplace.open() as services:
        now = services.clock()
        services.store.deliveries.pause(None, now, now, "535 wrong password " * 6)
    shown = Terminal()
    console = Console(file=shown, force_terminal=True, width=40, height=9, highlight=False)
    monkeypatch.setattr(terminal, "out", console)
    monkeypatch.setattr(status, "sys", SimpleNamespace(stdout=shown))

    def sleep(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "sleep", sleep)
    assert program("status", "--watch").code == 0
    told = shown.getvalue()
    assert "Paused       all mail" in told
    assert "more on a higher terminal" in told
    assert told[: told.index("Ctrl-C ends")].count("\n") == 8
