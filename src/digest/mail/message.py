"""Messages: the content for one recipient as bytes for a mail server (RFC 5322)."""

# pure
from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2b

from digest.errors import DeliveryRefused
from digest.mail.base64_template import encoded
from digest.mail.headers import mailbox, unstructured, verbatim
from digest.mail.render import MailContent
from digest.mail.transports.model import Sender
from digest.subscribers.address import ascii_address, wire_address
from digest.times import require_utc

_WEB = re.compile(r"https?://[^\s<>,/]+(?:/[^\s<>,]*)?")
#: Of the two parts: base64, since no line of it can be too long or look like a boundary.
_PLAIN, _HTML = (
    f"\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n".encode("ascii")
    for kind in ("plain", "html")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A finished message and the addresses for the server (RFC 5321 section 2.3.1)."""

    sender: str  #: for MAIL FROM
    recipient: str  #: for RCPT TO
    message: bytes  #: RFC 5322, or RFC 6532 where ``utf8``; lines end in CRLF
    transparent: bool = False  #: needs no dot-stuffing (RFC 5321 section 4.5.2)

    @property
    def utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 can take it (RFC 6531)."""
        return not self.recipient.isascii()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFields:
    """The header fields of a message that do not come from its content."""

    address: str  #: as the subscriber gave it
    name: str  #: the subscriber's; empty where unknown
    digest: str  #: the digest's name
    reference: str  #: left part of the Message-ID: unique, the same at every attempt; atext, dots
    campaign: str  #: the same for all messages of an edition; for Feedback-ID
    written_at: datetime  #: aware UTC; the same at every attempt
    archive: str  #: absolute http(s) address of past issues
    unsubscribe: str | None  #: absolute http(s), a POST there unsubscribes; None for a sample

    def __post_init__(self) -> None:
        require_utc("written_at", self.written_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedBody:
    """The content for one recipient, its parts in base64 (``base64_template.encoded``)."""

    subject: str  #: plain text, one line
    html: bytes
    text: bytes
    language: str  #: BCP 47


def compose(body: MailContent | EncodedBody, fields: MessageFields, sender: Sender) -> Envelope:
    """Return a message; the same arguments give the same bytes.

    Raises DeliveryRefused if the recipient's address is invalid, ValueError if a web address
    cannot stand in a header field.
    """
    try:
        recipient = wire_address(fields.address)
    except ValueError as error:
        raise DeliveryRefused(None, f"not an address: {error}") from error
    if isinstance(body, MailContent):
        body = EncodedBody(
            subject=body.subject,
            html=encoded(body.html.encode("utf-8")),
            text=encoded(body.text.encode("utf-8")),
            language=body.language,
        )
    head = _shared_fields(
        body.subject, body.language, fields.digest, fields.campaign, fields.archive, sender
    )
    message_id = f"{fields.reference}@{head.host}"
    boundary = "=_" + blake2b(message_id.encode("ascii"), digest_size=16).hexdigest()
    lines = [
        head.sender,
        mailbox("To", fields.name, recipient),
        head.subject,
        _date(fields.written_at),
        verbatim("Message-ID", f"<{message_id}>"),
        head.others,
        *_unsubscribe_fields(fields.unsubscribe, sender),
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n',
    ]
    delimiter = f"\r\n--{boundary}".encode("ascii")
    message = [
        "".join(lines).encode("utf-8"),  # ASCII except perhaps the recipient's address
        *(delimiter, _PLAIN, body.text),
        *(delimiter, _HTML, body.html),
        *(delimiter, b"--\r\n"),
    ]
    # No field begins with a dot, and base64 has none.
    return Envelope(
        sender=head.origin, recipient=recipient, message=b"".join(message), transparent=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _SharedFields:
    """The header fields that all messages of a segment share."""

    origin: str  #: the sender's address in ASCII
    host: str
    sender: str  #: the field From
    subject: str
    others: str


@lru_cache(maxsize=512)
def _shared_fields(
    subject: str, language: str, digest: str, campaign: str, archive: str, sender: Sender
) -> _SharedFields:
    origin = ascii_address(sender.address)
    host = sender.host
    others = [
        mailbox("Reply-To", "", ascii_address(sender.reply_to)) if sender.reply_to else "",
        verbatim("List-Id", f"<{digest}.{host}>"),
        verbatim("List-Archive", f"<{_uri(archive)}>") if sender.pages else "",
        verbatim("List-Help", f"<{_uri(archive)}>") if sender.pages else "",
        verbatim("Precedence", "bulk"),
        verbatim("Auto-Submitted", "auto-generated"),  # RFC 3834 section 5
        verbatim("Feedback-ID", f"{campaign}:{digest}:digest:{host}"),
        verbatim("Content-Language", language),
        verbatim("MIME-Version", "1.0"),
    ]
    return _SharedFields(
        origin=origin,
        host=host,
        sender=mailbox("From", sender.name, origin),
        subject=unstructured("Subject", subject),
        others="".join(others),
    )


@lru_cache(maxsize=64)  # all messages of an edition have the same
def _date(moment: datetime) -> str:
    return verbatim("Date", format_datetime(moment))


def _unsubscribe_fields(unsubscribe: str | None, sender: Sender) -> list[str]:
    """Return List-Unsubscribe (RFC 2369) and List-Unsubscribe-Post (RFC 8058)."""
    if unsubscribe is None:
        return []
    ways = [f"<{_uri(unsubscribe)}>"] if sender.pages else []
    if mailto := sender.mail_to_unsubscribe(unsubscribe.rpartition("/")[2]):
        ways.append(f"<{mailto}>")
    if not ways:
        return []
    fields = [verbatim("List-Unsubscribe", ", ".join(ways))]
    if sender.pages and unsubscribe.startswith("https:"):  # RFC 8058 section 3.1: nothing else
        fields.append(verbatim("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return fields


def _uri(address: str) -> str:
    """Return a web address that may stand between angle brackets. Raises ValueError."""
    if not _WEB.fullmatch(address):
        raise ValueError(f"not an address for a header: {address!r}")
    return address
