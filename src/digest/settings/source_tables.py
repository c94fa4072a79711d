"""The tables of sources in a configuration file, as text: to add one, to take one out."""

# pure
from __future__ import annotations

import re

#: What a basic string must not hold as it is (https://toml.io/en/v1.0.0#string).
_SPECIAL = re.compile(r'[\x00-\x1f"\\\x7f]')
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)


def source_table(name: str, url: str, *, category: str = "", private: bool = False) -> str:
    """Return the table of a source as TOML."""
    key = name if _BARE_KEY.fullmatch(name) else _text(name)
    lines = [f"[sources.{key}]", f"url = {_text(url)}"]
    lines += [f"category = {_text(category)}"] if category else []
    lines += ["allow_private = true"] if private else []
    return "\n".join(lines) + "\n"


def with_tables(text: str, tables: list[str]) -> str:
    """Return a configuration with tables at its end."""
    return "\n\n".join((text.rstrip(), *map(str.rstrip, tables))).lstrip() + "\n"


def without_source(text: str, name: str) -> str | None:
    """Return a configuration without the table of a source; None where it has no such table.

    Comments after a blank line stay: they belong to what follows.
    """
    quoted = rf"(?:{re.escape(name)}|\"{re.escape(name)}\"|'{re.escape(name)}')"
    header = rf"^[ \t]*\[\s*sources\s*\.\s*{quoted}\s*\][^\n]*(?:\n|\Z)"
    start = re.search(header, text, re.MULTILINE)
    if start is None:
        return None
    after = text[start.end() :]
    following = _HEADER.search(after)
    end = following.start() if following else len(after)
    comments = after[:end].partition("\n\n")[2].lstrip("\n")
    return text[: start.start()].rstrip("\n") + "\n\n" + comments + after[end:]


def _text(value: str) -> str:
    return '"' + _SPECIAL.sub(lambda char: f"\\u{ord(char[0]):04x}", value) + '"'
