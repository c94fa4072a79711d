"""Parse: a source file as a manuscript, everything that it says but not yet clean."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from digest.articles import addresses
from digest.articles.body import SUFFIXES, Body, read_body, text_of
from digest.articles.characters import one_line
from digest.articles.dates import parse_date
from digest.articles.decoding import decode
from digest.articles.fields import Value
from digest.articles.front_matter import FrontMatter, split
from digest.articles.habits import (
    ADDRESS_NAMES,
    AUTHOR_KEYS,
    CATEGORY_KEYS,
    DATE_KEYS,
    IDENTITY_KEYS,
    IMAGE_KEYS,
    KEPT_BACK,
    LANGUAGE_KEYS,
    LINK_KEYS,
    PATTERN_KEYS,
    SUMMARY_KEYS,
    TAG_KEYS,
    UPDATE_KEYS,
)
from digest.articles.model import CategoryPath, Manuscript, SourceFile, path_identity
from digest.articles.summary import summarize
from digest.errors import SourceError
from digest.languages import cased

#: Graphemes; longer titles and names are cut.
MAX_TITLE, MAX_NAME = 300, 200
#: Characters of a line that are read at all; references of thousands of digits are an attack.
MAX_LINE = 4_000
#: Names in a category path, paths and authors of one article; the rest is ignored.
MAX_LEVELS, MAX_CATEGORIES, MAX_AUTHORS = 12, 50, 50
#: Characters; identities are keys, so a longer one is refused, not cut.
MAX_IDENTITY = 1_000

_NOTHING = frozenset({"", "~", "null"})
_LEADING_DASHES = re.compile(r"\A(?:[—–―]+\s*|-+\s+)++")
_SEPARATORS = re.compile(r"[/>]")
#: Between names in one text, as Pelican lists authors and tags.
_COMMAS = re.compile(r"[,，、;；]")
_SEMICOLONS = re.compile(r"[;；]")
#: A day at the start of a file's name, as Jekyll and others have it.
_NAMED_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[-_ .]")
#: Hexo's and Hugo's ``:year``, and what templates fill in.
_PATTERN = re.compile(r"/:[a-z]|[{}]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,4}", re.IGNORECASE)


def parse(
    source: SourceFile, zone: ZoneInfo, placeholder_hosts: Collection[str] = ()
) -> Manuscript:
    """Return what a file says. ``zone`` is that of dates without one.

    Images on ``placeholder_hosts`` count as none. Raises SourceError for a file that is no
    article: binary, empty, a draft, without a title, with broken front matter.
    """
    path = source.path
    if path.suffix.lower() not in SUFFIXES:
        raise SourceError(path, None, f"not one of {', '.join(sorted(SUFFIXES))}")
    try:
        text = decode(source.content)
    except ValueError as error:
        raise SourceError(path, None, str(error)) from error
    front = split(text, path)
    _refuse_kept_back(front, path)
    title = _cut(_plain(_text(front.fields, "title")), MAX_TITLE)
    if title == "~":
        title = ""
    body = read_body(front.body, path, heading=not title, first_line=not front.present)
    summary = next(_texts(front.fields, SUMMARY_KEYS), "")
    return Manuscript(
        identity=_identity(front, path),
        title=title or _body_title(body, path),
        authors=tuple(_authors(front.fields)),
        categories=_categories(front.fields, path),
        published_at=_date(front.fields, path, zone),
        link=_link(front.fields),
        image=_image(front.fields, placeholder_hosts),
        language=_language([*_texts(front.fields, LANGUAGE_KEYS), body.language]),
        summary=one_line(text_of(summary)) or None,
        markup=body.markup,
    )


def _refuse_kept_back(front: FrontMatter, path: PurePosixPath) -> None:
    for key, values, what in KEPT_BACK:
        if _text(front.fields, key).lower() in values:
            problem = f"it is {what}: the front matter says {key}: {front.fields[key]}"
            raise SourceError(path, front.lines[key], problem)


def _body_title(body: Body, path: PurePosixPath) -> str:
    title = _cut(one_line(body.title), MAX_TITLE)
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


def _link(fields: Mapping[str, Value]) -> str | None:
    candidates = [*_texts(fields, LINK_KEYS)]
    candidates += (text for text in _texts(fields, PATTERN_KEYS) if not _PATTERN.search(text))
    return next(filter(None, map(addresses.absolute, candidates)), None)


def _authors(fields: Mapping[str, Value]) -> Iterable[str]:
    """Return the names of ``author`` and ``authors``, each once, in their order."""
    names: dict[str, None] = {}
    for key in AUTHOR_KEYS:
        value = fields.get(key, "")
        if key == "authors" and isinstance(value, str):
            value = [*(_SEMICOLONS if _SEMICOLONS.search(value) else _COMMAS).split(value)]
        for one in value if isinstance(value, list) else [value]:
            name = one.get("name", "") if isinstance(one, dict) else one
            if isinstance(name, str):
                names[_cut(_plain(name), MAX_NAME)] = None
    return [name for name in names if name.lower() not in _NOTHING][:MAX_AUTHORS]


def _categories(fields: Mapping[str, Value], path: PurePosixPath) -> tuple[CategoryPath, ...]:
    """Return the category paths of the front matter, else its tags, else that of the folders."""
    found: dict[CategoryPath, None] = {}
    for key in CATEGORY_KEYS:
        for names in _paths(fields.get(key, "")):
            _add(found, names)
    for key in () if found else TAG_KEYS:
        tags = fields.get(key, "")
        if isinstance(tags, str):
            tags = [*_COMMAS.split(tags)]
        for tag in tags if isinstance(tags, list) else ():
            _add(found, [tag] if isinstance(tag, str) else [])
    if not found:
        _add(found, path.parent.parts)
    return tuple(found)[:MAX_CATEGORIES]


def _paths(value: Value) -> Iterator[list[str]]:
    """Yield the paths that a value means: a list of names is one, a list of lists several."""
    if isinstance(value, str):
        yield _SEPARATORS.split(value)
    elif isinstance(value, list):
        if any(isinstance(one, list) for one in value):
            for one in value:
                yield from _paths(one)
        else:
            yield [one for one in value if isinstance(one, str)]


def _add(found: dict[CategoryPath, None], names: Iterable[str]) -> None:
    cleaned = (_cut(_LEADING_DASHES.sub("", _plain(name)), MAX_NAME) for name in names)
    usable = tuple(name for name in cleaned if name.lower() not in _NOTHING)[:MAX_LEVELS]
    if usable:
        found[CategoryPath(usable)] = None


def _image(fields: Mapping[str, Value], placeholder_hosts: Collection[str]) -> str | None:
    for text in _texts(fields, IMAGE_KEYS):
        address = addresses.absolute(text)
        if address and not addresses.on_host(address, placeholder_hosts):
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
        value = fields.get(key, "")
        for one in value if isinstance(value, list) else [value]:
            for text in map(one.get, ADDRESS_NAMES) if isinstance(one, dict) else [one]:
                line = one_line(text) if isinstance(text, str) else ""
                if line.lower() not in _NOTHING:
                    yield line


def _text(fields: Mapping[str, Value], key: str) -> str:
    """Return a value as one line; of a list its first, empty for anything else."""
    value = fields.get(key, "")
    if isinstance(value, list):
        value = value[0] if value else ""
    return one_line(value) if isinstance(value, str) else ""


def _plain(text: str) -> str:
    """Return a name or a title as one line, its entities decoded."""
    return one_line(html.unescape(text[:MAX_LINE]))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else summarize(text, length)
