"""Replies: what a server's answer means for a message, its reader, its digest and its server.

The answers are a table. They differ in who must act: nobody (it is tried again), the operator (it
is our sender or our login that is refused), or nobody any more (the address does not exist).
"""

# pure
from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from digest.errors import (
    AccountRefused,
    AddressRefused,
    DeliveryDeferred,
    DeliveryError,
    DeliveryRefused,
    PolicyRefused,
    ServerUnavailable,
)

#: RFC 3463 section 2: class, subject, detail; at the start of a line of the reply (RFC 2034).
_ENHANCED = re.compile(r"^([245])\.([0-9]{1,3})\.([0-9]{1,3})(?=\s|$)", re.MULTILINE)


class Stage(StrEnum):
    """What a server was asked when it answered."""

    SESSION = "session"  #: to talk to us at all: greeting, EHLO, STARTTLS, NOOP
    LOGIN = "login"  #: AUTH
    SENDER = "sender"  #: MAIL
    RECIPIENT = "recipient"  #: RCPT
    MESSAGE = "message"  #: DATA and the final dot


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of the table: what has to fit, and what it means. Empty fits everything."""

    stages: frozenset[Stage] = frozenset(Stage)
    codes: tuple[str, ...] = ("",)  #: starts of reply codes (RFC 5321 section 4.2)
    enhanced: tuple[str, ...] = ("",)  #: enhanced codes (RFC 3463) and what they begin with
    means: type[DeliveryError]

    def fits(self, stage: Stage, code: str, enhanced: str) -> bool:
        return (
            stage in self.stages
            and code.startswith(self.codes)
            and any(not one or f"{enhanced}.".startswith(f"{one}.") for one in self.enhanced)
        )


def _row(
    means: type[DeliveryError],
    codes: str,
    enhanced: str = "",
    stages: tuple[Stage, ...] = tuple(Stage),
) -> _Row:
    return _Row(
        stages=frozenset(stages),
        codes=tuple(codes.split()) or ("",),
        enhanced=tuple(enhanced.split()) or ("",),
        means=means,
    )


#: The first row that fits decides.
TABLE: tuple[_Row, ...] = (
    # "Service not available, closing transmission channel" (RFC 5321 section 4.2.3).
    _row(ServerUnavailable, "421"),
    # Login required, too weak, wrong, encryption required (RFC 4954 section 6).
    _row(AccountRefused, "530 534 535 538"),
    _row(AccountRefused, "5", stages=(Stage.LOGIN,)),
    # We may not talk to it at all: an address of ours on a list of senders of spam.
    _row(AccountRefused, "5", "5.7", stages=(Stage.SESSION,)),
    _row(ServerUnavailable, "", stages=(Stage.SESSION, Stage.LOGIN)),
    # MAIL names no recipient: who is refused there is refused for all. Only its size is its own
    # (RFC 1870 section 6.1).
    _row(DeliveryRefused, "552", stages=(Stage.SENDER,)),
    _row(DeliveryRefused, "5", "5.3.4", stages=(Stage.SENDER,)),
    _row(PolicyRefused, "5", stages=(Stage.SENDER,)),
    _row(ServerUnavailable, "4", stages=(Stage.SENDER,)),
    _row(DeliveryDeferred, "4"),
    # Security and policy (RFC 3463 section 3.8, RFC 7372): about who sends, not who reads.
    _row(PolicyRefused, "5", "5.7"),
    # The sender's address, though RFC 3463 section 3.2 has it among the addresses.
    _row(PolicyRefused, "5", "5.1.7 5.1.8"),
    # Relayed to a mailer that does not follow the standards (RFC 5248): nothing about the address.
    _row(DeliveryRefused, "5", "5.1.9"),
    _row(AddressRefused, "5", "5.1"),
    # 550 alone may mean policy as well (RFC 5321 section 4.2.3): nobody is blamed for it.
    _row(DeliveryRefused, "5"),
    # No answer that SMTP knows here, or none at all.
    _row(ServerUnavailable, ""),
)


def enhanced_code(text: str) -> str:
    """Return the enhanced status code of a reply, such as ``5.1.1``; empty where it has none."""
    found = _ENHANCED.search(text)
    return found[0] if found else ""


def error_of(stage: Stage, code: int, text: str, problem: str | None = None) -> DeliveryError:
    """Return the error that a reply means.

    ``text`` is the reply without its code, lines joined by ``\\n``; ``problem`` is what the error
    says, ``text`` where it is None. A ``code`` that SMTP does not have is not kept.
    """
    known = 200 <= code < 600
    digits = str(code) if known else ""
    means = next(row.means for row in TABLE if row.fits(stage, digits, enhanced_code(text)))
    return means(code if known else None, text if problem is None else problem)
