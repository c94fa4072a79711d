"""A memo: a short plain mail from the service to its operator."""

# pure
from __future__ import annotations

from base64 import encodebytes
from datetime import datetime
from email.utils import format_datetime

from digest.mail.headers import mailbox, unstructured, verbatim
from digest.mail.message import Envelope
from digest.mail.transports.model import Sender
from digest.subscribers.address import ascii_address


def memo(
    sender: Sender, to: str, *, subject: str, text: str, reference: str, now: datetime
) -> Envelope:
    """Return a text as a message to the operator.

    ``reference`` is the left part of its Message-ID (atext and dots), so that a memo sent twice is
    the same. ``subject`` may be any text; ``text`` has lines that end in ``\\n``; ``now`` is aware
    UTC. Raises ValueError where ``to`` is no address, DeliveryRefused where it needs SMTPUTF8.
    """
    origin, recipient = ascii_address(sender.address), ascii_address(to)
    fields = [
        mailbox("From", sender.name, origin),
        mailbox("To", "", recipient),
        unstructured("Subject", subject),
        verbatim("Date", format_datetime(now)),
        verbatim("Message-ID", f"<{reference}@{sender.host}>"),
        verbatim("Auto-Submitted", "auto-generated"),  # RFC 3834 section 5
        verbatim("MIME-Version", "1.0"),
        verbatim("Content-Type", "text/plain; charset=utf-8"),
        verbatim("Content-Transfer-Encoding", "base64"),
    ]
    body = encodebytes(text.encode("utf-8", "replace")).replace(b"\n", b"\r\n")
    message = "".join(fields).encode("ascii") + b"\r\n" + body
    return Envelope(sender=origin, recipient=recipient, message=message)
