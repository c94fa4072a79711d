"""The body of an article in a mail: its HTML with pictures that fit, and its text in lines."""

# pure
from __future__ import annotations

import html
import re

from digest.articles.model import SafeHtml
from digest.articles.summary import texts
from digest.mail.text_layout import TEXT_WIDTH, wrap

#: CSS pixels: the width of a mail's text.
_WIDTH = 528
_ATTRIBUTES = r"""(?:[^>"]|"[^"]*")*+"""
_IMAGE = re.compile(f"<img{_ATTRIBUTES}>")
_SIZES = re.compile(r''' (?:width|height)="[^"]*"''')
_ALT = re.compile(r''' alt="([^"]*)"''')
#: Tags of tables, which may be wider than a mail by their attributes.
_TABLE = re.compile(f"<(?:table|col|colgroup|t[dhr]){_ATTRIBUTES}>")
_NUMBER = re.compile(r''' width="([0-9]{1,5})"''')
_CODE = re.compile(f"<pre{_ATTRIBUTES}>(.*?)</pre>", re.DOTALL)
_ANY_TAG = re.compile(f"</?[a-z]{_ATTRIBUTES}>")
_NEXT_CELL = re.compile(rf"</t[dh]>\s*<t[dh](?![a-z]){_ATTRIBUTES}>")
_ITEM_START = re.compile(rf"<li{_ATTRIBUTES}>(?:\s*<p{_ATTRIBUTES}>)?")


def mail_body(body: SafeHtml) -> str:
    """Return a body whose pictures have a width, 528 pixels at most, and an ``alt``.

    Some mail programs ignore styles and would show a picture as wide as it is. Tables are as
    wide as they need to be, whatever their attributes say.
    """
    markup = _TABLE.sub(lambda tag: _SIZES.sub("", tag[0]), body)
    return _IMAGE.sub(lambda image: _fitting(image[0]), markup)


def without_pictures(body: str) -> str:
    """Return a body with the ``alt`` of its pictures in their places."""
    return _IMAGE.sub(lambda image: alt[1] if (alt := _ALT.search(image[0])) else "", body)


def _fitting(image: str) -> str:
    number = _NUMBER.search(image)
    width = min(_WIDTH, int(number[1])) if number and int(number[1]) > 0 else _WIDTH
    alt = "" if ' alt="' in image else ' alt=""'
    return _SIZES.sub("", image)[:-1] + f'{alt} width="{width}">'


def text_lines(body: SafeHtml) -> list[str]:
    """Return a body as paragraphs of plain text, wrapped; code keeps its lines."""
    paragraphs: list[str] = []
    end = 0
    for code in _CODE.finditer(body):
        paragraphs += _wrapped(body[end : code.start()])
        lines = html.unescape(_ANY_TAG.sub("", code[1])).expandtabs(4).rstrip().splitlines()
        paragraphs.append("\n".join(_code_line(line) for line in lines))
        end = code.end()
    return [text for text in (*paragraphs, *_wrapped(body[end:])) if text.strip()]


def _wrapped(markup: str) -> list[str]:
    marked = _ITEM_START.sub(r"\g<0>- ", _NEXT_CELL.sub(" | ", markup))
    return [wrap(text, TEXT_WIDTH, "  ", "  ") for text in texts(marked)]


def _code_line(line: str) -> str:
    indented = "    " + line
    return indented if len(indented) <= TEXT_WIDTH else wrap(line, TEXT_WIDTH, "    ", "      ")
