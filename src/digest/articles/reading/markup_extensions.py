"""Expand what site generators add to Markdown and HTML, before either is parsed.

Code is left as it is: fences, indented code, code in a line, ``<pre>`` and the like. In Markdown,
what a tag stands for is HTML in place of which a token goes through the parser (``restore`` puts it
back), so that Markdown changes nothing in it, wherever the tag stands.
"""

# pure
from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote as percent_encoded

from digest.articles.characters import publishable_markup
from digest.articles.reading import generator_tags as tags
from digest.articles.reading.generator_tags import arguments
from digest.articles.reading.markdown import engine

#: Noncharacters, which no text that is published holds: around the number of a fragment.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_TOKEN = re.compile(f"{_OPEN}([0-9]{{1,7}}){_CLOSE}")
_ENCODED = re.compile("%EF%B7%90([0-9]{1,7})%EF%B7%91")
_PARAGRAPH = re.compile(f"<p>{_OPEN}([0-9]{{1,7}}){_CLOSE}</p>")
_BLOCK = re.compile(r"</?(?:blockquote|details|figure|footer|p|pre)\b")
_HTML_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_ANY_TAG = re.compile(r"<[^<>]*>")
#: Without one of these there is nothing to expand; those of HTML, and the others of Markdown.
_TAG_MARKS = ("{%", "{{", "[/", "[gallery", "[embed", "[video", "[audio", "[youtube", "[playlist")
_MARKDOWN_MARKS = (
    *("{#", "{:", "{.", "${", "{static", "{filename", "{attach", "|filename|", "|static|", "{/*"),
    *(
        "$",
        "\\(",
        "\\[",
        "\\begin{",
        "[[",
        ":::",
        "!!!",
        "???",
        '=== "',
        "[!",
        "%%",
        "==",
        "--8<--",
    ),
    *("[TOC]", "[toc]", "@[", "*[", ":material-", ":fontawesome-", ":octicons-", ":simple-"),
    *("\nimport ", "\nexport ", "<Tab", "{ ", "){", "={"),
)
#: Characters of a tag or a formula.
_MAX_TAG = 10_000
#: Levels of boxes inside each other that are expanded.
_MAX_DEPTH = 20
_SHORTCODES = "caption|gallery|embed|video|audio|playlist|youtube|vimeo|code|sourcecode|wp_caption"
_ARTICLE = "article:"
_KNOWN_OBJECTS = re.compile(
    r"(?:site|page|post|layout|include|forloop|paginator|content|config|theme|jekyll|url_for|"
    r"asset_path|baseurl|toc|base_url|partial|date|relative_url|absolute_url)\b"
)
_CONDITIONS = {"if", "unless", "case", "elsif", "else", "when", "ifchanged", "with", "block"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something of a body that is not used."""

    line: int  #: 0-based in the body
    cause: str


@dataclass(slots=True)
class Expansion:
    """One text being expanded. Boxes whose content is indented are expanded as texts within it."""

    text: str
    markdown: bool
    first_line: int = 0
    depth: int = 0
    fragments: list[str] = field(default_factory=list)  #: HTML, by the number of its token
    remarks: list[Remark] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    open_tags: list[tuple[str, str]] = field(default_factory=list)  #: names and their ends
    never_closed: set[str] = field(default_factory=set)
    ticks: Mapping[int, list[int]] | None = None
    code_blocks: Mapping[int, int] = field(default_factory=dict)  #: starts and ends

    def run(self) -> str:
        """Return the text expanded."""
        pattern, rules = _MARKDOWN_RULES if self.markdown else _HTML_RULES
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
        """Return what stands for a fragment of HTML in the text."""
        if not self.markdown or not markup:
            return markup
        self.fragments.append(markup)
        return f"{_OPEN}{len(self.fragments) - 1}{_CLOSE}"

    def block(self, markup: str, start: int, end: int) -> str:
        """Return what stands for a block, in a paragraph of its own if nothing else is there."""
        token = self.token(markup)
        if not self.markdown or not self.alone(start, end):
            return token
        before = self.before(start)
        return f"\n{before}{token}\n{before.rstrip()}"

    def before(self, position: int) -> str:
        """Return the line of a position up to it."""
        return self.text[self.text.rfind("\n", 0, position) + 1 : position]

    def alone(self, start: int, end: int) -> bool:
        """Tell whether nothing else stands on the lines from ``start`` to ``end``."""
        line_end = self.text.find("\n", end)
        after = self.text[end : line_end if line_end >= 0 else len(self.text)]
        return not after.strip() and not self.before(start).strip(" \t>")

    def words(self, text: str) -> str:
        """Return the text of a title as HTML."""
        return str(engine().renderInline(text)) if self.markdown else html.escape(text)

    def remark(self, position: int, cause: str) -> None:
        """Note that something at a position is not used."""
        line = self.first_line + self.text.count("\n", 0, position)
        self.remarks.append(Remark(line=line, cause=cause))

    def find(self, wanted: str, position: int) -> int:
        """Return where a text begins from ``position`` on, not too far behind it; else -1."""
        return self.text.find(wanted, position, position + _MAX_TAG)

    def end_tag(self, name: str, position: int) -> tuple[int, int] | None:
        """Return where the end tag of ``name`` behind ``position`` starts and ends."""
        if name in self.never_closed:
            return None
        word = re.escape(name)
        end = re.compile(
            rf"\{{%-?\s*end{word}\s*-?%\}}|\{{\{{[<%]\s*/\s*{word}\s*[>%]\}}\}}", re.IGNORECASE
        ).search(self.text, position)
        if end is None:
            self.never_closed.add(name)
        return end.span() if end else None

    def close(self, name: str) -> str:
        """Return the end of the innermost open tag of this name and of those inside it."""
        names = [open_name for open_name, _ in self.open_tags]
        if name not in names:
            return ""
        ends = ""
        while self.open_tags:
            open_name, end = self.open_tags.pop()
            ends += end
            if open_name == name:
                break
        return ends

    def inner(self, text: str, position: int) -> str:
        """Return a text within this one expanded."""
        if self.depth >= _MAX_DEPTH:
            return text
        line = self.first_line + self.text.count("\n", 0, position)
        within = Expansion(
            text, self.markdown, line, self.depth + 1, self.fragments, self.remarks, self.variables
        )
        return within.run()


_Result = tuple[str, int] | None
_Handler = Callable[[Expansion, "re.Match[str]"], _Result]


def expand(text: str, *, markdown: bool) -> Expansion | None:
    """Return the expansion of a body, not yet ``run``; None if there is nothing to expand."""
    marks = (*_TAG_MARKS, *_MARKDOWN_MARKS) if markdown else _TAG_MARKS
    if not any(mark in text for mark in marks) and not text.startswith(("import ", "export ")):
        return None
    expansion = Expansion(text.replace(_OPEN, "").replace(_CLOSE, ""), markdown)
    if markdown and _INDENTED.search(expansion.text):
        expansion.code_blocks = _indented_code(expansion.text)
    return expansion


def _indented_code(text: str) -> dict[int, int]:
    """Return the starts and ends of the indented code in Markdown."""
    starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text)]
    return {
        starts[token.map[0]]: starts[min(token.map[1], len(starts) - 1)]
        for token in engine().parse(text)
        if token.type == "code_block" and token.map
    }


def restore(rendered: str, fragments: list[str]) -> str:
    """Return rendered Markdown with the fragments in place of their tokens."""
    if not fragments:
        return rendered

    def fragment(match: re.Match[str]) -> str:
        return fragments[int(match[1])] if int(match[1]) < len(fragments) else ""

    def plain(match: re.Match[str]) -> str:
        return html.escape(_words(fragment(match)))

    def in_address(match: re.Match[str]) -> str:
        return _quoted(_words(fragment(match)))

    def paragraph(match: re.Match[str]) -> str:
        markup = fragment(match)
        return markup if _BLOCK.match(markup) else f"<p>{markup}</p>"

    rendered = _ENCODED.sub(in_address, rendered)
    rendered = _HTML_TAG.sub(lambda tag: _TOKEN.sub(plain, tag[0]), rendered)
    return _TOKEN.sub(fragment, _PARAGRAPH.sub(paragraph, rendered))


def restore_text(text: str, fragments: list[str]) -> str:
    """Return a plain text with the texts of the fragments in place of their tokens."""
    return _TOKEN.sub(lambda match: _words(fragments[int(match[1])]), text)


def _words(markup: str) -> str:
    """Return the text of a fragment."""
    return html.unescape(publishable_markup(_ANY_TAG.sub("", markup)))


def _quoted(text: str, safe: str = "/") -> str:
    return percent_encoded(text, safe, errors="replace")


# Code and what else is left as it is.


def _fence(x: Expansion, match: re.Match[str]) -> _Result:
    mark = match[1]
    if mark[0] == "`" and "`" in match[2]:
        return None
    closing = re.compile(rf"^[ \t>]*{mark[0]}{{{len(mark)},}}[ \t]*$", re.MULTILINE)
    end = closing.search(x.text, match.end())
    stop = end.end() if end else len(x.text)
    return x.text[match.start() : stop], stop


def _ticks(x: Expansion, match: re.Match[str]) -> _Result:
    if x.ticks is None:
        runs: dict[int, list[int]] = {}
        for run in re.finditer("`+", x.text):
            runs.setdefault(len(run[0]), []).append(run.start())
        x.ticks = runs
    length, start = len(match[0]), match.start()
    places = x.ticks[length]
    index = bisect_right(places, start)
    end = places[index] + length if index < len(places) else -1
    if end < 0 or _BLANK_LINE.search(x.text, start, end):
        return match[0], match.end()
    content = x.text[match.end() : end - length]
    raw = re.fullmatch(
        r"\s*\{%-?\s*raw\s*-?%\}(.*[{%}].*)\{%-?\s*endraw\s*-?%\}\s*", content, re.DOTALL
    )
    if raw:
        return match[0] + raw[1] + match[0], end
    return x.text[start:end], end


def _verbatim(x: Expansion, match: re.Match[str]) -> _Result:
    end = re.compile(rf"</{match[1]}\s*>", re.IGNORECASE).search(x.text, match.end())
    return (x.text[match.start() : end.end()], end.end()) if end else None


def _comment(x: Expansion, match: re.Match[str]) -> _Result:
    end = x.text.find("-->", match.end())
    if end < 0:
        return None
    tab = re.fullmatch(r"\s*tab\s+(.+?)\s*", x.text[match.end() : end])
    if tab:
        return x.block(_title(tab[1].split("@")[0]), match.start(), end + 3), end + 3
    return x.text[match.start() : end + 3], end + 3


def _indented(x: Expansion, match: re.Match[str]) -> _Result:
    end = x.code_blocks.get(match.start())
    return (x.text[match.start() : end], end) if end else None


def _escape(_: Expansion, match: re.Match[str]) -> _Result:
    return match[0], match.end()


# The tags of generators.


def _liquid(x: Expansion, match: re.Match[str]) -> _Result:
    start, name = match.start(), match[1].lower()
    stop = x.find("%}", match.end())
    if stop < 0:
        return None
    text, end = x.text[match.end() : stop].removesuffix("-"), stop + 2
    if name.startswith("end") and len(name) > 3:
        return x.block(x.close(name[3:]), start, end), end
    if name in tags.VERBATIM:
        closing = x.end_tag(name, end)
        return (x.text[end : closing[0]], closing[1]) if closing else ("", end)
    if name in ("assign", "set"):
        _assign(x, start, text)
        return "", end
    if name == "include" or name.startswith("include_"):
        return _include(x, start, end, text), end
    if name == "link" and len(arguments(text).positional) > 1:
        return x.token(_hexo_link(arguments(text))), end
    if name in _CONDITIONS:
        if name in ("if", "unless", "case"):
            x.remark(start, f"{{% {name} %}} is not evaluated; all of its text stays")
        return "", end
    return _tag(x, start, end, name, text)


def _hugo(x: Expansion, match: re.Match[str]) -> _Result:
    start, name = match.start(), match[2].lower()
    stop = x.find(("%" if match[0][2] == "%" else ">") + "}}", match.end())
    if stop < 0:
        return None
    text, end = x.text[match.end() : stop], stop + 3
    if match[1] == "/*":  # escaped: it is to be shown
        return x.token(tags.escape(re.sub(r"/\*|\*/", "", x.text[start:end], count=2))), end
    if match[1].strip() == "/":
        return x.block(x.close(name), start, end), end
    return _tag(x, start, end, name, text.rstrip().removesuffix("/"))


def _tag(x: Expansion, start: int, end: int, name: str, text: str) -> tuple[str, int]:
    """Return what a tag of Hexo, Jekyll or Hugo stands for."""
    given = arguments(text)
    whole = x.alone(start, end)
    if name in tags.COMMENTS | tags.COMPUTED | tags.CODE | tags.FORMULAS:
        closing = x.end_tag(name, end)
        if closing and name in tags.COMPUTED:
            x.remark(start, f"{{% {name} %}} is not evaluated; it is left out")
        if closing:
            prefix = x.before(start)
            content = x.text[end : closing[0]].replace(f"\n{prefix}", "\n")
            return x.block(_content(name, text, content), start, closing[1]), closing[1]
    made: str | None = None
    if name in tags.SILENT:
        return "", end
    if name in tags.IMAGES:
        made = tags.image(given, whole=whole)
    elif name in tags.MEDIA:
        made = tags.media(tags.MEDIA[name], given)
    elif name in tags.ELSEWHERE:
        made = tags.elsewhere(name, given)
    elif name in tags.FRAMES:
        address = given.first("src", "url", "file", "href") or next(iter(given.positional), "")
        made = tags.frame(address, given.first("title")) if address else None
    elif name in tags.ARTICLE_LINKS:
        return _article_link(x, start, given), end
    elif name in tags.FILE_LINKS:
        return (given.positional or ("",))[0], end
    elif name in tags.QUOTATIONS:
        opening, closing_markup = tags.quotation(name, text)
        x.open_tags.append((name, closing_markup))
        return x.block(opening, start, end), end
    elif name in tags.BOXES or name in tags.FOLDED:
        opening, closing_markup = tags.box_of(name, given)
        x.open_tags.append((name, closing_markup))
        return x.block(opening, start, end), end
    elif name in tags.TABS:
        title = given.first("title", "header", "name", "label") or given.words
        x.open_tags.append((name, ""))
        return x.block(_title(title) if title else "", start, end), end
    elif name in tags.WRAPPERS:
        x.open_tags.append((name, ""))
        return "", end
    made = made or tags.guessed(given, whole=whole)
    if made is None:
        x.remark(start, f"the tag {name} is not known, or lacks an address; it is left out")
        return "", end
    return x.block(made, start, end), end


def _content(name: str, text: str, content: str) -> str:
    """Return what a tag with code, TeX or a comment in it stands for."""
    if name in tags.FORMULAS:
        return tags.escape(content.strip())
    if name not in tags.CODE:
        return ""
    given = arguments(text)
    words = list(given.positional)
    language = given.first("lang", "language", "type")
    for word in [word for word in words if re.fullmatch(r"[\w-]+:\S*", word)]:
        words.remove(word)
        language = word[5:] if word.startswith("lang:") else language
    title = given.first("title", "caption", "filename")
    if name == "codeblock":
        address = next((word for word in words if "://" in word), "")
        title = " ".join(word for word in words if word != address)
        if address:
            shown = f'<a href="{html.escape(address)}">{html.escape(title or address)}</a>'
            return tags.code(content, language, shown)
    elif words and not language:
        language = words[0]
    elif name in ("mermaid", "plantuml"):
        language = language or name
    return tags.code(content, re.sub(r"[^\w+#.-]", "", language), html.escape(title))


def _assign(x: Expansion, start: int, text: str) -> None:
    value = re.fullmatch(r"\s*([\w-]+)\s*=\s*(\"[^\"]*\"|'[^']*'|[0-9.]+)\s*", text)
    if value:
        x.variables[value[1]] = value[2].strip("\"'")
    else:
        x.remark(start, "{% assign %} is not evaluated")


def _include(x: Expansion, start: int, end: int, text: str) -> str:
    given = arguments(text)
    file = next(iter(given.positional), "")
    named = file.rpartition("/")[2].partition(".")[0].lower()
    for name in tags.ELSEWHERE:
        if name in named and len(name) > 1 and (made := tags.elsewhere(name, _rest(given))):
            return x.block(made, start, end)
    whole = x.alone(start, end)
    if re.search(r"fig|image|img|picture|photo", named):
        made = tags.image(_rest(given), whole=whole)
    elif re.search(r"alert|note|callout|tip|warning|important|message", named):
        words = given.first("content", "text", "message")
        opening, closing = tags.box(given.first("type") or re.sub(r"[^a-z]", "", named))
        made = f"{opening}<p>{html.escape(words)}</p>{closing}" if words else None
    else:
        made = tags.guessed(_rest(given), whole=whole)
    if made is None:
        x.remark(start, f"the file {file} is not included; the tag is left out")
        return ""
    return x.block(made, start, end)


def _rest(given: tags.Arguments) -> tags.Arguments:
    return tags.Arguments(named=given.named, positional=given.positional[1:])


def _hexo_link(given: tags.Arguments) -> str:
    """Return Hexo's link: words, an address, whether it opens elsewhere, a title."""
    at = next((i for i, word in enumerate(given.positional) if "/" in word), 1)
    text, address = " ".join(given.positional[:at]), given.positional[at]
    return f'<a href="{html.escape(address)}">{html.escape(text or address)}</a>'


def _article_link(x: Expansion, start: int, given: tags.Arguments) -> str:
    """Return a link to an article of the site; its address alone where a link is written."""
    target = given.first("path", "slug", "name") or next(iter(given.positional), "")
    address = _ARTICLE + _quoted(target)
    before = x.text[max(0, start - 2) : start]
    if before.endswith(("(", '"', "'", "=", "<")) or before == ": " or "(" in before:
        return address
    words = " ".join(word for word in given.positional[1:] if word not in ("true", "false"))
    shown = html.escape(given.first("text", "title") or words or target)
    return x.token(f'<a href="{html.escape(address)}">{shown}</a>')


def _variable(x: Expansion, match: re.Match[str]) -> _Result:
    text = match[1].strip().strip("-").strip()
    expression = text.partition("|")[0].strip()
    if literal := re.fullmatch(r"\"([^\"]*)\"|'([^']*)'", expression):
        return literal[1] or literal[2] or "", match.end()
    if expression in x.variables:
        return x.variables[expression], match.end()
    if called := re.fullmatch(
        r"(?:url_for|asset_path|url|image)\(\s*[\"']([^\"']*)[\"'].*\)", expression
    ):
        return called[1], match.end()
    if not _KNOWN_OBJECTS.match(expression):
        return x.token(tags.escape(match[0])) if x.markdown else match[0], match.end()
    if not re.search(r"(?:url|baseurl|base_url|root)$", expression):
        x.remark(match.start(), f"{{{{ {expression} }}}} is not evaluated; it is left out")
    return "", match.end()


def _nothing(_: Expansion, match: re.Match[str]) -> _Result:
    return "", match.end()


def _shortcode(x: Expansion, match: re.Match[str]) -> _Result:
    """Return what a shortcode of WordPress stands for."""
    name, given = match[1].lower(), arguments(match[2])
    end = re.compile(rf"\[/{name}\]", re.IGNORECASE).search(x.text, match.end())
    content = x.text[match.end() : end.start()] if end else ""
    stop = end.end() if end else match.end()
    start = match.start()
    if name in ("code", "sourcecode"):
        if not end:
            return None
        language = given.first("language", "lang") or next(iter(given.positional), "")
        text = content if x.markdown else html.unescape(publishable_markup(content))
        return x.block(tags.code(text, re.sub(r"[^\w+#.-]", "", language)), start, stop), stop
    made: str | None = None
    if name in ("caption", "wp_caption"):
        picture = re.match(
            r"\s*((?:<a\b[^>]*>\s*)?<img\b[^>]*>(?:\s*</a>)?|!\[[^\]]*\]\([^)]*\))", content
        )
        if not end or not picture:
            return None
        text = given.first("caption") or re.sub(r"<[^>]*>", "", content[picture.end() :]).strip()
        shown = picture[1]
        if shown.startswith("!"):
            alt, _, address = shown[2:-1].partition("](")
            shown = (
                tags.image(
                    tags.Arguments(named={"src": address.split()[0], "alt": alt}),
                    whole=False,
                )
                or ""
            )
        made = f"<figure>{shown}<figcaption>{html.escape(_words(text))}</figcaption></figure>"
    elif name == "embed":
        address = (content.strip() or given.first("src", "url") or given.words).strip()
        made = tags.frame(address) if address else None
    elif name in ("audio", "video"):
        made = tags.media(name, given)
    elif name in ("youtube", "vimeo"):
        made = tags.elsewhere(
            name, tags.Arguments(named=given.named, positional=(content or given.words,))
        )
    if made is None:
        x.remark(start, f"the shortcode {name} is left out")
        return "", match.end()
    return x.block(made, start, stop), stop


def _shortcode_end(_: Expansion, match: re.Match[str]) -> _Result:
    return "", match.end()


def _title(text: str) -> str:
    return f"<p><strong>{html.escape(text.strip())}</strong></p>"


# The marks of Markdown's dialects.


def _container(x: Expansion, match: re.Match[str]) -> _Result:
    name, rest = (match[2] or "").lower(), match[3].strip()
    rest = re.sub(r"\{[^{}]*\}$", "", rest).strip()
    if not name:
        if not x.open_tags and not rest:
            return None
        return x.block(x.close(":::"), match.start() + len(match[1]), match.end()), match.end()
    title = x.words(rest[1:-1] if rest.startswith("[") and rest.endswith("]") else rest)
    if name in tags.FOLDED:
        opening, closing = tags.box("", title, folded=True)
    elif name in tags.BOX_KINDS:
        opening, closing = tags.box(name, title)
    elif name in tags.QUOTATIONS:
        opening, closing = "<blockquote>", "</blockquote>"
    else:
        opening, closing = (
            (f"<p><strong>{title}</strong></p>" if title and name in tags.TABS else ""),
            "",
        )
    x.open_tags.append((":::", closing))
    return x.text[match.start() : match.start() + len(match[1])] + x.block(
        opening, match.start() + len(match[1]), match.end()
    ), match.end()


def _admonition(x: Expansion, match: re.Match[str]) -> _Result:
    prefix, mark, head = match[1], match[2], match[3].strip()
    lines, end = _body(x.text, match.end(), prefix)
    quoted = re.search(r"\"([^\"]*)\"|'([^']*)'", head)
    title = x.words(quoted[1] or quoted[2] or "") if quoted else ""
    words = (head[: quoted.start()] if quoted else head).split()
    if mark.startswith("==="):
        if not quoted:
            return None
        opening, closing = f"<p><strong>{title}</strong></p>", ""
    elif not words and not quoted:
        return None
    else:
        kind = "" if quoted and not title else (words[0] if words else "")
        opening, closing = tags.box(kind, title, folded=mark.startswith("???"))
    inner = x.inner("\n".join(lines), match.end())
    body = "\n".join(f"{prefix}{line}".rstrip() for line in inner.split("\n"))
    gap = prefix.rstrip()
    parts = [
        gap,
        prefix + x.token(opening),
        gap,
        body,
        gap,
        prefix + x.token(closing) if closing else gap,
    ]
    return "\n".join(parts) + "\n", end


def _body(text: str, position: int, prefix: str) -> tuple[list[str], int]:
    """Return the indented lines that belong to a mark, without their indent, and their end."""
    lines: list[str] = []
    end = position
    at = position + 1
    while at < len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        line = text[at:stop]
        rest = line.removeprefix(prefix) if line.startswith(prefix) else ""
        if not line.strip(" \t>"):
            lines.append("")
        elif rest.startswith(("    ", "\t")):
            lines.append(rest[1:] if rest.startswith("\t") else rest[4:])
            end = stop
        else:
            break
        at = stop + 1
    while lines and not lines[-1]:
        lines.pop()
    return lines, end


def _callout(x: Expansion, match: re.Match[str]) -> _Result:
    kind, title = match[2], match[4].strip()
    label = kind.replace("-", " ").replace("_", " ").capitalize()
    shown = title or label
    return (
        f"{match[1]}{x.token('<strong>')}{shown}{x.token('</strong>')}\n{match[1].rstrip()}",
        match.end(),
    )


def _attributes(x: Expansion, match: re.Match[str]) -> _Result:
    """Return the place that a list of attributes names; the list itself is left out."""
    content = match[1].strip()
    at = match.start()
    before = x.text[at - 1 : at]
    rest = x.text[
        match.end() : x.text.find("\n", match.end()) if "\n" in x.text[match.end() :] else None
    ]
    line = x.before(at)
    ends_line = not rest.strip()
    allowed = (
        content.startswith((":", "#"))
        or before in tuple(')]*_`>"')
        or (ends_line and (not line.strip(" \t>") or line.lstrip(" >").startswith("#")))
    )
    if content.startswith("#") and not ends_line and before not in tuple(')]*_`>"'):
        allowed = False
    if not allowed:
        return None
    name = re.search(r"(?:^|[\s:])#([\w:.-]+)", content)
    return (x.token(f'<a id="{html.escape(name[1])}"></a>') if name else ""), match.end()


def _formula(x: Expansion, match: re.Match[str]) -> _Result:
    """Return TeX as it is written."""
    opening, start = match[0], match.start()
    closing = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}.get(opening, f"\\end{{{match[1]}}}")
    stop = x.find(closing, match.end() + 1)
    text, end = x.text[start : stop + len(closing)], stop + len(closing)
    if stop < 0 or _BLANK_LINE.search(text):
        return None
    displayed = opening == "\\[" and x.alone(start, end)
    if opening in ("\\(", "\\[") and not displayed and not _TEX.search(text[2:-2]):
        return None  # escaped brackets
    return x.token(html.escape(text)), end


def _dollar(x: Expansion, match: re.Match[str]) -> _Result:
    start = match.start()
    if start and x.text[start - 1].isalnum():
        return None
    if re.match(r"\$[0-9][0-9.,]*\s+(?![-+=<>\\/^]|\*\s)", match[0]):
        return None  # an amount of money
    return x.token(html.escape(match[0])), match.end()


def _wiki(x: Expansion, match: re.Match[str]) -> _Result:
    target, label = match[2].strip(), (match[3] or "").lstrip("\\").strip()
    target = target.removesuffix("\\").strip()
    if not target or target.isdigit() or match[2] != match[2].lstrip():
        return None
    page = target.partition("#")[0].partition("^")[0].strip()
    if match[1]:
        given = tags.Arguments(named={"src": _quoted(target, safe="/:#?&=%")})
        suffix = target.rpartition(".")[2].lower().partition("#")[0]
        if suffix in ("avif", "bmp", "gif", "jpg", "jpeg", "png", "svg", "webp"):
            size = re.fullmatch(r"([0-9]+)(?:x[0-9]+)?", label)
            named = {**given.named, "alt": "" if size else label}
            named |= {"width": size[1]} if size else {}
            return x.token(tags.image(tags.Arguments(named=named), whole=False) or ""), match.end()
        if suffix in ("mp3", "wav", "m4a", "ogg", "flac", "opus", "3gp"):
            return x.token(tags.media("audio", given) or ""), match.end()
        if suffix in ("mp4", "webm", "ogv", "mov", "mkv"):
            return x.token(tags.media("video", given) or ""), match.end()
    shown = html.escape(label or target.replace("#", " > ").strip(" >") or page)
    if not page:
        return x.token(f'<a href="#{_quoted(target[1:])}">{shown}</a>'), match.end()
    return x.token(f'<a href="{_ARTICLE}{html.escape(_quoted(page))}">{shown}</a>'), match.end()


def _mark(x: Expansion, match: re.Match[str]) -> _Result:
    return f"{x.token('<mark>')}{match[1]}{x.token('</mark>')}", match.end()


def _statement(x: Expansion, match: re.Match[str]) -> _Result:
    """Leave out an import or export of MDX, which begins a paragraph."""
    last = x.before(match.start() - 1).strip() if match.start() else ""
    if last and not re.match(r"(?:import|export)\s|.*[;})]$", last):
        return None
    return "", match.end()


def _component(x: Expansion, match: re.Match[str]) -> _Result:
    """Return what a component of MDX stands for that is alone on its line."""
    tag = match[2]
    name = re.match(r"</?([\w.]+)", tag)
    if name is None or not x.alone(match.start() + len(match[1]), match.end()):
        return None
    closing, single = tag.startswith("</"), tag.endswith("/>")
    if not single and f"</{name[1]}" not in x.text:
        return None
    if closing:
        return match[1], match.end()
    given = arguments(re.sub(r"[<>{}]", " ", tag[len(name[0]) :].rstrip("/>")))
    if name[1].lower() in tags.TABS and (title := given.first("label", "title", "value")):
        return match[1] + x.block(
            _title(title), match.start() + len(match[1]), match.end()
        ), match.end()
    if single:
        made = tags.guessed(given, whole=True)
        if not made and name[1].lower() in tags.ELSEWHERE:
            made = tags.elsewhere(name[1].lower(), given)
        if made:
            return match[1] + x.block(made, match.start() + len(match[1]), match.end()), match.end()
        x.remark(match.start(), f"the component {name[1]} is left out")
    return match[1], match.end()


def _snippet(x: Expansion, match: re.Match[str]) -> _Result:
    x.remark(match.start(), "a snippet of another file is not included")
    return "", match.end()


_TEX = re.compile(r"\\[a-zA-Z]|[\^_={}+<>]|\w\*\w|^\s*[a-zA-Z]\s*$")
_BLANK_LINE = re.compile(r"\n[ \t>]*\n")
_INDENTED = re.compile(r"^(?: {4}|\t)", re.MULTILINE)
_TAG_RULES: tuple[tuple[str, str, _Handler], ...] = (
    ("liquid", r"\{%-?\s*([\w:.-]+)", _liquid),
    ("hugo", r"\{\{[<%](\s*/(?!\*)|/\*|)\s*([\w./-]+)", _hugo),
    ("variable", r"\{\{(?![<%{])([^{}\n]+)\}\}", _variable),
    ("remark", r"\{#(?=[\s-])(?:[^#]|#(?!\}))*#\}", _nothing),
    ("shortcode", rf"(?i:\[({_SHORTCODES})((?:\s[^\]\n]*)?)\](?!\(|\[(?!/)))", _shortcode),
    ("shortcode_end", rf"(?i:\[/(?:{_SHORTCODES})\])", _shortcode_end),
)
_SHARED: tuple[tuple[str, str, _Handler], ...] = (
    ("verbatim", r"(?i:<(pre|code|script|style|textarea|svg|math|xmp)\b[^<>]*>)", _verbatim),
    ("comment", r"<!--", _comment),
)
_DIALECTS: tuple[tuple[str, str, _Handler], ...] = (
    (
        "fence",
        r"^[ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)*(`{3,}|~{3,})([^\n]*)$",
        _fence,
    ),
    ("indented", r"^(?= {4}|\t)", _indented),
    ("formula", r"\\\(|\\\[|\\begin\{([a-zA-Z]{1,20}\*?)\}|\$\$(?!\$)", _formula),
    ("escaped", r"\\[\\`*_{}\[\]()#+.!|<>$%:=~-]", _escape),
    ("ticks", r"`+", _ticks),
    *_SHARED,
    (
        "contents",
        (
            r"(?im:^[ \t>]*(?:(?:[-*+]|[0-9]+[.)])[ \t]+[^\n]*\n[ \t>]*\{:\s*toc\b[^}\n]*\}"
            r"|\[\[?_?toc_?\]?\]|@\[toc\](?:\([^)\n]*\))?|\$\{toc\}|\{:?\s*toc\b[^}\n]*\}"
            r"|\{\{\s*toc\s*\}\})[ \t]*$)"
        ),
        _nothing,
    ),
    ("container", r"^([ \t>]*):{3,}[ \t]*(?:\{?\.?([\w-]+)\}?)?([^\n]*)$", _container),
    ("admonition", r"^([ \t>]*)(!!!|\?\?\?\+?|===[+!]?)[ \t]+([^\n]+)$", _admonition),
    ("callout", r"^((?:[ \t]*>)+[ \t]*)\[!([\w -]+)(?:\|[^\]\n]*)?\]([+-]?)([^\n]*)$", _callout),
    *_TAG_RULES,
    ("kramdown_comment", r"(?s:\{::comment\}.*?\{:/(?:comment)?\})", _nothing),
    ("kramdown", r"\{::?/?(?:options|nomarkdown|comment|/)[^{}\n]*\}|\{:/\w*\}", _nothing),
    ("jsx_comment", r"(?s:\{/\*.*?\*/\})", _nothing),
    (
        "attributes",
        r"\{((?::|[ \t]*[#.][\w:-]|[ \t]*[\w-]+=[\"'\w])[^{}\n]*)\}",
        _attributes,
    ),
    (
        "dollar",
        r"\$(?![\s$])(?:[^$\\\n]|\\.|\n(?!\s*\n)){0,400}?(?:[^$\\\s]|\\.)\$(?![0-9$])",
        _dollar,
    ),
    ("wiki", r"(!?)\[\[([^\[\]|\n]+)(?:\|([^\[\]\n]*))?\]\](?![(\[])", _wiki),
    ("hidden_block", r"(?sm:^%%[ \t]*\n.*?\n%%[ \t]*$)", _nothing),
    (
        "hidden",
        r"(?<![%\w])%%(?=[^\s%])[^%\n]*%%(?![%\w])|(?<![%\w])%%[ \t][^%\n]*[ \t]%%",
        _nothing,
    ),
    ("mark", r"(?<![=A-Za-z0-9!<>])==(?=[^\s=])([^\n=]*?[^\s=])==(?![=A-Za-z0-9])", _mark),
    (
        "site_file",
        r"(?<=[(\"'<])[{|](?:filename|static|attach|photo|image)[}|]",
        _nothing,
    ),
    ("site_page", r"(?<=[(\"'<])[{|](?:author|category|tag|index)[}|][^\s)\"'>]*", _nothing),
    (
        "statement",
        (
            r"^(?:import\s(?:[^'\"\n;]|\n(?!\s*\n)){0,500}?['\"][^'\"\n]+['\"];?[ \t]*$"
            r"|export\s+(?:const|let|var|default|function|async|class)\b(?:[^\n]|\n(?!\s*\n))*)"
        ),
        _statement,
    ),
    ("component", r"^([ \t>]*)(</?[A-Z][\w.]*(?:\s[^<>]*)?/?>)[ \t]*$", _component),
    ("snippet", r"^[ \t>]*-{1,}8<-{1,}[^\n]*$", _snippet),
    ("abbreviation", r"^\*\[[^\]\n]+\]:[^\n]*$", _nothing),
    ("icon", r":(?:material|fontawesome|octicons|simple)-[a-z0-9-]+:(?:\{[^{}\n]*\})?", _nothing),
)


def _rules(
    rows: tuple[tuple[str, str, _Handler], ...],
) -> tuple[re.Pattern[str], dict[str, tuple[re.Pattern[str], _Handler]]]:
    combined = "|".join(f"(?P<{name}>{pattern})" for name, pattern, _ in rows)
    return re.compile(combined, re.MULTILINE), {
        name: (re.compile(pattern, re.MULTILINE), handler) for name, pattern, handler in rows
    }


_MARKDOWN_RULES = _rules(_DIALECTS)
_HTML_RULES = _rules((*_SHARED, *_TAG_RULES))
