"""The names of an article's authors, in all the ways of front matter."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from digest.articles.categories import COMMAS, MAX_NAME, listed, unlinked
from digest.articles.characters import one_line, plain_line
from digest.articles.model import Note, noted
from digest.articles.reading.fields import Value, spelling
from digest.articles.reading.front_matter import FrontMatter
from digest.articles.reading.front_matter_keys import (
    AUTHOR_KEYS,
    FAMILY_KEYS,
    GIVEN_KEYS,
    MIDDLE_KEYS,
    NAME_KEYS,
    NOTHING,
)
from digest.articles.summary import summarize

#: Of one article; the rest is ignored.
MAX_AUTHORS = 50
#: ``Ann Lee <ann@example.org>`` and ``ann@example.org (Ann Lee)``: no feed needs the address.
_WITH_ADDRESS = re.compile(r"([^<>]+)<[^<>\s@]+@[^<>\s@]+>|[^\s()@]+@[^\s()@]+\s*\(([^()]+)\)")
#: A name within a link.
_LINKED_NAME = re.compile(r"\[([^\[\]]+)\]\([^()]*\)|<a\s[^<>]*>([^<>]+)</a>", re.IGNORECASE)
_SEMICOLONS = re.compile(r"[;；]")
#: Names that are written without blanks: Han, kana, hangul.
_EASTERN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]+")


def authors(fields: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the names of ``author`` and ``authors``, each once, in their order."""
    names = (name for key in AUTHOR_KEYS for name in _named(fields.get(key, ""), key == "authors"))
    distinct = dict.fromkeys(summarize(one_line(name), MAX_NAME) for name in names)
    return tuple(name for name in distinct if name.lower() not in NOTHING)[:MAX_AUTHORS]


def _named(value: Value, several: bool) -> Iterator[str]:
    """Yield the names of people in a value; a text holds one of them, or ``several``."""
    value = listed(value)
    if isinstance(value, str) and several:
        text = plain_line(value)
        for part in (_SEMICOLONS if _SEMICOLONS.search(text) else COMMAS).split(text):
            yield from _person(part.strip())
        return
    for item in value if isinstance(value, list) else [value]:
        yield from map(plain_line, _person(item))


def _person(value: Value) -> Iterator[str]:
    """Yield the name in a mapping, put together of its parts, or those of several people in it."""
    if isinstance(value, str):
        name = _WITH_ADDRESS.fullmatch(value.strip()) or _LINKED_NAME.fullmatch(value.strip())
        yield unlinked((name[1] or name[2]).strip() if name else value)
    elif isinstance(value, list):
        for item in value:
            yield from _person(item)
    else:
        named = next((value[key] for key in NAME_KEYS if value.get(key)), None)
        if named:
            yield from _person(named)
            return
        given, middle, family = (
            next((part for key in keys if isinstance(part := value.get(key), str) and part), "")
            for keys in (GIVEN_KEYS, MIDDLE_KEYS, FAMILY_KEYS)
        )
        if given or family:
            # Names of East Asia start with that of the family, and need no blank.
            eastern = _EASTERN.fullmatch(given + family)
            yield family + given if eastern else " ".join(filter(None, (given, middle, family)))
            return
        people = {key: person for key, person in value.items() if isinstance(person, dict)}
        for key, person in people.items():  # by identifiers: ``authors: {jane: {name: …}}``
            names = list(_person(person))
            yield from names or ([spelling(key)] if len(people) == len(value) else [])


def unnamed(front: FrontMatter) -> Iterator[Note]:
    """Yield a note for each key of authors that has a value, but no name."""
    for key in AUTHOR_KEYS:
        value = front.fields.get(key)
        if value and not isinstance(value, str) and not any(_named(value, key == "authors")):
            yield noted(front.lines[key], f"{key} names nobody; the site's author counts")
