"""`digest build`, `clean`, `problems` and `status`: articles and what became of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from digest.cli.context import Context, services_of
from digest.cli.terminal import (
    FAILED,
    Json,
    complain,
    next_run,
    print_diff,
    print_json,
    print_table,
    progress_bar,
    say,
)
from digest.errors import OutputError, SourceError, TemplateError

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.articles.ingest.ingest import IngestResult
    from digest.articles.ingest.scan import Scan
    from digest.editions.model import Digest, Edition
    from digest.editions.progress import Progress
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
        services.store.deliveries.start_digests(list(services.digests), services.clock())
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
                    f"{problem.seen_at:%Y-%m-%d %H:%M} UTC",
                )
                for problem in listed
            ),
        )


@app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """Tell how many articles, problems, subscribers and mails there are, and what is wrong.

    Ends with 1 while mail is paused.
    """
    from digest.app.lock_file import daemon_runs

    with services_of(context, log=False, check=False) as services:
        store, settings = services.store, services.settings
        fault = None
        try:
            services.check_templates()
        except TemplateError as error:
            fault = str(error)
        now = services.clock()
        counts = store.articles.counts()
        subscribers = store.subscribers.count()
        digests = [
            (
                name,
                digest.title,
                subscribers.get(name, 0),
                store.deliveries.last_due_at(name, now),
                services.schedules[name].next_shown(now) if name in services.schedules else None,
            )
            for name, digest in services.digests.items()
        ]
        mails = {str(state): count for state, count in store.deliveries.states().items()}
        pauses = store.deliveries.pauses()
        sending = store.reports.open(now)
        drafts = [
            (edition, services.digests.get(edition.digest))
            for edition, _ in store.editions.drafts()
        ]
        scan = store.scans.last()
        failures = _failures(services)
        left_out = store.assets.left_out()
        running = daemon_runs(settings.paths.data)
    if as_json:
        keys = ("name", "title", "subscribers", "last_run_at", "next_run_at")
        told = [dict(zip(keys, digest, strict=True)) for digest in digests]
        scanned = {"last_scan": _scan_told(scan) if scan else None}
        held = {
            "pauses": [asdict(pause) for pause in pauses],
            "editions": [_edition_told(*entry) for entry in sending],
            "drafts": [_draft_told(*entry) for entry in drafts],
            "running": running,
            "templates": fault,
            "not_written": failures,
            "files_without_assets": left_out,
        }
        print_json(asdict(counts) | scanned | {"digests": told, "outbox": mails} | held)
        if pauses:
            raise typer.Exit(FAILED)
        return
    say(f"Articles     {counts.articles:,} in {counts.categories:,} categories")
    say(
        f"Files        {counts.files:,}: {counts.problems:,} with problems, "
        f"{counts.salvaged:,} salvaged, {counts.embargoed:,} waiting for their date"
    )
    say(f"Last scan    {_scan_line(scan) if scan else 'never'}")
    if fault:
        say(f"Templates    {fault}; a running daemon uses the last good ones")
    for path, problem in failures.items():
        say(f"Not written  {path}: {problem}")
    if left_out:
        say(
            f"Assets       of {left_out:,} files left out: the folder has no more room "
            "([articles] max_asset_folder_bytes; `digest problems --notes`)"
        )
    for name, why in scan.unseen.items() if scan else ():
        say(f"Away         {settings.roots().get(name, name)}: {why}; its articles stay")
    if counts.withdrawn:
        say(f"Withdrawn    {counts.withdrawn:,} articles")
    for name, title, readers, _, run_at in digests:
        say(f"Digest       {title} ({name}): {readers:,} subscribers, next {next_run(run_at)}")
    for state, count in mails.items():
        if count:
            say(f"Mails        {count:,} {state}")
    for edition, progress in sending:
        say(f"Edition      {edition.digest} {edition.number}: {progress.told(running=running)}")
    for edition, digest in drafts:
        say(f"Draft        {_draft_line(edition, digest)}")
    for pause in pauses:
        since = f"{pause.since:%Y-%m-%d %H:%M} UTC"
        say(f"Paused       {pause.digest or 'all mail'} since {since}: {pause.reason}")
    if pauses:
        raise typer.Exit(FAILED)


def _failures(services: Services) -> Mapping[str, str]:
    """Return why files of feeds cannot be written, by path."""
    from digest.feeds.publish.output_folder import OutputFolder

    try:
        token = OutputFolder(services.settings.paths.output).token()
    except OutputError as error:
        return {".": error.problem}
    output = services.store.feeds.output(token) if token else None
    return output.failures if output else {}


def _draft_told(edition: Edition, digest: Digest | None) -> dict[str, object]:
    from digest.editions.model import decided_at

    return {
        "id": edition.id,
        "digest": edition.digest,
        "number": edition.number,
        "due_at": edition.due_at,
        "decided_at": decided_at(edition, digest),
    }


def _draft_line(edition: Edition, digest: Digest | None) -> str:
    from digest.editions.model import decided_at
    from digest.mail.operator_mail import told_at

    named = f"{edition.digest} {edition.number} (id {edition.id})"
    deadline = decided_at(edition, digest)
    if digest is None:
        return f"{named}: is of no configured digest, `digest editions cancel {edition.id}` ends it"
    if digest.approval is None or deadline is None:
        return f"{named}: waits for `digest editions approve {edition.id}`"
    local = told_at(deadline.astimezone(ZoneInfo(digest.timezone)))
    unless = "sent unless cancelled" if digest.approval.sends else "dropped unless approved"
    return f"{named}: {unless} before {local}"


def _edition_told(edition: Edition, progress: Progress) -> dict[str, object]:
    return {
        "digest": edition.digest,
        "number": edition.number,
        "due_at": edition.due_at,
        "states": {str(state): count for state, count in progress.states.items()},
        "per_second": progress.rate,
        "seconds_left": progress.left.total_seconds() if progress.left is not None else None,
    }


def _scan_told(scan: Scan) -> dict[str, object]:
    return {
        "ended_at": scan.ended_at,
        "seconds": scan.took.total_seconds(),
        "files": scan.files,
        "away": dict(scan.unseen),
    }


def _scan_line(scan: Scan) -> str:
    ended = f"{scan.ended_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{ended}: {scan.files:,} files in {scan.took.total_seconds():.1f} s"
