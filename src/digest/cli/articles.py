"""`digest articles`, `digest feeds` and `digest export`: what is published, and its withdrawal."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from digest.cli.context import services_of
from digest.cli.terminal import (
    FAILED,
    Json,
    complain,
    print_json,
    print_table,
    progress_bar,
    remark,
    say,
)
from digest.times import format_utc

if TYPE_CHECKING:
    from digest.app.export.exporter import Exported
    from digest.app.wiring import Services
    from digest.articles.model import ArticleKey
    from digest.store.withdrawals import ArticleStatus

commands = typer.Typer()  #: of the program itself
article_commands = typer.Typer(
    help="Look at articles, withdraw and restore them.", no_args_is_help=True
)

#: The number of paths that are printed of each kind.
_NAMED = 10

Names = Annotated[
    list[str],
    typer.Argument(help="Which: its key, its id, its link, or the path of its file."),
]


@article_commands.command("list")
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


@article_commands.command()
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


@article_commands.command()
def withdraw(context: typer.Context, names: Names) -> None:
    """Take articles out of feeds, pages and digests to come, whatever becomes of their files.

    Their addresses answer 410 (gone), and Atom feeds tell it (RFC 6721).
    """
    with services_of(context, log=False) as services:
        statuses = _find(services, names)
        services.store.withdrawals.withdraw(_keys(statuses), services.clock())
        count = sum(status.withdrawn_at is None for status in statuses)
        _publish(services, f"{count:,} withdrawn")


@article_commands.command()
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
    say(f"{done}; {published.written:,} files written, {published.removed:,} removed.")


def _fields(services: Services, status: ArticleStatus) -> dict[str, Any]:
    from digest.store.withdrawals import Word

    article = status.article
    return {
        "key": article.key,
        "id": article.id,
        "title": article.title,
        "published_at": format_utc(article.published_at),
        "updated_at": format_utc(article.updated_at),
        "withdrawn_at": format_utc(status.withdrawn_at) if status.withdrawn_at else None,
        "operator": str(status.word) if status.word in (Word.WITHDRAWN, Word.KEPT) else None,
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


def _site_url(text: str | None) -> str | None:
    from digest.settings.addresses import site_url

    if text is None:
        return None
    try:
        return site_url(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@commands.command()
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
            f"{done.written:,} files written ({_bytes(done.written_bytes)}), "
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
        remark(f"{more:,} more such files")
    if done.in_the_way:
        raise typer.Exit(FAILED)


def _bytes(count: int) -> str:
    """Return a number of bytes for a person."""
    return f"{count / 1_000_000:,.1f} MB" if count >= 100_000 else f"{count / 1_000:,.1f} kB"


@commands.command()
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
