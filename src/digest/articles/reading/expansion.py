"""Expand tags of site generators in a text, before it is parsed as Markdown or HTML.

In Markdown, the HTML of an expanded tag is replaced by a token, which passes the parser unchanged;
``restore`` puts the HTML in its place afterwards.
"""

# pure
from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote as percent_encoded

from digest.articles.characters import publishable_markup
from digest.articles.reading.markdown import engine

#: Noncharacters, which no text that is published holds: around the number of a fragment.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
#: Removes these from a text.
TOKEN_MARKS = {ord(_OPEN): None, ord(_CLOSE): None}
_TOKEN = re.compile(f"{_OPEN}([0-9]{{1,7}}){_CLOSE}")
_ENCODED = re.compile("%EF%B7%90([0-9]{1,7})%EF%B7%91")
_PARAGRAPH = re.compile(f"<p>{_OPEN}([0-9]{{1,7}}){_CLOSE}</p>")
_BLOCK = re.compile(
    r"</?(?:article|aside|blockquote|center|details|div|figure|footer|p|pre|section|summary)\b"
)
_HTML_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_END_NAME = re.compile(r"</([a-zA-Z][\w.]*)")
_ANY_TAG = re.compile(r"<[^<>]*>")
#: Characters of a tag or a formula.
_MAX_TAG = 10_000
#: Levels of boxes inside each other that are expanded.
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A remark on a part of a body that is not used."""

    line: int  #: 0-based in the body
    cause: str


#: What a match becomes, and where reading goes on; None leaves its first character as it is.
Result: TypeAlias = "tuple[str, int] | None"
Handler: TypeAlias = "Callable[[Expansion, re.Match[str]], Result]"
#: A pattern of all that is expanded; by the names of its groups the pattern and handler of each.
Rules: TypeAlias = "tuple[re.Pattern[str], dict[str, tuple[re.Pattern[str], Handler]]]"


@dataclass(slots=True)
class Expansion:
    """One text being expanded. Boxes whose content is indented are expanded as texts within it."""

    text: str
    rules: Rules
    markdown: bool
    first_line: int = 0
    depth: int = 0
    fragments: list[str] = field(default_factory=list)  #: HTML, by the number of its token
    remarks: list[Remark] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    open_tags: list[tuple[str, str]] = field(default_factory=list)  #: names and their ends
    never_closed: set[str] = field(default_factory=set)
    end_tags: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  #: spans, by name
    closed: frozenset[str] | None = None  #: names in end tags of HTML
    last_remark: tuple[int, int] = (0, 0)  #: its position, and the line breaks before it
    last_matches: dict[re.Pattern[str], int] = field(default_factory=dict)
    ticks: Mapping[int, list[int]] | None = None
    code_blocks: Mapping[int, int] | None = None  #: starts and ends, once they are asked for

    def run(self) -> str:
        """Return the text expanded."""
        pattern, rules = self.rules
        output: list[str] = []
        position = 0
        while match := pattern.search(self.text, position):
            name = match.lastgroup or ""
            own, handler = rules[name]
            exact = own.match(self.text, match.start())
            result = handler(self, exact) if exact else None
            output.append(self.text[position : match.start()])
            if result is None:
                position = max(match.start() + 1, position + 1)
                output.append(self.text[match.start() : position])
            else:
                output.append(result[0])
                position = max(result[1], match.start())
        output.append(self.text[position:])
        while self.open_tags:
            output.append("\n\n" + self.token(self.open_tags.pop()[1]))
        return "".join(output)

    def token(self, markup: str) -> str:
        """Return the token that replaces a fragment of HTML in the text."""
        if not self.markdown or not markup:
            return markup
        self.fragments.append(markup)
        return f"{_OPEN}{len(self.fragments) - 1}{_CLOSE}"

    def block(self, markup: str, start: int, end: int) -> str:
        """Return the token of a block, in a paragraph of its own if it is alone on its lines."""
        token = self.token(markup)
        if not self.markdown or not self.alone(start, end):
            return token
        before = self.before(start)
        return f"\n{before}{token}\n{before.rstrip()}"

    def before(self, position: int) -> str:
        """Return the line of a position up to it."""
        return self.text[self.text.rfind("\n", 0, position) + 1 : position]

    def alone(self, start: int, end: int) -> bool:
        """Return whether the lines from ``start`` to ``end`` contain nothing else."""
        line_end = self.text.find("\n", end)
        after = self.text[end : line_end if line_end >= 0 else len(self.text)]
        return not after.strip() and not self.before(start).strip(" \t>")

    def words(self, text: str) -> str:
        """Return the text of a title as HTML."""
        return str(engine().renderInline(text)) if self.markdown else html.escape(text)

    def remark(self, position: int, cause: str) -> None:
        """Note that something at a position is not used."""
        before, line = self.last_remark if self.last_remark[0] <= position else (0, 0)
        line += self.text.count("\n", before, position)
        self.last_remark = position, line
        self.remarks.append(Remark(line=self.first_line + line, cause=cause))

    def find(self, wanted: str, position: int) -> int:
        """Return where a text begins from ``position`` on, not too far behind it; else -1."""
        return self.text.find(wanted, position, position + _MAX_TAG)

    def end_tag(self, name: str, position: int) -> tuple[int, int] | None:
        """Return where the end tag of ``name`` behind ``position`` starts and ends."""
        if name not in self.end_tags:
            word = re.escape(name)
            end = re.compile(
                rf"\{{%-?\s*end{word}\s*-?%\}}|\{{\{{[<%]\s*/\s*{word}\s*[>%]\}}\}}"
                r"|\{%-?\s*end\s*-?%\}",
                re.IGNORECASE,
            )
            self.end_tags[name] = [match.span() for match in end.finditer(self.text)]
        spans = self.end_tags[name]
        index = bisect_left(spans, (position, position))
        return spans[index] if index < len(spans) else None

    def closed_names(self) -> frozenset[str]:
        """Return the names in end tags of HTML."""
        if self.closed is None:
            self.closed = frozenset(_END_NAME.findall(self.text))
        return self.closed

    def code_end(self, position: int) -> int | None:
        """Return the end of the indented code that begins at a position of Markdown, if any."""
        if self.code_blocks is None:
            starts = [0, *(match.end() for match in re.finditer("\n", self.text)), len(self.text)]
            self.code_blocks = {
                starts[token.map[0]]: starts[min(token.map[1], len(starts) - 1)]
                for token in engine().parse(self.text)
                if token.type == "code_block" and token.map
            }
        return self.code_blocks.get(position)

    def last(self, pattern: re.Pattern[str]) -> int:
        """Return where the last match of a pattern begins; -1 without any."""
        if pattern not in self.last_matches:
            starts = [match.start() for match in pattern.finditer(self.text)]
            self.last_matches[pattern] = starts[-1] if starts else -1
        return self.last_matches[pattern]

    def close(self, name: str) -> str:
        """Return the end of the innermost open tag of this name and of those inside it."""
        for index in range(len(self.open_tags) - 1, -1, -1):
            if self.open_tags[index][0] == name:
                ends = [end for _, end in self.open_tags[index:]]
                del self.open_tags[index:]
                return "".join(reversed(ends))
        return ""

    def inner(self, text: str, position: int) -> str:
        """Return a text within this one expanded."""
        if self.depth >= _MAX_DEPTH:
            return text
        line = self.first_line + self.text.count("\n", 0, position)
        within = Expansion(
            text,
            self.rules,
            self.markdown,
            line,
            self.depth + 1,
            self.fragments,
            self.remarks,
            self.variables,
        )
        return within.run()


def restore(rendered: str, fragments: list[str]) -> str:
    """Return rendered Markdown with the fragments in place of their tokens."""
    if not fragments:
        return rendered

    def fragment(match: re.Match[str]) -> str:
        return fragments[int(match[1])] if int(match[1]) < len(fragments) else ""

    def plain(match: re.Match[str]) -> str:
        return html.escape(fragment_words(fragment(match)))

    def in_address(match: re.Match[str]) -> str:
        return quoted(fragment_words(fragment(match)))

    def paragraph(match: re.Match[str]) -> str:
        markup = fragment(match)
        return markup if _BLOCK.match(markup) else f"<p>{markup}</p>"

    rendered = _ENCODED.sub(in_address, rendered)
    rendered = _HTML_TAG.sub(lambda tag: _TOKEN.sub(plain, tag[0]), rendered)
    return _TOKEN.sub(fragment, _PARAGRAPH.sub(paragraph, rendered))


def restore_text(text: str, fragments: list[str]) -> str:
    """Return a plain text with the texts of the fragments in place of their tokens."""
    return _TOKEN.sub(lambda match: fragment_words(fragments[int(match[1])]), text)


def fragment_words(markup: str) -> str:
    """Return the text of a fragment."""
    return html.unescape(publishable_markup(_ANY_TAG.sub("", markup)))


def quoted(text: str, safe: str = "/") -> str:
    """Return a text percent-encoded."""
    return percent_encoded(text, safe, errors="replace")


def leave_out(_: Expansion, match: re.Match[str]) -> Result:
    """Return an empty text, to leave out the match of a pattern."""
    return "", match.end()


def titled(text: str) -> str:
    """Return the title of a part as HTML."""
    return f"<p><strong>{html.escape(text.strip())}</strong></p>"


def compiled(
    rows: tuple[tuple[str, str, Handler], ...],
) -> Rules:
    """Return rows with a name, a pattern and a handler as rules; the first that matches counts."""
    combined = "|".join(f"(?P<{name}>{pattern})" for name, pattern, _ in rows)
    return re.compile(combined, re.MULTILINE), {
        name: (re.compile(pattern, re.MULTILINE), handler) for name, pattern, handler in rows
    }
