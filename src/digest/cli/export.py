"""`digest export`: the whole site as plain files."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from digest.cli.context import services_of
from digest.cli.terminal import FAILED, Json, complain, print_json, progress_bar, remark, say

if TYPE_CHECKING:
    from digest.app.export.exporter import Exported

app = typer.Typer()

#: So many paths are named at most.
_SHOWN = 10


def _site_url(text: str | None) -> str | None:
    from digest.settings.addresses import site_url

    if text is None:
        return None
    try:
        return site_url(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
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
    from digest.site import is_loopback

    with services_of(context, log=False) as services:
        began = time.monotonic()
        address = url or services.site.url
        exporter = services.exporter(folder, url=address, archives=archives)
        if is_loopback(urlsplit(address).hostname or ""):
            remark(f"its addresses are for this machine alone ({address}): see [site] url or --url")
        with progress_bar("Exporting") as progress:
            done = exporter.export(progress)
        seconds = time.monotonic() - began
    if as_json:
        print_json({**asdict(done), "url": address, "seconds": round(seconds, 3)})
    else:
        say(
            f"{done.written:,} files written ({_size(done.written_bytes)}), "
            f"{done.unchanged:,} unchanged, {done.removed:,} removed in {folder}: "
            f"{_size(done.total_bytes)} for {address}/ ({seconds:.1f} s)."
        )
    _tell_others(folder, done)


def _tell_others(folder: Path, done: Exported) -> None:
    """Tell of files that somebody else has changed or put there; end with 1 for the latter."""
    for path in done.edited[:_SHOWN]:
        remark(f"{folder / path}: was changed by somebody else, and was written anew")
    for path in done.kept[:_SHOWN]:
        remark(
            f"{folder / path}: is of no use any more, but was changed by somebody else; it stays"
        )
    for path in done.in_the_way[:_SHOWN]:
        complain(f"{folder / path}: was not written by `digest export`; expected nothing there")
    more = sum(max(0, len(paths) - _SHOWN) for paths in (done.edited, done.kept, done.in_the_way))
    if more:
        remark(f"{more:,} more such files")
    if done.in_the_way:
        raise typer.Exit(FAILED)


def _size(count: int) -> str:
    """Return a number of bytes for a person."""
    return f"{count / 1_000_000:,.1f} MB" if count >= 100_000 else f"{count / 1_000:,.1f} kB"
