"""`digest unsubscribe`: unsubscriptions that arrive by mail."""

from __future__ import annotations

import email
import re
import sys
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from typing import cast

import typer

from digest.cli.context import services_of
from digest.cli.terminal import FAILED, complain, say

app = typer.Typer(help="Act on mails to the unsubscribe address.", no_args_is_help=True)

#: Bytes of a message that are looked at, most of them headers; and of one of these.
_MAX_MESSAGE, _MAX_FIELD = 65_536, 2_048
#: Fields of one name, and parts of a message, that are looked at.
_MAX_FIELDS = 20
#: Lines of a message's text that are looked at: what a person writes stands first.
_MAX_LINES = 20
#: Fields of programs that reply by themselves.
_AUTOMATIC = ("X-Autoreply", "X-Autorespond", "X-Failed-Recipients")
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

    try:
        # By default, header fields would be parsed as well, in quadratic time.
        message = email.message_from_bytes(sys.stdin.buffer.read(_MAX_MESSAGE))
    except RecursionError:  # thousands of parts in each other
        message = Message()
    while sys.stdin.buffer.read(_MAX_MESSAGE):  # or the mail server would see a broken pipe
        pass
    if _is_automatic(message):
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


def _is_automatic(message: Message) -> bool:
    """Return whether a program wrote a message: a report on a delivery (RFC 3462), or a reply.

    Such messages quote ours, token and all. What RFC 3834 calls auto-generated is from a person who
    pressed a button of a mail program.
    """
    return (
        _field(message.get("Auto-Submitted")).strip().lower().startswith("auto-replied")
        or message.get_content_type() == "multipart/report"
        or _field(message.get("Precedence")).strip().lower() == "auto_reply"
        or any(name in message for name in _AUTOMATIC)
    )


def _texts(message: Message) -> Iterator[str]:
    """Yield candidates for a token, the most trusted first."""
    for name in ("Subject", "To", "Delivered-To", "X-Original-To"):
        for value in message.get_all(name, [])[:_MAX_FIELDS]:
            field = _field(value)
            yield from _CANDIDATE.findall(field)
            yield from _CANDIDATE.findall("".join(field.split()))  # a folded subject
    for line in _text(message).splitlines()[:_MAX_LINES]:
        if not line.startswith(">"):
            yield from _CANDIDATE.findall(line)


def _field(value: object) -> str:
    """Return the beginning of a header field, encoded words as what they stand for."""
    text = str(value or "")[:_MAX_FIELD]
    try:
        parts = decode_header(text)
    except (HeaderParseError, ValueError):
        return text
    # A token is ASCII, whatever the charset says of the rest.
    return "".join(
        part if isinstance(part, str) else part.decode("ascii", "replace") for part, _ in parts
    )


def _text(message: Message) -> str:
    """Return the first plain text of a message, else the first HTML; attached mails have none."""
    texts: dict[str, str] = {}
    parts = [message]
    for part in parts:  # grows meanwhile
        kind = part.get_content_type()
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            below = cast("list[Message]", part.get_payload())
            parts += below[: _MAX_FIELDS - len(parts)]
        elif kind in ("text/plain", "text/html") and kind not in texts:
            content = part.get_payload(decode=True)
            texts[kind] = content.decode("ascii", "replace") if isinstance(content, bytes) else ""
    return texts.get("text/plain") or texts.get("text/html", "")
