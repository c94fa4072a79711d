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
    """List the feeds: what they select, number of articles, kind, address."""
    if context.invoked_subcommand is None:
        _list(context.obj, as_json)


def _list(chosen: Context, as_json: bool) -> None:
    with chosen.services(log=False) as services:
        found = services.feeds()
    if as_json:
        print_json(
            [
                {
                    "kind": one.feed.kind,
                    "category": str(one.feed.category) if one.feed.category else None,
                    "name": one.feed.strand.name if one.feed.strand else None,
                    "title": one.feed.title,
                    "articles": one.articles,
                    "page": one.feed.link(),
                    "feeds": [one.feed.link(file) for file in one.feed.formats],
                }
                for one in found
            ]
        )
        return
    print_table(
        ("Feed", "Articles", "Kind", "Address"),
        (
            (
                str(one.feed.category or (one.feed.name if one.feed.strand else "(everything)")),
                f"{one.articles:,}",
                one.feed.kind,
                one.feed.link(one.feed.formats[0]),
            )
            for one in found
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
