"""The body of an article file, written in HTML, Markdown or plain text, as HTML."""

# pure
from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import cast

from markdown_it.token import Token
from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.articles.cleaning.limits import bounded
from digest.articles.cleaning.policy import DROPPED
from digest.articles.model import MARKDOWN_SUFFIXES, TEXT_SUFFIXES
from digest.articles.reading.expansion import Remark, restore, restore_text
from digest.articles.reading.markdown import engine
from digest.articles.reading.markdown_marks import expand

#: The start of a body that may be HTML as a whole.
_BLOCK_FIRST = re.compile(
    r"(?:\s|<!--(?>.*?-->))*+<(?:(?P<document>!doctype|html|head|body)|address|article|aside|"
    r"blockquote|center|details|dl|div|figure|font|footer|form|h[1-6]|header|hr|main|nav|ol|p|pre|"
    r"section|style|script|table|ul)(?=[\s/>])",
    re.IGNORECASE | re.DOTALL,
)
#: A block of a body that does not begin with a tag.
_TEXT_BLOCK = re.compile(r"\n[^\S\n]*\n\s*+(?![<\s])")
#: A block that has a meaning in Markdown only.
_MARKDOWN_BLOCK = re.compile(
    r"\n[^\S\n]*\n {0,3}(?:#{1,6} |[-*+] |[0-9]{1,9}[.)] |> |```|~~~|\||!?\[[^\]\n]*\][(:\[])"
    r"|\n[^\S\n]*\n(?! {4}|\t)[^\n<]*(?:\*\*[^*\n]+\*\*|\]\(|`[^`\n]+`)"
)
#: An element in which Python-Markdown and kramdown read Markdown.
_MARKDOWN_ATTRIBUTE = re.compile(r"<[a-z][^<>]*\smarkdown(?:=[\"']?\w+[\"']?)?[\s>]")
#: A line that Markdown would not take for code, as it would the indented lines of HTML.
_NOT_INDENTED = re.compile(r"^ {0,3}[^\s]", re.MULTILINE)
#: Elements in which text is no Markdown.
_NO_MARKDOWN = "pre, code, script, style, textarea, svg, math"
# Of these only the first letter is looked for, which takes a quarter of the time.
_DOCUMENT_TITLE = re.compile(r"<[tT](?i:itle(?:\s[^<>]*)?>([^<]*)</title)")
_DOCUMENT_LANGUAGE = re.compile(r"<[hH](?i:tml\s[^<>]*?\blang\s*=\s*[\"']?([a-z0-9-]+))")
_HEADING = re.compile(r"<[hH]1(?:\s[^<>]*)?>")
_HEADING_END = re.compile(r"</h1\s*>", re.IGNORECASE)
_PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
_DROPPED = ",".join(sorted(DROPPED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body as hostile HTML, with its own title and language."""

    markup: str
    title: str = (
        ""  #: text, possibly of several lines; empty if there is none, or none was asked for
    )
    language: str = ""
    remarks: tuple[Remark, ...] = ()  #: what in it is not used
    repeated_footnotes: tuple[str, ...] = ()  #: labels that are defined more than once
    unused_footnotes: tuple[str, ...] = ()  #: labels of notes that are not shown


def read_body(text: str, path: PurePosixPath, *, heading: bool, first_line: bool) -> Body:
    """Return the body of a file as HTML; the suffix of ``path`` and the text tell its format.

    With ``heading``, move its title out of it: the ``<title>`` or first ``<h1>`` of HTML, the main
    heading of Markdown. With ``first_line`` too, the first line is the title of Markdown and plain
    text without a heading.
    """
    suffix = path.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        return _plain(_unescaped(text), first_line=first_line)
    markdown = suffix in MARKDOWN_SUFFIXES and not _is_hypertext(text)
    expansion = expand(text, markdown=markdown)
    text = _unescaped(expansion.run() if expansion else text)
    if markdown:
        fragments = expansion.fragments if expansion else []
        written = expansion.text if expansion else text
        body = _markdown(text, fragments, heading=heading, first_line=first_line)
        remarks = [_repeated(label, written) for label in body.repeated_footnotes]
        remarks += [_unused(label, written) for label in body.unused_footnotes]
        body = replace(body, remarks=tuple(remarks))
    else:
        body = _hypertext(text, heading=heading)
    return replace(body, remarks=(*expansion.remarks, *body.remarks)) if expansion else body


def _repeated(label: str, text: str) -> Remark:
    """Return a remark on a footnote with several definitions."""
    line = text.count("\n", 0, max(text.find(f"[^{label}]:"), 0))
    return Remark(line=line, cause=f"the footnote {label} is there more than once; the last counts")


def _unused(label: str, text: str) -> Remark:
    """Return a remark on a footnote that nothing in the text leads to."""
    line = text.count("\n", 0, max(text.find(f"[^{label}]:"), 0))
    return Remark(line=line, cause=f"nothing leads to the footnote {label}; it is left out")


def _unescaped(text: str) -> str:
    """Return a text with the braces that crawlers escape, after the tags of generators."""
    return text.replace("&#123;", "{").replace("&#125;", "}")


def text_of(markup: str) -> str:
    """Return the text of a fragment of HTML, hostile or not, without scripts and the like."""
    if "<" not in markup and "&" not in markup:
        return markup
    parser = LexborHTMLParser("<!doctype html><body>" + bounded(markup))
    body = cast("LexborNode", parser.body)  # just opened
    for node in body.css(_DROPPED):
        node.decompose(recursive=False)
    return body.text(separator=" ")


def _is_hypertext(text: str) -> bool:
    """Return whether a Markdown file contains HTML as a whole, not only at its start.

    Crawlers write such files: all text is within elements, and none is Markdown.
    """
    start = _BLOCK_FIRST.match(text)
    if start and " markdown" in text and _MARKDOWN_ATTRIBUTE.search(text):
        return False
    if start is None or start["document"] or not _TEXT_BLOCK.search(text):
        return start is not None
    parser = LexborHTMLParser("<!doctype html><body>" + bounded(text))
    body = cast("LexborNode", parser.body)  # just opened
    for node in body.css(_NO_MARKDOWN):
        node.decompose(recursive=False)
    if _MARKDOWN_BLOCK.search(body.text()):
        return False
    texts = [node.text_content or "" for node in body.iter(include_text=True) if node.is_text_node]
    return not any(map(_NOT_INDENTED.search, texts))


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


def _markdown(text: str, fragments: list[str], *, heading: bool, first_line: bool) -> Body:
    markdown = engine()
    environment: dict[str, object] = {}
    tokens = markdown.parse(text, environment)
    title = ""
    start = _title_start(tokens, first_line=first_line) if heading else None
    if start is not None:
        inline = tokens[start + 1]
        lines = _inline_text(inline.children or []).strip().split("\n")
        title = lines[0]
        if len(lines) == 1 or tokens[start].type == "heading_open":
            title = " ".join(lines)
            tokens = tokens[:start] + tokens[start + 3 :]
    markup = markdown.renderer.render(tokens, markdown.options, environment)
    repeated = cast("list[str]", environment["repeated_footnotes"])
    return Body(
        markup=restore(markup, fragments),
        title=restore_text(title, fragments),
        repeated_footnotes=tuple(repeated),
        unused_footnotes=tuple(cast("list[str]", environment["unused_footnotes"])),
    )


def _title_start(tokens: Sequence[Token], *, first_line: bool) -> int | None:
    """Return the index of the first of the three tokens that make up the title."""
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
