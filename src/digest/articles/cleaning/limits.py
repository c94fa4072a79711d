"""Limits on the nesting of markup, which bound the time of every parser after this.

An HTML parser takes quadratic time in the depth of elements, and reopens formatting elements that
are never closed, so that a few kilobytes can become gigabytes. Small files pass unchanged. Large
ones are rewritten: every element is closed in order, and none nests too deep.
"""

# pure
from __future__ import annotations

import html
import re
from collections import Counter

from digest.articles.cleaning.formulas import formula_text_of, tex_source
from digest.articles.cleaning.policy import VOID, elements

#: Markup with at most this many ``<`` and characters passes unchanged; the worst takes 50 ms.
SMALL_TAGS, SMALL_LENGTH = 512, 65_536
#: Levels of elements; deeper ones lose their tags, not their text.
MAX_DEPTH = 100
#: Attributes of one element, counted only where they have more than so many characters.
MAX_ATTRIBUTES, _LONG_TAG = 128, 2_048

#: Comments and tags as the tokenizer reads them (HTML section 13.2.5): quotes count in values only.
_ATTRIBUTE = (
    r"""[ \t\n\f\r/]*+[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+"""
    r"""(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+"""
    r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\f\r>"'][^ \t\n\f\r>]*+|(?=>)))?+"""
)
TOKEN = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|</(?P<end>[a-zA-Z][^ \t\n\f\r/>]*+)[^>]*+(?:>|\Z)"
    rf"|<(?P<start>[a-zA-Z][^ \t\n\f\r/>]*+)(?P<attributes>(?:{_ATTRIBUTE})*+)"
    r"[ \t\n\f\r/]*+(?P<close>>|\Z)"
    r"|<[!?/][^>]*+(?:>|\Z)",
    re.DOTALL,
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
#: Elements whose content is raw text or foreign markup; none is ever published.
_OPAQUE = elements(
    "iframe math noembed noframes plaintext script style svg template textarea title xmp"
)
#: Opaque elements that tidying replaces by a link or a text.
_REPLACED = frozenset({"iframe", "math"})
#: Characters of the markup of a formula that is read part by part.
_LARGE_FORMULA = 8_192
_CELLS = frozenset({"td", "th", "caption"})
_PARAGRAPH_ENDERS = elements(
    "address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr li listing main menu nav ol p pre "
    "search section summary table ul"
)
#: What a start tag closes, and where the search for it ends (HTML section 13.2.6.4.7).
_CLOSES = {
    "li": ({"li"}, {"ul", "ol", "table"} | _CELLS),
    "dt": ({"dt", "dd"}, {"dl", "table"} | _CELLS),
    "dd": ({"dt", "dd"}, {"dl", "table"} | _CELLS),
    "a": ({"a"}, {"table"} | _CELLS),
    "option": ({"option"}, {"select"}),
    "td": ({"td", "th"}, {"table"}),
    "th": ({"td", "th"}, {"table"}),
    "tr": ({"tr"}, {"table"}),
    "tbody": ({"tbody", "thead", "tfoot"}, {"table"}),
    "thead": ({"tbody", "thead", "tfoot"}, {"table"}),
    "tfoot": ({"tbody", "thead", "tfoot"}, {"table"}),
}
_TABLE_PARTS = frozenset({"table", "tbody", "thead", "tfoot", "tr"}) | _CELLS


def bounded(markup: str) -> str:
    """Return ``markup`` with its nesting bounded if it is large, in linear time.

    Large markup also loses comments, scripts, styles and drawings; frames become empty and
    formulas become text.
    """
    if len(markup) <= SMALL_LENGTH and markup.count("<") <= SMALL_TAGS:
        return markup
    return _Rewriter().rewrite(markup)


class _Rewriter:
    """One pass over the tokens of markup, with a stack of open elements."""

    def __init__(self) -> None:
        self.output: list[str] = []
        self.open: list[str] = []
        self.counts: Counter[str] = Counter()  #: open elements by name
        self.skipped: Counter[str] = Counter()  #: start tags dropped for their depth

    def rewrite(self, markup: str) -> str:
        position = 0
        while token := TOKEN.search(markup, position):
            self.output.append(markup[position : token.start()])
            position = token.end()
            if token["end"]:
                self._end(token["end"].lower())
            elif token["start"] and token["close"]:
                name = token["start"].lower()
                if name in _OPAQUE:
                    end = _end_of(name, markup, position)
                    if name == "script" and "math/tex" in token["attributes"]:
                        source = re.sub(
                            r"</script[^>]*>\Z", "", markup[position:end], flags=re.IGNORECASE
                        )
                        self.output.append(html.escape(tex_source(token["attributes"], source)))
                    elif name in _REPLACED or (name == "script" and "src" in token["attributes"]):
                        self._write_opaque(name, token, markup[position:end])
                    position = end
                else:
                    self._start(name, token)
        self.output.append(markup[position:])
        self._close_down_to(0)
        return "".join(self.output)

    def _start(self, name: str, token: re.Match[str]) -> None:
        if name in _PARAGRAPH_ENDERS:
            self._close({"p"}, {"table", "button"} | _CELLS)
        if name in _CLOSES:
            self._close(*_CLOSES[name])
        if name not in VOID:
            if len(self.open) >= MAX_DEPTH:
                self.skipped[name] += 1
                return
            self.open.append(name)
            self.counts[name] += 1
        self.output.append(token[0] if _modest(token) else f"<{name}>")

    def _write_opaque(self, name: str, token: re.Match[str], content: str) -> None:
        """Write an opaque element without markup inside."""
        text = _formula(content) if name == "math" else ""
        self.output.append(f"{token[0] if _modest(token) else f'<{name}>'}{text}</{name}>")

    def _end(self, name: str) -> None:
        if self.skipped[name]:
            self.skipped[name] -= 1
        else:
            self._close({name}, {"table"} if name in _TABLE_PARTS else {"table"} | _CELLS)

    def _close(self, names: set[str], barriers: set[str] | frozenset[str]) -> None:
        """Close the innermost open element of these names, unless a barrier is in between."""
        if not any(self.counts[name] for name in names):
            return
        index = len(self.open) - 1
        while self.open[index] not in names:
            if self.open[index] in barriers:
                return
            index -= 1
        self._close_down_to(index)

    def _close_down_to(self, index: int) -> None:
        while len(self.open) > index:
            name = self.open.pop()
            self.counts[name] -= 1
            self.output.append(f"</{name}>")


def _modest(token: re.Match[str]) -> bool:
    attributes: str = token["attributes"]
    if len(attributes) <= _LONG_TAG:
        return True
    return sum(1 for _ in _ATTRIBUTES.finditer(attributes)) <= MAX_ATTRIBUTES


def _formula(content: str) -> str:
    """Return the text of a formula as HTML; its parts in one line where it is too large to read."""
    if len(content) <= _LARGE_FORMULA:
        return html.escape(formula_text_of(content), quote=False)
    return html.escape(" ".join(TOKEN.sub(" ", content).split()), quote=False)


def _end_of(name: str, markup: str, position: int) -> int:
    """Return the end of the element ``name`` whose content begins at ``position``."""
    end = re.compile(rf"</{name}(?=[ \t\n\f\r/>])[^>]*+(?:>|\Z)", re.IGNORECASE).search(
        markup, position
    )
    return end.end() if end and name != "plaintext" else len(markup)
