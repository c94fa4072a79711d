"""`digest build`, `clean`, `problems`, `export` and `feeds`: what articles become."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

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
    remark,
    say,
)
from digest.errors import SourceError
from digest.spelling import counted
from digest.times import format_utc

if TYPE_CHECKING:
    from digest.app.export.exporter import Exported
    from digest.app.wiring import Services
    from digest.articles.ingest.ingest import IngestResult
    from digest.feeds.publish.model import Published

app = typer.Typer()
output_commands = typer.Typer()  #: of the program itself, too

#: The number of paths that are printed of each kind.
_NAMED = 10


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
    updated = counted(changes.updated, "updated article")
    say(
        f"{counted(taken.files, 'file')}: {changes.new:,} new and {updated}; "
        f"{counts.articles:,} in {counted(counts.categories, 'category', 'categories')}."
    )
    say(
        f"{counted(published.written, 'file')} written, {published.unchanged:,} unchanged, "
        f"{published.removed:,} removed in {services.settings.paths.output} ({seconds:.1f} s)."
    )
    for path in sorted(taken.waiting):
        complain(f"{path}: somebody is still writing it; left out")
    for path, problem in sorted(taken.unread.items()):
        complain(f"{path}: cannot be read just now: {problem}; left out")
    if counts.embargoed:
        waiting = counted(counts.embargoed, "file waits for its", "files wait for their")
        say(f"{waiting} date (`digest articles list --waiting`).")
    if counts.salvaged:
        salvaged = counted(counts.salvaged, "file is broken and was", "files are broken and were")
        say(f"{salvaged} salvaged (`digest problems`).")
    if counts.problems:
        unread = counted(counts.problems, "file is no article", "files are no articles")
        say(f"{unread}; `digest problems` tells why.")


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
        noted = 0 if notes else services.store.articles.counts().noted
    if as_json:
        print_json([asdict(problem) for problem in listed])
    elif not listed:
        also = counted(noted, "file has", "files have")
        say(f"No problems; {also} notes (`digest problems --notes`)." if noted else "No problems.")
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


def _site_url(text: str | None) -> str | None:
    from digest.settings.addresses import site_url

    if text is None:
        return None
    try:
        return site_url(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@output_commands.command()
def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where to write it.", metavar="DIR")],
    url: Annotated[
        str | None,
        typer.Option(
            help="Where it will be read. Default: [site] url.",
            callback=_site_url,
            metavar="URL",
            show_default=False,
        ),
    ] = None,
    archives: Annotated[
        bool, typer.Option("--archives", help="Also the archives of feeds (RFC 5005).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the whole site as plain files, for any static host: pages, feeds, editions, sitemap.

    Writes what is in the database, and only what has changed since the last time. Removes nothing
    that it has not written. Ends with 1 where files of others are in the way.
    """
    from digest.app.export.exporter import make_exporter
    from digest.site import is_loopback

    with services_of(context, log=False) as services:
        began = time.monotonic()
        address = url or services.site.url
        exporter = make_exporter(services, folder, url=address, archives=archives)
        if is_loopback(urlsplit(address).hostname or ""):
            remark(f"its addresses are for this machine alone ({address}): see [site] url or --url")
        with progress_bar("Exporting") as progress:
            done = exporter.export(progress)
        seconds = time.monotonic() - began
    if as_json:
        print_json({**asdict(done), "url": address, "seconds": round(seconds, 3)})
    else:
        say(
            f"{counted(done.written, 'file')} written ({_bytes(done.written_bytes)}), "
            f"{done.unchanged:,} unchanged, {done.removed:,} removed in {folder}: "
            f"{_bytes(done.total_bytes)} for {address}/ ({seconds:.1f} s)."
        )
    _report_others(folder, done)


def _report_others(folder: Path, done: Exported) -> None:
    """Report files that others modified or created; exit with 1 for the latter."""
    for path in done.edited[:_NAMED]:
        remark(f"{folder / path}: was changed by somebody else, and was written anew")
    for path in done.kept[:_NAMED]:
        remark(
            f"{folder / path}: is of no use any more, but was changed by somebody else; it stays"
        )
    for path in done.in_the_way[:_NAMED]:
        complain(f"{folder / path}: was not written by `digest export`; expected nothing there")
    more = sum(max(0, len(paths) - _NAMED) for paths in (done.edited, done.kept, done.in_the_way))
    if more:
        remark(counted(more, "more such file"))
    if done.in_the_way:
        raise typer.Exit(FAILED)


def _bytes(count: int) -> str:
    """Return a number of bytes for a person."""
    return f"{count / 1_000_000:,.1f} MB" if count >= 100_000 else f"{count / 1_000:,.1f} kB"


@output_commands.command()
def feeds(context: typer.Context, as_json: Json = False) -> None:
    """List the feeds: what they select, number of articles, kind, address."""
    with services_of(context, log=False) as services:
        summaries = services.feeds()
    if as_json:
        print_json(
            [
                {
                    "kind": summary.feed.kind,
                    "category": str(summary.feed.category) if summary.feed.category else None,
                    "name": summary.feed.facet.name if summary.feed.facet else None,
                    "title": summary.feed.title,
                    "articles": summary.articles,
                    "page": summary.feed.link(),
                    "feeds": [summary.feed.link(file) for file in summary.feed.formats],
                }
                for summary in summaries
            ]
        )
        return
    print_table(
        ("Feed", "Articles", "Kind", "Address"),
        (
            (
                str(
                    summary.feed.category
                    or (summary.feed.name if summary.feed.facet else "(everything)")
                ),
                f"{summary.articles:,}",
                summary.feed.kind,
                summary.feed.link(summary.feed.formats[0]),
            )
            for summary in summaries
        ),
    )
