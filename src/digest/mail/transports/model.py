"""Who sends the mail, and through which server or command.

The values are apart from the transports so that reading the configuration loads none of these.
"""

# pure
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from digest.subscribers.address import ascii_address

#: Encryption: none; STARTTLS, required; STARTTLS where the server offers it; TLS from the first
#: byte (RFC 8314 section 3).
Tls = Literal["none", "starttls", "opportunistic", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The sender of all mail. Raises ValueError for a bad address."""

    address: str  #: of From, and of MAIL FROM; ASCII before the @
    name: str = ""  #: of From; empty shows the address alone
    reply_to: str | None = None  #: an address; None means that of From
    postal_address: str = ""  #: shown in every mail's footer; lines end in ``\\n``
    unsubscribe: str | None = None  #: address that takes unsubscribe mails
    pages: bool = True  #: whether recipients can reach the site's pages

    def __post_init__(self) -> None:
        for address in (self.address, self.reply_to, self.unsubscribe):
            if address is not None:
                ascii_address(address)

    def mail_to_unsubscribe(self, token: str) -> str:
        """Return the mailto address (RFC 6068) by which the owner of a token unsubscribes.

        Empty if there is no address that takes such mails.
        """
        if not self.unsubscribe:
            return ""
        address = quote(ascii_address(self.unsubscribe), safe="@")
        return f"mailto:{address}?subject={quote(token, safe='')}"

    @property
    def host(self) -> str:
        """The domain of the address, in ASCII: Message-IDs and List-Ids end in it."""
        return ascii_address(self.address).partition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """The SMTP or LMTP server, and how it is used."""

    host: str
    port: int
    helo_name: str  #: our name in EHLO (RFC 5321 section 4.1.1.1)
    socket: Path | None = None  #: of a server on this machine; replaces host and port
    lmtp: bool = False  #: LMTP (RFC 2033) in place of SMTP
    tls: Tls
    username: str | None = None  #: None sends without a login
    password: str | None = field(default=None, repr=False)
    connections: int  #: at the same time, 1 or more
    timeout: timedelta  #: for each answer of the server
    ca: Path | None = None  #: PEM of the only authorities to trust; None means the system's
    certificate: Path | None = None  #: PEM of ours, where the server asks for one
    key: Path | None = None  #: PEM of its key; None where the certificate's file holds it
    verify: bool = True  #: whether the server's certificate must be valid
    messages_per_connection: int  #: then it is replaced; 1 or more
    idle: timedelta  #: then an unused connection is closed

    @property
    def address(self) -> str:
        """The address that errors name."""
        return str(self.socket) if self.socket else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendmailCommand:
    """The command that takes messages."""

    command: tuple[str, ...]  #: run as it is, by no shell
    timeout: timedelta  #: then it is killed
