"""Expand the tags of Hexo, Jekyll, Hugo and WordPress by the tables of ``generator_tags``."""

# pure
from __future__ import annotations

import html
import re

from digest.articles.model import ARTICLE_SCHEME
from digest.articles.reading import generator_tags as tags
from digest.articles.reading.expansion import (
    Expansion,
    Handler,
    Result,
    fragment_words,
    leave_out,
    quoted,
    titled,
)
from digest.articles.reading.generator_tags import arguments
from digest.articles.reading.shortcodes import SHORTCODE_RULES

_KNOWN_OBJECTS = re.compile(
    r"(?:site|page|post|layout|include|forloop|paginator|content|config|theme|jekyll|url_for|"
    r"asset_path|baseurl|toc|base_url|partial|date|relative_url|absolute_url)\b|\.[A-Z]\w*"
)
#: What stands before the rest of an address: ``{{ site.url }}{{ site.baseurl }}``.
_VARIABLES = re.compile(r"(?<!\}\})(?:\{\{[^{}\n]{1,80}\}\})++\Z")
#: Tags that Zola writes as calls.
_CALLED = tags.IMAGES | tags.ELSEWHERE.keys() | tags.MEDIA.keys() | tags.FRAMES
_WITH_CONTENT = tags.COMMENTS | tags.COMPUTED | tags.CODE | tags.DRAWINGS | tags.FORMULAS
_CONDITIONS = {"if", "unless", "case", "elsif", "else", "when", "ifchanged", "with", "block"}


def _liquid(x: Expansion, match: re.Match[str]) -> Result:
    start, name = match.start(), match[1].lower()
    stop = x.find("%}", match.end())
    if stop < 0:
        return None
    text, end = x.text[match.end() : stop].removesuffix("-"), stop + 2
    if re.fullmatch(r"\s*\(.*\)\s*", text, re.DOTALL):  # Zola's arguments
        text = text.strip()[1:-1]
    if name == "asset_link":
        return x.token(_asset_link(arguments(text))), end
    if name == "capture":
        return _capture(x, start, end, text)
    if name == "end":
        return x.block(x.close(x.open_tags[-1][0]) if x.open_tags else "", start, end), end
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


def _liquid_remark(x: Expansion, match: re.Match[str]) -> Result:
    stop = x.find("%}", match.end())
    return ("", stop + 2) if stop >= 0 else None


def _hugo(x: Expansion, match: re.Match[str]) -> Result:
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
    """Expand a tag of Hexo, Jekyll or Hugo."""
    given = arguments(text)
    whole = x.alone(start, end)
    if name in _WITH_CONTENT:
        closing = x.end_tag(name, end)
        if closing and name in tags.COMPUTED:
            x.remark(start, f"{{% {name} %}} is not evaluated; it is left out")
        if closing:
            prefix = x.before(start)
            content = x.text[end : closing[0]].replace(f"\n{prefix}", "\n")
            return x.block(_content(name, text, content), start, closing[1]), closing[1]
    made: str | None = None
    if name in tags.SILENT or (name in tags.FORMULAS and not given.positional):
        return "", end
    if name in tags.WORDS and x.end_tag(name, end) is None:
        return x.token(_words(x, name, text)), end
    if name in tags.BUTTONS or (name == "link" and x.end_tag(name, end)):
        return _button(x, end, name, text)
    if name in tags.IMAGES:
        made = tags.image(given, whole=whole, words=x.words)
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
        return _opened(x, start, end, name, tags.quotation(name, text))
    elif (name in tags.BOXES or name in tags.FOLDED) and (
        name != "accordion" or given.first("title", "summary", "header") or given.positional
    ):
        return _opened(x, start, end, name, tags.box_of(name, given))
    elif name in tags.TABS or name in tags.TITLED:
        title = given.first("title", "header", "name", "label")
        written = text.partition(",")[0] if name == "timeline" else text
        title = x.words(title or (written.strip() if name.startswith("time") else given.words))
        x.open_tags.append((name, ""))
        return x.block(f"<p><strong>{title}</strong></p>" if title else "", start, end), end
    elif name in tags.WRAPPERS or name in tags.WORDS or name == "accordion":
        x.open_tags.append((name, ""))
        return "", end
    made = made or tags.guessed(given, whole=whole)
    if made is None:
        title = given.first("title", "header", "label", "text", "content")
        x.remark(start, f"the tag {name} is not known, or lacks an address; it is left out")
        return (x.block(titled(title), start, end) if title else ""), end
    return x.block(made, start, end), end


def _opened(
    x: Expansion, start: int, end: int, name: str, markup: tuple[str, str]
) -> tuple[str, int]:
    """Open a box that is closed later; close it at once where it is not."""
    opening, closing = markup
    if x.end_tag(name, end) is None:
        if fragment_words(opening + closing).strip().lower() in ("", name, "details"):
            x.remark(start, f"the tag {name} is never closed; it is left out")
            return "", end
        return x.block(opening + closing, start, end), end
    x.open_tags.append((name, closing))
    return x.block(opening, start, end), end


def _words(x: Expansion, name: str, text: str) -> str:
    """Return the HTML of a tag inside a line of text."""
    given, element = arguments(text), tags.WORDS[name]
    words = [word for word in given.positional if not re.fullmatch("#[0-9a-fA-F]{3,8}", word)]
    before, mark, rest = text.partition("@")
    fields = [part.strip() for part in text.split(",")]
    shown = given.first("text", "content", "title") or " ".join(words)
    if name in ("sidenote", "marginnote"):
        shown = f"({' '.join(words[1:])})" if words[1:] else ""
    elif name in ("checkbox", "radio"):
        sign = "☑" if "checked" in fields[0].split() else "☐"
        shown = f"{sign} {fields[-1]}"
    elif name == "hideinline":
        shown = fields[0]
    elif name in ("span", "p") and len(fields) > 1:
        shown = ", ".join(fields[1:])
    elif name == "label" and mark and " " not in before.strip():
        shown = rest.strip()
    elif name == "label" and len(words) > 1 and not given.quoted and " " not in words[-1]:
        shown = " ".join(words[:-1])  # a color is the last
    marked = x.words(shown.strip().strip("\"'"))
    return f"<{element}>{marked}</{element}>" if element and marked else marked


def _button(x: Expansion, end: int, name: str, text: str) -> tuple[str, int]:
    """Expand a link that looks like a button: its words are inside, or its second argument."""
    given = arguments(text)
    closing = x.end_tag(name, end)
    fields = [arguments(part).words for part in text.split(",")]
    address = given.first("href", "url", "link", "relref") or next(iter(given.positional), "")
    words = given.first("text", "title", "label", "content")
    if closing:
        inner = x.inner(x.text[end : closing[0]], end).strip()
        words, end = inner or words, closing[1]
    elif len(fields) > 1 and not words:
        words = fields[1]
    elif len(given.positional) > 1 and not words:
        words = given.positional[1]
    shown = x.words(words or address)
    if not address or address == words:
        return x.token(shown), end
    return x.token(f'<a href="{html.escape(address)}">{shown}</a>'), end


def _content(name: str, text: str, content: str) -> str:
    """Expand a tag that contains code, TeX or a comment."""
    if name in tags.FORMULAS:
        return tags.escape(content.strip())
    if name in tags.DRAWINGS:
        head = "" if "=" in text else text.strip()
        return tags.code(f"{head}\n{content.strip()}" if head else content, name)
    if name not in tags.CODE:
        return ""
    given = arguments(text)
    words = list(given.positional)
    language = given.first("lang", "language", "type")
    title = given.first("title", "caption", "filename")
    if name == "codeblock":
        address = next((word for word in words if "://" in word), "")
        title = " ".join(words)
        if address:
            before, _, after = (part.strip() for part in title.partition(address))
            linked = html.escape(after or before or address)
            shown = f'<a href="{html.escape(address)}">{linked}</a>'
            shown = f"{html.escape(before)} {shown}" if after and before else shown
            return tags.code(content, language, shown)
    elif words and not language:
        language = words[0]
    return tags.code(content, re.sub(r"[^\w+#.-]", "", language), html.escape(title))


def _assign(x: Expansion, start: int, text: str) -> None:
    value = re.fullmatch(r"\s*([\w-]+)\s*=\s*(\"[^\"]*\"|'[^']*'|[0-9.]+)\s*", text)
    if value:
        x.variables[value[1]] = value[2].strip("\"'")
    else:
        x.remark(start, "{% assign %} is not evaluated")


def _capture(x: Expansion, start: int, end: int, text: str) -> tuple[str, int]:
    """Remember the text of a variable, unless tags make it."""
    closing = x.end_tag("capture", end)
    stop, after = closing or (end, end)
    content = x.text[end:stop]
    if "{" in content or not closing:
        x.remark(start, "{% capture %} is not evaluated; it is left out")
    else:
        x.variables[text.strip()] = content.strip()
    return "", after


def _asset_link(given: tags.Arguments) -> str:
    """Return a link to a file beside the article: its name, and the words."""
    address, *words = given.positional or ("",)
    words = [word for word in words if word not in ("true", "false")]
    shown = " ".join(words) or address
    return f'<a href="{html.escape(quoted(address, safe="/:%"))}">{html.escape(shown)}</a>'


def _include(x: Expansion, start: int, end: int, text: str) -> str:
    given = arguments(text)
    file = next(iter(given.positional), "")
    named = file.rpartition("/")[2].partition(".")[0].lower()
    if (provider := given.first("provider")).lower() in tags.ELSEWHERE:
        named = provider.lower()
    for name in tags.ELSEWHERE:
        if name in named and len(name) > 1 and (made := tags.elsewhere(name, _rest(given))):
            return x.block(made, start, end)
    whole = x.alone(start, end)
    if re.search(r"fig|image|img|picture|photo", named):
        made = tags.image(_rest(given), whole=whole)
    elif re.search(r"alert|note|callout|tip|warning|important|message", named):
        words = given.first("content", "text", "message")
        opening, closing = tags.box(given.first("type") or re.sub(r"[^a-z]", "", named))
        made = f"{opening}<p>{x.words(words)}</p>{closing}" if words else None
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
    text, address = " ".join(given.positional[:at]), given.positional[at].rstrip(",")
    text = text or " ".join(given.positional[at + 1 :])
    return f'<a href="{html.escape(address)}">{html.escape(text or address)}</a>'


def _article_link(x: Expansion, start: int, given: tags.Arguments) -> str:
    """Return a link to an article of the site; its address alone where a link is written."""
    target = given.first("path", "slug", "name", "link") or next(iter(given.positional), "")
    target = given.first("href", "url") or target
    elsewhere = re.match(r"(?:https?:)?//|mailto:", target)
    address = target if elsewhere else ARTICLE_SCHEME + quoted(target)
    before = _VARIABLES.sub("", x.text[max(0, start - 200) : start])[-2:]
    if before.endswith(("(", '"', "'", "=", "<")) or before == ": " or "(" in before:
        return address
    words = " ".join(word for word in given.positional[1:] if word not in ("true", "false"))
    shown = given.first("text", "content", "title") or words or target.removeprefix("mailto:")
    shown = html.escape(shown)
    return x.token(f'<a href="{html.escape(address)}">{shown}</a>')


def _variable(x: Expansion, match: re.Match[str]) -> Result:
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
    if called := re.fullmatch(r"(\w+)\((.*)\)", text, re.DOTALL):  # Zola's shortcodes
        name, given = called[1].lower(), arguments(called[2])
        if name == "get_url" and given.first("path"):
            return given.first("path"), match.end()
        if name in _CALLED or tags.guessed(given, whole=False):
            return _tag(x, match.start(), match.end(), name, called[2])
    if not _KNOWN_OBJECTS.match(expression):
        return x.token(tags.escape(match[0])) if x.markdown else match[0], match.end()
    if not re.search(r"(?:url|baseurl|base_url|root)$", expression):
        x.remark(match.start(), f"{{{{ {expression} }}}} is not evaluated; it is left out")
    return "", match.end()


TAG_RULES: tuple[tuple[str, str, Handler], ...] = (
    ("liquid_remark", r"\{%-?\s*#", _liquid_remark),
    ("liquid", r"\{%-?\s*([\w:.-]+)", _liquid),
    ("hugo", r"\{\{[<%](\s*/(?!\*)|/\*|)\s*([\w./-]+)", _hugo),
    ("go_remark", r"\{\{-?\s*/\*(?:[^*]|\*(?!/))*+\*/\s*-?\}\}", leave_out),
    ("variable", r"\{\{(?![<%{])((?:[^{}\n]|\n(?!\s*\n)){1,2000})\}\}", _variable),
    ("remark", r"\{#(?=[\s-])(?:[^#]|#(?!\}))*#\}", leave_out),
    *SHORTCODE_RULES,
)
