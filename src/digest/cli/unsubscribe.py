"""`digest unsubscribe`: unsubscriptions that arrive by mail."""

from __future__ import annotations

import email
import email.policy
import re
import sys
from collections.abc import Iterator
from email.message import EmailMessage

import typer

from digest.cli.context import services_of
from digest.cli.terminal import FAILED, complain, say

app = typer.Typer(help="Act on mails to the unsubscribe address.", no_args_is_help=True)

#: Bytes of a message that are read; a mail that unsubscribes has a few hundred.
_MAX_MESSAGE = 1_048_576
#: Lines of a message's text that are looked at: what a person writes stands first.
_MAX_LINES = 20
_CANDIDATE = re.compile(r"[A-Za-z0-9_-]{30,}")


@app.callback()
def group() -> None:
    """Act on mails to the unsubscribe address."""


@app.command()
def receive(context: typer.Context) -> None:
    """Unsubscribe the reader whose token is in a message on standard input.

    For an alias or a filter of the mail server, such as `|digest unsubscribe receive`. The token is
    looked for in the subject, in the address after a "+", and at the beginning of the text. Ends
    with 1 if there is none, and for automatic replies.
    """
    from digest.subscribers.address import masked
    from digest.subscribers.tokens import read_unsubscribe_token

    message = email.message_from_bytes(
        sys.stdin.buffer.read(_MAX_MESSAGE), policy=email.policy.default
    )
    if str(message.get("Auto-Submitted", "")).strip().lower().startswith("auto-replied"):
        complain("an automatic reply: nothing is done")
        raise typer.Exit(FAILED)
    with services_of(context) as services:
        store, unsubscribed = services.store.subscribers, False
        for text in _texts(message):
            link = read_unsubscribe_token(services.token_keys, text)
            if link is None:
                continue
            try:
                subscriber, _ = store.linked(link)
            except LookupError:
                continue
            unsubscribed = True
            if subscriber is None:
                say("the subscription of this token was removed: no mail is sent")
                break
            ended = store.unsubscribe(subscriber.id, services.clock(), "by a mail")
            state = "unsubscribed" if ended else f"was {subscriber.state} already"
            say(f"{masked(subscriber.address)}: {state} ({subscriber.digest})")
            break
    if not unsubscribed:
        complain("there is no token of a subscription in this message")
        raise typer.Exit(FAILED)


def _texts(message: EmailMessage) -> Iterator[str]:
    """Yield what may be a token, in the order in which it is believed."""
    for name in ("Subject", "To", "Delivered-To", "X-Original-To"):
        for value in message.get_all(name, []):
            field = str(value)
            yield from _CANDIDATE.findall(field)
            yield from _CANDIDATE.findall("".join(field.split()))  # a folded subject
    part = message.get_body(("plain", "html"))
    if part is None:
        return
    try:
        text = part.get_content()
    except (LookupError, ValueError):  # an encoding that is none
        return
    for line in text.splitlines()[:_MAX_LINES]:
        if not line.startswith(">"):
            yield from _CANDIDATE.findall(line)
