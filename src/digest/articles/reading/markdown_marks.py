"""The marks that site generators add to Markdown, and the code in which there are none."""

# pure
from __future__ import annotations

import html
import re
from bisect import bisect_right

from digest.articles.cleaning.policy import DROPPED, TAGS, VOID
from digest.articles.model import ARTICLE_SCHEME
from digest.articles.reading import generator_tags as tags
from digest.articles.reading.dialect_marks import BLOCK_RULES, INLINE_RULES, UNSEEN_BOLD
from digest.articles.reading.expansion import (
    TOKEN_MARKS,
    Expansion,
    Handler,
    Result,
    compiled,
    leave_out,
    quoted,
    titled,
)
from digest.articles.reading.template_tags import TAG_RULES

#: Without one of these there is nothing to expand in HTML but tags in braces, or in Markdown. Each
#: alternative begins with one character, not with a set, so that ``re`` passes over most of a text.
_SHORTCODE_MARK = re.compile(
    r"\[(?:/|toc\]|ez-toc\]|[\w-]+\s+(?:[\w-]+=|https?:)|[gG]allery|[eE]mbed|[vV]ideo|[aA]udio|[yY]outube|[vV]imeo|[pP]laylist)"
)
_MARKDOWN_MARK = re.compile(
    r"\{(?:[%{#:./ \t>~=+-]|static|filename|attach|author|category|tag|index|[\w-]+=)|\$"
    r"|\\(?:[(\[]|begin\{)"
    r"|\[(?:[/!\[]|[ xX]\][ \t]|toc\]|TOC\]"
    r"|[\w-]+\s+(?:[\w-]+=|https?:)|[gG]allery|[eE]mbed|[vV]ideo|[aA]udio|[yY]outube|[vV]imeo|[pP]laylist)"
    r"|@\[|\*\[|:(?:::|[\w+-]+:)|!!!|\?\?\?|==|%%|-8<|\+\+[\w\"]|~[\w+-]{1,12}~|\^[\w+-]{1,12}\^|\^\^"
    r"|\|(?:filename|static|attach)\||\|[0-9x]+\]|\n(?:import |export |@tab |<--->|///)|<<<|=\{"
    r"|```(?:dataview|mdx-|[^\n`]{0,200}(?:title=|filename=|\]))"
    r"|<[A-Z][\w.]|<aside>"
    r"|\]\([^\s()<>\"']++[ \t]++[^\s()<>\"'][^()<>\"'\n]*\)"
    r"|\^[a-zA-Z0-9-]+[ \t]*(?:\n|\Z)"
    rf"|{UNSEEN_BOLD}"
)
#: What brackets hold that are signs of TeX.
_TEX = re.compile(r"\\[a-zA-Z]|[\^_={}+<>]|\w\*\w|^\s*[a-zA-Z]\s*$")
#: The title of a block of code, with Docusaurus, MkDocs, Hugo and VitePress.
_FENCE_TITLE = re.compile(
    r"\b(?:title|filename)\s*=\s*(?:\"([^\"]+)\"|'([^']+)'|([^\s{},]+))"
    r"|^\s*[\w+#-]+\s+\[([^\]]+)\]"
)
#: A comment that begins a part of the tag around it, and has its title, in themes of Hexo.
_PART = re.compile(r"\s*+(tab|timeline|node)\s++(\S[^\n]*+)\s*+")
_BLANK_LINE = re.compile(r"\n[ \t>]*\n")
#: ``src={useBaseUrl('/a.png')}``, ``src={require('./a.png').default}``, ``title={'T'}``.
_LITERAL = re.compile(r"=\{\s*(?:\w+\(\s*)?([\"'`])([^\"'`{}]*)\1\s*\)?(?:\.default)?\s*\}")
_VARIABLE = re.compile(r"=\{\s*(\w+)(?:\.src)?\s*\}")
_EXPRESSION = re.compile(r"\s[\w:-]+=\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*+\})*+\})*+\}")
_IMPORTED = re.compile(r"import\s+(\w+)\s+from\s+[\"']([^\"'\n]+\.[a-z0-9]{2,5})[\"']")
#: The labels of Docusaurus's tabs by their values.
_LABEL = re.compile(
    r"label:\s*[\"']([^\"']+)[\"'],\s*value:\s*[\"']([^\"']+)[\"']"
    r"|value:\s*[\"']([^\"']+)[\"'],\s*label:\s*[\"']([^\"']+)[\"']"
)
_LINKS = frozenset({"a", "link", "navlink", "nuxtlink", "routerlink"})
#: Written in capitals, these are elements of HTML.
_HTML = TAGS | DROPPED | VOID


def expand(text: str, *, markdown: bool) -> Expansion | None:
    """Return the expansion of a body, not yet ``run``; None if there is nothing to expand."""
    if markdown:
        begins = text.startswith(("import ", "export ", "///"))
        if not begins and not _MARKDOWN_MARK.search(text) and " markdown" not in text:
            return None
    elif not (
        ("{" in text and ("{%" in text or "{{" in text))
        or ("[" in text and _SHORTCODE_MARK.search(text))
    ):
        return None
    rules = _MARKDOWN_RULES if markdown else _HTML_RULES
    return Expansion(text.translate(TOKEN_MARKS), rules, markdown)


# Code and what else is left as it is.


def _fence(x: Expansion, match: re.Match[str]) -> Result:
    mark = match[1]
    if mark[0] == "`" and "`" in match[2]:
        return None
    closing = re.compile(rf"^[ \t>]*{mark[0]}{{{len(mark)},}}[ \t]*$", re.MULTILINE)
    end = closing.search(x.text, match.end())
    stop = end.end() if end else len(x.text)
    language = match[2].strip().lower()
    if language in ("dataview", "dataviewjs"):
        x.remark(match.start(), f"the {language} is not evaluated; it is left out")
        return "", stop
    if language == "mdx-code-block":
        return x.inner(x.text[match.end() : end.start() if end else stop], match.end()), stop
    written = x.text[match.start() : stop]
    titles = _FENCE_TITLE.search(match[2])
    prefix = written[: written.find(mark)]
    if not titles or prefix.strip(" \t>"):
        return written, stop
    title = x.token(titled(next(filter(None, titles.groups()))))
    gap = prefix.rstrip()
    return f"{gap}\n{prefix}{title}\n{gap}\n{written}", stop


def _ticks(x: Expansion, match: re.Match[str]) -> Result:
    if x.ticks is None:
        runs: dict[int, list[int]] = {}
        for run in re.finditer("`+", x.text):
            runs.setdefault(len(run[0]), []).append(run.start())
        x.ticks = runs
    length, start = len(match[0]), match.start()
    places = x.ticks.get(length, [])  # a run that does not begin here has another length
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


def _verbatim(x: Expansion, match: re.Match[str]) -> Result:
    end = re.compile(rf"</{match[1]}\s*>", re.IGNORECASE).search(x.text, match.end())
    return (x.text[match.start() : end.end()], end.end()) if end else None


def _comment(x: Expansion, match: re.Match[str]) -> Result:
    end = x.text.find("-->", match.end())
    if end < 0:
        return None
    part = _PART.fullmatch(x.text, match.end(), end)
    if part and (part[1] == "tab" or any(name == "timeline" for name, _ in x.open_tags)):
        return x.block(titled(part[2].split("@")[0]), match.start(), end + 3), end + 3
    return x.text[match.start() : end + 3], end + 3


def _indented(x: Expansion, match: re.Match[str]) -> Result:
    if end := x.code_end(match.start()):
        return x.text[match.start() : end], end
    # No code: a line of a list, where a mark may begin.
    mark = _LINE_RULES[0].match(x.text, match.start())
    if not mark:
        return None
    own, handler = _LINE_RULES[1][mark.lastgroup or ""]
    exact = own.match(x.text, match.start())
    return handler(x, exact) if exact else None


def _escape(_: Expansion, match: re.Match[str]) -> Result:
    return match[0], match.end()


# The marks of Markdown's dialects.


def _attributes(x: Expansion, match: re.Match[str]) -> Result:
    """Return the place that a list of attributes names; the list itself is left out."""
    content = match[1].strip()
    at = match.start()
    before = x.text[at - 1 : at]
    line_end = x.text.find("\n", match.end())
    rest = x.text[match.end() : line_end if line_end >= 0 else len(x.text)]
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


def _formula(x: Expansion, match: re.Match[str]) -> Result:
    """Return TeX as it is written."""
    opening, start = match[0], match.start()
    closing = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}.get(opening, f"\\end{{{match[1]}}}")
    stop = x.find(closing, match.end() + 1)
    text, end = x.text[start : stop + len(closing)], stop + len(closing)
    # Without TeX in them, brackets are escaped.
    escaped = (opening, match.end()) if opening in ("\\(", "\\[") else None
    if stop < 0 or _BLANK_LINE.search(text):
        return escaped
    displayed = opening == "\\[" and x.alone(start, end)
    if escaped and not displayed and not _TEX.search(text[2:-2]):
        return escaped
    return x.token(html.escape(text)), end


def _dollar(x: Expansion, match: re.Match[str]) -> Result:
    start = match.start()
    if start and x.text[start - 1].isalnum():
        return None
    if re.match(r"\$[0-9][0-9.,]*\s+(?![-+=<>\\/^]|\*\s)", match[0]):
        return None  # an amount of money
    return x.token(html.escape(match[0])), match.end()


def _wiki(x: Expansion, match: re.Match[str]) -> Result:
    target, label = match[2].strip(), (match[3] or "").lstrip("\\").strip()
    target = target.removesuffix("\\").strip()
    if not target or target.isdigit() or match[2] != match[2].lstrip():
        return None
    page = target.partition("#")[0].partition("^")[0].strip()
    if match[1]:
        given = tags.Arguments(named={"src": quoted(target, safe="/:#?&=%")})
        suffix = target.rpartition(".")[2].lower().partition("#")[0]
        if suffix in ("avif", "bmp", "gif", "jpg", "jpeg", "png", "svg", "webp"):
            alt, _, last = label.rpartition("|")
            size = re.fullmatch(r"([0-9]+)(?:x[0-9]+)?", last)
            named = {**given.named, "alt": alt if size else label}
            named |= {"width": size[1]} if size else {}
            return x.token(tags.image(tags.Arguments(named=named), whole=False) or ""), match.end()
        if suffix in ("mp3", "wav", "m4a", "ogg", "flac", "opus", "3gp"):
            return x.token(tags.media("audio", given) or ""), match.end()
        if suffix in ("mp4", "webm", "ogv", "mov", "mkv"):
            return x.token(tags.media("video", given) or ""), match.end()
    shown = html.escape(label or target.replace("#", " > ").strip(" >") or page)
    if not page:
        return x.token(f'<a href="#{quoted(target[1:])}">{shown}</a>'), match.end()
    return x.token(
        f'<a href="{ARTICLE_SCHEME}{html.escape(quoted(page))}">{shown}</a>'
    ), match.end()


def _mark(x: Expansion, match: re.Match[str]) -> Result:
    return f"{x.token('<mark>')}{match[1]}{x.token('</mark>')}", match.end()


def _snippet(x: Expansion, match: re.Match[str]) -> Result:
    x.remark(match.start(), "a snippet of another file is not included")
    return "", match.end()


# The components of MDX.


def _statement(x: Expansion, match: re.Match[str]) -> Result:
    """Leave out an import or export of MDX, which begins a paragraph."""
    last = x.before(match.start() - 1).strip() if match.start() else ""
    if last and not re.match(r"(?:import|export)\s|.*[;})]$", last):
        return None
    if imported := _IMPORTED.match(match[0]):
        x.variables[imported[1]] = imported[2]
    return "", match.end()


def _tag(x: Expansion, match: re.Match[str]) -> Result:
    """Expand a component; make attributes of HTML what they are in HTML."""
    written, name, start, end = match[0], match[1], match.start(), match.end()
    tag = written
    if "={" in written:
        for label in _LABEL.finditer(written):
            x.variables[f"tab {label[2] or label[3]}"] = label[1] or label[4]
        tag = _LITERAL.sub(r'="\2"', tag)
        tag = _VARIABLE.sub(lambda value: f'="{x.variables.get(value[1], "")}"', tag)
        tag = _EXPRESSION.sub("", tag)
    if name[0].islower() or (name.isupper() and name.lower() in _HTML):
        return (tag, end) if tag != written else None
    closing, single = tag.startswith("</"), tag.endswith("/>")
    if not single and name not in x.closed_names():
        return None
    if closing:
        return x.block(x.close(f"</{name}"), start, end), end
    given = tags.arguments(re.sub(r"[<>{}]", " ", tag[len(name) + 1 :].rstrip("/>")))
    kind = name.rpartition(".")[2].lower()
    if single:
        return _single(x, start, end, kind, given), end
    if kind == "codeblock":
        stop = x.text.find(f"</{name}>", end)
        if stop < 0:
            return "", end
        after = stop + len(f"</{name}>")
        code = re.sub(r"\A\s*\{`|`\}\s*\Z", "", x.text[end:stop])
        shown = tags.code(code, given.first("language", "lang"), html.escape(given.first("title")))
        return x.block(shown, start, after), after
    opening, ending = "", ""
    if kind in _LINKS:
        address = given.first("to", "href")
        opening, ending = f'<a href="{html.escape(address)}">', "</a>"
    elif kind in tags.BOXES or kind in tags.FOLDED:
        opening, ending = tags.box_of(kind, given)
    else:
        value = given.first("value") if kind in tags.TABS else ""
        title = given.first("title", "label", "header", "heading", "summary")
        title = title or x.variables.get(f"tab {value}", value)
        opening = titled(title) if title else ""
    x.open_tags.append((f"</{name}", ending))
    return x.block(opening, start, end) if opening else "", end


def _single(x: Expansion, start: int, end: int, kind: str, given: tags.Arguments) -> str:
    """Return the HTML of a component without content, by its attributes."""
    made = tags.guessed(given, whole=x.alone(start, end))
    if not made and kind in tags.ELSEWHERE:
        made = tags.elsewhere(kind, given)
    if not made and (words := given.first("text", "title", "label")):
        made = html.escape(words)
    if not made:
        x.remark(start, f"the component {kind} is left out")
        return ""
    return x.block(made, start, end)


_SHARED: tuple[tuple[str, str, Handler], ...] = (
    ("verbatim", r"(?i:<(pre|code|script|style|textarea|svg|math|xmp)\b[^<>]*>)", _verbatim),
    ("comment", r"<!--", _comment),
)
_DIALECTS: tuple[tuple[str, str, Handler], ...] = (
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
            r"(?im:^[ \t>]*(?:(?:[-*+]|[0-9]+[.)])[ \t][^\n]*+\n[ \t>]*\{:\s*toc\b[^}\n]*\}"
            r"|\[\[?_?toc_?\]?\]|@\[toc\](?:\([^)\n]*\))?|\$\{toc\}|\{:?\s*toc\b[^}\n]*\}"
            r"|\{\{\s*toc\s*\}\})[ \t]*$)"
        ),
        leave_out,
    ),
    *BLOCK_RULES,
    *TAG_RULES,
    ("kramdown_comment", r"(?s:\{::comment\}.*?\{:/(?:comment)?\})", leave_out),
    ("kramdown", r"\{::?/?(?:options|nomarkdown|comment|/)[^{}\n]*\}|\{:/\w*\}", leave_out),
    ("jsx_comment", r"(?s:\{/\*.*?\*/\})", leave_out),
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
    ("hidden_block", r"(?sm:^%%[ \t]*\n.*?\n%%[ \t]*$)", leave_out),
    (
        "hidden",
        r"(?<![%\w])%%(?=[^\s%])[^%\n]*%%(?![%\w])|(?<![%\w])%%[ \t][^%\n]*[ \t]%%",
        leave_out,
    ),
    ("mark", r"(?<![=A-Za-z0-9!<>])==(?=[^\s=])([^\n=]*?[^\s=])==(?![=A-Za-z0-9])", _mark),
    (
        "site_file",
        r"(?<=[(\"'<])[{|](?:filename|static|attach|photo|image)[}|]",
        leave_out,
    ),
    ("site_page", r"(?<=[(\"'<])[{|](?:author|category|tag|index)[}|][^\s)\"'>]*", leave_out),
    (
        "statement",
        (
            r"^(?:import\s(?:[^'\"\n;]|\n(?!\s*\n)){0,500}?['\"][^'\"\n]+['\"];?[ \t]*$"
            r"|export\s+(?:const|let|var|default|function|async|class)\b(?:[^\n]|\n(?!\s*\n))*)"
        ),
        _statement,
    ),
    (
        "component",
        (
            r"</?([a-zA-Z][\w.]*+)(?=[\s/>])"
            r"(?:[^<>{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*+\})*+\})*+\})*+>"
        ),
        _tag,
    ),
    (
        "snippet",
        (
            r"^[ \t>]*(?:-{1,}8<-{1,}[ \t]*\n(?:[^\n]*\n){1,50}?[ \t>]*-{1,}8<-{1,}[ \t]*$"
            r"|-{1,}8<-{1,}[^\n]*$|<<<[ \t]*[@./\w][^\n]*$|@\[code[^\]\n]*\]\([^)\n]*\)[ \t]*$)"
        ),
        _snippet,
    ),
    ("abbreviation", r"^\*\[[^\]\n]+\]:[^\n]*$", leave_out),
    (
        "icon",
        r":(?:material|fontawesome|octicons|simple)-[a-z0-9-]+:(?:\{[^{}\n]*\})?[ \t]*",
        leave_out,
    ),
    *INLINE_RULES,
)

_MARKDOWN_RULES = compiled(_DIALECTS)
#: The rules that a line that is indented may begin with, but for code.
_LINE_RULES = compiled(
    tuple(row for row in _DIALECTS if re.match(r"(?:\(\?\w+:)?\^", row[1]) and row[0] != "indented")
)
_HTML_RULES = compiled((*_SHARED, *TAG_RULES))
