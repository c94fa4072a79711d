"""Parse: a source file as a manuscript, everything that it says but not yet clean."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from digest.articles import addresses
from digest.articles.body import SUFFIXES, Body, read_body, text_of
from digest.articles.characters import one_line
from digest.articles.dates import parse_date
from digest.articles.decoding import decode
from digest.articles.fields import Value
from digest.articles.front_matter import FrontMatter, split
from digest.articles.model import CategoryPath, Manuscript, SourceFile, path_identity
from digest.articles.summary import summarize
from digest.errors import SourceError

#: Graphemes; longer titles and names are cut.
MAX_TITLE, MAX_NAME = 300, 200
#: Characters of a line that are read at all; references of thousands of digits are an attack.
MAX_LINE = 4_000
#: Names in a category path, paths and authors of one article; the rest is ignored.
MAX_LEVELS, MAX_CATEGORIES, MAX_AUTHORS = 12, 50, 50
#: Characters; identities are keys, so a longer one is refused, not cut.
MAX_IDENTITY = 1_000

# The keys of the front matter by what they mean; the first with a usable value counts.
DATE_KEYS = ("date", "published", "pubdate")
LINK_KEYS = ("link", "source", "external_url", "canonical")
IMAGE_KEYS = ("headimg", "thumbnail", "cover", "image")
LANGUAGE_KEYS = ("lang", "language")
IDENTITY_KEYS = ("id", "guid")
SUMMARY_KEYS = ("summary", "excerpt", "description")

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_NOTHING = frozenset({"", "~", "null"})
_LEADING_DASHES = re.compile(r"\A(?:[—–―]+\s*|-+\s+)++")
_SEPARATORS = re.compile(r"[/>]")
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
    _refuse_drafts(front, path)
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
        published_at=next(
            filter(None, (parse_date(date, zone) for date in _texts(front.fields, DATE_KEYS))),
            None,
        ),
        link=next(
            filter(None, map(addresses.absolute, _texts(front.fields, LINK_KEYS))),
            None,
        ),
        image=_image(front.fields, placeholder_hosts),
        language=_language([*_texts(front.fields, LANGUAGE_KEYS), body.language]),
        summary=one_line(text_of(summary)) or None,
        markup=body.markup,
    )


def _refuse_drafts(front: FrontMatter, path: PurePosixPath) -> None:
    for key, values in (("draft", _TRUE), ("published", _FALSE)):
        if _text(front.fields, key).lower() in values:
            problem = f"it is a draft: the front matter says {key}: {front.fields[key]}"
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


def _authors(fields: Mapping[str, Value]) -> Iterable[str]:
    """Return the names of ``author`` and ``authors``, each once, in their order."""
    names: dict[str, None] = {}
    for key in ("author", "authors"):
        value = fields.get(key, "")
        for one in value if isinstance(value, list) else [value]:
            name = one.get("name", "") if isinstance(one, dict) else one
            if isinstance(name, str):
                names[_cut(_plain(name), MAX_NAME)] = None
    return [name for name in names if name.lower() not in _NOTHING][:MAX_AUTHORS]


def _categories(fields: Mapping[str, Value], path: PurePosixPath) -> tuple[CategoryPath, ...]:
    """Return the category paths of the front matter, else that of the folders."""
    found: dict[CategoryPath, None] = {}
    for key in ("categories", "category"):
        for names in _paths(fields.get(key, "")):
            _add(found, names)
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
            first, *rest = tag.lower().split("-")
            cased = {2: str.upper, 4: str.title}
            return "-".join([first, *(cased.get(len(part), str)(part) for part in rest)])
    return None


def _texts(fields: Mapping[str, Value], keys: Iterable[str]) -> Iterator[str]:
    """Yield the values of these keys that say something, as one line each."""
    for key in keys:
        text = _text(fields, key)
        if text.lower() not in _NOTHING:
            yield text


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
