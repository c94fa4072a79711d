"""`digest feeds …`: which feeds there are, and whether what was written is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from digest.cli.context import Context
from digest.cli.terminal import FAILED, Json, complain, print_json, print_table, say
from digest.times import utc_now

if TYPE_CHECKING:
    from digest.feeds.validation import Finding
    from digest.site import Site

app = typer.Typer(help="List the feeds, or check what was written.")

#: What feeds and lists of them are called.
_SUFFIXES = frozenset((".xml", ".json"))


@app.callback(invoke_without_command=True)
def feeds(context: typer.Context, as_json: Json = False) -> None:
    """List the feeds: category, number of articles, address."""
    if context.invoked_subcommand is None:
        _list(context.obj, as_json)


def _list(chosen: Context, as_json: bool) -> None:
    from digest.feeds.selection import Feed

    with chosen.services(log=False) as services:
        everything = Feed(site=services.site, category=None)
        rows = [("", services.store.articles.counts().articles, everything)]
        rows += [
            (str(found.path), found.articles, Feed(site=services.site, category=found.path))
            for found in services.store.articles.categories()
        ]
        formats = services.settings.feed_formats()
    if as_json:
        print_json(
            [
                {
                    "category": name or None,
                    "articles": articles,
                    "page": feed.link(),
                    "feeds": [feed.link(file) for file in formats],
                }
                for name, articles, feed in rows
            ]
        )
        return
    print_table(
        ("Category", "Articles", "Address"),
        (
            (name or "(everything)", f"{articles:,}", feed.link(formats[0]))
            for name, articles, feed in rows
        ),
    )


@app.command()
def validate(context: typer.Context, as_json: Json = False) -> None:
    """Check every published feed by what specifications, validators and readers demand.

    Ends with 1 where a feed has an error; warnings alone are fine.
    """
    from digest.feeds.validation import Severity

    chosen: Context = context.obj
    settings = chosen.settings()
    output = settings.paths.output
    files = sorted(_files(output))
    if not files:
        complain(f"{output} holds no feeds; `digest build` writes them")
        raise typer.Exit(FAILED)
    found = [
        (file, finding) for file in files for finding in _findings(output, file, settings.site())
    ]
    errors = sum(finding.severity is Severity.ERROR for _, finding in found)
    if as_json:
        print_json(
            {
                "files": len(files),
                "errors": errors,
                "warnings": len(found) - errors,
                "findings": [{"file": file} | asdict(finding) for file, finding in found],
            }
        )
    else:
        if found:
            print_table(
                ("File", "Severity", "Rule", "Finding"),
                ((file, finding.severity, finding.rule, str(finding)) for file, finding in found),
            )
        say(f"{len(files):,} files: {errors:,} errors, {len(found) - errors:,} warnings.")
    if errors:
        raise typer.Exit(FAILED)


def _files(output: Path) -> Iterator[str]:
    """Yield the published feeds, and the list of them, relative to the output folder."""
    for file in (output / "feeds").rglob("*"):
        if file.suffix in _SUFFIXES and file.is_file():
            yield file.relative_to(output).as_posix()


def _findings(output: Path, file: str, site: Site) -> tuple[Finding, ...]:
    from digest.feeds.validation import validate

    return validate((output / file).read_bytes(), address=site.link(file), now=utc_now())
