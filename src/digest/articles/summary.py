"""Summary: what an article says, as plain text, whole and in short."""

# pure
from __future__ import annotations

import html
import re
from functools import lru_cache

import regex

from digest.articles.cleaning.policy import elements
from digest.articles.model import SafeHtml

#: Elements that run on within a line; all others separate words.
_INLINE = elements(
    "a abbr b bdi bdo cite code del dfn em i ins kbd mark q rp rt ruby s samp small strike strong "
    "sub sup time tt u var wbr"
)
#: A tag as nh3 writes it: attributes in double quotes, which may hold ``>``.
_TAG = re.compile(r"""</?[a-z0-9]+(?:[^>"]|"[^"]*")*>""")
_INLINE_TAG = re.compile(rf"""</?(?:{"|".join(sorted(_INLINE))})(?![a-z0-9])(?:[^>"]|"[^"]*")*>""")
#: From a footnote back to where it belongs; it says nothing.
_WAY_BACK = re.compile(r"""<a(?:[^>"]|"[^"]*")*+>\u21a9\ufe0e?</a>""")
_ELLIPSIS = "…"
#: Marks piled on one letter can make a grapheme of any length; more than this on average is none.
_CHARACTERS_PER_GRAPHEME = 16
#: Scripts that are written without spaces between words; they can be cut anywhere.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER = rf"[[\p{{L}}\p{{N}}]--[{_UNSPACED}]]"
_WORD_START = regex.compile(_LETTER, regex.VERSION1)
_WORD_TAIL = regex.compile(rf"{_LETTER}(?:{_LETTER}|[\p{{M}}\u200c\u200d'’_-])*+\Z", regex.VERSION1)
_LOOSE_END = regex.compile(r"[\s\p{Ps}\p{Pi}\p{Pd},;:，、；：]+\Z")


def plain_text(body: SafeHtml) -> str:
    """Return the text of a body as one paragraph, words of different blocks kept apart.

    Arrows that lead back from footnotes are left out.
    """
    text = _WAY_BACK.sub("", body)
    text = _TAG.sub(" ", _INLINE_TAG.sub("", text))
    return " ".join(html.unescape(text).split())


def summarize(text: str, length: int) -> str:
    """Return ``text``, or its start with ``…``: together at most ``length`` graphemes.

    A grapheme is what a reader sees as one character (UAX 29). The cut falls between words where
    a script has spaces, anywhere in Chinese and its like. Raises ValueError for a length below 1.
    """
    if length < 1:
        raise ValueError(f"a summary needs a length of at least 1, not {length}")
    if len(text) <= length:
        return text
    most = length * _CHARACTERS_PER_GRAPHEME
    end = _graphemes(text, length - 1, 0, most)
    if len(text) <= most and _graphemes(text, 1, end, most) == len(text):
        return text
    return _LOOSE_END.sub("", _at_word_end(text[:end], text)) + _ELLIPSIS


def _graphemes(text: str, length: int, start: int, end: int) -> int:
    """Return where the first ``length`` graphemes from ``start`` end."""
    match = _some_graphemes(length).match(text, start, end)
    return match.end() if match else start


@lru_cache(maxsize=8)
def _some_graphemes(length: int) -> regex.Pattern[str]:
    return regex.compile(rf"\X{{0,{length}}}")


def _at_word_end(head: str, text: str) -> str:
    """Return ``head`` without the word that it breaks off, unless that were most of it."""
    if not _WORD_START.match(text, len(head)):
        return head
    whole = _WORD_TAIL.sub("", head)
    return whole if len(whole) * 2 >= len(head) else head
