"""The body of an article in a mail: its HTML with pictures that fit, and its text in lines."""

# pure
from __future__ import annotations

import html
import re
from urllib.parse import unquote

from digest.articles.cleaning.images import MIN_IMAGE_SIZE, shown_in_mail
from digest.articles.model import SafeHtml
from digest.articles.summary import FOOTNOTE_ARROW, texts
from digest.mail.text_layout import TEXT_WIDTH, wrap

#: CSS pixels: the width of a mail's text.
_WIDTH = 528
_ATTRIBUTES = r"""(?:[^>"]|"[^"]*")*+"""
_IMAGE = re.compile(f"<img{_ATTRIBUTES}>")
_SIZES = re.compile(r''' (?:width|height)="[^"]*"''')
_ALT = re.compile(r''' alt="([^"]*)"''')
_SOURCE = re.compile(r''' src="([^"]*)"''')
#: Tags of tables, which may be wider than a mail by their attributes.
_TABLE = re.compile(f"<(?:table|col|colgroup|t[dhr]){_ATTRIBUTES}>")
_NUMBER = re.compile(r''' width="([0-9]{1,5})"''')
_CODE_OR_QUOTATION = re.compile(
    f"<pre{_ATTRIBUTES}>(?P<code>.*?)</pre>|<(?P<end>/?)blockquote(?![a-z]){_ATTRIBUTES}>",
    re.DOTALL,
)
_LINK = re.compile(f"<a(?P<attributes>\\s{_ATTRIBUTES})>(?P<words>.*?)</a>", re.DOTALL)
#: Links to somewhere else; those within a text have no address in mails.
_ADDRESS = re.compile(r''' href="((?:https?://|mailto:)[^"\s]+)"''')
_ANY_TAG = re.compile(f"</?[a-z]{_ATTRIBUTES}>")
_NEXT_CELL = re.compile(rf"</t[dh]>\s*<t[dh](?![a-z]){_ATTRIBUTES}>")
#: The tags of lists, and those that their items begin with.
_LIST_TAG = re.compile(
    rf"<(?P<end>/?)(?P<list>ol|ul|menu)(?![a-z]){_ATTRIBUTES}>"
    rf"|<li(?![a-z]){_ATTRIBUTES}>(?:\s*<p(?![a-z]){_ATTRIBUTES}>)?"
)
#: Characters of an address that stands in the text; of the markup beside a picture, which may have
#: its words; quotations in each other that are shown as such.
_MAX_ADDRESS, _BESIDE, _MAX_DEPTH = 300, 500, 4
_COUNTED_FROM = re.compile(r' (?:start|value)="(-?[0-9]{1,6})"')


def mail_body(body: SafeHtml) -> str:
    """Return a body whose pictures have a width, 528 pixels at most, and an ``alt``.

    Some mail programs ignore styles and would show a picture as wide as it is. One in a format that
    they do not show, such as SVG, is a link to it. Tables are as wide as they need to be, whatever
    their attributes say.
    """
    markup = _TABLE.sub(lambda tag: _SIZES.sub("", tag[0]), body)
    return _IMAGE.sub(_in_mail, markup)


def without_pictures(body: str) -> str:
    """Return a body with the ``alt`` of its pictures in their places."""
    return _IMAGE.sub(lambda image: alt[1] if (alt := _ALT.search(image[0])) else "", body)


def _in_mail(image: re.Match[str]) -> str:
    source = _SOURCE.search(image[0])
    if source is None or shown_in_mail(html.unescape(source[1])):
        return _fitting(image[0])
    words = alt[1].strip() if (alt := _ALT.search(image[0])) else ""
    number = _NUMBER.search(image[0])
    before = image.string[: image.start()]
    if before.rfind("<a ") > before.rfind("</a>") or (number and int(number[1]) < MIN_IMAGE_SIZE):
        return words  # within a link, or an icon
    name = html.unescape(source[1]).partition("?")[0].rpartition("/")[2]
    words = words or html.escape(unquote(name))
    return f'<a href="{source[1]}" rel="noopener noreferrer nofollow">{words}</a>'


def _fitting(image: str) -> str:
    number = _NUMBER.search(image)
    width = min(_WIDTH, int(number[1])) if number and int(number[1]) > 0 else _WIDTH
    alt = "" if ' alt="' in image else ' alt=""'
    return _SIZES.sub("", image)[:-1] + f'{alt} width="{width}">'


def text_lines(body: SafeHtml) -> list[str]:
    """Return a body as paragraphs of plain text, wrapped; code keeps its lines.

    Addresses of links stand behind their words, the words of pictures in brackets, and each line
    of a quotation behind a ``>``.
    """
    markup = FOOTNOTE_ARROW.sub("", body)
    markup = _LINK.sub(_with_address, _IMAGE.sub(_in_words, markup))
    markup = _with_marks(markup)
    paragraphs: list[str] = []
    end = depth = 0
    for part in _CODE_OR_QUOTATION.finditer(markup):
        paragraphs += _wrapped(markup[end : part.start()], depth)
        end = part.end()
        if part["code"] is None:
            depth = max(0, depth + (-1 if part["end"] else 1))
            continue
        lines = html.unescape(_ANY_TAG.sub("", part["code"])).expandtabs(4).rstrip().splitlines()
        paragraphs.append("\n".join(_code_line(line) for line in lines))
    return [text for text in (*paragraphs, *_wrapped(markup[end:], depth)) if text.strip(" >")]


def _in_words(image: re.Match[str]) -> str:
    """Return the words of a picture, unless they are those beside it."""
    words = alt[1].strip() if (alt := _ALT.search(image[0])) else ""
    around = image.string[max(0, image.start() - _BESIDE) : image.end() + _BESIDE]
    return f"[{words}]" if words and around.count(words) == 1 else ""


def _with_address(link: re.Match[str]) -> str:
    """Return the words of a link and its address, unless that is what they are."""
    words, address = link["words"], _ADDRESS.search(link["attributes"])
    told = html.unescape(_ANY_TAG.sub("", words)).strip()
    if address is None or not told:
        return words
    plain = html.unescape(address[1]).removeprefix("mailto:")
    if len(plain) > _MAX_ADDRESS or plain.rpartition("://")[2].strip("/") in told:
        return words
    return f"{words} &lt;{html.escape(plain)}&gt;"


def _wrapped(markup: str, depth: int) -> list[str]:
    start = "  " + "> " * min(depth, _MAX_DEPTH)
    rows = _NEXT_CELL.sub(" | ", markup)
    return [wrap(text, TEXT_WIDTH, start, start) for text in texts(rows)]


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
