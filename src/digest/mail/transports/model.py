"""Submission: who sends the mail, and through which server or command, as values.

They are apart from what they configure, so that reading the configuration loads none of it.
"""

# pure
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from digest.subscribers.address import ascii_address

#: How messages are encrypted on their way: not at all, with STARTTLS or not at all, with STARTTLS
#: where the server has it, from the first byte (RFC 8314 section 3).
Tls = Literal["none", "starttls", "opportunistic", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends the mail, as every message says it. Raises ValueError for a bad address."""

    address: str  #: of From, and of MAIL FROM; ASCII before the @
    name: str = ""  #: of From; empty shows the address alone
    reply_to: str | None = None  #: an address; None means that of From
    postal_address: str = ""  #: shown in every mail's footer; lines end in ``\\n``
    unsubscribe: str | None = None  #: an address; what comes there unsubscribes its sender

    def __post_init__(self) -> None:
        for address in (self.address, self.reply_to, self.unsubscribe):
            if address is not None:
                ascii_address(address)

    @property
    def host(self) -> str:
        """The domain of the address, in ASCII: Message-IDs and List-Ids end in it."""
        return ascii_address(self.address).partition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """The server that takes our mail, and how to talk to it."""

    host: str = "localhost"
    port: int
    socket: Path | None = None  #: of a server on this machine; then host and port do not count
    lmtp: bool = False  #: LMTP (RFC 2033) in place of SMTP
    tls: Tls = "starttls"
    username: str | None = None  #: None sends without a login
    password: str | None = field(default=None, repr=False)
    connections: int = 10  #: at the same time, 1 or more
    timeout: timedelta = timedelta(seconds=30)  #: for each answer of the server
    ca: Path | None = None  #: PEM of the only authorities to trust; None means the system's
    certificate: Path | None = None  #: PEM of ours, where the server asks for one
    key: Path | None = None  #: PEM of its key; None where the certificate's file holds it
    verify: bool = True  #: whether the server's certificate has to be good
    messages_per_connection: int = 100  #: then a new one is made; 1 or more
    idle: timedelta = timedelta(seconds=20)  #: then a connection that nobody needs is closed

    @property
    def address(self) -> str:
        """Where it is, as errors name it."""
        return str(self.socket) if self.socket else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendmailCommand:
    """The command that takes our mail."""

    command: tuple[str, ...] = ("/usr/sbin/sendmail", "-i")  #: run as it is, by no shell
    timeout: timedelta = timedelta(seconds=60)  #: then it is killed
