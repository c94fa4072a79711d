"""Languages: which locales a language tag may mean."""

# pure
from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from babel import Locale, UnknownLocaleError

#: Languages that are usually written from right to left, and scripts that always are.
_RIGHT_TO_LEFT = frozenset({
    "ar", "arc", "arz", "ary", "apc", "ckb", "dv", "fa", "glk", "he", "iw", "khw", "ks", "lrc",
    "mzn", "nqo", "pnb", "ps", "sd", "sdh", "syr", "ug", "ur", "yi",
})  # fmt: skip
_RIGHT_TO_LEFT_SCRIPTS = frozenset(["adlm", "arab", "hebr", "nkoo", "rohg", "samr", "syrc", "thaa"])


def cased(tag: str) -> str:
    """Return a well-formed language tag in the usual case (RFC 5646 section 2.1.1)."""
    first, *rest = tag.lower().split("-")
    case = {2: str.upper, 4: str.title}
    return "-".join([first, *(case.get(len(part), str)(part) for part in rest)])


def primary(tag: str) -> str:
    """Return the language of a tag, without script, region and variants, in lower case."""
    return tag.partition("-")[0].lower()


@lru_cache(maxsize=256)
def direction(tag: str) -> str:
    """Return ``rtl`` for a language that is written from right to left, else ``ltr``."""
    language, *rest = tag.lower().split("-")
    scripts = {part for part in rest if len(part) == 4}
    if scripts:
        return "rtl" if scripts & _RIGHT_TO_LEFT_SCRIPTS else "ltr"
    return "rtl" if language in _RIGHT_TO_LEFT else "ltr"


def text_direction(tag: str) -> str:
    """Return the ``dir`` of a text in a language: ``rtl``, or else what its letters tell."""
    return "rtl" if direction(tag) == "rtl" else "auto"


@lru_cache(maxsize=256)
def own_name(tag: str) -> str:
    """Return a language's own name, such as ``Deutsch``, or the tag if it is unknown."""
    for known, locale in locales(tag):
        name = locale.get_display_name() if known == tag else None
        return name[:1].upper() + name[1:] if name else tag
    return tag


def locales(language: str) -> Iterator[tuple[str, Locale]]:
    """Yield a language tag (BCP 47), then its beginnings, each with its locale.

    Beginnings that CLDR does not know are left out (the lookup of RFC 4647 section 3.4).
    """
    subtags = language.split("-")
    for length in range(len(subtags), 0, -1):
        tag = "-".join(subtags[:length])
        try:
            yield tag, Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
