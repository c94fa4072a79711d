"""Replies of servers: whether they concern the recipient, the sender, the message or the server.

Each row of a table leads to an error class, which says who must act. The reply code (RFC 5321) and
the enhanced code (RFC 3463) decide where servers use them as meant; elsewhere the wording does.
"""

# pure
from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from digest.errors import (
    AccessDenied,
    AddressRefused,
    DeliveryDeferred,
    DeliveryError,
    DeliveryRefused,
    MessageBlocked,
    RecipientRefused,
    RecipientUnknown,
    SenderBlocked,
    ServerUnavailable,
)

#: RFC 3463 section 2: class, subject, detail; at the start of a line of the reply (RFC 2034), or
#: behind a # as IronPort and qmail have it.
_ENHANCED = re.compile(
    r"(?:^#?|\(#(?=[0-9.]+\)))([245]\.[0-9]{1,3}\.[0-9]{1,3})(?=[\s)]|$)", re.MULTILINE
)

#: An address that a reply repeats: its parts are no words of the server's.
_ADDRESS = re.compile(r"<[^<>\s@]*@[^<>\s]*>|[^\s<>\"'(),:;@]{1,99}@[^\s<>\"'(),:;]+")

#: The sender or its server is refused: relaying, EHLO name, authentication, reputation, limits.
_SENDER_WORDS = (
    r"relay(ing)?\b.*\b(denied|not (permitted|allowed)|prohibited|refused|disallowed)",
    r"\b(unable|cannot|may not|not (allowed|permitted|authori[sz]ed)) (to )?relay|open relay",
    r"rcpthosts|\b(helo|ehlo)\b|fully-qualified hostname",
    r"\b(spf|dkim|dmarc)\b|authentication (is )?required|(unauthenti|not authenti)cated",
    r"\bspam(haus|cop)?\b|unsolicited|\b(black|block|deny) ?list(ed)?\b|\b(dns|r)bl\b|reputation",
    r"\breverse dns\b|\bptr\b|\brdns\b|\byour (ip|domain)\b",
    r"\bsender\b.{0,40}\b(rejected|denied|not|blocked|banned|required|invalid|verif\w*|identity)",
    r"\bsender address\b|(unverified|poor reputation|bad|banned|blocked) sender",
    r"send as (this|on behalf)|sendasdenied|\b(not|isn.t|aren.t) (allowed|permitted) to send",
    r"\bauthenticate\b|\b(log|sign) ?in first|垃圾|广告邮件",
    r"(email address|domain|identity) is not verified|authorized recipients",
    r"\b(limit|quota) (is |was )?(exceeded|reached)\b.*\bsend|sending (limit|quota)",
    r"too many (messages|connections|e?mails)|frequency limited|max(imum)? (e-?mails|messages)",
    r"client host|\bblocked - see|callback setup failed|access to this mail system",
    r"\b(DT|MI|HL|IB|CM):[A-Z]{3}\b",  # NetEase: 163, 126
)
#: Not for good, whatever the code says; too many recipients: RFC 5321 section 4.5.3.1.10.
_LATER_WORDS = (
    r"gr[ae]y-?list|temporary (lookup )?failure|temporarily (deferred|rejected|unavail)",
    r"\b(re)?try (again )?(later|in \d)|too many recipients",
)
#: The mailbox is there and takes nothing more.
_FULL_WORDS = (
    r"mailbox (is )?full|over ?quota|quota (is |was )?exceeded|exceeded\b.{0,30}(quota|storage)",
    r"mailbox\b.{0,20}\b(limit|size)\b.{0,20}exceeded|(out of|no|insufficient) storage",
    r"postfach.{0,20}\bvoll|bo[iî]te\b.{0,30}\bpleine|buz[oó]n\b.{0,20}\bllen|casella\b.{0,20}\bpiena",
    r"caixa\b.{0,20}\bcheia|postvak.{0,20}\bvol\b|ящик.{0,20}(переполнен|заполнен)",
    r"(邮箱|信箱|郵箱).{0,5}[满滿]|容量.{0,10}超",
)
#: The mailbox does not exist. Wordings of Postfix, Exim, qmail, Exchange, Gmail, Outlook, Yahoo,
#: QQ, 163, GMX, iCloud, Mail.ru, Yandex, Proton, here and below.
_MAILBOX = r"(user|recipient|mailbox|account|address)"
_UNKNOWN_WORDS = (
    rf"(no such|unknown|invalid|non-?existent) (local )?({_MAILBOX}|person)",
    rf"{_MAILBOX}\b.{{0,60}}\b(unknown|not (be )?found|not exist|doesn.t (exist|have an?))",
    r"(^|\s)<>\W* (does not|doesn.t) exist|no ?(one|body) (is )?(at|here|by)|addressee unknown",
    rf"no mailbox|not a (valid|known) {_MAILBOX}|not our customer|recipientnotfound|userunknown",
    r"unbekannt|existiert nicht|inconnue?\b|inexistant|n.existe pas|\bn[oã]o? existe\b",
    r"des(conoc|conhec)id|inexistente|sconosciut|inesistente|non esiste|onbeken|bestaat niet",
    r"okän[dt]|ukendt|ukjent|tuntematon|ne(existuj|znám)|nie ma takiego|nieznany|nie istnieje",
    r"bulunamad|bilinmeyen|не существует|не найден|нет такого|неизвестн",
    r"不存在|查無|無此|見つかりません|存在しません|존재하지",
)
#: The mailbox is disabled or takes nothing, or a server says so of everybody.
_RECIPIENT_WORDS = (
    rf"{_MAILBOX}\b.{{0,60}}\b(no longer|unavailable|not available|disabled|discontinued)",
    rf"{_MAILBOX}\b.{{0,60}}\b((de|in)activ|suspended|closed|expired|deleted|rejected)",
    r"unroute?able|undeliverable address|on the target address",
)


class Stage(StrEnum):
    """The step that a server answered."""

    SESSION = "session"  #: greeting, EHLO, STARTTLS, NOOP
    LOGIN = "login"  #: AUTH
    SENDER = "sender"  #: MAIL
    RECIPIENT = "recipient"  #: RCPT
    DATA = "data"  #: DATA, before the message
    MESSAGE = "message"  #: the message with its final dot


_ABOUT_ONE = (Stage.RECIPIENT, Stage.MESSAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row of the table: what must match, and the error. Empty matches everything."""

    error: type[DeliveryError]
    codes: tuple[str, ...]  #: starts of reply codes (RFC 5321 section 4.2)
    enhanced: tuple[str, ...]  #: enhanced codes, or their first parts
    stages: frozenset[Stage]
    words: re.Pattern[str] | None

    def fits(self, stage: Stage, code: str, text: str) -> bool:
        enhanced = enhanced_code(text)
        return (
            stage in self.stages
            and code.startswith(self.codes)
            and any(not start or f"{enhanced}.".startswith(f"{start}.") for start in self.enhanced)
            and (self.words is None or self.words.search(_ADDRESS.sub("<>", text)) is not None)
        )


def _row(
    error: type[DeliveryError],
    codes: str,
    enhanced: str = "",
    stages: tuple[Stage, ...] = tuple(Stage),
    words: tuple[str, ...] = (),
) -> _Row:
    return _Row(
        error=error,
        codes=tuple(codes.split()) or ("",),
        enhanced=tuple(enhanced.split()) or ("",),
        stages=frozenset(stages),
        words=re.compile("|".join(words), re.IGNORECASE | re.DOTALL) if words else None,
    )


#: The first row that fits decides.
TABLE: tuple[_Row, ...] = (
    # "Service not available, closing transmission channel" (RFC 5321 section 4.2.3).
    _row(ServerUnavailable, "421"),
    # Login required, too weak, wrong, encryption required (RFC 4954 section 6).
    _row(AccessDenied, "530 534 535 538"),
    _row(AccessDenied, "5", stages=(Stage.LOGIN,)),
    # Our address is blocked.
    _row(AccessDenied, "5", "5.7", stages=(Stage.SESSION,)),
    _row(ServerUnavailable, "", stages=(Stage.SESSION, Stage.LOGIN)),
    # MAIL names no recipient: a refusal concerns all, except of the size (RFC 1870 section 6.1).
    _row(DeliveryRefused, "552", stages=(Stage.SENDER,)),
    # Of addresses in any script (RFC 6531 section 4.5): only such a message has parameters.
    _row(DeliveryRefused, "5", "5.3.4 5.6.7 5.6.8 5.6.9 5.6.10", stages=(Stage.SENDER,)),
    _row(DeliveryRefused, "555", stages=(Stage.SENDER,)),
    _row(SenderBlocked, "5", stages=(Stage.SENDER,)),
    _row(ServerUnavailable, "4", stages=(Stage.SENDER,)),
    _row(DeliveryDeferred, "4"),
    _row(RecipientUnknown, "5", stages=(Stage.DATA,), words=_UNKNOWN_WORDS),
    _row(RecipientRefused, "5", stages=(Stage.DATA,), words=_RECIPIENT_WORDS),
    # Security and policy (RFC 3463 section 3.8) before the message: the next recipients tell.
    _row(MessageBlocked, "5", "5.7", stages=(Stage.DATA,)),
    # DKIM, SPF, reverse DNS, DMARC, rate (RFC 7372 and successors), and as Outlook numbers them;
    # the sender's address (RFC 3463 section 3.2); its sending limit (Gmail).
    _row(
        MessageBlocked,
        "5",
        "5.7.20 5.7.21 5.7.22 5.7.23 5.7.24 5.7.25 5.7.26 5.7.27 5.7.28 5.7.29 5.7.509 5.7.511 "
        "5.7.515 5.7.60 5.7.606 5.7.705 5.7.708 5.7.750 5.1.7 5.1.8 5.2.252 5.4.5",
        stages=_ABOUT_ONE,
    ),
    # A full mailbox, a message that is too large or has bad content: nothing about the address.
    _row(DeliveryRefused, "5", "5.2.2 5.2.3 5.3.4 5.6", stages=_ABOUT_ONE),
    # A loop, or too many servers: theirs to repair.
    _row(DeliveryRefused, "5", "5.4.3 5.4.6 5.4.7 5.4.12 5.4.14", stages=_ABOUT_ONE),
    # Senders that a group does not accept (Exchange).
    _row(RecipientRefused, "5", "5.7.124 5.7.129 5.7.133 5.7.134", stages=(Stage.RECIPIENT,)),
    # Relayed to a mailer that does not follow the standards (RFC 5248).
    _row(DeliveryRefused, "5", "5.1.9"),
    _row(MessageBlocked, "5", "5.1.0", stages=_ABOUT_ONE, words=_SENDER_WORDS),
    _row(AddressRefused, "5", "5.1", stages=_ABOUT_ONE),
    _row(MessageBlocked, "5", stages=_ABOUT_ONE, words=_SENDER_WORDS),
    _row(DeliveryDeferred, "5", stages=_ABOUT_ONE, words=_LATER_WORDS),
    _row(DeliveryRefused, "5", stages=_ABOUT_ONE, words=_FULL_WORDS),
    _row(RecipientUnknown, "5", stages=_ABOUT_ONE, words=_UNKNOWN_WORDS),
    _row(RecipientRefused, "5", stages=_ABOUT_ONE, words=_RECIPIENT_WORDS),
    # Disabled, moved, unreachable; 5.4.1 is an unknown recipient at Outlook.
    _row(RecipientRefused, "5", "5.2 5.4 5.5.0", stages=(Stage.RECIPIENT,)),
    # 550 to RCPT alone may mean policy as well (RFC 5321 section 4.2.3).
    _row(DeliveryRefused, "5", "5.7 5.5"),
    _row(DeliveryRefused, "500 501 502 503 504 552"),
    _row(DeliveryRefused, "5", words=(r"prohibit|\bpolic(y|ies)\b|\bprotocol\b",)),
    _row(RecipientRefused, "5", stages=(Stage.RECIPIENT,)),
    _row(DeliveryRefused, "5"),
    # No reply that SMTP knows here, or none at all.
    _row(ServerUnavailable, ""),
)


def enhanced_code(text: str) -> str:
    """Return the enhanced status code of a reply, such as ``5.1.1``; empty if it has none."""
    code = _ENHANCED.search(text)
    return code[1] if code else ""


def error_of(stage: Stage, code: int, text: str, problem: str | None = None) -> DeliveryError:
    """Return the error that a reply means.

    ``text`` is the reply without its code, lines joined by ``\\n``; ``problem`` is the text of the
    error, ``text`` if None. A ``code`` outside 200 to 599 is not kept.
    """
    known = 200 <= code < 600
    digits = str(code) if known else ""
    error = next(row.error for row in TABLE if row.fits(stage, digits, text))
    return error(code if known else None, text if problem is None else problem)
