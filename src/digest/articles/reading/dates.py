"""Dates: the many ways in which files write a moment."""

# pure
from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from zoneinfo import ZoneInfo

#: Years that an article can be from; anything else is a mistake of the file.
FIRST_YEAR, LAST_YEAR = 1990, 2100
_MAX_LENGTH = 80
#: ISO 8601 and its relatives: 2021-08-27T12:49:08+08:00, 2021/8/27 12:49, 2021年8月27日 下午3:05
_NUMERIC = re.compile(
    r"""(?P<year>[0-9]{4})\s?[-/.年]\s?(?P<month>[0-9]{1,2})\s?[-/.月]\s?(?P<day>[0-9]{1,2})
    (?:\s?[日号號])?(?:\s?\(?(?:星期|礼拜|禮拜|周|週)[一二三四五六日天]\)?)?
    (?:(?:T|\s+|(?<=[^0-9]))
        (?P<part>[上下中]午|[清早凌]晨|早上|傍晚|晚上|[AP]M)?\s?
        (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2})(?::(?P<second>[0-9]{1,2})(?:[.,][0-9]{1,9})?)?
        (?:\s?(?P<half>[AP]M))?
    )?
    \s*(?P<offset>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?""",
    re.VERBOSE | re.IGNORECASE,
)
#: ISO 8601 without marks: 20210827, 20210827T124908Z, 202108271249
_COMPACT = re.compile(
    r"((?:19|20|21)[0-9]{2})([0-9]{2})([0-9]{2})(?:T?([0-9]{2})([0-9]{2})([0-9]{2})?(Z|[+-][0-9:]{2,5})?)?",
    re.IGNORECASE,
)
#: Seconds since 1970, with a fraction maybe, and milliseconds: 1973 and later.
_SECONDS = re.compile(r"([0-9]{9,10})(?:\.[0-9]{1,9})?")
_MILLISECONDS = re.compile(r"[0-9]{12,13}")
#: A time in words: 9时02分03秒, 3点半, 3點
_WORDS = (
    (re.compile(r"(?<=[0-9])\s?[点點时時]\s?(?=[0-9])"), ":"),
    (re.compile(r"(?<=[0-9])\s?[点點时時]半"), ":30"),
    (re.compile(r"(?<=[0-9])\s?[点點时時]整?"), ":00"),
    (re.compile(r"(?<=[0-9])\s?分\s?(?=[0-9])"), ":"),
    (re.compile(r"(?<=[0-9])\s?[分秒]"), ""),
)
_NUMERALS = re.compile(r"[〇零一二三四五六七八九十]{1,4}(?=[年月日号號])")
_DIGITS = {numeral: digit for digit, numeral in enumerate("〇一二三四五六七八九")} | {"零": 0}
_MORNING = frozenset({"上午", "清晨", "早晨", "凌晨", "早上", "am"})
#: When twelve o'clock is midnight.
_NIGHT = frozenset({"傍晚", "晚上"})
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
#: August 27, 2021 at 3:05 PM; 27th Aug. 2021
_ENGLISH = re.compile(
    r"""(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},?\s+)?
    (?:(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?\s+)?
    (?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?
        |sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?,?\s+
    (?(day)|(?P<further>[0-9]{1,2})(?:st|nd|rd|th)?,?\s+)
    (?P<year>[0-9]{4})(?:(?:,|\s+at)?(?P<clock>\s.+))?""",
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

    Understands RFC 2822, ISO 8601, dates alone, the English, Chinese and JavaScript ways, and
    seconds or milliseconds since 1970; one without an offset is in ``zone``. Years before 1990 or
    after 2100 are none, and so is a day without a year. Never raises.
    """
    text = unicodedata.normalize("NFKC", text[:_MAX_LENGTH]).strip()
    try:
        moment = _numeric(text, zone) or _since_1970(text) or _worded(text, zone)
        if moment is None or not FIRST_YEAR - 1 <= moment.year <= LAST_YEAR + 1:
            return None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February, 25 o'clock, an offset of days
        return None
    return moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None


def _numeric(text: str, zone: ZoneInfo) -> datetime | None:
    match = _NUMERIC.fullmatch(_dashed(text))
    if not match:
        return None
    year, month, day, hour, minute, second = (
        int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    hour = _hour(hour, (match["part"] or match["half"] or "").lower())
    days = timedelta(days=1 if hour == 24 else 0)
    moment = datetime(year, month, day, hour - 24 * days.days, minute, second, tzinfo=zone)
    moment += days
    return moment.replace(tzinfo=_offset(match["offset"])) if match["offset"] else moment


def _dashed(text: str) -> str:
    """Return a date without marks, in English or in words with digits and marks; others stay."""
    compact = _COMPACT.fullmatch(text)
    if compact:
        year, month, day, hour, minute, second, offset = compact.groups("")
        clock = f" {hour}:{minute}:{second or '00'}{offset}" if hour else ""
        return f"{year}-{month}-{day}{clock}"
    english = _ENGLISH.fullmatch(text)
    if english:
        month = str(_MONTHS.index(english["month"][:3].lower()) + 1)
        day = english["day"] or english["further"]
        return f"{english['year']}-{month}-{day}{english['clock'] or ''}"
    text = _NUMERALS.sub(_number, text)
    for word, mark in _WORDS:
        text = word.sub(mark, text)
    return text


def _number(numerals: re.Match[str]) -> str:
    """Return digits for 二〇二一, 八, 十二 or 二十七."""
    tens, ten, ones = numerals[0].rpartition("十")
    if not ten:
        return "".join(str(_DIGITS[numeral]) for numeral in ones)
    return str(10 * _DIGITS.get(tens, 1) + _DIGITS.get(ones, 0))


def _hour(hour: int, part: str) -> int:
    """Return the hour of the day, 24 at its end, of one in a part of it; ValueError for none."""
    if part in _MORNING:
        if hour > 12:
            raise ValueError(f"no hour of the morning: {hour}")
        return hour % 12
    if part in _NIGHT and hour == 12:
        return 24
    return hour + 12 if part and hour < (10 if part == "中午" else 12) else hour


def _since_1970(text: str) -> datetime | None:
    if seconds := _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(seconds[1]), UTC)
    if _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) // 1_000, UTC)
    return None


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
