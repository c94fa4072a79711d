"""A message: one letter to one recipient, as the bytes that a server takes (RFC 5322)."""

from __future__ import annotations

from base64 import encodebytes
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from hashlib import blake2b
from urllib.parse import urlsplit

from digest.errors import DeliveryRefused
from digest.mail.address import ascii_address
from digest.mail.headers import mailbox, unstructured, verbatim
from digest.mail.render import Letter
from digest.times import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends the mail, as every message says it. Raises ValueError for a bad address."""

    address: str  #: of From, and of MAIL FROM; ASCII before the @
    name: str = ""  #: of From; empty shows the address alone
    reply_to: str | None = None  #: an address; None means that of From
    postal_address: str = ""  #: shown in every mail's footer; lines end in ``\\n``

    def __post_init__(self) -> None:
        for address in (self.address, self.reply_to):
            if address is not None:
                ascii_address(address)

    @property
    def host(self) -> str:
        """The domain of the address, in ASCII: Message-IDs and List-Ids end in it."""
        return ascii_address(self.address).partition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A finished message and the addresses for the server (RFC 5321 section 2.3.1)."""

    sender: str  #: for MAIL FROM
    recipient: str  #: for RCPT TO
    message: bytes  #: RFC 5322, lines end in CRLF


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What a message says beside its letter: to whom it goes, and which one it is."""

    address: str  #: as the subscriber gave it
    name: str  #: the subscriber's; empty where unknown
    digest: str  #: the digest's name
    reference: (
        str  #: left part of the Message-ID: the same at every attempt, no other's; atext, dots
    )
    campaign: str  #: what all messages of an edition share, for Feedback-ID
    written_at: datetime  #: aware UTC; the same at every attempt
    archive: str  #: absolute http(s): where back issues and articles are
    unsubscribe: str | None  #: absolute http(s), a POST there unsubscribes; None for a sample

    def __post_init__(self) -> None:
        require_utc("written_at", self.written_at)


def compose(letter: Letter, slip: Slip, sender: Sender) -> Envelope:
    """Return the letter as a message; the same arguments give the same bytes.

    Raises DeliveryRefused where the recipient's address is none or needs SMTPUTF8, ValueError
    where an address of the site's cannot stand in a header.
    """
    try:
        recipient = ascii_address(slip.address)
    except ValueError as error:
        raise DeliveryRefused(None, f"not an address: {error}") from error
    origin = ascii_address(sender.address)
    message_id = f"{slip.reference}@{sender.host}"
    boundary = "=_" + blake2b(message_id.encode("ascii"), digest_size=16).hexdigest()
    fields = [
        mailbox("From", sender.name, origin),
        mailbox("To", slip.name, recipient),
        unstructured("Subject", letter.subject),
        verbatim("Date", format_datetime(slip.written_at)),
        verbatim("Message-ID", f"<{message_id}>"),
        mailbox("Reply-To", "", ascii_address(sender.reply_to)) if sender.reply_to else "",
        *_list_fields(slip, sender),
        verbatim("Content-Language", letter.language),
        verbatim("MIME-Version", "1.0"),
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n',
    ]
    body = [
        f"\r\n--{boundary}\r\n{_part('plain', letter.text)}",
        f"\r\n--{boundary}\r\n{_part('html', letter.html)}",
        f"\r\n--{boundary}--\r\n",
    ]
    return Envelope(
        sender=origin, recipient=recipient, message="".join(fields + body).encode("ascii")
    )


def _list_fields(slip: Slip, sender: Sender) -> list[str]:
    """Return the fields of a mailing list: RFC 2919, RFC 2369 and RFC 8058."""
    fields = [
        verbatim("List-Id", f"<{slip.digest}.{sender.host}>"),
        verbatim("List-Archive", f"<{_uri(slip.archive)}>"),
        verbatim("Feedback-ID", f"{slip.campaign}:{slip.digest}:digest:{sender.host}"),
    ]
    if slip.unsubscribe is not None:
        fields.append(verbatim("List-Unsubscribe", f"<{_uri(slip.unsubscribe)}>"))
        if slip.unsubscribe.startswith("https:"):  # RFC 8058 section 3.1 allows nothing else
            fields.append(verbatim("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return fields


def _uri(address: str) -> str:
    """Return an address of the web that may stand between angle brackets, or raise ValueError."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc or set(address) & set("<> ,"):
        raise ValueError(f"not an address for a header: {address!r}")
    return address


def _part(subtype: str, text: str) -> str:
    """Return a body part: base64, since no line of it can be too long or look like a boundary."""
    encoded = encodebytes(text.encode("utf-8")).decode("ascii").replace("\n", "\r\n")
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}"
    )
