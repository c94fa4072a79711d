"""Expand the shortcodes of WordPress and its plugins, and tags of BBCode."""

# pure
from __future__ import annotations

import html
import re

from digest.articles.characters import publishable_markup
from digest.articles.cleaning.policy import elements
from digest.articles.reading import generator_tags as tags
from digest.articles.reading.expansion import (
    Expansion,
    Handler,
    Result,
    fragment_words,
    leave_out,
    titled,
)
from digest.articles.reading.generator_tags import arguments

_PLAYERS = sorted(tags.ELSEWHERE.keys() - {"github", "gitlab", "x"}, key=len, reverse=True)
_SHORTCODES = "|".join(
    ("caption|gallery|embed|video|audio|playlist|code|sourcecode|wp_caption", *_PLAYERS)
)
#: Shortcodes of SyntaxHighlighter and Crayon, named by the language of what they hold.
_LANGUAGES = elements(
    "bash c cpp crayon csharp css go html java javascript js objc perl php plain python ruby "
    "rust scala shell sql swift typescript xml yaml"
)
#: Arguments that are no words of a sentence in brackets: an address, a name, an identifier.
_TELLING = re.compile(r"https?:|\w=|^\s+(?=\S*[0-9])[\w-]{5,}\s*$")
#: A Markdown definition of a link whose label looks like a shortcode.
_LABEL = re.compile(
    rf"^ {{0,3}}\[(?:{_SHORTCODES})(?:[ \t][^\]\n]*)?\]:[ \t]+(?:[<./#]|https?:)",
    re.IGNORECASE | re.MULTILINE,
)
#: What plugins begin the names of their shortcodes with.
_PREFIX = re.compile(r"(?:su|vc|et_pb|fusion|av|tie|td|wpb|wpsm|ux|nectar|bs|sc)_")


def _shortcode(x: Expansion, match: re.Match[str]) -> Result:
    """Expand a shortcode of WordPress."""
    name, given = match[1].lower(), arguments(match[2])
    if x.markdown and not given.named and x.last(_LABEL) >= 0:
        return None
    end = re.compile(rf"\[/?{name}[\s\]]", re.IGNORECASE).search(x.text, match.end())
    if end and end[0][1] != "/":  # of another one
        end = None
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
            r"\s*((?:<a\b[^>]*>\s*)?<img\b[^>]*>(?:\s*</a>)?|!\[[^\]]*\]\(\s*[^\s)][^)]*\))",
            content,
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
        made = f"<figure>{shown}<figcaption>{x.words(fragment_words(text))}</figcaption></figure>"
    elif name == "embed":
        address = (content.strip() or given.first("src", "url") or given.words).strip()
        made = tags.frame(address) if address else None
    elif name in ("audio", "video"):
        made = tags.media(name, given)
    elif end or _TELLING.search(match[2]):
        made = tags.elsewhere(
            name, tags.Arguments(named=given.named, positional=(content or given.words,))
        )
    if made is None:
        if name in tags.ELSEWHERE:
            return None
        x.remark(start, f"the shortcode {name} is left out")
        return "", match.end()
    return x.block(made, start, stop), stop


def _other(x: Expansion, match: re.Match[str]) -> Result:
    """Expand the shortcode of a plugin: one that is closed, or has an argument with a name."""
    name, given = match[1].lower(), arguments(match[2].removesuffix("/"))
    start, end = match.span()
    kind, key = _PREFIX.sub("", name), f"[{name}"
    closing = re.compile(rf"\[/{re.escape(match[1])}\]")
    if end > x.last(closing):
        if not given.named:
            return None
        video = kind in tags.ELSEWHERE and tags.elsewhere(kind, given)
        made = video or tags.guessed(given, whole=x.alone(start, end))
        if not made:
            x.remark(start, f"the shortcode {name} is left out")
        return x.block(made or "", start, end), end
    if name in _LANGUAGES and not given.first("rt") and (stop := closing.search(x.text, end)):
        content = x.text[end : stop.start()]
        content = content if x.markdown else html.unescape(publishable_markup(content))
        language = given.first("lang", "language") or kind
        return x.block(tags.code(content, language), start, stop.end()), stop.end()
    address = given.first("url", "href", "link")
    opening, ending = "", ""
    if address:
        opening, ending = f'<a href="{html.escape(address)}">', "</a>"
    elif kind in tags.QUOTATIONS:
        opening, ending = tags.quotation(kind, match[2])
    elif kind in tags.FOLDED or kind in tags.BOXES:
        opening, ending = tags.box_of(kind, given)
    elif title := given.first("title", "heading", "header"):
        opening = titled(title)
    if key not in x.variables and not (ending or opening):
        x.variables[key] = ""
        x.remark(start, f"the shortcode {name} is not known; what it holds stays")
    x.open_tags.append((key, ending))
    return x.block(opening, start, end) if opening else "", end


def _other_end(x: Expansion, match: re.Match[str]) -> Result:
    key = f"[{match[1].lower()}"
    if not any(name == key for name, _ in x.open_tags):
        return None
    return x.block(x.close(key), match.start(), match.end()), match.end()


SHORTCODE_RULES: tuple[tuple[str, str, Handler], ...] = (
    ("shortcode", rf"(?i:\[({_SHORTCODES})((?:\s[^\]\n]*)?)\](?!\(|\[(?!/)))", _shortcode),
    ("shortcode_contents", r"(?i:\[(?:ez-)?toc\])(?!\()", leave_out),
    ("shortcode_end", rf"(?i:\[/(?:{_SHORTCODES})\])", leave_out),
    (
        "other_shortcode",
        r"(?<![\w\[!\\])\[([a-zA-Z][a-zA-Z0-9_-]{1,40})((?:[ \t][^\]\[<>\n]{0,1000})?)\](?![(:])",
        _other,
    ),
    ("other_shortcode_end", r"\[/([a-zA-Z][a-zA-Z0-9_-]{1,40})\]", _other_end),
)
