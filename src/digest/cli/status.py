"""`digest status`: how things are, once or as they change."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from time import sleep
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.live import Live
from rich.text import Text

from digest.articles.characters import escaped
from digest.cli import terminal
from digest.cli.context import services_of
from digest.cli.terminal import FAILED, Json, next_run, print_json, say
from digest.errors import OutputError, StoreError, TemplateError
from digest.spelling import counted
from digest.times import format_utc, format_zoned

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.articles.ingest.scan import Scan
    from digest.editions.delivery import Pause
    from digest.editions.model import Digest, Edition
    from digest.editions.progress import Progress
    from digest.store.articles import Counts

app = typer.Typer()


@app.command()
def status(
    context: typer.Context,
    as_json: Json = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again and again, until Ctrl-C.")
    ] = False,
    every: Annotated[
        float, typer.Option(min=0.5, max=3600, metavar="SECONDS", help="How often --watch looks.")
    ] = 2.0,
) -> None:
    """Tell how many articles, problems, subscribers and mails there are, and what is wrong.

    Ends with 1 while mail is paused.
    """
    if watch and as_json:
        raise typer.BadParameter("--watch is for people, --json for scripts: choose one of them")
    if watch and not sys.stdout.isatty():
        raise typer.BadParameter("--watch needs a terminal; a script asks with --json")
    with services_of(context, log=False, check=False) as services:
        if watch:
            _watch(services, every)
            return
        present = _look(services, _template_fault(services))
    if as_json:
        print_json(_fields(present))
    else:
        for line in (*_lines(present), *_faults(present)):
            say(line)
    if present.pauses:
        raise typer.Exit(FAILED)


def _watch(services: Services, every: float) -> None:
    """Show the present state until Ctrl-C, also where the database is away for a while."""
    from digest.web.page_templates import stamp

    folder = services.settings.template_folder()
    saved, fault = stamp(folder, below=""), _template_fault(services)
    with Live(console=terminal.out, auto_refresh=False) as live:
        try:
            while True:
                if (now_saved := stamp(folder, below="")) != saved:
                    # What has loaded no templates yet.
                    saved, fault = now_saved, _template_fault(replace(services))
                try:
                    present = _look(services, fault)
                    lines = [*reversed(list(_faults(present))), *_lines(present)]
                except StoreError as error:
                    lines = [f"Database     {error}"]
                now = f"{services.clock():%Y-%m-%d %H:%M:%S} UTC"
                live.update(_fitted(lines, f"{now}, every {every:g} s; Ctrl-C ends"), refresh=True)
                sleep(every)
        except KeyboardInterrupt:
            pass


def _fitted(lines: list[str], last: str) -> Text:
    """Return lines, an empty one and ``last`` as they fit on the terminal; others are counted."""
    console = terminal.out
    rows, end = (
        list(Text("\n".join(map(escaped, part))).wrap(console, console.width))
        for part in (lines, ["", last])
    )
    room = max(console.height - len(end), 2)
    if len(rows) > room:
        rows[room - 1 :] = [Text(f"… {len(rows) - room + 1:,} more on a higher terminal")]
    return Text("\n").join(rows + end)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Status:
    """The present state, for people and scripts."""

    counts: Counts
    digests: list[tuple[str, str, int, datetime | None, datetime | None]]
    mails: Mapping[str, int]  #: by state
    pauses: list[Pause]
    sending: list[tuple[Edition, Progress]]
    drafts: list[tuple[Edition, Digest | None]]
    scan: Scan | None
    fault: str | None  #: of the templates
    failures: Mapping[str, str]  #: why files of feeds cannot be written, by path
    left_out: int  #: files whose pictures the folder of assets has no room for
    running: bool
    away: list[tuple[str, str]]  #: folders of articles, and why


def _look(services: Services, fault: str | None) -> _Status:
    from digest.app.lock_file import daemon_runs

    store, settings, now = services.store, services.settings, services.clock()
    subscribers, scan = store.subscribers.count(), store.scans.last()
    return _Status(
        counts=store.articles.counts(),
        digests=[
            (
                name,
                digest.title,
                subscribers.get(name, 0),
                store.editions.last_due_at(name, now),
                services.schedules[name].next_shown(now) if name in services.schedules else None,
            )
            for name, digest in services.digests.items()
        ],
        mails={str(state): count for state, count in store.deliveries.states().items()},
        pauses=store.deliveries.pauses(),
        sending=store.reports.open(now),
        drafts=[
            (edition, services.digests.get(edition.digest))
            for edition, _ in store.editions.drafts()
        ],
        scan=scan,
        fault=fault,
        failures=_failures(services),
        left_out=store.assets.left_out(),
        running=daemon_runs(settings.paths.data),
        away=[
            (str(settings.roots().get(name, name)), why)
            for name, why in (scan.unseen.items() if scan else ())
        ],
    )


def _fields(present: _Status) -> dict[str, object]:
    """Return the state for a script."""
    keys = ("name", "title", "subscribers", "last_run_at", "next_run_at")
    return asdict(present.counts) | {
        "last_scan": _scan_fields(present.scan) if present.scan else None,
        "digests": [dict(zip(keys, digest, strict=True)) for digest in present.digests],
        "outbox": present.mails,
        "pauses": [asdict(pause) for pause in present.pauses],
        "editions": [_edition_fields(*entry) for entry in present.sending],
        "drafts": [_draft_fields(*entry) for entry in present.drafts],
        "running": present.running,
        "templates": present.fault,
        "not_written": present.failures,
        "files_without_assets": present.left_out,
    }


def _lines(present: _Status) -> Iterator[str]:
    """Yield the state for a person."""
    counts = present.counts
    categories = counted(counts.categories, "category", "categories")
    yield f"Articles     {counts.articles:,} in {categories}"
    yield (
        f"Files        {counts.files:,}: {counts.problems:,} with problems, "
        f"{counts.salvaged:,} salvaged, {counts.embargoed:,} waiting for their date"
    )
    yield f"Last scan    {_scan_line(present.scan) if present.scan else 'never'}"
    if counts.withdrawn:
        yield f"Withdrawn    {counted(counts.withdrawn, 'article')}"
    for name, title, readers, _, run_at in present.digests:
        subscribed = counted(readers, "subscriber")
        yield f"Digest       {title} ({name}): {subscribed}, next {next_run(run_at)}"
    for state, count in present.mails.items():
        if count:
            yield f"Mails        {count:,} {state}"
    for edition, progress in present.sending:
        summary = progress.summary(running=present.running)
        yield f"Edition      {edition.digest} {edition.number}: {summary}"
    for edition, digest in present.drafts:
        yield f"Draft        {_draft_line(edition, digest)}"


def _faults(present: _Status) -> Iterator[str]:
    """Yield what is wrong, for a person: what stops most comes last."""
    for path, problem in present.failures.items():
        yield f"Not written  {path}: {problem}"
    if present.left_out:
        files = counted(present.left_out, "file")
        yield (
            f"Assets       of {files} left out: the folder has no more room "
            "([articles] max_asset_folder_bytes; `digest problems --notes`)"
        )
    if present.fault:
        yield f"Templates    {present.fault}; a running daemon uses the last good ones"
    for root, why in present.away:
        yield f"Away         {root}: {why}; its articles stay"
    for pause in present.pauses:
        since = format_utc(pause.since)
        yield f"Paused       {pause.digest or 'all mail'} since {since}: {pause.reason}"


def _template_fault(services: Services) -> str | None:
    try:
        services.check_templates()
    except TemplateError as error:
        return str(error)
    return None


def _failures(services: Services) -> Mapping[str, str]:
    """Return why files of feeds cannot be written, by path."""
    try:
        output = services.output()
    except OutputError as error:
        return {".": error.problem}
    return output.failures if output else {}


def _draft_fields(edition: Edition, digest: Digest | None) -> dict[str, object]:
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

    named = f"{edition.digest} {edition.number} (id {edition.id})"
    deadline = decided_at(edition, digest)
    if digest is None:
        return f"{named}: is of no configured digest, `digest editions cancel {edition.id}` ends it"
    if digest.approval is None or deadline is None:
        return f"{named}: waits for `digest editions approve {edition.id}`"
    local = format_zoned(deadline.astimezone(ZoneInfo(digest.timezone)))
    unless = "sent unless cancelled" if digest.approval.sends else "dropped unless approved"
    return f"{named}: {unless} before {local}"


def _edition_fields(edition: Edition, progress: Progress) -> dict[str, object]:
    return {
        "digest": edition.digest,
        "number": edition.number,
        "due_at": edition.due_at,
        "states": {str(state): count for state, count in progress.states.items()},
        "per_second": progress.rate,
        "seconds_left": progress.left.total_seconds() if progress.left is not None else None,
    }


def _scan_fields(scan: Scan) -> dict[str, object]:
    return {
        "ended_at": scan.ended_at,
        "seconds": scan.took.total_seconds(),
        "files": scan.files,
        "away": dict(scan.unseen),
    }


def _scan_line(scan: Scan) -> str:
    ended = f"{scan.ended_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{ended}: {counted(scan.files, 'file')} in {scan.took.total_seconds():.1f} s"
