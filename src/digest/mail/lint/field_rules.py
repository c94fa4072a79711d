"""Rules for a message's fields and its outer shape."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email.errors import NonASCIILocalPartDefect
from email.headerregistry import Address
from email.utils import parsedate_to_datetime

from digest.mail.headers import ALLOWED, WISHED
from digest.mail.lint.model import (
    FindingSeverity,
    LintRule,
    ParsedMessage,
    parted,
    read_field,
    shortened,
)
from digest.mail.text_layout import display_width

_ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@([A-Za-z0-9.-]+)>")
_LIST_ID = re.compile(r"(?:.* )?<[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+>")
_ENCODED_WORD = re.compile(r"=\?[^? ]+\?[^? ]+\?[^? ]*\?=")
#: What must stay on one line, however long: folding breaks it for some programs and signers.
_WHOLE = ("list-", "feedback-id", "message-id", "content-type")
#: Characters of an encoded word (RFC 2047 section 2).
_LONGEST_WORD = 75
#: Columns of a subject that a list of mails shows.
_SUBJECT_COLUMNS = 78


def _crlf(mail: ParsedMessage) -> Iterator[str]:
    if re.search(rb"(?<!\r)\n|\r(?!\n)", mail.raw):
        yield "a line ends in something else than CRLF"


def _ascii(mail: ParsedMessage) -> Iterator[str]:
    for name, value in mail.fields:
        # The address of the reader may be of any letters (RFC 6532 section 3.2).
        ours = value.rpartition("<")[0] if name == "to" else value
        if not f"{name}{ours}".isascii():
            yield f"there are letters other than ASCII in {shortened(name)}"
    if b"\0" in mail.raw:
        yield "there is a NUL"


def _longest(mail: ParsedMessage) -> Iterator[str]:
    longest = max(map(len, mail.raw.split(b"\r\n")))
    if longest > ALLOWED:
        yield f"a line has {longest} octets, allowed are {ALLOWED}"


def _wished(mail: ParsedMessage) -> Iterator[str]:
    head, _, body = mail.raw.partition(b"\r\n\r\n")
    for line in head.decode("ascii", "replace").split("\r\n"):
        if len(line) > WISHED and not line.lower().startswith(_WHOLE):
            yield f"a line has {len(line)} characters, better are {WISHED}: {shortened(line)}"
    longest = max(map(len, body.split(b"\r\n")))
    if longest > WISHED:
        yield f"a line of the body has {longest} characters, better are {WISHED}"


def _defects(mail: ParsedMessage) -> Iterator[str]:
    for part in mail.message.walk():
        for defect in part.defects:
            yield f"it cannot be read back: {type(defect).__name__}"
    for name, value in mail.fields:
        field = read_field(name, value)
        if field is None:
            yield f"{name} cannot be read back"
            continue
        for defect in field.defects:
            if name == "to" and isinstance(defect, NonASCIILocalPartDefect):
                continue
            yield f"{name} cannot be read back: {type(defect).__name__}"


def _once(mail: ParsedMessage) -> Iterator[str]:
    for name in _ONCE:
        values = mail.values(name)
        if len(values) != 1:
            yield f"{name} is there {len(values)} times, not once"
        elif not values[0].strip():
            yield f"{name} is empty"


def _one_address(mail: ParsedMessage) -> Iterator[str]:
    for name in ("From", "To"):
        addresses: Sequence[Address] = getattr(mail.read(name), "addresses", ())
        if len(addresses) != 1 or not (addresses[0].username and addresses[0].domain):
            yield f"{name} has no single whole address: {shortened(str(mail.read(name)))}"


def _message_id(mail: ParsedMessage) -> Iterator[str]:
    for value in mail.values("Message-ID"):
        match = _MESSAGE_ID.fullmatch(value)
        if match is None:
            yield f"it is none: {shortened(value)}"
            continue
        addresses = getattr(mail.read("From"), "addresses", ())
        if addresses and match[1].lower() != addresses[0].domain.lower():
            yield f"its domain {match[1]} is not the sender's"


def _date(mail: ParsedMessage) -> Iterator[str]:
    for value in mail.values("Date"):
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            yield f"it is no date with a zone: {shortened(value)}"


def _encoded_words(mail: ParsedMessage) -> Iterator[str]:
    for name, value in mail.fields:
        for word in _ENCODED_WORD.findall(value):
            if len(word) > _LONGEST_WORD:
                yield f"one in {name} has {len(word)} characters, allowed are {_LONGEST_WORD}"
        if name.startswith("list-") and "=?" in value:
            yield f"{name} is encoded, which destroys its addresses"


def _subject(mail: ParsedMessage) -> Iterator[str]:
    title = str(mail.read("Subject") or "")
    if display_width(title) > _SUBJECT_COLUMNS:
        yield f"it has {display_width(title)} columns, shown are {_SUBJECT_COLUMNS} at most"


def _shape(mail: ParsedMessage) -> Iterator[str]:
    message = mail.message
    if message.get_content_type() != "multipart/alternative":
        yield f"it is {message.get_content_type()}, not multipart/alternative"
        return
    parts = [part for part in message.walk() if part is not message]
    kinds = [part.get_content_type() for part in parts]
    if kinds != ["text/plain", "text/html"]:
        yield f"its parts are {', '.join(kinds)}, not text/plain, then text/html"
    for part in parts:
        if part.get_content_charset() != "utf-8":
            yield f"{part.get_content_type()} is not in UTF-8"
        encoding = str(part["Content-Transfer-Encoding"]).lower()
        if encoding not in ("base64", "quoted-printable"):
            yield f"{part.get_content_type()} is in {encoding}, not base64 or quoted-printable"


def _list_id(mail: ParsedMessage) -> Iterator[str]:
    values = mail.values("List-Id")
    if len(values) != 1 or not _LIST_ID.fullmatch(values[0]):
        yield f"it is missing or malformed: {shortened(' '.join(values))}"


def _unsubscribe(mail: ParsedMessage) -> Iterator[str]:
    values = mail.values("List-Unsubscribe")
    web = [address for address in mail.ways_out if parted(address).scheme in ("http", "https")]
    if len(values) != 1 or len(web) != 1 or not parted(web[0]).netloc:
        yield f"it has no single address of the web: {shortened(' '.join(values))}"
    elif not web[0].startswith("https:"):
        yield "its address is not https; set [site] url to one that is"


def _by_mail(mail: ParsedMessage) -> Iterator[str]:
    if not any("<mailto:" in value for value in mail.values("List-Unsubscribe")):
        yield "it names no mailto address; set [mail] unsubscribe_address"


def _one_click(mail: ParsedMessage) -> Iterator[str]:
    values = mail.values("List-Unsubscribe-Post")
    if values != ["List-Unsubscribe=One-Click"]:
        yield f"it is not exactly List-Unsubscribe=One-Click: {shortened(' '.join(values))}"


def _helpful(mail: ParsedMessage) -> Iterator[str]:
    for name in ("List-Help", "List-Archive"):
        values = mail.values(name)
        if len(values) != 1 or not re.fullmatch(r"<https?://[^<>\s]+>", values[0]):
            yield f"{name} is missing or malformed"


def _feedback_id(mail: ParsedMessage) -> Iterator[str]:
    values = mail.values("Feedback-ID")
    if len(values) != 1 or len(values[0].split(":")) != 4:
        yield "it is missing, or has not four parts"


def _language(mail: ParsedMessage) -> Iterator[str]:
    if len(mail.values("Content-Language")) != 1:
        yield "it is missing"


_E, _W = FindingSeverity.ERROR, FindingSeverity.WARNING

#: Each with its name, its weight and who demands it.
FIELD_RULES = tuple(
    LintRule(name=name, severity=severity, source=source, check=check)
    for name, severity, source, check in (
        ("line ends", _E, "RFC 5322 2.3", _crlf),
        ("ASCII fields", _E, "RFC 5322 2.2", _ascii),
        ("longest line", _E, "RFC 5322 2.1.1", _longest),
        ("long lines", _W, "RFC 5322 2.1.1, RFC 2045 6.8", _wished),
        ("well formed", _E, "RFC 5322, RFC 2045", _defects),
        ("fields once", _E, "RFC 5322 3.6", _once),
        ("one sender, one recipient", _E, "RFC 5322 3.6.2, 3.6.3", _one_address),
        ("Message-ID", _E, "RFC 5322 3.6.4", _message_id),
        ("Date", _E, "RFC 5322 3.3", _date),
        ("encoded words", _E, "RFC 2047 2", _encoded_words),
        ("Subject", _W, "what mail programs show", _subject),
        ("two parts", _E, "RFC 2046 5.1.4", _shape),
        ("List-Id", _E, "RFC 2919", _list_id),
        ("List-Unsubscribe", _E, "RFC 8058 3.1, Gmail, Yahoo, Microsoft", _unsubscribe),
        ("List-Unsubscribe by mail", _W, "RFC 2369 3.2", _by_mail),
        ("List-Unsubscribe-Post", _E, "RFC 8058 3.1", _one_click),
        ("List-Help, List-Archive", _W, "RFC 2369 3.1, 3.6", _helpful),
        ("Feedback-ID", _W, "Gmail", _feedback_id),
        ("Content-Language", _W, "RFC 3282", _language),
    )
)
