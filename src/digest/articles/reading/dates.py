"""Parse the dates of article files in many formats, with their time zones."""

# pure
from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from digest.articles.reading.foreign_dates import MONTHS, in_english
from digest.articles.reading.time_zones import meant_offset, split_zone

#: Years that an article can be from; anything else is a mistake of the file.
FIRST_YEAR, LAST_YEAR = 1990, 2100
_MAX_LENGTH = 80
#: ISO 8601 and its relatives: 2021-08-27T12:49:08, 2021/8/27 12:49, 2021年8月27日 下午3:05
_NUMERIC = re.compile(
    r"""(?P<year>[0-9]{4})\s?[-/.年]\s?(?P<month>[0-9]{1,2})\s?[-/.月]\s?(?P<day>[0-9]{1,2})
    (?:\s?[日号號])?(?:\s?\(?(?:星期|礼拜|禮拜|周|週)[一二三四五六日天]\)?)?
    (?:(?:T|,?\s+|(?<=[^0-9]))
        (?P<part>[上下中]午|[清早凌]晨|早上|傍晚|晚上|[AP]M)?\s?
        (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2})(?::(?P<second>[0-9]{1,2})(?:[.,][0-9]{1,9})?)?
        (?:\s?(?P<half>[AP])\.?M\.?)?
    )?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
#: ISO 8601 without marks: 20210827, 20210827T124908, 202108271249, 20210827 12:49
_COMPACT = re.compile(
    r"((?:19|20|21)[0-9]{2})([0-9]{2})([0-9]{2})"
    r"(?:T?([0-9]{2})([0-9]{2})([0-9]{2})?|[T ]([0-9]{1,2}:[0-9:.,]+))?",
    re.IGNORECASE,
)
#: Seconds since 1970, with a fraction maybe, milliseconds and microseconds: 1973 and later.
_SECONDS = re.compile(r"([0-9]{9,10})(?:\.[0-9]{1,9})?")
_MILLISECONDS = re.compile(r"[0-9]{12,13}")
_MICROSECONDS = re.compile(r"[0-9]{16}")
#: A hyphen that does not break, which NFKC makes the first of these, and a minus sign.
_DASHES = {ord(dash): "-" for dash in "\u2010\u2212"}
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
#: August 27, 2021 at 3:05 PM; 27th Aug. 2021; RFC 5322, RFC 850 and RFC 822: Friday, 27-Aug-21
#: 12:49:08; a log of Apache: 27/Aug/2021:12:49:08
_ENGLISH = re.compile(
    r"""(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s+)?
    (?:(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?(?:\s+of)?[\s/-]+)?
    (?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?
        |sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?,?[\s/-]+
    (?(day)|(?P<further>[0-9]{1,2})(?:st|nd|rd|th)?,?\s+)
    (?P<year>[0-9]{4}|[0-9]{2}(?=\s+[0-9]{1,2}:))
    (?:(?:,|:|\s+at)?\s*(?P<clock>[0-9].*))?""",
    re.VERBOSE | re.IGNORECASE,
)
#: What date(1), asctime(3) and Go's UnixDate write: Fri Aug 27 12:49:08 CEST 2021
_YEAR_LAST = re.compile(
    r"(?:[a-z]{3,9}\.?,?\s+)?(?:([a-z]{3,9})\.?\s+([0-9]{1,2})|([0-9]{1,2})\s+([a-z]{3,9}))\.?,?\s+"
    r"([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:\s[AP]M)?)(\s+[a-z]{1,5}|\s+[+-][0-9]{4})?\s+([0-9]{4})",
    re.IGNORECASE,
)
#: 27.8.2021 12:49
_DAY_FIRST = re.compile(r"([0-9]{1,2})\.\s?([0-9]{1,2})\.\s?([0-9]{4})(?![0-9])")


_ISO_8601 = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDate:
    """A moment, with a remark if part of it was guessed."""

    at: datetime  #: aware UTC
    guess: str = ""  #: a clause about what was guessed; empty where nothing was


def parse_date(text: str, zone: ZoneInfo) -> ParsedDate | None:
    """Return the moment of ``text``; None if it is no date. Never raises.

    Understands RFC 5322, 850 and 822, ISO 8601, dates alone, the English and Chinese ways, those
    of JavaScript, Go and date(1), and seconds or milliseconds since 1970. One without an offset
    or a zone is in ``zone``, which also decides between the meanings of an abbreviation. Years
    before 1990 or after 2100 are none, and so is a day without a year.
    """
    return _parse(text[:_MAX_LENGTH], zone)


@lru_cache(maxsize=1_024)  # each file's date is asked for twice
def _parse(text: str, zone: ZoneInfo) -> ParsedDate | None:
    text = unicodedata.normalize("NFKC", text).strip().translate(_DASHES)
    parsed = _moment(text, zone)
    return parsed or _moment(in_english(text), zone)


def _moment(text: str, zone: ZoneInfo) -> ParsedDate | None:
    try:
        moment, guess = _usual(text, zone) or _since_1970(text) or _calendar(text, zone)
        if moment is None or not FIRST_YEAR - 1 <= moment.year <= LAST_YEAR + 1:
            return None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February, 25 o'clock, an offset of days
        return None
    return ParsedDate(at=moment, guess=guess) if FIRST_YEAR <= moment.year <= LAST_YEAR else None


def _usual(text: str, zone: ZoneInfo) -> tuple[datetime, str] | None:
    """Return what ``_calendar`` does for the usual form of ISO 8601, in an eighth of the time."""
    if not _ISO_8601.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # 24 o'clock is one, and so is a leap second
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)), ""


def _since_1970(text: str) -> tuple[datetime, str] | None:
    if seconds := _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(seconds[1]), UTC), ""
    if _MILLISECONDS.fullmatch(text) and not _COMPACT.fullmatch(text):
        return datetime.fromtimestamp(int(text) // 1_000, UTC), ""
    if _MICROSECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) // 1_000_000, UTC), ""
    return None


def _calendar(text: str, zone: ZoneInfo) -> tuple[datetime | None, str]:
    """Return the moment of a calendar date and a time of day, with a remark on guesses."""
    if year_last := _YEAR_LAST.fullmatch(text):
        name, late_day, early_day, late_name, clock, own, last = year_last.groups("")
        text = f"{name or late_name} {late_day or early_day} {last} {clock}{own}"
    text, offset, abbreviation = split_zone(text)
    match = _NUMERIC.fullmatch(_numeric(text))
    if not match:
        return None, ""
    year, month, day, hour, minute, second = (
        int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    part = match["part"] or (f"{match['half']}m" if match["half"] else "")
    hour = _hour(hour, part.lower())
    if (minute, second) == (59, 60):  # a leap second
        second = 59
    days = timedelta(days=1 if hour == 24 else 0)
    moment = datetime(year, month, day, hour - 24 * days.days, minute, second, tzinfo=zone) + days
    guess = ""
    if offset is None and abbreviation:
        offset, guess = meant_offset(abbreviation, moment, zone)
    return (moment.replace(tzinfo=offset) if offset else moment), guess


def _numeric(text: str) -> str:
    """Return a date without marks, in English or in words with digits and marks; others stay."""
    if compact := _COMPACT.fullmatch(text):
        year, month, day, hour, minute, second, clock = compact.groups("")
        clock = clock or (f"{hour}:{minute}:{second or '00'}" if hour else "")
        return f"{year}-{month}-{day} {clock}".strip()
    if english := _ENGLISH.fullmatch(text):
        month = str(MONTHS.index(english["month"][:3].lower()) + 1)
        year = english["year"]
        if len(year) == 2:  # RFC 5322 section 4.3
            year = f"{'20' if int(year) < 50 else '19'}{year}"
        day = english["day"] or english["further"]
        return f"{year}-{month}-{day} {english['clock'] or ''}".strip()
    text = _NUMERALS.sub(_number, _DAY_FIRST.sub(r"\3-\2-\1", text, count=1))
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
