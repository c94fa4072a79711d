"""Expand the tags of Hexo, Jekyll, Hugo and WordPress by the tables of ``generator_tags``."""

# pure
from __future__ import annotations

import html
import re

from digest.articles.characters import publishable_markup
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

_SHORTCODES = "caption|gallery|embed|video|audio|playlist|youtube|vimeo|code|sourcecode|wp_caption"
_KNOWN_OBJECTS = re.compile(
    r"(?:site|page|post|layout|include|forloop|paginator|content|config|theme|jekyll|url_for|"
    r"asset_path|baseurl|toc|base_url|partial|date|relative_url|absolute_url)\b"
)
#: Tags that Zola writes as calls.
_CALLED = tags.IMAGES | tags.ELSEWHERE.keys() | tags.MEDIA.keys() | tags.FRAMES
_CONDITIONS = {"if", "unless", "case", "elsif", "else", "when", "ifchanged", "with", "block"}


def _liquid(x: Expansion, match: re.Match[str]) -> Result:
    start, name = match.start(), match[1].lower()
    stop = x.find("%}", match.end())
    if stop < 0:
        return None
    text, end = x.text[match.end() : stop].removesuffix("-"), stop + 2
    if re.fullmatch(r"\s*\(.*\)\s*", text, re.DOTALL):  # Zola's arguments
        text = text.strip()[1:-1]
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
        return x.block(titled(title) if title else "", start, end), end
    elif name in tags.WRAPPERS:
        x.open_tags.append((name, ""))
        return "", end
    made = made or tags.guessed(given, whole=whole)
    if made is None:
        x.remark(start, f"the tag {name} is not known, or lacks an address; it is left out")
        return "", end
    return x.block(made, start, end), end


def _content(name: str, text: str, content: str) -> str:
    """Expand a tag that contains code, TeX or a comment."""
    if name in tags.FORMULAS:
        return tags.escape(content.strip())
    if name not in tags.CODE:
        return ""
    given = arguments(text)
    words = list(given.positional)
    language = given.first("lang", "language", "type")
    for word in [word for word in words if re.fullmatch(r"[\w-]+:(?!//)\S*", word)]:
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
    address = ARTICLE_SCHEME + quoted(target)
    before = x.text[max(0, start - 2) : start]
    if before.endswith(("(", '"', "'", "=", "<")) or before == ": " or "(" in before:
        return address
    words = " ".join(word for word in given.positional[1:] if word not in ("true", "false"))
    shown = html.escape(given.first("text", "title") or words or target)
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


def _shortcode(x: Expansion, match: re.Match[str]) -> Result:
    """Expand a shortcode of WordPress."""
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
        made = (
            f"<figure>{shown}<figcaption>{html.escape(fragment_words(text))}</figcaption></figure>"
        )
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


TAG_RULES: tuple[tuple[str, str, Handler], ...] = (
    ("liquid", r"\{%-?\s*([\w:.-]+)", _liquid),
    ("hugo", r"\{\{[<%](\s*/(?!\*)|/\*|)\s*([\w./-]+)", _hugo),
    ("variable", r"\{\{(?![<%{])((?:[^{}\n]|\n(?!\s*\n)){1,2000})\}\}", _variable),
    ("remark", r"\{#(?=[\s-])(?:[^#]|#(?!\}))*#\}", leave_out),
    ("shortcode", rf"(?i:\[({_SHORTCODES})((?:\s[^\]\n]*)?)\](?!\(|\[(?!/)))", _shortcode),
    ("shortcode_end", rf"(?i:\[/(?:{_SHORTCODES})\])", leave_out),
)
