"""Languages: which locales a language tag may mean."""

from __future__ import annotations

from collections.abc import Iterator

from babel import Locale, UnknownLocaleError


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
