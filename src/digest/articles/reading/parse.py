"""Parse: a source file as a manuscript, everything that it says but not yet clean."""

# pure
from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from digest.articles.categories import COMMAS, MAX_NAME, categories
from digest.articles.characters import one_line, plain_line
from digest.articles.cleaning import uris
from digest.articles.model import (
    CategoryPath,
    Manuscript,
    Note,
    Severity,
    SourceFile,
    path_identity,
)
from digest.articles.reading import enclosures
from digest.articles.reading.body import SUFFIXES, Body, read_body, text_of
from digest.articles.reading.dates import FIRST_YEAR, LAST_YEAR, parse_date
from digest.articles.reading.decode import decode
from digest.articles.reading.enclosures import Enclosure
from digest.articles.reading.fields import Value, shown
from digest.articles.reading.front_matter import FrontMatter, split
from digest.articles.reading.front_matter_keys import (
    ADDRESS_NAMES,
    AUTHOR_KEYS,
    DATE_KEYS,
    FALSE,
    IDENTITY_KEYS,
    IMAGE_KEYS,
    KEPT_BACK,
    LANGUAGE_KEYS,
    LINK_KEYS,
    NOTHING,
    PATTERN_KEYS,
    PIN_KEYS,
    SUMMARY_KEYS,
    TRUE,
    UPDATE_KEYS,
)
from digest.articles.summary import summarize
from digest.errors import SourceError
from digest.languages import cased

#: Graphemes; longer titles are cut.
MAX_TITLE = 300
#: Of one article; the rest is ignored.
MAX_AUTHORS = 50
#: What is told of one file at most.
MAX_NOTES = 20
#: Of a pinned article; a larger number counts as this one, which a database keeps in four bytes.
MAX_PINNED = 2**31 - 1
#: Characters; identities are keys, so a longer one is refused, not cut.
MAX_IDENTITY = 1_000

_WHOLE_NUMBER = re.compile(r"0*(0|[1-9][0-9]*)", re.ASCII)
_SEMICOLONS = re.compile(r"[;；]")
#: A day at the start of a file's name, as Jekyll and others have it.
_NAMED_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[-_ .]")
#: Hexo's and Hugo's ``:year``, and what templates fill in.
_PATTERN = re.compile(r"/:[a-z]|[{}]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,4}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file whose front matter is read, and whose body is not; see ``Manuscript``."""

    title: str  #: empty where the body has it
    identity: str
    authors: tuple[str, ...]
    categories: tuple[CategoryPath, ...]
    published_at: datetime | None
    link: str | None
    image: str | None
    language: str | None  #: None where the body may have it
    summary: str  #: HTML or text, hostile; may be empty
    enclosure: Enclosure | None
    pinned: int
    notes: tuple[Note, ...]
    headed: bool  #: there is a front matter
    body: str  #: as it is written


def parse(
    source: SourceFile,
    zone: ZoneInfo,
    placeholder_hosts: Collection[str] = (),
    *,
    category_style: str = "path",
) -> Manuscript:
    """Return what a file says: all of it, ``opened`` and ``read``."""
    found = opened(source, zone, placeholder_hosts, category_style=category_style)
    return read(found, source.path)


def opened(
    source: SourceFile,
    zone: ZoneInfo,
    placeholder_hosts: Collection[str] = (),
    *,
    category_style: str = "path",
) -> Opened:
    """Return a file with its front matter read. ``zone`` is that of dates without one.

    Images on ``placeholder_hosts`` count as none; ``category_style`` is one of
    ``categories.STYLES``. Raises SourceError for a file that is no article: binary, empty, a
    draft, with broken front matter.
    """
    path = source.path
    if path.suffix.lower() not in SUFFIXES:
        raise SourceError(path, None, f"not one of {', '.join(sorted(SUFFIXES))}")
    try:
        decoded = decode(source.content)
    except ValueError as error:
        raise SourceError(path, None, str(error)) from error
    front = split(decoded.text, path)
    _refuse_kept_back(front, path)
    title = summarize(plain_line(_text(front.fields, "title")), MAX_TITLE)
    if title == "~":
        title = ""
    published_at = _date(front.fields, path, zone)
    notes = [_noted(None, trouble) for trouble in decoded.troubles]
    pinned, unpinned = _pinned(front)
    undated = () if published_at else _undated(front)
    notes += sorted([*front.notes, *undated, *unpinned], key=_place)
    return Opened(
        title=title,
        identity=_identity(front, path),
        authors=tuple(_authors(front.fields)),
        categories=categories(front.fields, path.parent.parts, category_style),
        published_at=published_at,
        link=_link(front.fields),
        image=_image(front.fields, placeholder_hosts),
        language=_language(_texts(front.fields, LANGUAGE_KEYS)),
        summary=next(_texts(front.fields, SUMMARY_KEYS), ""),
        enclosure=enclosures.find(front.fields),
        pinned=pinned,
        notes=tuple(notes[:MAX_NOTES]),
        headed=front.present,
        body=front.body,
    )


def read(found: Opened, path: PurePosixPath) -> Manuscript:
    """Return what a file says whose front matter is read.

    Raises SourceError where it has no title.
    """
    body = read_body(found.body, path, heading=not found.title, first_line=not found.headed)
    return Manuscript(
        identity=found.identity,
        title=found.title or _body_title(body, path),
        authors=found.authors,
        categories=found.categories,
        published_at=found.published_at,
        link=found.link,
        image=found.image,
        language=found.language or _language([body.language]),
        summary=one_line(text_of(found.summary)) or None,
        markup=body.markup,
        enclosure=found.enclosure,
        pinned=found.pinned,
        notes=found.notes,
    )


def _refuse_kept_back(front: FrontMatter, path: PurePosixPath) -> None:
    for key, values, what in KEPT_BACK:
        if _text(front.fields, key).lower() in values:
            problem = f"it is {what}: the front matter says {key}: {front.fields[key]}"
            raise SourceError(path, front.lines[key], problem)


def _body_title(body: Body, path: PurePosixPath) -> str:
    title = summarize(one_line(body.title), MAX_TITLE)
    if not title:
        raise SourceError(path, None, "no title: expected title: in the front matter or a heading")
    return title


def _identity(front: FrontMatter, path: PurePosixPath) -> str:
    for key in IDENTITY_KEYS:
        identity = next(_texts(front.fields, (key,)), "")
        if len(identity) > MAX_IDENTITY:
            problem = f"{key} is longer than {MAX_IDENTITY} characters"
            raise SourceError(path, front.lines[key], problem)
        if identity:
            return identity
    return path_identity(path)


def _date(fields: Mapping[str, Value], path: PurePosixPath, zone: ZoneInfo) -> datetime | None:
    """Return the first date that is one: of the front matter, of the name, of an update."""
    named = _NAMED_DAY.match(path.name)
    candidates = [*_texts(fields, DATE_KEYS), named[1] if named else ""]
    candidates += _texts(fields, UPDATE_KEYS)
    return next(filter(None, (parse_date(text, zone) for text in candidates)), None)


def _undated(front: FrontMatter) -> Iterator[Note]:
    """Yield what there is to say of the first value that should be a date and is none."""
    for key in (*DATE_KEYS, *UPDATE_KEYS):
        for text in _texts(front.fields, (key,)):
            if text.lower() not in TRUE | FALSE:  # ``published: true``
                cause = f"{key} '{shown(text)}' is no date of the years {FIRST_YEAR} to {LAST_YEAR}"
                yield _noted(front.lines[key], f"{cause}; the moment of first sight counts")
                return


def _pinned(front: FrontMatter) -> tuple[int, list[Note]]:
    """Return the first pin that is one, otherwise 0 and what there is to say of the first value."""
    odd: list[Note] = []
    for key in PIN_KEYS:
        value = front.fields.get(key, "")
        text = one_line(value).lower() if isinstance(value, str) else None
        if text in TRUE | FALSE:
            return int(text in TRUE), []
        if number := _WHOLE_NUMBER.fullmatch(text or ""):
            return min(int(number[1][:11]), MAX_PINNED), []
        if text not in NOTHING:
            what = key if text is None else f"{key} '{shown(text)}'"
            cause = f"{what} is neither true or false nor a whole number; the article is not pinned"
            odd.append(_noted(front.lines[key], cause))
    return 0, odd[:1]


def _noted(line: int | None, cause: str) -> Note:
    return Note(severity=Severity.NOTED, line=line, cause=cause)


def _place(note: Note) -> int:
    return note.line or 0


def _link(fields: Mapping[str, Value]) -> str | None:
    candidates = [*_texts(fields, LINK_KEYS)]
    candidates += (text for text in _texts(fields, PATTERN_KEYS) if not _PATTERN.search(text))
    return next(filter(None, map(uris.absolute, candidates)), None)


def _authors(fields: Mapping[str, Value]) -> Iterable[str]:
    """Return the names of ``author`` and ``authors``, each once, in their order."""
    names = (name for key in AUTHOR_KEYS for name in _named(fields.get(key, ""), key == "authors"))
    distinct = dict.fromkeys(summarize(one_line(name), MAX_NAME) for name in names)
    return [name for name in distinct if name.lower() not in NOTHING][:MAX_AUTHORS]


def _named(value: Value, several: bool) -> Iterator[str]:
    """Yield the names of people in a value; a text holds one of them, or ``several``."""
    if isinstance(value, str) and several:
        text = plain_line(value)
        yield from (_SEMICOLONS if _SEMICOLONS.search(text) else COMMAS).split(text)
        return
    for one in value if isinstance(value, list) else [value]:
        name = one.get("name", "") if isinstance(one, dict) else one
        if isinstance(name, str):
            yield plain_line(name)


def _image(fields: Mapping[str, Value], placeholder_hosts: Collection[str]) -> str | None:
    for text in _texts(fields, IMAGE_KEYS):
        address = uris.absolute(text)
        if address and not uris.on_host(address, placeholder_hosts):
            return address
    return None


def _language(candidates: Iterable[str]) -> str | None:
    """Return the first language tag that is well formed, in the usual case (RFC 5646 2.1.1)."""
    for text in candidates:
        tag = text.replace("_", "-")
        if _LANGUAGE.fullmatch(tag):
            return cased(tag)
    return None


def _texts(fields: Mapping[str, Value], keys: Iterable[str]) -> Iterator[str]:
    """Yield the values of these keys that say something, as one line each."""
    for key in keys:
        value = fields.get(key)
        if not value:  # most keys are in no file
            continue
        for one in value if isinstance(value, list) else [value]:
            for text in map(one.get, ADDRESS_NAMES) if isinstance(one, dict) else [one]:
                line = one_line(text) if isinstance(text, str) else ""
                if line.lower() not in NOTHING:
                    yield line


def _text(fields: Mapping[str, Value], key: str) -> str:
    """Return a value as one line; of a list its first, empty for anything else."""
    value = fields.get(key, "")
    if isinstance(value, list):
        value = value[0] if value else ""
    return one_line(value) if isinstance(value, str) else ""
