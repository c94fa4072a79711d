"""Plain: texts without markup, where a format leaves open whether they have some."""

from __future__ import annotations

import re
from html import escape, unescape

#: Invisible, and no letter: what stands behind it is neither a tag nor a reference any more.
WORD_JOINER = "\u2060"
_TAG = re.compile("<(?=[A-Za-z/!?])")
#: Counted, not read: a number of thousands of digits would be an error.
_NUMBER = re.compile("&#(?:[0-9]|[xX][0-9A-Fa-f])")
_REFERENCE = re.compile("&(?=[#A-Za-z])")


def unmistakable(text: str) -> str:
    """Return ``text`` so that readers show it the same whether they take it for HTML or not.

    Titles of RSS are plain text, but many readers look for markup in them: of ``<b>`` in a title
    about HTML they would show nothing. A word joiner behind the mark keeps them from that; a text
    without such marks stays as it is.
    """
    if "<" in text:
        text = _TAG.sub("<" + WORD_JOINER, text)
    if "&" in text and (_NUMBER.search(text) or unescape(text) != text):
        text = _REFERENCE.sub("&" + WORD_JOINER, text)
    return text


def as_html(text: str) -> str:
    """Return HTML that shows ``text``: descriptions of RSS are HTML."""
    return escape(text, quote=False)
