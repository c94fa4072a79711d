"""`digest subscribers`: who reads which digest."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from digest.cli.context import services_of
from digest.cli.terminal import FAILED, Json, complain, print_json, print_table, say
from digest.errors import ConfigurationError
from digest.private_files import private_opener

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.articles.model import CategoryPath
    from digest.subscribers.model import NewSubscriber, Subscriber

app = typer.Typer(help="Add, remove, list, import and export subscribers.", no_args_is_help=True)

#: The header of CSV files; ``address`` and ``digest`` are needed, the order is free.
_COLUMNS = (
    "address",
    "digest",
    "name",
    "categories",
    "language",
    "timezone",
    "state",
    "created_at",
    "changed_at",
    "reason",
)


def parse_categories(text: str) -> tuple[CategoryPath, ...]:
    """Return the categories of ``"A/B, C"``; ValueError where a name is empty."""
    from digest.articles.model import CategoryPath

    return tuple(CategoryPath.parse(path) for path in text.split(",") if path.strip())


def format_categories(categories: tuple[CategoryPath, ...]) -> str:
    """Return categories as ``parse_categories`` reads them."""
    return ", ".join("/".join(path.names) for path in categories)


def new_subscriber(
    services: Services,
    address: str,
    digest: str,
    name: str,
    categories: str,
    language: str | None,
    timezone: str | None,
) -> NewSubscriber:
    """Return a checked subscription.

    Raises ValueError for an address, name, category, language or zone that is none,
    ConfigurationError for a digest that is not configured.
    """
    from digest.settings import language_tag, zone
    from digest.subscribers.address import check_address
    from digest.subscribers.model import NewSubscriber

    if any(ord(char) < 32 for char in name):
        raise ValueError("a name must be one line, without control characters")
    return NewSubscriber(
        address=check_address(address),
        digest=services.settings.digest(digest).name,
        name=name.strip(),
        categories=parse_categories(categories),
        language=language_tag(language) if language else None,
        timezone=zone(timezone) if timezone else None,
    )


@app.command()
def add(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An e-mail address.")],
    digest: Annotated[str, typer.Option(help="The digest's name in the configuration.")],
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    categories: Annotated[
        str, typer.Option(help='Only these, such as "金融/新浪财经, Notes". Default: all.')
    ] = "",
    language: Annotated[
        str | None, typer.Option(help="Of the mail's own words, such as zh-CN.")
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Of a digest that is sent by each reader's clock, such as Asia/Tokyo."),
    ] = None,
) -> None:
    """Subscribe an address to a digest, or change its subscription.

    A new subscriber of a digest with `welcome` is sent the latest articles at once.
    """
    with services_of(context, log=False) as services:
        try:
            new = new_subscriber(services, address, digest, name, categories, language, timezone)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        _, added = services.store.subscribers.add(new, services.clock())
    say(f"{new.address}: {added}")


@app.command()
def remove(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An e-mail address.")],
    digest: Annotated[
        str | None, typer.Option(help="Only from this digest. Default: from all.")
    ] = None,
) -> None:
    """Forget an address. (People who unsubscribe themselves are remembered as such.)"""
    with services_of(context, log=False) as services:
        removed = services.store.subscribers.remove(address, digest)
    if not removed:
        complain(f"{address}: is not subscribed")
        raise typer.Exit(FAILED)
    say(f"{address}: removed from {removed} digest{'s' if removed > 1 else ''}")


def _row(subscriber: Subscriber) -> dict[str, str]:
    return {
        "address": subscriber.address,
        "digest": subscriber.digest,
        "name": subscriber.name,
        "categories": format_categories(subscriber.categories),
        "language": subscriber.language or "",
        "timezone": subscriber.timezone or "",
        "state": str(subscriber.state),
        "created_at": subscriber.created_at.isoformat(),
        "changed_at": subscriber.changed_at.isoformat() if subscriber.changed_at else "",
        "reason": subscriber.reason or "",
    }


@app.command()
def restore(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An e-mail address.")],
    digest: Annotated[str | None, typer.Option(help="Only of this digest. Default: all.")] = None,
) -> None:
    """Write again to an address that a server said does not exist (`suppressed` in the list)."""
    with services_of(context, log=False) as services:
        restored = services.store.subscribers.restore(address, digest, services.clock())
    if not restored:
        complain(f"{address}: is not suppressed")
        raise typer.Exit(FAILED)
    say(f"{address}: active again in {restored} digest{'s' if restored > 1 else ''}")


@app.command("list")
def list_(
    context: typer.Context,
    digest: Annotated[str | None, typer.Option(help="Only of this digest.")] = None,
    as_json: Json = False,
) -> None:
    """List the subscribers."""
    with services_of(context, log=False) as services:
        if digest is not None:
            services.settings.digest(digest)
        rows = [_row(subscriber) for subscriber in services.store.subscribers.list(digest)]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(
            [column.capitalize() for column in _COLUMNS], (tuple(row.values()) for row in rows)
        )
    else:
        say("No subscribers.")


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Default: standard output.")] = None,
    digest: Annotated[str | None, typer.Option(help="Only of this digest.")] = None,
) -> None:
    """Write the subscribers as CSV with a header, as `import` reads it."""
    with services_of(context, log=False) as services:
        subscribers = services.store.subscribers.list(digest)
    with ExitStack() as stack:
        stream: TextIO = sys.stdout
        if file:
            stream = stack.enter_context(
                open(file, "w", encoding="utf-8", newline="", opener=private_opener)
            )
        writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(_row, subscribers))


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8 with a header; `-` reads a pipe.")],
    digest: Annotated[str | None, typer.Option(help="The digest of lines that name none.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Import all lines or, if one is bad, none.")
    ] = False,
    welcome: Annotated[
        bool, typer.Option("--welcome", help="Send the new ones the digest's welcome.")
    ] = False,
) -> None:
    """Subscribe the addresses of a CSV file. Bad lines are told by number, the rest imported.

    Whoever unsubscribed or is suppressed in the file is left out, as is whoever unsubscribed here.
    """
    with services_of(context, log=False) as services:
        good: list[NewSubscriber] = []
        bad = left_out = 0
        reader = _open_csv(file)
        for line, outcome in _read_csv(services, reader, digest):
            if isinstance(outcome, str):
                complain(f"{file}:{line}: {outcome}")
                bad += 1
            elif outcome is None:
                left_out += 1
            else:
                good.append(outcome)
        if strict and bad:
            complain(f"{bad} bad lines, nothing imported (--strict)")
            raise typer.Exit(FAILED)
        results = services.store.subscribers.add_many(
            good, services.clock(), welcome=welcome, keep=set(_COLUMNS) - _header(reader)
        )
    for kind in sorted(set(results)):
        say(f"{results.count(kind):,} {kind}")
    if left_out:
        say(f"{left_out:,} left out: not active in the file")
    if bad:
        say(f"{bad:,} bad lines")
        raise typer.Exit(FAILED)


def _open_csv(file: Path) -> csv.DictReader[str]:
    """Return a reader of a file that has a header with ``address``."""
    try:
        text = (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode(
            "utf-8-sig"
        )
    except OSError as error:
        raise typer.BadParameter(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file}: is not UTF-8 at byte {error.start}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        known = "address" in _header(reader)
    except csv.Error as error:
        raise typer.BadParameter(f"{file}: is no CSV: {error}") from error
    if not known:
        raise typer.BadParameter(
            f"{file}: the first line must be a header with `address`, and may have "
            + ", ".join(_COLUMNS[1:])
        )
    return reader


def _header(reader: csv.DictReader[str]) -> set[str]:
    return {(name or "").strip().lower() for name in reader.fieldnames or ()}


def _read_csv(
    services: Services, reader: csv.DictReader[str], digest: str | None
) -> Iterator[tuple[int, NewSubscriber | str | None]]:
    """Yield (line, subscription, or what is wrong, or None for one that is not active)."""
    try:
        for row in reader:
            yield reader.line_num, _subscription(services, row, digest)
    except csv.Error as error:
        yield reader.line_num, f"is no CSV: {error}"


def _subscription(
    services: Services, row: dict[str | None, str | None], digest: str | None
) -> NewSubscriber | str | None:
    if None in row:
        return "has more values than the header has names"
    values = {(key or "").strip().lower(): (value or "").strip() for key, value in row.items()}
    if values.get("state", "active") not in ("", "active"):
        return None
    try:
        return new_subscriber(
            services,
            values.get("address", ""),
            values.get("digest") or digest or "",
            values.get("name", ""),
            values.get("categories", ""),
            values.get("language") or None,
            values.get("timezone") or None,
        )
    except (ValueError, ConfigurationError) as error:
        return str(error)
