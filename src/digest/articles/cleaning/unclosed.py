"""Elements that are never closed, made harmless before a parser reads the markup.

An HTML parser takes everything behind an unclosed ``<script>``, ``<iframe />`` or ``<!--`` for its
content. Authors write such tags when they name an element in a sentence, or close it as in XML.
"""

# pure
from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from digest.articles.cleaning.limits import TOKEN
from digest.articles.cleaning.policy import DROPPED, TAGS, VOID, elements

#: Elements whose content is text for the parser (HTML section 13.1.2).
RAW_TEXT = elements("iframe noembed noframes plaintext script style textarea title xmp")
#: Elements whose end tag is optional, or whose start tag a fragment's parser ignores.
_OPTIONAL = elements("frameset head optgroup option")
#: Elements outside the policy that do no harm where they are open.
_HARMLESS = (TAGS | VOID | _OPTIONAL) | elements(
    "acronym big blink body center content dialog dir element fieldset font form hgroup html "
    "image isindex label legend listing marquee menu menuitem multicol nobr picture portal rb rtc "
    "search slot spacer span"
)
#: Elements that hide their content: all that the policy removes together with it.
HIDING = (DROPPED | RAW_TEXT) - VOID - _OPTIONAL
#: Elements with foreign content, in which a tag may close itself.
_FOREIGN = frozenset({"math", "svg"})
_START = re.compile(r"<([a-zA-Z][^ \t\n\f\r/>]*)")
#: A section of XML, whose content is text there; crawlers leave them around HTML.
_SECTION = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_OPEN_INSTRUCTION = re.compile(r"<([?!])(?!--|-?>)(?=[^<>]*+(?:<|\Z))")
_ADDRESS = re.compile(r"\s(?:data|(?:data-)?src)\s*=", re.IGNORECASE)


@lru_cache(maxsize=1)  # reading and tidying ask for those of one body in turn
def tag_names(markup: str) -> Mapping[str, str]:
    """Return the names of the start tags in ``markup`` in lower case, by their spellings."""
    return {name: name.lower() for name in set(_START.findall(markup))}


def close_elements(markup: str) -> str:
    """Return ``markup`` in which no element or comment is left open that would hide the rest.

    Such an element is closed at once if it is written as closed (``<video … />``) or has
    attributes; otherwise its tag becomes text. So does the tag of an element that HTML does not
    know, unless it is closed later. Takes linear time.
    """
    end = max(markup.rfind("-->"), markup.rfind("--!>"), -3) + 3
    if (start := markup.find("<!--", end)) >= 0:
        markup = markup[:start] + markup[start:].replace("<!--", "&lt;!--")
    if "<!" in markup or "<?" in markup:
        markup = _without_open_instructions(_without_sections(markup))
    if not any(
        _may_be_open(markup, spelling)
        for spelling, name in tag_names(markup).items()
        if name not in _HARMLESS
    ):
        return markup
    unclosed = _unclosed(markup)
    output: list[str] = []
    position = 0
    for start, end, name in unclosed:
        tag = markup[start:end]
        output.append(markup[position:start])
        position = end
        if name in HIDING and _keeps_tag(name, tag):
            output.append(f"{tag.removesuffix('/>').removesuffix('>').rstrip()}></{name}>")
        else:
            output.append("&lt;" + tag[1:])
    return "".join([*output, markup[position:]])


def _without_sections(markup: str) -> str:
    """Return markup with the content of its CDATA sections, which only XML has, in their place.

    Sections without a tag in them go as they do in browsers.
    """
    end = markup.rfind("]]>") + 3
    if end < 3 or "<![CDATA[" not in markup:
        return markup
    return (
        _SECTION.sub(lambda section: section[1] if "<" in section[1] else "", markup[:end])
        + markup[end:]
    )


def _without_open_instructions(markup: str) -> str:
    """Return markup in which ``<?`` and ``<!`` are text where another tag follows before they end.

    A parser takes all up to the end of that tag for a comment.
    """
    last = markup.rfind("?>")

    def text(mark: re.Match[str]) -> str:
        closed = mark[1] == "?" and mark.start() < last
        return mark[0] if closed else f"&lt;{mark[1]}"

    return _OPEN_INSTRUCTION.sub(text, markup)


def _keeps_tag(name: str, tag: str) -> bool:
    if tag.endswith("/>"):
        return name != "plaintext"
    if name in RAW_TEXT:
        return name == "iframe" and _ADDRESS.search(tag) is not None
    return len(tag) > len(name) + 2


def _may_be_open(markup: str, name: str) -> bool:
    """Return whether an element may lack its end tag, where both are spelled alike."""
    start, end = f"<{name}", f"</{name}"
    return (
        name.lower() == "plaintext"
        or markup.count(start) > markup.count(end)
        or markup.rfind(start) > markup.rfind(end)
    )


def _unclosed(markup: str) -> list[tuple[int, int, str]]:
    """Return start, end and name of each tag whose element is hidden or unknown and not closed."""
    unclosed: list[tuple[int, int, str]] = []
    open_tags: dict[str, list[tuple[int, int, str]]] = {}
    last_ends = {
        match[1].lower(): match.start() for match in re.finditer(r"</([a-zA-Z][^\s/>]*)", markup)
    }
    position = 0
    while token := TOKEN.search(markup, position):
        position = token.end()
        if token["end"]:
            if tags := open_tags.get(token["end"].lower()):
                tags.pop()
            continue
        name = (token["start"] or "").lower()
        if not name or not token["close"] or name in _HARMLESS:
            continue
        tag = (token.start(), token.end(), name)
        closed = last_ends.get(name, -1) >= position
        if name not in HIDING:
            if not token[0].endswith("/>") and ":" not in name:  # ``<o:p>`` is Word's
                open_tags.setdefault(name, []).append(tag)
        elif token[0].endswith("/>") or not closed or name == "plaintext":
            unclosed.append(tag)
        elif name in RAW_TEXT or name in _FOREIGN:
            position = _end_tag(name, markup, position)
        else:
            open_tags.setdefault(name, []).append(tag)
    return sorted(unclosed + [tag for tags in open_tags.values() for tag in tags])


def _end_tag(name: str, markup: str, position: int) -> int:
    """Return the end of the end tag of ``name`` behind ``position``, which there is."""
    end = re.compile(rf"</{re.escape(name)}(?=[\s/>]|\Z)[^>]*>?", re.IGNORECASE).search(
        markup, position
    )
    return end.end() if end else position
