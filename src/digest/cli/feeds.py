"""`digest feeds`: which feeds there are."""

from __future__ import annotations

import typer

from digest.cli.context import services_of
from digest.cli.terminal import Json, print_json, print_table

app = typer.Typer()


@app.command()
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
