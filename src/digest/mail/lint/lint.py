"""Lint: parse a finished message and check it against every rule."""

# pure
from __future__ import annotations

from email import message_from_bytes
from email.message import Message

from selectolax.lexbor import LexborHTMLParser

from digest.mail.lint.content_rules import CONTENT_RULES
from digest.mail.lint.field_rules import FIELD_RULES
from digest.mail.lint.model import Finding, FindingSeverity, ParsedMessage

#: Every rule, in the order of findings.
RULES = (*FIELD_RULES, *CONTENT_RULES)


def lint(message: bytes, *, postal_address: str = "") -> tuple[Finding, ...]:
    """Return the findings in a message, errors first, else in the order of the rules.

    ``postal_address`` is what its footer should show. Never raises, whatever the bytes are.
    """
    mail = _read(message, postal_address)
    findings = [
        Finding(rule=rule.name, severity=rule.severity, problem=problem, source=rule.source)
        for rule in RULES
        for problem in rule.check(mail)
    ]
    return tuple(
        sorted(findings, key=lambda finding: finding.severity is not FindingSeverity.ERROR)
    )


def _read(raw: bytes, postal_address: str) -> ParsedMessage:
    message = message_from_bytes(raw)  # the old policy reads any bytes, without a fault
    html = _content(message, "html")
    return ParsedMessage(
        raw=raw,
        message=message,
        fields=_fields(raw),
        text=_content(message, "plain"),
        html=html,
        page=LexborHTMLParser(html),
        postal_address=postal_address,
    )


def _fields(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Return the fields as they are written, unfolded (RFC 5322 section 2.2.3)."""
    head = raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ")
    pairs = (line.partition(":") for line in unfolded.split("\r\n"))
    return tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)


def _content(message: Message, kind: str) -> str:
    """Return the text of a part, empty where there is none that can be read."""
    for part in message.walk():
        if part.get_content_type() == f"text/{kind}":
            payload = part.get_payload(decode=True)
            return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return ""
