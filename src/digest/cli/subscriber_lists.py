"""`digest subscribers export` and `import`: subscribers as CSV."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import services_of
from digest.cli.subscribers import format_categories, new_subscriber, report_unknown_categories
from digest.cli.terminal import FAILED, complain, remark, say
from digest.errors import ConfigurationError
from digest.private_files import private_opener
from digest.spelling import counted

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.subscribers.lists import ListedSubscriber
    from digest.subscribers.model import NewSubscriber

app = typer.Typer()

#: Bad lines and unread columns of a list that are reported one by one.
_MAX_LINES = 100
#: Values of columns of states that are reported, and characters of each.
_MAX_VALUES, _MAX_VALUE = 10, 40


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Default: standard output.")] = None,
    digest: Annotated[str | None, typer.Option(help="Only of this digest.")] = None,
) -> None:
    """Write everything known of the subscribers as CSV with a header, as `import` reads it.

    Besides their choices that is the state, since when and why, consent, and what makes the links
    in mails already sent work on in another database.
    """
    from digest.subscribers.lists import write_list

    with services_of(context, log=False) as services:
        subscribers = services.store.subscribers.exported(digest)
    text = write_list(
        subscribers,
        {
            number: format_categories(subscriber.categories or ())
            for number, subscriber in enumerate(subscribers)
        },
    )
    if file:
        with open(file, "w", encoding="utf-8", newline="", opener=private_opener) as stream:
            stream.write(text)
        say(f"{counted(len(subscribers), 'subscription')} written to {file}.")
    else:
        sys.stdout.write(text)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with a header; `-` reads a pipe.")],
    digest: Annotated[str | None, typer.Option(help="The digest of lines that name none.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Import all lines or, if one is bad, none.")
    ] = False,
    welcome: Annotated[
        bool, typer.Option("--welcome", help="Send the new ones the digest's welcome.")
    ] = False,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="What a column is, such as Mailbox=address; - leaves it unread. Repeatable.",
        ),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(help="Of all who are active in the list: unsubscribed or suppressed."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would happen.")
    ] = False,
) -> None:
    """Subscribe the addresses of a CSV file, ours or another newsletter program's.

    Encoding, delimiter and the columns of well-known programs are recognized. Bad lines are told by
    number, the others imported. Whoever unsubscribed or is suppressed here stays so, and whoever
    had everything erased is left out; whoever is in the file gets no more mail from here either.
    A list of opt-outs without a column that says so takes --state unsubscribed.
    """
    from dataclasses import replace

    from digest.subscribers.list_states import names_opt_outs
    from digest.subscribers.lists import BadRow, ListedSubscriber, read_list
    from digest.subscribers.model import SubscriberState

    if state is not None and state not in ("unsubscribed", "suppressed"):
        raise typer.BadParameter(f"--state {state}: expected unsubscribed or suppressed")
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        listed = read_list(content, _mapped(map_ or []))
    except OSError as error:
        raise typer.BadParameter(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise typer.BadParameter(f"{file}: {error}") from error
    if listed.ignored:
        remark(f"columns that are not read: {', '.join(listed.ignored[:_MAX_LINES])}")
    with services_of(context, log=False) as services:
        good: list[NewSubscriber] = []
        bad = unconfirmed = 0
        unclear: Counter[tuple[str, str]] = Counter()
        for row in listed.rows():
            if isinstance(row, ListedSubscriber):
                unclear.update(row.unclear)
                if state is not None and row.state is SubscriberState.ACTIVE:
                    row = replace(row, state=SubscriberState(state))
            if isinstance(row, BadRow):
                problem: str | None = row.problem
            elif row.state is None:
                unconfirmed += 1
                continue
            else:
                try:
                    good.append(_listed(services, row, digest))
                    problem = None
                except (ValueError, ConfigurationError) as error:
                    problem = str(error)
            if problem:
                bad += 1
                if bad <= _MAX_LINES:
                    complain(f"{file}:{row.line}: {problem}")
        if bad > _MAX_LINES:
            complain(f"{file}: {counted(bad - _MAX_LINES, 'more bad line')}")
        for (column, value), count in unclear.most_common(_MAX_VALUES):
            times = counted(count, "time")
            remark(f"{column!r} is {value[:_MAX_VALUE]!r} {times}: no state that is known")
        if strict and bad:
            complain(f"{counted(bad, 'bad line')}, nothing imported (--strict)")
            raise typer.Exit(FAILED)
        if names_opt_outs(file.stem) and good and all(new.state == "active" for new in good):
            remark(
                f"{file.name}: no column says that these readers left, so they are subscribed;"
                " if they did, import it with --state unsubscribed"
            )
        chosen = {category for new in good for category in new.categories or ()}
        report_unknown_categories(services, sorted(chosen))
        outcomes = Counter(
            services.store.subscribers.add_many(
                good,
                services.clock(),
                welcome=welcome,
                dry_run=dry_run,
                keys=services.token_keys,
            )
        )
    if dry_run:
        say("Nothing is stored (--dry-run). It would be:")
    for outcome, count in sorted(outcomes.items()):
        say(f"{count:,} {outcome}")
    if unconfirmed:
        say(f"{unconfirmed:,} left out: never confirmed")
    if bad:
        say(counted(bad, "bad line"))
        raise typer.Exit(FAILED)


def _mapped(pairs: Sequence[str]) -> dict[str, str]:
    """Return the fields of columns given as ``COLUMN=FIELD``; raise ValueError."""
    from digest.subscribers.list_layout import UNREAD
    from digest.subscribers.list_words import COLUMNS

    mapped = {}
    for pair in pairs:
        column, _, field = pair.rpartition("=")
        if not column or field not in (*COLUMNS, "first name", "last name", UNREAD):
            raise ValueError(
                f"--map {pair}: expected COLUMN=FIELD, with a field of {', '.join(COLUMNS)}, "
                f"first name, last name, or {UNREAD} for a column that is not to be read"
            )
        mapped[column] = field
    return mapped


def _listed(services: Services, row: ListedSubscriber, digest: str | None) -> NewSubscriber:
    """Return the subscription of a row. Raises ValueError, ConfigurationError."""
    from dataclasses import replace

    from digest.subscribers.lists import check_history, check_old_ids, check_person
    from digest.subscribers.model import SubscriberState

    fields, name = row.fields, row.fields.get("digest") or digest or ""
    preferences = ("name", "categories", "language", "timezone", "consent")
    address = fields.get("address", "")
    try:
        new = new_subscriber(
            services, address, name, **{choice: fields.get(choice) for choice in preferences}
        )
    except ValueError:
        if row.state is SubscriberState.ACTIVE:
            raise
        new = new_subscriber(services, address, name)  # an opt-out counts without preferences
    assert row.state is not None  # noqa: S101 the caller leaves the others out
    return replace(
        new,
        state=row.state,
        since=row.since,
        reason=fields.get("reason") or None,
        created_at=row.created_at,
        paused_until=row.paused_until,
        person=check_person(fields.get("person", "")),
        old_ids=check_old_ids(fields.get("old_ids", "")),
        history=check_history(fields.get("history", "")),
    )
