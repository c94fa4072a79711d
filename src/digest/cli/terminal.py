"""Output of commands for people and scripts, and exit codes.

Printed text may come from a file or a server, so control characters are escaped.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from digest.articles.characters import escaped
from digest.times import format_zoned

#: The option of commands that tell something.
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}

#: Exit codes: all well; the work had failures; usage or configuration.
OK, FAILED, MISUSED = 0, 1, 2

#: Nothing is wrapped or coloured where a script reads.
out = Console(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=not sys.stderr.isatty())


def say(text: str) -> None:
    """Print lines for a person; markup in them is shown as it is."""
    out.print(_shown(text))


def complain(text: str) -> None:
    """Print an error on standard error."""
    err.print(f"[red]error:[/red] {_shown(text)}")


def remark(text: str) -> None:
    """Print a remark, which is not part of the result, on standard error."""
    err.print(f"[yellow]note:[/yellow] {_shown(text)}")


def _shown(text: str) -> str:
    """Return lines as Rich text, without control characters."""
    return escape("\n".join(map(escaped, text.split("\n"))))


def print_json(value: Any) -> None:
    """Print a value as JSON for a script; dates and paths as text."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n".join(map(escaped, text.split("\n"))) + "\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: aligned for a person, separated by tabs for a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            sys.stdout.write("\t".join(map(escaped, row)) + "\n")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(escaped(cell)) for cell in row))
    out.print(table)


def print_diff(before: str, after: str, from_name: str, to_name: str) -> None:
    """Print the unified diff of two texts, coloured for a person; nothing if they are equal."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), from_name, to_name, lineterm=""
    )
    for number, line in enumerate(lines):
        style = "bold" if number < 2 else _DIFF_STYLES.get(line[0])
        if sys.stdout.isatty():
            out.print(Text(line, style=style or ""))
        else:
            sys.stdout.write(line + "\n")


def next_run(run_at: datetime | None) -> str:
    """Return when a digest comes next, in the zone that the moment is in."""
    return format_zoned(run_at) if run_at else "never"


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a callback for (done, total) that draws a bar; None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    ) as progress:
        task = progress.add_task(what, total=None, rate="")

        def update(done: int, total: int) -> None:
            speed = progress.tasks[0].speed
            rate = f"{speed:,.0f}/s" if speed else ""
            progress.update(task, completed=done, total=total, rate=rate)

        yield update
