"""Nesting: bounds on markup, so that no file can keep a parser busy for minutes.

Parsing HTML takes quadratic time in the depth of its elements, and elements that are never closed
multiply; a few kilobytes can then ask for gigabytes. Small files cannot do harm and pass as they
are. Large ones are written again with every element closed in order and none too deep.
"""

# pure
from __future__ import annotations

import re
from collections import Counter

from digest.articles.cleaning.policy import VOID, elements

#: Markup with at most this many ``<`` and characters passes as it is: its worst costs 50 ms.
SMALL_TAGS, SMALL_LENGTH = 512, 65_536
#: Elements inside each other; deeper ones lose their tags, not their text.
MAX_DEPTH = 100
#: Attributes of one element, checked where its tag has more than so many characters.
MAX_ATTRIBUTES, _LONG_TAG = 128, 2_048

# HTML section 13.2.5: what the tokenizer takes for a comment or a tag; quotes only count in values.
_ATTRIBUTE = (
    r"""[ \t\n\f\r/]*+[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+"""
    r"""(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+"""
    r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\f\r>"'][^ \t\n\f\r>]*+|(?=>)))?+"""
)
_TOKEN = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|</(?P<end>[a-zA-Z][^ \t\n\f\r/>]*+)[^>]*+(?:>|\Z)"
    rf"|<(?P<start>[a-zA-Z][^ \t\n\f\r/>]*+)(?P<attributes>(?:{_ATTRIBUTE})*+)"
    r"[ \t\n\f\r/]*+(?P<close>>|\Z)"
    r"|<[!?/][^>]*+(?:>|\Z)",
    re.DOTALL,
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
#: Elements whose content is no markup, or follows rules of its own; none is ever published.
_OPAQUE = elements(
    "iframe math noembed noframes plaintext script style svg template textarea title xmp"
)
#: Those of which something is told instead: where a frame leads, what a formula says.
_TOLD = frozenset({"iframe", "math"})
#: What is in a formula and none of its text.
_NO_FORMULA = frozenset({"annotation", "annotation-xml", "script", "style"})
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
    """Return ``markup``, or where it is large, the same with its nesting bounded.

    Then comments and elements that hold no markup (scripts, styles, drawings) are gone too; frames
    are empty and formulas are their text.
    Takes linear time.
    """
    if len(markup) <= SMALL_LENGTH and markup.count("<") <= SMALL_TAGS:
        return markup
    return _Rewriter().rewrite(markup)


class _Rewriter:
    """One pass over the tokens of some markup, with the elements that are open."""

    def __init__(self) -> None:
        self.output: list[str] = []
        self.open: list[str] = []
        self.counts: Counter[str] = Counter()  #: of the open ones, so that most searches end early
        self.skipped: Counter[str] = Counter()  #: start tags dropped for their depth

    def rewrite(self, markup: str) -> str:
        position = 0
        while token := _TOKEN.search(markup, position):
            self.output.append(markup[position : token.start()])
            position = token.end()
            if token["end"]:
                self._end(token["end"].lower())
            elif token["start"] and token["close"]:
                name = token["start"].lower()
                if name in _OPAQUE:
                    end = _end_of(name, markup, position)
                    if name in _TOLD:
                        self._tell(name, token, markup[position:end])
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

    def _tell(self, name: str, token: re.Match[str], content: str) -> None:
        """Write an opaque element without the markup in it."""
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
    """Return the text of a formula, its parts apart: they must not run together and be a tag."""
    parts = []
    position = 0
    while token := _TOKEN.search(content, position):
        parts.append(content[position : token.start()])
        position = token.end()
        name = (token["start"] or "").lower()
        if name in _NO_FORMULA:
            position = _end_of(name, content, position)
    parts.append(content[position:])
    return " ".join(parts).strip()


def _end_of(name: str, markup: str, position: int) -> int:
    """Return where the element ``name``, opened before ``position``, ends."""
    end = re.compile(rf"</{name}(?=[ \t\n\f\r/>])[^>]*>", re.IGNORECASE).search(markup, position)
    return end.end() if end and name != "plaintext" else len(markup)
