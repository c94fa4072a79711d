"""`digest articles`: look at articles, withdraw and restore them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.context import services_of
from digest.cli.terminal import (
    FAILED,
    Json,
    complain,
    print_json,
    print_table,
    say,
)
from digest.spelling import counted
from digest.times import format_utc

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.articles.model import ArticleKey
    from digest.store.withdrawals import ArticleStatus

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
        statuses = services.store.withdrawals.listed(wanted, limit, withdrawn=withdrawn)
        if as_json:
            print_json([_fields(services, status) for status in statuses])
            return
        print_table(
            ("Key", "Withdrawn" if withdrawn else "Published", "Title", "Categories"),
            (
                (
                    status.article.key,
                    format_utc(status.withdrawn_at or status.article.published_at),
                    status.article.title,
                    ", ".join(map(str, status.article.categories)),
                )
                for status in statuses
            ),
        )


def _print_waiting(files: list[tuple[str, datetime]], as_json: bool) -> None:
    if as_json:
        print_json([{"path": path, "appears_at": at} for path, at in files])
    elif files:
        print_table(("Appears", "File"), ((format_utc(at), path) for path, at in files))
    else:
        say("No file waits for its date.")


@app.command()
def show(context: typer.Context, names: Names, as_json: Json = False) -> None:
    """Show all that is known of articles."""
    with services_of(context, log=False) as services:
        statuses = _find(services, names)
        entries = [_fields(services, status) for status in statuses]
    if as_json:
        print_json(entries)
        return
    for number, status in enumerate(entries):
        if number:
            say("")
        for name, value in status.items():
            text = ", ".join(value) if isinstance(value, list) else value
            if text not in (None, ""):
                say(f"{name.replace('_', ' ').capitalize():<14}{text}")


@app.command()
def withdraw(context: typer.Context, names: Names) -> None:
    """Take articles out of feeds, pages and digests to come, whatever becomes of their files.

    Their addresses answer 410 (gone), and Atom feeds tell it (RFC 6721).
    """
    with services_of(context, log=False) as services:
        statuses = _find(services, names)
        services.store.withdrawals.withdraw(_keys(statuses), services.clock())
        count = sum(status.withdrawn_at is None for status in statuses)
        _publish(services, f"{count:,} withdrawn")


@app.command()
def restore(context: typer.Context, names: Names) -> None:
    """Show withdrawn articles again, whatever becomes of their files."""
    with services_of(context, log=False) as services:
        statuses = _find(services, names)
        services.store.withdrawals.restore(_keys(statuses), services.clock())
        count = sum(status.withdrawn_at is not None for status in statuses)
        _publish(services, f"{count:,} restored")


def _keys(statuses: list[ArticleStatus]) -> list[ArticleKey]:
    return [status.article.key for status in statuses]


def _find(services: Services, names: list[str]) -> list[ArticleStatus]:
    """Return the article of each name; exit with 1 if a name fits none or several."""
    from digest.articles.ingest.tree import printable

    statuses: list[ArticleStatus] = []
    unclear = False
    for name in map(printable, names):
        meant = services.store.withdrawals.find(name)
        if len(meant) == 1:
            statuses += meant
            continue
        unclear = True
        if meant:
            keys = ", ".join(status.article.key for status in meant)
            complain(f"{name}: several articles have this link; name one by its key: {keys}")
        else:
            complain(f"{name}: no article has this key, id, link or file")
    if unclear:
        raise typer.Exit(FAILED)
    return statuses


def _publish(services: Services, done: str) -> None:
    """Bring feeds and pages up to date, and print the result."""
    published = services.publish()
    written = counted(published.written, "file")
    say(f"{done}; {written} written, {published.removed:,} removed.")


def _fields(services: Services, status: ArticleStatus) -> dict[str, Any]:
    from digest.store.withdrawals import Moderation

    article = status.article
    by_operator = (Moderation.WITHDRAWN, Moderation.KEPT)
    return {
        "key": article.key,
        "id": article.id,
        "title": article.title,
        "published_at": format_utc(article.published_at),
        "updated_at": format_utc(article.updated_at),
        "withdrawn_at": format_utc(status.withdrawn_at) if status.withdrawn_at else None,
        "operator": str(status.moderation) if status.moderation in by_operator else None,
        "page": services.site.link(article.folder),
        "link": article.link,
        "image": article.image,
        "language": article.language,
        "pinned": article.pinned,
        "authors": list(article.authors),
        "categories": [str(category) for category in article.categories],
        "files": list(status.files),
        "files_missing": status.missing,
        "summary": article.summary,
    }
