"""`digest articles`: look at what is published, withdraw it, restore it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.context import services_of
from digest.cli.terminal import FAILED, Json, complain, print_json, print_table, say

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.articles.model import ArticleKey
    from digest.store.withdrawals import Standing

app = typer.Typer(help="Look at articles, withdraw and restore them.", no_args_is_help=True)

Names = Annotated[
    list[str],
    typer.Argument(help="Which: its key, its id, its link, or the path of its file."),
]


@app.command("list")
def list_articles(
    context: typer.Context,
    category: Annotated[
        str | None, typer.Option(help="Only in this category and below: names joined by '/'.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="At most so many, the newest.")
    ] = 50,
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="Those withdrawn.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Files with a date to come.")] = False,
    as_json: Json = False,
) -> None:
    """List articles, the newest first."""
    from digest.articles.model import CategoryPath

    with services_of(context, log=False) as services:
        if waiting:
            _print_waiting(services.store.articles.waiting()[:limit], as_json)
            return
        try:
            wanted = CategoryPath.parse(category) if category else None
        except ValueError as error:
            raise typer.BadParameter("names joined by '/', none of them empty") from error
        standings = services.store.withdrawals.listed(wanted, limit, withdrawn=withdrawn)
        if as_json:
            print_json([_told(services, standing) for standing in standings])
            return
        print_table(
            ("Key", "Withdrawn" if withdrawn else "Published", "Title", "Categories"),
            (
                (
                    standing.article.key,
                    _moment(standing.withdrawn_at or standing.article.published_at),
                    standing.article.title,
                    ", ".join(map(str, standing.article.categories)),
                )
                for standing in standings
            ),
        )


def _print_waiting(files: list[tuple[str, datetime]], as_json: bool) -> None:
    if as_json:
        print_json([{"path": path, "appears_at": at} for path, at in files])
    elif files:
        print_table(("Appears", "File"), ((_moment(at), path) for path, at in files))
    else:
        say("No file waits for its date.")


@app.command()
def show(context: typer.Context, names: Names, as_json: Json = False) -> None:
    """Show all that is known of articles."""
    with services_of(context, log=False) as services:
        standings = _find(services, names)
        told = [_told(services, standing) for standing in standings]
    if as_json:
        print_json(told)
        return
    for number, standing in enumerate(told):
        if number:
            say("")
        for name, value in standing.items():
            text = ", ".join(value) if isinstance(value, list) else value
            if text not in (None, ""):
                say(f"{name.replace('_', ' ').capitalize():<14}{text}")


@app.command()
def withdraw(context: typer.Context, names: Names) -> None:
    """Take articles out of feeds, pages and digests to come, whatever becomes of their files.

    Their addresses answer 410 (gone), and Atom feeds tell it (RFC 6721).
    """
    with services_of(context, log=False) as services:
        standings = _find(services, names)
        services.store.withdrawals.withdraw(_keys(standings), services.clock())
        count = sum(standing.withdrawn_at is None for standing in standings)
        _publish(services, f"{count:,} withdrawn")


@app.command()
def restore(context: typer.Context, names: Names) -> None:
    """Show withdrawn articles again, whatever becomes of their files."""
    with services_of(context, log=False) as services:
        standings = _find(services, names)
        services.store.withdrawals.restore(_keys(standings), services.clock())
        count = sum(standing.withdrawn_at is not None for standing in standings)
        _publish(services, f"{count:,} restored")


def _keys(standings: list[Standing]) -> list[ArticleKey]:
    return [standing.article.key for standing in standings]


def _find(services: Services, names: list[str]) -> list[Standing]:
    """Return the one article that each name means; end with 1 where any means none or several."""
    from digest.articles.ingest.tree import printable

    standings: list[Standing] = []
    unclear = False
    for name in map(printable, names):
        meant = services.store.withdrawals.find(name)
        if len(meant) == 1:
            standings += meant
            continue
        unclear = True
        if meant:
            keys = ", ".join(standing.article.key for standing in meant)
            complain(f"{name}: several articles have this link; name one by its key: {keys}")
        else:
            complain(f"{name}: no article has this key, id, link or file")
    if unclear:
        raise typer.Exit(FAILED)
    return standings


def _publish(services: Services, done: str) -> None:
    """Bring feeds and pages up to date, and say what was done."""
    published = services.publish()
    say(f"{done}; {published.written:,} files written, {published.removed:,} removed.")


def _told(services: Services, standing: Standing) -> dict[str, Any]:
    from digest.store.withdrawals import Word

    article = standing.article
    return {
        "key": article.key,
        "id": article.id,
        "title": article.title,
        "published_at": _moment(article.published_at),
        "updated_at": _moment(article.updated_at),
        "withdrawn_at": _moment(standing.withdrawn_at) if standing.withdrawn_at else None,
        "operator": str(standing.word) if standing.word in (Word.WITHDRAWN, Word.KEPT) else None,
        "page": services.site.link(article.folder),
        "link": article.link,
        "image": article.image,
        "language": article.language,
        "pinned": article.pinned,
        "authors": list(article.authors),
        "categories": [str(category) for category in article.categories],
        "files": list(standing.files),
        "files_missing": standing.missing,
        "summary": article.summary,
    }


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
