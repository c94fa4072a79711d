"""Markdown as HTML: CommonMark with tables, strikethrough, footnotes and bare links (GFM)."""

# pure
from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Sequence
from functools import cache

import regex
from markdown_it import MarkdownIt
from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block import StateBlock, paragraph
from markdown_it.rules_block.html_block import html_block
from markdown_it.rules_block.table import escapedSplit, getLine, table
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from digest.articles.cleaning.policy import DROPPED, TAGS, VOID, elements
from digest.articles.cleaning.unclosed import HIDING, RAW_TEXT

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)([^>]*?)(/?)>", re.DOTALL)
_BLOCK_TAG = re.compile(r"<([a-zA-Z][\w-]*)(?=[\s/>])([^>]*)>?(.*)", re.DOTALL)
_BLANK_LINE = re.compile(r"\n[ \t>]*\n")
#: What stands behind the fence of a block of code, with attributes in braces.
_INFO = re.compile(
    r"\s*(?:\{\s*(?:#[\w-]+\s+)?\.?([A-Za-z][\w+#-]*)(?=[\s,}])|([A-Za-z][\w+#.-]*)\{)", re.ASCII
)
_FIRST_LINE = re.compile(r"[ \t]*+:::([A-Za-z][\w+#-]*+)[^\n]*+\n", re.ASCII)
#: Elements whose block of HTML goes on behind a blank line (CommonMark section 4.6).
_UNENDING = frozenset({"script", "style", "textarea"})
_CLOSED = re.compile(r"</([a-zA-Z][^\s/>]*)")
#: What opens a comment, an instruction, a section or a declaration, and what closes it.
_DECLARATION = re.compile(r"<!(?:[^>\n]|\n(?!\s*\n)){0,1000}>")
_CLOSINGS = (("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>"), ("<!", ">"))
#: Levels of blocks; a list has two of them.
_MAX_NESTING = 40
#: Elements that are seldom or never closed, though nobody means their names.
_OFTEN_OPEN = elements(
    "a b big center code dd del dt em font i ins li mark p rp rt s small span strike strong sub "
    "sup tbody td tfoot th thead tr tt u"
)
#: A character that means something in the text of a block.
_MARK = re.compile(r"[\n\\`*_\[<&]|~~")
#: Void elements that show or separate something even without attributes.
_PLAIN_VOID = frozenset({"br", "hr", "wbr"})
_KNOWN = (
    TAGS | DROPPED | VOID | HIDING | elements("body center dialog fieldset font form html span")
)
#: A bare address in a text: where it may begin, and its end before white space or CJK punctuation.
_BARE_LINK = re.compile(
    r"(?<![A-Za-z0-9_/.@=\"'&?#-])(?:https?://|www\.)(?=[^\s/?#.])"
    r"[^\s<>\"\u00b7\u2018-\u201f\u3000-\u303f\uff01-\uff0f\uff1a-\uff1e\uff3b-\uff3d\uff5b-\uff65]+",
    re.IGNORECASE,
)
#: GFM section 6.9: not the end of an address. Looked for from the end, in linear time.
_TRAILING = regex.compile(r"(?:[?!.,:*_~'`|]|&[A-Za-z0-9]+;|;)+\Z", regex.REVERSE)
_HOST = re.compile(r"(?:https?://)?([^/?#:]+)", re.IGNORECASE)


class _Blocks(ParserBlock):
    """Blocks whose text is kept however deeply they nest, as paragraphs at last."""

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:  # noqa: N803
        """Add the tokens of these lines; the parser's own method drops what nests too deeply."""
        if state.level < _MAX_NESTING:
            super().tokenize(state, startLine, endLine)
            return
        line = state.line = state.skipEmptyLines(startLine)
        while line < endLine and state.sCount[line] >= state.blkIndent:
            paragraph(state, line, endLine, False)
            line = state.line = state.skipEmptyLines(state.line)


@cache
def engine() -> MarkdownIt:
    """Return the parser and renderer of Markdown."""
    markdown = MarkdownIt("commonmark", {"html": True, "maxNesting": _MAX_NESTING})
    markdown.block = _Blocks()
    markdown.enable(["table", "strikethrough"])
    markdown.block.ruler.at(
        "html_block", _html_block, {"alt": ["paragraph", "reference", "blockquote"]}
    )
    markdown.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    markdown.core.ruler.at("inline", _inline)
    markdown.core.ruler.after("block", "fence_languages", _fence_languages)
    markdown.core.ruler.push("named_tags", _named_tags)
    markdown.core.ruler.push("bare_links", _bare_links)
    markdown.use(deflist_plugin).use(footnote_plugin)
    markdown.core.ruler.after("block", "repeated_footnotes", _repeated_footnotes)
    markdown.core.ruler.push("unused_footnotes", _unused_footnotes)
    return markdown


def _repeated_footnotes(state: StateCore) -> None:
    """Collect the labels of footnotes that are defined more than once; their last text counts."""
    opening = (token for token in state.tokens if token.type == "footnote_reference_open")
    labels = Counter(token.meta["label"] for token in opening)
    state.env["repeated_footnotes"] = [label for label, count in labels.items() if count > 1]


def _unused_footnotes(state: StateCore) -> None:
    """Collect the labels of footnotes that no mark in the text leads to: they are not shown."""
    references = state.env.get("footnotes", {}).get("refs", {})
    state.env["unused_footnotes"] = [key[1:] for key, number in references.items() if number < 0]


def _fence_languages(state: StateCore) -> None:
    """Read the language of fenced code with Pandoc, R Markdown and Gatsby, whose braces follow it.

    Theirs are ``{.python .numberLines}``, ``{r setup}`` and ``js{1,3}``. Pelican's Python-Markdown
    has ``:::python`` in the first line of indented code.
    """
    for token in state.tokens:
        if token.type == "code_block" and (first := _FIRST_LINE.match(token.content)):
            token.type, token.info = "fence", first[1]
            token.content = token.content[first.end() :]
        if token.type == "fence" and "{" in token.info and (match := _INFO.match(token.info)):
            token.info = match[1] or match[2]


def _inline(state: StateCore) -> None:
    """Parse texts; those without a mark, as in the cells of large tables, need no parser."""
    for token in state.tokens:
        if token.type == "inline":
            token.children = []
            if token.content and not _MARK.search(token.content):
                token.children.append(Token("text", "", 0, content=token.content))
            else:
                state.md.inline.parse(token.content, state.md, state.env, token.children)


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a table; what is in a row beyond its columns stays in its last cell.

    GFM drops it, as it does half of code with a bar that is not escaped.
    """
    first = len(state.tokens)
    if not table(state, start, end, silent):
        return False
    tokens = state.tokens[first:]
    columns = sum(token.type == "th_open" for token in tokens)
    beyond = {line: rest for line in range(start + 2, state.line)
              if (rest := _beyond(getLine(state, line).strip(), columns))}  # fmt: skip
    for cell, token in enumerate(tokens) if beyond else ():
        if token.type == "inline" and token.map and tokens[cell + 2].type == "tr_close":
            token.content += beyond.pop(token.map[0], "")
    return True


def _beyond(row: str, columns: int) -> str:
    """Return what is behind the last column of a row, with the bar before it."""
    cells = row.count("|") + 1 - row.startswith("|") - row.endswith("|")
    if cells <= columns:
        return ""
    parts = escapedSplit(row.removeprefix("|"))
    rest = "|".join(parts[columns:]).rstrip().removesuffix("|").rstrip()
    gap = " " if parts[columns - 1].endswith(" ") else ""
    return f"{gap}|{rest}" if rest.strip("| ") else ""


def _html_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Begin a block of HTML, but not at a tag that a sentence names."""
    position = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("<", position):
        return False
    tag = _BLOCK_TAG.match(state.src[position : state.eMarks[start]])
    name = tag[1].lower() if tag else ""
    if tag and name in _UNENDING and tag[2].rstrip().endswith("/"):
        return False
    if tag and name in HIDING and not tag[2].rstrip().endswith("/"):
        text = state.src[position : state.eMarks[end - 1]]
        if name not in _UNENDING:
            text = _BLANK_LINE.split(text, maxsplit=1)[0]
        line_end = text.find("\n") if "\n" in text else len(text)
        closing = text.lower().find(f"</{name}")
        if closing < 0 and (name in _UNENDING or not tag[2].strip()):
            return False
        if closing > line_end and not tag[2].strip() and re.match(r"[ \t]+\w", tag[3]):
            return False
    elif _is_unclosed(state, position):
        return False
    return html_block(state, start, end, silent)


def _is_unclosed(state: StateBlock, position: int) -> bool:
    """Return whether a comment, instruction, section or declaration there is never closed.

    Its block would go on to the end of the text. A declaration is short: ``>`` behind a blank line
    is that of a quotation.
    """
    for opening, closing in _CLOSINGS:
        if state.src.startswith(opening, position):
            if closing == ">":
                return not _DECLARATION.match(state.src, position)
            last = f"last {closing}"
            if last not in state.env:
                state.env[last] = state.src.rfind(closing)
            return bool(state.env[last] < position)
    return False


def _named_tags(state: StateCore) -> None:
    """Turn tags that a sentence names into text; close elements that are written as closed."""
    closed: set[str] | None = None
    for token in state.tokens:
        children = token.children if token.type == "inline" and "<" in token.content else None
        if not children or not any(child.type == "html_inline" for child in children):
            continue
        if closed is None:
            closed = {name.lower() for name in _CLOSED.findall(state.src)}
        _name_tags(children, closed)


def _name_tags(children: Sequence[Token], closed: set[str]) -> None:
    ends: dict[str, deque[int]] = {}  # of elements, by name, from the current position on
    for position, child in enumerate(children):
        tag = _TAG.fullmatch(child.content) if child.type == "html_inline" else None
        if tag and tag[1]:
            ends.setdefault(tag[2].lower(), deque()).append(position)
    matched: set[int] = set()
    index = 0
    while index < len(children):
        token = children[index]
        index += 1
        tag = _TAG.fullmatch(token.content) if token.type == "html_inline" else None
        if tag is None:
            continue
        name, bare = tag[2].lower(), not tag[3].strip()
        waiting = ends.get(name, deque())
        while waiting and waiting[0] < index:
            waiting.popleft()
        if tag[1]:
            if index - 1 not in matched and (name in HIDING or name not in _KNOWN):
                token.type = "text"  # its start was not in this text
        elif tag[4] and name not in VOID:
            if name in HIDING:
                token.content += f"</{name}>"
        elif name in VOID:
            if bare and name not in _PLAIN_VOID:
                token.type = "text"
        elif waiting:
            if name not in HIDING:
                matched.add(waiting.popleft())
            elif bare and _is_sentence(children[index : waiting[0]]):
                token.type = children[waiting.popleft()].type = "text"
            else:
                index = waiting[0] + 1
        elif name in HIDING:
            if bare or name in RAW_TEXT - {"iframe"}:
                token.type = "text"
            else:
                token.content += f"</{name}>"
        elif name not in _OFTEN_OPEN and name not in closed and ":" not in name:
            token.type = "text"


def _is_sentence(children: Sequence[Token]) -> bool:
    """Return whether the text between two bare tags continues the sentence around them."""
    text = "".join(child.content for child in children if child.type == "text")
    return bool(text) and (text[0].isspace() or text[-1].isspace())


def _bare_links(state: StateCore) -> None:
    for token in state.tokens:
        children = token.children if token.type == "inline" and _may_link(token) else None
        if children and any(child.type == "text" and _may_link(child) for child in children):
            token.children = _linked(children)


def _may_link(text: Token) -> bool:
    return "://" in text.content or "www." in text.content.lower()


def _linked(children: Sequence[Token]) -> list[Token]:
    output: list[Token] = []
    depth = 0
    for child in children:
        tag = _TAG.fullmatch(child.content) if child.type == "html_inline" else None
        if tag and tag[2].lower() == "a":
            depth += -1 if tag[1] else 1
        depth += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type == "text" and depth <= 0 and _may_link(child):
            output += _split(child)
        else:
            output.append(child)
    return output


def _split(token: Token) -> list[Token]:
    """Return a text token with its bare addresses as links."""
    output: list[Token] = []
    text, position = token.content, 0
    for match in _BARE_LINK.finditer(text):
        address = _trimmed(match[0])
        host = _HOST.match(address)
        if host is None or "." not in host[1].strip(".") or "_" in host[1].rpartition(".")[2]:
            continue
        href = address if "://" in address else f"http://{address}"
        opening = Token("link_open", "a", 1, attrs={"href": href}, level=token.level)
        output += [
            Token("text", "", 0, content=text[position : match.start()], level=token.level),
            opening,
            Token("text", "", 0, content=address, level=token.level + 1),
            Token("link_close", "a", -1, level=token.level),
        ]
        position = match.start() + len(address)
    return [*output, Token("text", "", 0, content=text[position:], level=token.level)]


def _trimmed(address: str) -> str:
    """Return an address without punctuation that belongs to the sentence (GFM section 6.9)."""
    while True:
        shorter = _TRAILING.sub("", address)
        if shorter.endswith(")") and shorter.count(")") > shorter.count("("):
            shorter = shorter[:-1]
        elif shorter == address:
            return address
        address = shorter
