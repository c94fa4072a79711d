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
        found = services.feeds()
    if as_json:
        print_json(
            [
                {
                    "kind": one.feed.kind,
                    "category": str(one.feed.category) if one.feed.category else None,
                    "name": one.feed.facet.name if one.feed.facet else None,
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
                str(one.feed.category or (one.feed.name if one.feed.facet else "(everything)")),
                f"{one.articles:,}",
                one.feed.kind,
                one.feed.link(one.feed.formats[0]),
            )
            for one in found
        ),
    )
