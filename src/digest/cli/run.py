"""`digest run`: the daemon."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer

from digest import __version__
from digest.articles.ingest.tree import TOP
from digest.cli.context import services_of
from digest.cli.terminal import FAILED, complain, next_run, out, progress_bar, remark, say
from digest.spelling import counted
from digest.startup import keep_heap_small

if TYPE_CHECKING:
    from digest.app.daemon import Started
    from digest.app.wiring import Services

app = typer.Typer()

#: A stop never takes longer, whatever a thread waits for; seconds.
_LONGEST_STOP = 4.8


@app.command()
def run(
    context: typer.Context,
    poll: Annotated[
        bool,
        typer.Option("--poll", help="Scan again and again; for file systems without events."),
    ] = False,
) -> None:
    """Watch the articles, publish the feeds, serve them, send the digests; until told to stop.

    SIGINT (Ctrl-C) and SIGTERM stop it cleanly within 5 seconds, a second one at once.
    """
    from digest.app.builders import unreachable_pages
    from digest.app.daemon import Daemon
    from digest.app.live_settings import LiveSettings

    keep_heap_small()
    with services_of(context, poll=poll) as services:
        if message := unreachable_pages(services.settings):
            remark(message)
        for root in services.tree.roots.values():
            say(f"Reading {root} …")
        with progress_bar("Reading") as progress:

            def announce(started: Started) -> None:
                _announce(started, services)

            deadline = threading.Timer(_LONGEST_STOP, _leave)
            deadline.daemon = True
            daemon = Daemon(
                services,
                announce=announce,
                progress=progress,
                stopping=deadline.start,
                live=LiveSettings(services.settings, context.obj.path(), os.environ),
            )
            try:
                asyncio.run(_in_started_threads(daemon.run()))
            finally:
                deadline.cancel()


async def _in_started_threads(work: Coroutine[None, None, None]) -> None:
    """Run the daemon with all threads for what blocks started, as many as asyncio has by default.

    Otherwise it would end with the first one that the system refuses later.
    """
    number = min(32, (os.cpu_count() or 1) + 4)
    threads = ThreadPoolExecutor(number, thread_name_prefix="blocking")
    all_there = threading.Barrier(number)
    try:
        for _ in range(number):
            threads.submit(all_there.wait)
    except RuntimeError:  # fewer are to be had, which may do
        all_there.abort()
    asyncio.get_running_loop().set_default_executor(threads)
    await work


def _leave() -> None:
    """Exit although a thread still waits, for a locked database or a slow disk.

    That is safe: transactions and writes of files are atomic.
    """
    complain("something did not stop in time; leaving all the same")
    os._exit(FAILED)


def _announce(started: Started, services: Services) -> None:
    """Print folders, address, mail server and next runs after the start."""
    out.print()
    out.print(f"[bold]{services.site.title}[/bold] · Digest {__version__}")
    watching = "Polling" if services.settings.articles.watch == "poll" else "Watching"
    for name, root in services.tree.roots.items():
        _line(watching, str(root) if name == TOP else f"{root} (as {name})")
    _line(
        "Articles",
        f"{started.articles:,} in {counted(started.categories, 'category', 'categories')}, "
        f"{counted(started.feeds, 'feed')}",
    )
    if started.problems:
        _line("Problems", f"{counted(started.problems, 'file')}; `digest problems` tells why")
    _line("Output", str(services.settings.paths.output))
    if started.url:
        _line("Open", started.url)
    _line("Mail", _carrier(services))
    for name, title, run_at in started.digests:
        _line("Digest", f"{title} ({name}): next {next_run(run_at)}")
    _line("Stop", "Ctrl-C")
    out.print()


def _line(label: str, text: str) -> None:
    say(f"  {label:<10}{text}")


def _carrier(services: Services) -> str:
    mail = services.settings.mail
    if mail.transport in ("smtp", "lmtp"):
        return f"{mail.transport.upper()} to {services.settings.smtp().address}"
    if mail.transport == "sendmail":
        return f"to the command {mail.sendmail.command[0]}"
    return f"into the Maildir {mail.maildir}"
