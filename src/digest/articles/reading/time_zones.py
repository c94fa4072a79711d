"""The time zone at the end of a date: an offset, a name, or an abbreviation."""

# pure
from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

#: What may follow a moment: Go's monotonic clock, a name of the IANA database, a comment.
_MONOTONIC = re.compile(r"\s+m=[+-][0-9.]+\Z")
_OFFSET_AGAIN = re.compile(r"(?<=[+-][0-9]{4})\s+[+-][0-9]{2,4}\Z")  # of a zone without a name
_IANA = re.compile(r"\s*[\[(]?\b((?:[A-Z][A-Za-z_]+/){1,2}[A-Z][\w+-]+)[\])]?\Z", re.ASCII)
_COMMENT = re.compile(r"\s*(?:\(([^()]*)\)|\[([A-Za-z]{1,5})\])\Z")
_LETTERS = re.compile(r"(?<![a-z])\s*(?<![a-z])([a-z]{1,5})\Z", re.ASCII | re.IGNORECASE)
_OFFSET = re.compile(
    r"\s*(?:UTC|GMT|Z)?\s?([+-])\s?([0-9]{1,2})(?::?([0-9]{2}))?(?::[0-9]{2})?\Z",
    re.ASCII | re.IGNORECASE,
)
#: A clock, without which ``-27`` is a day and no offset, and an offset that is none of a day.
_CLOCK = re.compile(r"[0-9]:[0-9]|T[0-9]{4}|[0-9]{12}|[点點时時]", re.IGNORECASE)
_WHOLE_OFFSET = re.compile(r"[0-9]\s?[+-][0-9]{2}:[0-9]{2}\Z|\s[+-][0-9]{4}\Z")

#: Hours east of Greenwich, by the abbreviations of time zones that mean one offset.
_OFFSETS: Mapping[str, float] = {
    name: hours
    for hours, names in (
        (-10, "HST HAST TAHT"),
        (-9, "AKST HDT HADT"),
        (-8, "AKDT"),
        (-7, "PDT"),
        (-6, "MDT"),
        (-5, "COT PET"),
        (-4, "CLT BOT VET GYT"),
        (-3.5, "NST"),
        (-3, "ART BRT UYT GFT PMST ADT CLST PYT PYST"),
        (-2.5, "NDT"),
        (-2, "FNT BRST"),
        (-1, "AZOT CVT"),
        (0, "UTC UT GMT Z ZULU WET"),
        (1, "WEST WESZ CET MET MEZ WAT"),
        (2, "CEST CEDT MEST MESZ EET OEZ CAT SAST"),
        (3, "EEST EEDT OESZ IDT MSK TRT FET EAT"),
        (3.5, "IRST"),
        (4, "MSD SAMT AZT GET MUT SCT RET"),
        (4.5, "IRDT AFT"),
        (5, "PKT UZT TMT TJT MVT YEKT"),
        (5.5, "SLST"),
        (5.75, "NPT"),
        (6, "PKST BTT OMST ALMT KGT"),
        (6.5, "MMT"),
        (7, "NOVT KRAT ICT WIB"),
        (8, "HKT SGT MYT PHT PHST WITA AWST IRKT ULAT BNT"),
        (9, "JST KST WIT YAKT TLT PWT"),
        (9.5, "ACST"),
        (10, "AEST CHST PGT VLAT"),
        (10.5, "ACDT LHST"),
        (11, "AEDT LHDT MAGT SBT NCT"),
        (12, "NZST FJT PETT"),
        (12.75, "CHAST"),
        (13, "NZDT TOT"),
        (13.75, "CHADT"),
    )
    for name in names.split()
}
#: The same of those that mean several, with the areas of the IANA database that use them. The
#: first is the most common one.
_AMBIGUOUS: Mapping[str, tuple[tuple[float, tuple[str, ...]], ...]] = {
    "ACT": ((-5, ("America/",)), (9.5, ("Australia/",)), (8, ("Asia/",))),
    "AMST": ((-3, ("America/",)), (5, ("Asia/",))),
    "AMT": ((-4, ("America/",)), (4, ("Asia/",))),
    "AST": ((-4, ("America/", "Atlantic/")), (3, ("Asia/",))),
    "BDT": ((6, ("Asia/Dhaka",)), (8, ("Asia/Brunei",))),
    "BST": (
        (1, ("Europe/London", "Europe/Belfast", "Europe/Jersey", "GB")),
        (6, ("Asia/Dhaka",)),
        (11, ("Pacific/",)),
    ),
    "CCT": ((8, ("Asia/",)), (6.5, ("Indian/",))),
    "CDT": ((-5, ("America/",)), (-4, ("America/Havana",)), (9, ("Asia/",))),
    "CST": (
        (-6, ("America/",)),
        (8, ("Asia/",)),
        (-5, ("America/Havana",)),
        (9.5, ("Australia/",)),
    ),
    "ECT": ((-5, ("America/",)), (-4, ("America/",))),
    "EDT": ((-4, ("America/",)), (11, ("Australia/",))),
    "EST": ((-5, ("America/",)), (10, ("Australia/",))),
    "GST": ((4, ("Asia/",)), (-2, ("Atlantic/",))),
    "IST": ((5.5, ("Asia/",)), (1, ("Europe/Dublin",)), (2, ("Asia/",))),
    "MST": ((-7, ("America/",)), (8, ("Asia/Kuala_Lumpur",)), (6.5, ("Asia/Yangon",))),
    "PST": ((-8, ("America/",)), (8, ("Asia/Manila",))),
    "SST": ((-11, ("Pacific/",)), (8, ("Asia/Singapore",))),
    "WST": ((8, ("Australia/",)), (13, ("Pacific/",))),
}


def split_zone(text: str) -> tuple[str, tzinfo | None, str]:
    """Return a text without its zone, the zone, and its abbreviation ("" for none).

    In this order: an offset, a name of the IANA database, an abbreviation.
    """
    text = _OFFSET_AGAIN.sub("", _MONOTONIC.sub("", text))
    named: tzinfo | None = None
    if iana := _IANA.search(text):
        with suppress(KeyError, ValueError, OSError):
            named = ZoneInfo(iana[1])
            text = text[: iana.start()]
    comment = _COMMENT.search(text)
    abbreviation = ""
    if comment and _CLOCK.search(text):
        text = text[: comment.start()]
        abbreviation = (comment[1] or comment[2] or "").upper()
        if abbreviation not in _OFFSETS and abbreviation not in _AMBIGUOUS:
            abbreviation = ""
    letters = _LETTERS.search(text)
    if letters and (letters[1].upper() in _OFFSETS or letters[1].upper() in _AMBIGUOUS):
        text, abbreviation = text[: letters.start()], letters[1].upper()
    offset = _OFFSET.search(text)
    if offset and (_CLOCK.search(text[: offset.start()]) or _WHOLE_OFFSET.search(text)):
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return text[: offset.start()], timezone(-span if offset[1] == "-" else span), ""
    return text, named, abbreviation


def meant_offset(abbreviation: str, moment: datetime, zone: ZoneInfo) -> tuple[timezone, str]:
    """Return the offset of an abbreviation, with a remark if it is ambiguous."""
    if abbreviation in _OFFSETS:
        return timezone(timedelta(hours=_OFFSETS[abbreviation])), ""
    meanings = _AMBIGUOUS[abbreviation]
    local = {moment.replace(month=month, day=1, tzinfo=zone).utcoffset() for month in (1, 7)}
    for hours, areas in meanings:
        if (zone.key or "").startswith(areas) and timedelta(hours=hours) in local:
            return timezone(timedelta(hours=hours)), ""
    likeliest = timezone(timedelta(hours=meanings[0][0]))
    return likeliest, f"{abbreviation} means several time zones and was read as {likeliest}"
