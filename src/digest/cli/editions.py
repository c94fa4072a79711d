"""`digest editions` and `digest deliveries`: list, approve, cancel and resend."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import services_of
from digest.cli.terminal import FAILED, Json, complain, print_json, print_table, say
from digest.editions.delivery import DeliveryState
from digest.spelling import counted
from digest.times import format_utc, format_zoned

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.editions.model import Edition
    from digest.editions.progress import DeliveryRecord, EditionStatus

app = typer.Typer(help="List, approve, cancel and resend editions.", no_args_is_help=True)
delivery_commands = typer.Typer(help="List the mails of an edition.", no_args_is_help=True)

Id = Annotated[
    int, typer.Argument(help="Its id, as `digest editions list` tells it.", min=1, max=2**63 - 1)
]

#: Characters of a note.
_MAX_NOTE = 10_000
_COLUMNS = ("Id", "Digest", "Number", "Due", "State", "Articles", "Mails")
_DELIVERY_COLUMNS = ("Address", "State", "Attempts", "Changed", "Next", "Server")


@app.command("list")
def list_(
    context: typer.Context,
    digest: Annotated[str | None, typer.Option(help="Only of this digest.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List the editions, newest first; a `draft` waits for your decision."""
    with services_of(context, log=False) as services:
        listed = services.store.reports.listed(digest, limit)
        if digest is not None and not listed:
            services.settings.digest(digest)  # a digest no longer configured may have editions
    if as_json:
        print_json([_fields(status) for status in listed])
    elif listed:
        print_table(_COLUMNS, map(_row, listed))
    else:
        say("No editions.")


@app.command()
def show(context: typer.Context, edition_id: Id, as_json: Json = False) -> None:
    """Show an edition: what is in it, how it goes, and until when a draft waits."""
    from digest.mail.text_layout import one_line

    with services_of(context, log=False) as services:
        status = _status(services, edition_id)
        unsubscribed = services.store.editions.unsubscribed(edition_id)
        proposal = asyncio.run(services.approval().proposal(edition_id))
    if proposal is None:
        raise _unknown(edition_id)
    decided_at = proposal.decided_at
    titles = [one_line(article.title) for article in proposal.articles]
    if as_json:
        waiting = {
            "readers": proposal.readers if proposal.waits else None,
            "decided_at": decided_at,
            "unapproved": None if decided_at is None else "send" if proposal.sends else "drop",
        }
        errors = [{"error": error, "count": count} for error, count in status.errors]
        details = {"titles": titles, "errors": errors, "unsubscribed": unsubscribed}
        print_json(_fields(status) | waiting | details | {"note": status.edition.note})
        return
    edition = status.edition
    say(f"{_named(edition)}: {_state(edition)}")
    say(f"Due          {format_utc(edition.due_at)}")
    say(f"Made         {format_utc(edition.created_at)}")
    if proposal.waits:
        say(f"Readers      {proposal.readers:,}")
        if decided_at is None:
            say(f"Waits        for `digest editions approve {edition.id}` or `cancel {edition.id}`")
        else:
            unless = "sent, unless cancelled" if proposal.sends else "dropped, unless approved"
            say(f"Waits        until {format_zoned(decided_at)}, then it is {unless} before")
    else:
        say(f"Mails        {_mails(status) or 'none'}")
        if unsubscribed:
            say(f"Unsubscribed {unsubscribed:,} before the next edition")
    for error, count in status.errors:
        say(f"Error        {count:,} × {error}")
    for paragraph in edition.note_paragraphs:
        say(f"Note         {paragraph}")
    say(f"Articles     {status.articles:,}")
    for title in titles:
        say(f"  {title}")
    if gone := status.articles - len(titles):
        say(f"  and {gone:,} withdrawn")


@app.command()
def approve(context: typer.Context, edition_id: Id) -> None:
    """Send a draft to all who are subscribed now; a running daemon does within half a minute."""
    with services_of(context, log=False) as services:
        before = _status(services, edition_id).edition
        approved = False
        if _is_draft(before):
            services.settings.digest(before.digest)  # says so where it is not configured
            approved = asyncio.run(services.approval().approve(edition_id))
        now = _status(services, edition_id)
    if not approved:
        complain(f"{_named(now.edition)} is no draft: it is {_state(now.edition)}")
        raise typer.Exit(FAILED)
    mails = counted(sum(now.states.values()), "mail")
    say(f"{_named(now.edition)}: approved, {mails} for `digest run`.")


@app.command()
def cancel(context: typer.Context, edition_id: Id) -> None:
    """Drop a draft, or call back what an edition has not sent yet.

    Its articles come in no other edition. What is being sent at this moment still arrives.
    """
    with services_of(context, log=False) as services:
        _status(services, edition_id)  # raises if there is no such edition
        cancelled = asyncio.run(services.approval().cancel(edition_id))
        now = _status(services, edition_id)
    if not cancelled:
        complain(f"{_named(now.edition)} has nothing left to send: it is {_state(now.edition)}")
        raise typer.Exit(FAILED)
    if not sum(now.states.values()):
        say(f"{_named(now.edition)}: cancelled, nobody gets it.")
        return
    sent, sending = (now.states[state] for state in (DeliveryState.SENT, DeliveryState.SENDING))
    on_the_way = f", {sending:,} on the way" if sending else ""
    say(f"{_named(now.edition)}: cancelled; {counted(sent, 'mail')} sent before{on_the_way}.")


@app.command()
def resend(
    context: typer.Context,
    edition_id: Id,
    failed: Annotated[
        bool, typer.Option("--failed", help="What failed or expired; nothing else can be.")
    ] = False,
) -> None:
    """Send again what failed or expired, to those who are still subscribed.

    Each mail has as much time as at first, and the same Message-ID. A running daemon begins within
    half a minute.
    """
    if not failed:
        raise typer.BadParameter("say what to send again: --failed")
    with services_of(context, log=False) as services:
        edition = _status(services, edition_id).edition
        services.settings.digest(edition.digest)  # says so where it is not configured
        queued = asyncio.run(services.approval().resend(edition_id))
    if not queued:
        why = "it was cancelled" if edition.cancelled else "nothing failed or expired"
        complain(f"{_named(edition)}: {why}, so there is nothing to send again")
        raise typer.Exit(FAILED)
    say(f"{_named(edition)}: {counted(queued, 'mail')} for `digest run`.")


@app.command()
def note(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The digest's name in the configuration.")],
    text: Annotated[
        str | None, typer.Argument(help="The note; empty lines part paragraphs.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file with the note, in UTF-8.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Drop the note that waits.")] = False,
) -> None:
    """Put a note above the next edition of a digest: plain text, a line or a page.

    Without a text it shows the note that waits.
    """
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"{file}: cannot be read: {error}") from error
    if text is not None and (len(text) > _MAX_NOTE or not text.strip()):
        raise typer.BadParameter(f"a note has 1 to {_MAX_NOTE:,} characters; --clear drops it")
    with services_of(context, log=False) as services:
        digest, store = services.settings.digest(name), services.store.editions
        if text is not None or clear:
            store.write_note(digest.name, printable(text or ""))
        waiting = store.note(digest.name)
    say(waiting or "No note waits.")


def printable(text: str) -> str:
    """Return a text without control characters but line ends, trimmed."""
    lines = "\n".join(text.splitlines())
    return "".join(char for char in lines if char == "\n" or char.isprintable()).strip()


def _status(services: Services, edition_id: int) -> EditionStatus:
    status = services.store.reports.status(edition_id)
    if status is None:
        raise _unknown(edition_id)
    return status


def _unknown(edition_id: int) -> typer.BadParameter:
    return typer.BadParameter(
        f"there is no edition {edition_id}; `digest editions list` tells the ids"
    )


def _is_draft(edition: Edition) -> bool:
    from digest.editions.model import EditionState

    return edition.state is EditionState.DRAFT


def _state(edition: Edition) -> str:
    """Return the state to show: cancelled also while messages are still being sent."""
    return "cancelled" if edition.cancelled else str(edition.state)


def _number(edition: Edition) -> str:
    if edition.welcome:
        return "welcome"
    return str(edition.number) if edition.number else ""


def _named(edition: Edition) -> str:
    return f"Edition {edition.id} ({' '.join(filter(None, (edition.digest, _number(edition))))})"


def _mails(status: EditionStatus) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in status.states.items() if count)


def _row(status: EditionStatus) -> tuple[str, ...]:
    edition = status.edition
    return (
        str(edition.id),
        edition.digest,
        _number(edition),
        format_utc(edition.due_at),
        _state(edition),
        f"{status.articles:,}",
        _mails(status),
    )


def _fields(status: EditionStatus) -> dict[str, object]:
    edition = status.edition
    return {
        "id": edition.id,
        "digest": edition.digest,
        "number": edition.number,
        "welcome": edition.welcome,
        "due_at": edition.due_at,
        "created_at": edition.created_at,
        "state": _state(edition),
        "articles": status.articles,
        "mails": {str(state): count for state, count in status.states.items()},
    }


@delivery_commands.callback()
def _group() -> None:
    """Make `list` a subcommand: a single command would replace its group."""


@delivery_commands.command("list")
def list_deliveries(
    context: typer.Context,
    edition: Annotated[
        int,
        typer.Option(help="Its id, as `digest editions list` tells it.", min=1, max=2**63 - 1),
    ],
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List the deliveries of an edition, the last changed first, with the server's answer."""
    with services_of(context, log=False) as services:
        _status(services, edition)  # raises if there is no such edition
        deliveries = services.store.reports.deliveries(edition, state, limit)
    if as_json:
        print_json([asdict(delivery) for delivery in deliveries])
    elif deliveries:
        print_table(_DELIVERY_COLUMNS, map(_delivery_row, deliveries))
    else:
        say("No deliveries.")


def _delivery_row(delivery: DeliveryRecord) -> tuple[str, ...]:
    return (
        delivery.address or "(removed)",
        delivery.state,
        str(delivery.attempts),
        f"{delivery.changed_at:%Y-%m-%d %H:%M}",
        f"{delivery.due_at:%Y-%m-%d %H:%M}" if delivery.due_at else "",
        delivery.error or "",
    )
