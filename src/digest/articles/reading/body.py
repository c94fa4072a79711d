"""Body: a file's text after its front matter, as HTML, whatever it was written in."""

# pure
from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import PurePosixPath
from typing import cast

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin
from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.articles.cleaning.limits import bounded
from digest.articles.cleaning.policy import DROPPED

HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
MARKDOWN_SUFFIXES = frozenset({".md", ".markdown"})
TEXT_SUFFIXES = frozenset({".txt"})
#: What an article file may be called.
SUFFIXES = HTML_SUFFIXES | MARKDOWN_SUFFIXES | TEXT_SUFFIXES

#: A body in Markdown's clothes: HTML, since its first tag is a block.
_BLOCK_FIRST = re.compile(
    r"(?:\s|<!--(?>.*?-->))*+<(?:!doctype|html|head|body|address|article|aside|blockquote|center|"
    r"details|dl|div|figure|font|footer|form|h[1-6]|header|hr|main|nav|ol|p|pre|section|style|"
    r"script|table|ul)(?=[\s/>])",
    re.IGNORECASE | re.DOTALL,
)
_DOCUMENT_TITLE = re.compile(r"<title(?:\s[^<>]*)?>([^<]*)</title", re.IGNORECASE)
_DOCUMENT_LANGUAGE = re.compile(r"<html\s[^<>]*?\blang\s*=\s*[\"']?([a-z0-9-]+)", re.IGNORECASE)
_HEADING = re.compile(r"<h1(?:\s[^<>]*)?>", re.IGNORECASE)
_HEADING_END = re.compile(r"</h1\s*>", re.IGNORECASE)
_PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
_DROPPED = ",".join(sorted(DROPPED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body as HTML, hostile, with what it says about itself."""

    markup: str
    title: str = ""  #: text, maybe of several lines; empty where there is none, or was none asked
    language: str = ""


def read_body(text: str, path: PurePosixPath, *, heading: bool, first_line: bool) -> Body:
    """Return the body of a file as HTML; the suffix of ``path`` and its start tell what it is.

    With ``heading``, a title is taken out of it: the ``<title>`` or first ``<h1>`` of HTML, the
    main heading of Markdown. With ``first_line`` too, Markdown and plain text without a heading
    are called by their first line.
    """
    suffix = path.suffix.lower()
    text = text.replace("&#123;", "{").replace("&#125;", "}")
    if suffix in HTML_SUFFIXES or (suffix in MARKDOWN_SUFFIXES and _BLOCK_FIRST.match(text)):
        return _hypertext(text, heading=heading)
    if suffix in MARKDOWN_SUFFIXES:
        return _markdown(text, heading=heading, first_line=first_line)
    return _plain(text, first_line=first_line)


def text_of(markup: str) -> str:
    """Return the text of a fragment of HTML, hostile or not, without scripts and the like."""
    if "<" not in markup and "&" not in markup:
        return markup
    parser = LexborHTMLParser("<!doctype html><body>" + bounded(markup))
    body = cast("LexborNode", parser.body)  # just opened
    for node in body.css(_DROPPED):
        node.decompose(recursive=False)
    return body.text(separator=" ")


def _hypertext(text: str, *, heading: bool) -> Body:
    language = _DOCUMENT_LANGUAGE.search(text)
    body = Body(markup=text, language=language[1] if language else "")
    if not heading:
        return body
    named = _DOCUMENT_TITLE.search(text)
    if named and named[1].strip():
        return replace(body, title=text_of(named[1]))
    start = _HEADING.search(text)
    end = _HEADING_END.search(text, start.end()) if start else None
    if start is None or end is None:
        return body
    return replace(
        body,
        title=text_of(text[start.end() : end.start()]),
        markup=text[: start.start()] + text[end.end() :],
    )


def _markdown(text: str, *, heading: bool, first_line: bool) -> Body:
    engine = _engine()
    tokens = engine.parse(text)
    title = ""
    place = _title_place(tokens, first_line=first_line) if heading else None
    if place is not None:
        inline = tokens[place + 1]
        lines = _inline_text(inline.children or []).strip().split("\n")
        title = lines[0]
        if len(lines) == 1 or tokens[place].type == "heading_open":
            title = " ".join(lines)
            tokens = tokens[:place] + tokens[place + 3 :]
    return Body(markup=engine.renderer.render(tokens, engine.options, {}), title=title)


def _title_place(tokens: Sequence[Token], *, first_line: bool) -> int | None:
    """Return where the block opens that holds the title: three tokens, the second its text."""
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0 and (token.tag == "h1" or not index):
            return index
    return 0 if first_line and tokens and tokens[0].type == "paragraph_open" else None


def _inline_text(tokens: Sequence[Token]) -> str:
    return "".join(
        "\n" if token.type in ("softbreak", "hardbreak") else token.content
        for token in tokens
        if token.type != "html_inline"
    )


def _plain(text: str, *, first_line: bool) -> Body:
    title = ""
    paragraphs = _PARAGRAPH_BREAK.split(text.strip())
    if first_line:
        title = paragraphs[0].split("\n")[0]
        if title == paragraphs[0]:
            del paragraphs[0]
    markup = "\n".join(
        f"<p>{'<br>'.join(html.escape(line, quote=False) for line in paragraph.splitlines())}</p>"
        for paragraph in paragraphs
    )
    return Body(markup=markup, title=title)


@cache
def _engine() -> MarkdownIt:
    engine = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return engine.use(footnote_plugin)
