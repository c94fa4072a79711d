"""When an article was published and whether it may be read, by its file."""

# pure
from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from digest.articles.characters import one_line
from digest.articles.model import Availability, DateLimit, Note, Severity, noted
from digest.articles.reading.dates import FIRST_YEAR, LAST_YEAR, ParsedDate, parse_date
from digest.articles.reading.fields import Value, shown
from digest.articles.reading.front_matter import FrontMatter
from digest.articles.reading.front_matter_keys import (
    BUILD_KEYS,
    DATE_KEYS,
    DRAFT_KEYS,
    EXPIRY_KEYS,
    FALSE,
    HOLDING_VALUES,
    NO_DRAFT,
    NOTHING,
    PASSWORD_KEYS,
    PATH_KEYS,
    PUBLISH_KEYS,
    SCHEDULED,
    STATE_KEYS,
    TRUE,
    UNBUILT,
    UPDATE_KEYS,
)

_GREENWICH = ZoneInfo("UTC")
#: The folder of drafts, with Hexo and Jekyll.
DRAFTS = "_drafts"
#: A day in a path, as Jekyll, Docusaurus, Hugo and WordPress have it: 2021-08-27-title,
#: 2021/08/27/title, 20210827-title.
_DAY_IN_PATH = re.compile(
    r"(?:^|[/ _])([0-9]{4})(?:[-/_.]([0-9]{1,2})[-/_.]([0-9]{1,2})|([0-9]{2})([0-9]{2}))"
    r"(?=[-_ ./T]|$)"
)
_MONTH_IN_PATH = re.compile(r"(?:^|/)([0-9]{4})[-/](0?[1-9]|1[0-2])(?=/|$)")
#: Values of a date that are none and need no note: ``published: true``, ``expires: never``.
_UNDATED = frozenset({"never", "none", *TRUE, *FALSE, *NOTHING})
_FIRST_SIGHT = "the moment of first sight counts"
#: The places of keys in their rows; most of them are in no file.
_DATES, _UPDATES, _BEGINNINGS, _ENDS, _PATHS = (
    {key: place for place, key in enumerate(keys)}
    for keys in (DATE_KEYS, UPDATE_KEYS, PUBLISH_KEYS, EXPIRY_KEYS, PATH_KEYS)
)
_UNREADABLE = Note(
    severity=Severity.FAILED,
    line=None,
    cause="it is scheduled, but the front matter has no date that is one",
)
_TELLING_KEYS = frozenset({*DRAFT_KEYS, *HOLDING_VALUES, *PASSWORD_KEYS, *BUILD_KEYS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The dates of an article and its availability, with notes on both."""

    published_at: datetime | None  #: aware UTC; None where the file has no valid date
    updated_at: datetime | None  #: aware UTC, after ``published_at``
    availability: Availability | None  #: None where the file says nothing of it
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dates:
    """The first date among values, and the first value before it that is none."""

    key: str = ""  #: of the date
    date: ParsedDate | None = None
    unusable: tuple[str, str] | None = None  #: key and text


def read_publication(front: FrontMatter, path: PurePosixPath, zone: ZoneInfo) -> Publication:
    """Return when a file's article was published and may be read; ``zone`` is of bare dates.

    It was published at the first date that is one: of the front matter, of the path of the file
    or of its page, of an update.
    """
    fields = front.fields
    own = _first(_values(fields, _DATES, DATE_KEYS), zone)
    update = _first(_updates(fields), zone)
    start = _first(_values(fields, _BEGINNINGS, DATE_KEYS), zone)
    end = _first(_values(fields, _ENDS, ("date",)), zone)
    in_path = None if own.date else _date_in_paths(fields, path, zone)
    first = own.date or in_path or update.date
    scheduled = any(_text(fields, key) in SCHEDULED for key in STATE_KEYS if key in fields)
    if scheduled and not start.date:
        start = own
    availability = Availability(
        held_back=_held_back(front, path, undated=scheduled and not start.date),
        not_before=_limit(front, start),
        expires=_limit(front, end),
    )
    published_at = first.at if first else None
    updated_at = update.date.at if update.date else None
    if updated_at and published_at and updated_at <= published_at:
        updated_at = None
    otherwise = "another date counts" if first else _FIRST_SIGHT
    unusable = {
        start.unusable: "it holds nothing back",
        end.unusable: "it ends nothing",
        update.unusable: otherwise if not own.date else "it is done without",
        own.unusable: otherwise,
    }
    notes = [
        _note(front, key, f"{key} '{shown(text)}' is no date of the years "
              f"{FIRST_YEAR} to {LAST_YEAR}; {effect}")
        for (key, text), effect in [(odd, effect) for odd, effect in unusable.items() if odd]
    ]  # fmt: skip
    guessed = {each.key: each.date.guess for each in (own, update, start, end) if each.date}
    guessed |= {"the path": in_path.guess} if in_path else {}
    notes += [_note(front, key, f"{key}: {guess}") for key, guess in guessed.items() if guess]
    return Publication(
        published_at=published_at,
        updated_at=updated_at,
        availability=availability if availability != Availability() else None,
        notes=tuple(notes),
    )


def _note(front: FrontMatter, key: str, cause: str) -> Note:
    return noted(front.lines.get(key), cause)


def _values(
    fields: Mapping[str, Value], places: Mapping[str, int], names: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the texts of keys by their places; of a mapping those with these names in it."""
    for key in sorted(places.keys() & fields.keys(), key=places.__getitem__):
        value = fields[key]
        for item in value if isinstance(value, list) else [value]:
            for text in map(item.get, names) if isinstance(item, dict) else [item]:
                line = one_line(text) if isinstance(text, str) else ""
                if line.lower() not in _UNDATED:
                    yield key, line


def _updates(fields: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Yield the texts of updates: of their own keys, and within ``date: {updated: …}``."""
    yield from _values(fields, _UPDATES, ("date", *UPDATE_KEYS))
    dates = {key: value for key, value in fields.items() if isinstance(value, dict)}
    if dates:
        yield from _values(dates, _DATES, UPDATE_KEYS)


def _first(values: Iterable[tuple[str, str]], zone: ZoneInfo) -> _Dates:
    unusable = None
    for key, text in values:
        date = parse_date(text, _GREENWICH if key.endswith("_gmt") else zone)
        if date:
            return _Dates(key=key, date=date, unusable=unusable)
        unusable = unusable or (key, text)
    return _Dates(unusable=unusable)


def _limit(front: FrontMatter, dates: _Dates) -> DateLimit | None:
    if dates.date is None:
        return None
    return DateLimit(at=dates.date.at, line=front.lines[dates.key], key=dates.key)


def _date_in_paths(
    fields: Mapping[str, Value], path: PurePosixPath, zone: ZoneInfo
) -> ParsedDate | None:
    """Return the date in the path of a file or, where there is none, in that of its page."""
    paths = [str(path), *(text for _, text in _values(fields, _PATHS, ()))]
    for text in paths:
        for day in reversed(list(_DAY_IN_PATH.finditer(text))):
            year, *numbers = filter(None, day.groups())
            date = parse_date("-".join((year, *numbers)), zone)
            if date:
                return date
    for text in paths:
        month = _MONTH_IN_PATH.search(text)
        date = parse_date(f"{month[1]}-{month[2]}-1", zone) if month else None
        if date:
            return ParsedDate(at=date.at, guess="it tells no day; the first of the month counts")
    return None


def _held_back(front: FrontMatter, path: PurePosixPath, *, undated: bool) -> Note | None:
    """Return why an article is held back; None if it is not."""
    fields = front.fields
    if any(folder.lower() == DRAFTS for folder in path.parent.parts):
        return _noted(None, f"it is a draft: it lies in {DRAFTS}")
    if _TELLING_KEYS.isdisjoint(fields):
        return _UNREADABLE if undated else None
    for key in fields:
        text = _text(fields, key) if key in _TELLING_KEYS else ""
        if key in DRAFT_KEYS and text not in NO_DRAFT:
            cause = f"it is a draft: the front matter says {key}: {shown(text)}"
            return _noted(front.lines[key], cause)
        for values, what in HOLDING_VALUES.get(key, ()):
            if text in values:
                cause = f"it is {what}: the front matter says {key}: {shown(text)}"
                return _noted(front.lines[key], cause)
        if key in PASSWORD_KEYS and _text(fields, key) not in NOTHING | FALSE:
            return _noted(front.lines[key], f"it is protected: the front matter has a {key}")
        build = fields[key] if key in BUILD_KEYS else None
        if isinstance(build, dict) and any(
            _text(build, name) in UNBUILT for name in ("list", "render")
        ):
            return _noted(front.lines[key], f"it is hidden: {key} in the front matter says so")
    return _UNREADABLE if undated else None


def _noted(line: int | None, cause: str) -> Note:
    return Note(severity=Severity.NOTED, line=line, cause=cause)


def _text(fields: Mapping[str, Value], key: str) -> str:
    """Return a value as one line in lower case; of a list its first, "" for anything else."""
    value = fields.get(key, "")
    if isinstance(value, list):
        value = value[0] if value else ""
    return one_line(value).lower() if isinstance(value, str) else ""
