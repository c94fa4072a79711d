"""The terminal: tables and bars for people, plain lines for pipes."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console

from digest.cli import terminal


class Terminal(io.StringIO):
    """A stream with somebody in front of it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    shown = Terminal()
    console = Console(file=shown, force_terminal=True, width=80, highlight=False)
    monkeypatch.setattr(terminal, "out", console)
    monkeypatch.setattr(terminal, "err", console)
    # Not the real sys: pytest puts its own streams there again before each test.
    monkeypatch.setattr(terminal, "sys", SimpleNamespace(stdout=shown, stderr=shown))
    return shown


def test_a_person_sees_a_table_with_headings(screen: Terminal) -> None:
    terminal.print_table(("File", "Problem"), [("金融/[a].md", "no [bold]title")])
    assert "File" in screen.getvalue()
    assert "金融/[a].md" in screen.getvalue()
    assert "no [bold]title" in screen.getvalue()


def test_a_pipe_gets_tabs_and_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_table(("File", "Problem"), [("a.md", "none"), ("b.md", "some")])
    assert capsys.readouterr().out == "a.md\tnone\nb.md\tsome\n"


def test_a_person_sees_a_diff_in_colours(screen: Terminal) -> None:
    terminal.print_diff("[b]a[/b]\nsame", "b\nsame", "old", "new")
    shown = screen.getvalue()
    assert "\x1b[31m-[b]a[/b]\x1b[0m\n" in shown
    assert "\x1b[32m+b\x1b[0m\n" in shown
    assert "\x1b[1m+++ new\x1b[0m\n" in shown
    assert "\n same\n" in shown


def test_a_pipe_gets_a_diff_without_colours(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_diff("a\nb", "a\nc", "old", "new")
    assert capsys.readouterr().out == "--- old\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    terminal.print_diff("a", "a", "old", "new")
    assert capsys.readouterr().out == ""


def test_a_person_sees_a_bar_with_the_rate(screen: Terminal) -> None:
    with terminal.progress_bar("Reading") as progress:
        assert progress is not None
        for done in range(1, 4):
            progress(done, 3)
    assert "Reading" in screen.getvalue()
    assert "3/3" in screen.getvalue()


def test_nobody_watching_means_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress_bar("Reading") as progress:
        assert progress is None
    assert capsys.readouterr().err == ""


def test_markup_in_what_is_said_is_shown_as_it_is(screen: Terminal) -> None:
    terminal.say("[red]not red[/red]")
    terminal.complain("[link=x]y")
    assert "[red]not red[/red]" in screen.getvalue()
    assert "[link=x]y" in screen.getvalue()


HOSTILE = "\x1b]0;title\x07\x9b2J\u202e.md"
SHOWN = "\\u001b]0;title\\u0007\\u009b2J\\u202e.md"


def test_a_name_that_would_act_on_the_terminal_is_shown_escaped(screen: Terminal) -> None:
    terminal.say(HOSTILE)
    terminal.complain(HOSTILE)
    terminal.remark(HOSTILE)
    terminal.print_table((HOSTILE[:0],), [(f"{HOSTILE}\nforged",)])
    terminal.print_json({"path": HOSTILE})
    assert screen.getvalue().count(SHOWN) == 5
    assert not set(HOSTILE) & set(screen.getvalue()) - set(SHOWN) - {"\x1b"}
    assert "\x1b]" not in screen.getvalue()
    assert "\nforged" not in screen.getvalue()


def test_a_pipe_gets_no_escape_sequence_and_one_line_for_each_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal.print_table(("File", "Problem"), [(f"{HOSTILE}\tforged\nrow", "none")])
    assert capsys.readouterr().out == f"{SHOWN}\\tforged\\nrow\tnone\n"
    terminal.print_json([HOSTILE])
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert json.loads(shown) == [HOSTILE]


def test_a_name_is_not_taken_for_an_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(":smile:.md")
    assert capsys.readouterr().out == ":smile:.md\n"
