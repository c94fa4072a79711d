"""Dates: the many ways in which files write a moment."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from zoneinfo import ZoneInfo

#: Years that an article can be from; anything else is a mistake of the file.
FIRST_YEAR, LAST_YEAR = 1990, 2100
_MAX_LENGTH = 80
#: ISO 8601 and its relatives: 2021-08-27T12:49:08+08:00, 2021/8/27 12:49, 2021年8月27日 12:49:08
_NUMERIC = re.compile(
    r"""(?P<year>[0-9]{4})[-/.年]\s?(?P<month>[0-9]{1,2})[-/.月]\s?(?P<day>[0-9]{1,2})日?
    (?:(?:T|\s+|(?<=日))
        (?P<hour>[0-9]{1,2})[:时]\s?(?P<minute>[0-9]{1,2})分?
        (?::?(?P<second>[0-9]{1,2})秒?(?:[.,][0-9]{1,9})?)?
    )?
    \s*(?P<offset>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?""",
    re.VERBOSE | re.IGNORECASE,
)
#: What JavaScript writes: Fri Aug 27 2021 20:49:08 GMT+0800 (China Standard Time)
_SCRIPT = re.compile(
    r"[a-z]{3} ([a-z]{3}) ([0-9]{1,2}) ([0-9]{4}) ([0-9:]{5,8}) GMT([+-][0-9]{4})(?: \(.*\))?",
    re.IGNORECASE,
)
#: RFC 2822 section 3.3, and the two-digit years of RFC 822.
_MAIL = re.compile(
    r"(?:[a-z]{3,9},?\s+)?[0-9]{1,2}\s+[a-z]{3,9}\.?\s+[0-9]{2,4}\s+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"
    r"(?:\s+(?P<zone>[a-z]{1,5}|[+-][0-9]{4}))?(?:\s+\(.*\))?",
    re.IGNORECASE,
)


def parse_date(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the moment that ``text`` names, aware UTC; None where it names none.

    Understands RFC 2822, ISO 8601, dates alone, and the Chinese and JavaScript ways; one without
    an offset is in ``zone``. Years before 1990 or after 2100 are none. Never raises.
    """
    text = unicodedata.normalize("NFKC", text[:_MAX_LENGTH]).strip()
    try:
        moment = _numeric(text, zone) or _worded(text, zone)
        if moment is None or not FIRST_YEAR - 1 <= moment.year <= LAST_YEAR + 1:
            return None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February, 25 o'clock, an offset of days
        return None
    return moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None


def _numeric(text: str, zone: ZoneInfo) -> datetime | None:
    match = _NUMERIC.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second = (
        int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    moment = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    return moment.replace(tzinfo=_offset(match["offset"])) if match["offset"] else moment


def _offset(text: str) -> timezone:
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-span if text[0] == "-" else span)


def _worded(text: str, zone: ZoneInfo) -> datetime | None:
    text = _SCRIPT.sub(r"\2 \1 \3 \4 \5", text)
    match = _MAIL.fullmatch(text)
    fields = parsedate_tz(text) if match else None
    if match is None or fields is None:
        return None
    own = timezone(timedelta(seconds=fields[9] or 0)) if match["zone"] else zone
    return datetime(*fields[:6], tzinfo=own)
