"""`digest build`, `clean` and `problems`: read articles, try rules, list problems."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import Context, services_of
from digest.cli.terminal import (
    FAILED,
    Json,
    complain,
    print_diff,
    print_json,
    print_table,
    progress_bar,
    say,
)
from digest.errors import SourceError
from digest.times import format_utc

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.articles.ingest.ingest import IngestResult
    from digest.feeds.publish.model import Published

app = typer.Typer()


@app.command()
def build(context: typer.Context, as_json: Json = False) -> None:
    """Go through the articles once, write the feeds, and end.

    Ends with 1 where a file became a problem or something could not be written.
    """
    with services_of(context) as services:
        began = time.monotonic()
        services.unused_assets().check()
        taken = _take_all(services)
        with progress_bar("Publishing") as progress:
            published = services.publish(progress)
        # From here on what is new is news for the digests.
        services.store.editions.start_digests(list(services.digests), services.clock())
        seconds = time.monotonic() - began
        _print_built(services, taken, published, seconds, as_json)
        if services.store.articles.counts().problems or taken.waiting or taken.unread:
            raise typer.Exit(FAILED)


def _take_all(services: Services) -> IngestResult:
    """Scan; give files that are being written one more chance."""
    with services.workers() as workers, progress_bar("Reading") as progress:
        ingest = services.ingest(workers)
        taken = ingest.scan(progress)
        if taken.waiting or taken.unread:
            # Nothing tells this process when a file can be read: it watches no events.
            time.sleep(services.settings.articles.settle.total_seconds())
            again = ingest.scan()
            taken = replace(again, changes=taken.changes + again.changes)
    return taken


def _print_built(
    services: Services, taken: IngestResult, published: Published, seconds: float, as_json: bool
) -> None:
    counts = services.store.articles.counts()
    changes = taken.changes
    if as_json:
        print_json(
            {
                "files": taken.files,
                "new": changes.new,
                "updated": changes.updated,
                "articles": counts.articles,
                "categories": counts.categories,
                "feeds": len(services.feeds()),
                "problems": counts.problems,
                "salvaged": counts.salvaged,
                "noted": counts.noted,
                "embargoed": counts.embargoed,
                "waiting": sorted(taken.waiting),
                "unread": dict(taken.unread),
                "written": published.written,
                "unchanged": published.unchanged,
                "removed": published.removed,
                "seconds": round(seconds, 3),
            }
        )
        return
    say(
        f"{taken.files:,} files: {changes.new:,} new and {changes.updated:,} updated articles; "
        f"{counts.articles:,} in {counts.categories:,} categories."
    )
    say(
        f"{published.written:,} files written, {published.unchanged:,} unchanged, "
        f"{published.removed:,} removed in {services.settings.paths.output} ({seconds:.1f} s)."
    )
    for path in sorted(taken.waiting):
        complain(f"{path}: somebody is still writing it; left out")
    for path, problem in sorted(taken.unread.items()):
        complain(f"{path}: cannot be read just now: {problem}; left out")
    if counts.embargoed:
        say(f"{counts.embargoed:,} files wait for their date (`digest articles list --waiting`).")
    if counts.salvaged:
        say(f"{counts.salvaged:,} files are broken and were salvaged (`digest problems`).")
    if counts.problems:
        say(f"{counts.problems:,} files are no articles; `digest problems` tells why.")


@app.command()
def clean(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An article file, in the tree or elsewhere.")],
    diff: Annotated[bool, typer.Option("--diff", help="Show what the rules change.")] = False,
) -> None:
    """Print the clean HTML of an article file, for trying rules. Stores nothing."""
    from digest.articles.draft import make_draft
    from digest.articles.ingest.tree import tree_path
    from digest.articles.model import SourceFile

    chosen: Context = context.obj
    settings = chosen.settings()
    try:
        with file.open("rb") as opened:  # a device may have no end
            content = opened.read(settings.articles.max_bytes + 1)
    except OSError as error:
        raise SourceError(file, None, f"cannot be read: {error.strerror}") from error
    if len(content) > settings.articles.max_bytes:
        raise SourceError(file, None, f"has more than {settings.articles.max_bytes:,} bytes")
    path = tree_path(settings.roots(), file) or file.name
    source, options = (
        SourceFile(path=PurePosixPath(path), content=content),
        settings.draft_options(),
    )
    body = make_draft(source, options).body
    if diff:
        plain = make_draft(source, replace(options, rules=())).body
        print_diff(plain, body, "without rules", "with rules")
    else:
        typer.echo(body)


@app.command()
def problems(
    context: typer.Context,
    notes: Annotated[
        bool, typer.Option("--notes", help="Also what is done without, such as unusable dates.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the files that could not become articles, those that were salvaged, and why."""
    with services_of(context, log=False) as services:
        listed = services.store.articles.problems(noted=notes)
    if as_json:
        print_json([asdict(problem) for problem in listed])
    elif not listed:
        say("No problems.")
    else:
        print_table(
            ("File", "Line", "", "Problem", "Since"),
            (
                (
                    problem.path,
                    str(problem.line or ""),
                    problem.severity,
                    problem.cause,
                    format_utc(problem.seen_at),
                )
                for problem in listed
            ),
        )
