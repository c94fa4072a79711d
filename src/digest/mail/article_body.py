"""The body of an article in a mail: its HTML with pictures that fit, and its text in lines."""

# pure
from __future__ import annotations

import html
import re

from digest.articles.model import SafeHtml
from digest.articles.summary import FOOTNOTE_ARROW, texts
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
#: The tags of lists, and those that their items begin with.
_LIST_TAG = re.compile(
    rf"<(?P<end>/?)(?P<list>ol|ul|menu)(?![a-z]){_ATTRIBUTES}>"
    rf"|<li(?![a-z]){_ATTRIBUTES}>(?:\s*<p(?![a-z]){_ATTRIBUTES}>)?"
)
_COUNTED_FROM = re.compile(r' (?:start|value)="(-?[0-9]{1,6})"')


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
    body = SafeHtml(_with_marks(FOOTNOTE_ARROW.sub("", body)))
    paragraphs: list[str] = []
    end = 0
    for code in _CODE.finditer(body):
        paragraphs += _wrapped(body[end : code.start()])
        lines = html.unescape(_ANY_TAG.sub("", code[1])).expandtabs(4).rstrip().splitlines()
        paragraphs.append("\n".join(_code_line(line) for line in lines))
        end = code.end()
    return [text for text in (*paragraphs, *_wrapped(body[end:])) if text.strip()]


def _wrapped(markup: str) -> list[str]:
    return [wrap(text, TEXT_WIDTH, "  ", "  ") for text in texts(_NEXT_CELL.sub(" | ", markup))]


def _with_marks(markup: str) -> str:
    """Return markup with the number of each item of an ordered list, and a dash before others."""
    numbers: list[int | None] = []  # of the next item, for each list that is open; None: no numbers

    def marked(tag: re.Match[str]) -> str:
        given = _COUNTED_FROM.search(tag[0])
        number = int(given[1]) if given else None
        if tag["list"]:
            if not tag["end"]:
                numbers.append((1 if number is None else number) if tag["list"] == "ol" else None)
            elif numbers:
                numbers.pop()
            return tag[0]
        if not numbers or numbers[-1] is None:
            return f"{tag[0]}- "
        shown = numbers[-1] if number is None else number
        numbers[-1] = shown + 1
        return f"{tag[0]}{shown}. "

    return _LIST_TAG.sub(marked, markup)


def _code_line(line: str) -> str:
    indented = "    " + line
    return indented if len(indented) <= TEXT_WIDTH else wrap(line, TEXT_WIDTH, "    ", "      ")
