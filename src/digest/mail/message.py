"""A message: one letter to one recipient, as the bytes that a server takes (RFC 5322)."""

# pure
from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote

from digest.errors import DeliveryRefused
from digest.mail.base64_template import encoded
from digest.mail.headers import mailbox, unstructured, verbatim
from digest.mail.render import Letter
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
    transparent: bool = False  #: known to need no change on its way (RFC 5321 section 4.5.2)

    @property
    def utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 can take it (RFC 6531)."""
        return not self.recipient.isascii()


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
    archive: str  #: absolute http(s): where back issues are, and what this mail is
    unsubscribe: str | None  #: absolute http(s), a POST there unsubscribes; None for a sample

    def __post_init__(self) -> None:
        require_utc("written_at", self.written_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A letter whose parts are in base64 already (``stencil.encoded``)."""

    subject: str  #: plain text, one line
    html: bytes
    text: bytes
    language: str  #: BCP 47


def compose(letter: Letter | Packed, slip: Slip, sender: Sender) -> Envelope:
    """Return the letter as a message; the same arguments give the same bytes.

    Raises DeliveryRefused where the recipient's address is none, ValueError where an address of
    the site's cannot stand in a header.
    """
    try:
        recipient = wire_address(slip.address)
    except ValueError as error:
        raise DeliveryRefused(None, f"not an address: {error}") from error
    if isinstance(letter, Letter):
        letter = Packed(
            subject=letter.subject,
            html=encoded(letter.html.encode("utf-8")),
            text=encoded(letter.text.encode("utf-8")),
            language=letter.language,
        )
    head = _letterhead(
        letter.subject, letter.language, slip.digest, slip.campaign, slip.archive, sender
    )
    message_id = f"{slip.reference}@{head.host}"
    boundary = "=_" + blake2b(message_id.encode("ascii"), digest_size=16).hexdigest()
    fields = [
        head.sender,
        mailbox("To", slip.name, recipient),
        head.subject,
        _date(slip.written_at),
        verbatim("Message-ID", f"<{message_id}>"),
        head.others,
        *_ways_out(slip.unsubscribe, head.mailto),
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n',
    ]
    mark = f"\r\n--{boundary}".encode("ascii")
    message = [
        "".join(fields).encode("utf-8"),  # all in ASCII but the recipient's own address
        *(mark, _PLAIN, letter.text),
        *(mark, _HTML, letter.html),
        *(mark, b"--\r\n"),
    ]
    # No field begins with a dot, and base64 has none.
    return Envelope(
        sender=head.origin, recipient=recipient, message=b"".join(message), transparent=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letterhead:
    """What all messages of a segment have in common above their bodies."""

    origin: str  #: the sender's address in ASCII
    host: str
    sender: str  #: the field From
    subject: str
    others: str
    mailto: str  #: where mail unsubscribes, without the subject; empty where nowhere


@lru_cache(maxsize=512)
def _letterhead(
    subject: str, language: str, digest: str, campaign: str, archive: str, sender: Sender
) -> _Letterhead:
    origin = ascii_address(sender.address)
    host = sender.host
    others = [
        mailbox("Reply-To", "", ascii_address(sender.reply_to)) if sender.reply_to else "",
        verbatim("List-Id", f"<{digest}.{host}>"),
        verbatim("List-Archive", f"<{_uri(archive)}>"),
        verbatim("List-Help", f"<{_uri(archive)}>"),
        verbatim("Feedback-ID", f"{campaign}:{digest}:digest:{host}"),
        verbatim("Content-Language", language),
        verbatim("MIME-Version", "1.0"),
    ]
    return _Letterhead(
        origin=origin,
        host=host,
        sender=mailbox("From", sender.name, origin),
        subject=unstructured("Subject", subject),
        others="".join(others),
        mailto=f"mailto:{quote(ascii_address(sender.unsubscribe), safe='@')}"
        if sender.unsubscribe
        else "",
    )


@lru_cache(maxsize=64)  # all messages of an edition have the same
def _date(moment: datetime) -> str:
    return verbatim("Date", format_datetime(moment))


def _ways_out(unsubscribe: str | None, mailto: str) -> list[str]:
    """Return the fields by which a mail program unsubscribes: RFC 2369 and RFC 8058."""
    if unsubscribe is None:
        return []
    ways = [f"<{_uri(unsubscribe)}>"]
    if mailto:
        token = unsubscribe.rpartition("/")[2]
        ways.append(f"<{mailto}?subject={quote(token, safe='')}>")
    fields = [verbatim("List-Unsubscribe", ", ".join(ways))]
    if unsubscribe.startswith("https:"):  # RFC 8058 section 3.1 allows nothing else
        fields.append(verbatim("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return fields


def _uri(address: str) -> str:
    """Return an address of the web that may stand between angle brackets, or raise ValueError."""
    if not _WEB.fullmatch(address):
        raise ValueError(f"not an address for a header: {address!r}")
    return address
