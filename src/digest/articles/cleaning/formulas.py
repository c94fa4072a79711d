"""Formulas as readable text: MathML in one line, and each formula once."""

# pure
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import cast

from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.articles.cleaning.policy import elements

#: Levels of elements in a formula; what is deeper is its plain text.
_MAX_DEPTH = 60
#: Elements in a formula whose content is not its text.
_NO_TEXT = frozenset({"annotation", "annotation-xml", "mphantom", "script", "style", "-comment"})
#: Signs that are not shown: function application, invisible times, separator and plus.
_INVISIBLE = dict.fromkeys(range(0x2061, 0x2065))
_SIMPLE = re.compile(r"[\w.,∞√′'%°]*|\([^()]*\)|\|[^|]*\|")
_ACCENTS = dict(
    zip(
        "¯‾ˉ^ˆ~˜→⃗˙¨",
        "\u0304\u0304\u0304\u0302\u0302\u0303\u0303\u20d7\u20d7\u0307\u0308",
        strict=True,
    )
)
_RAISED = str.maketrans("0123456789n", "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ")
#: Marks of a formula that a script has rendered, or will render.
_RENDERED = re.compile(r"katex|MathJax|math/tex|mjx-|mwe-math")


#: Elements that formulas are in.
FORMULAS = elements("math mjx-container script span")


def replace_formulas(body: LexborNode, markup: str) -> None:
    """Replace every formula in ``body``, which was parsed from ``markup``, by its text."""
    if _RENDERED.search(markup):
        _keep_once(body)
    if "<math" in markup.lower():
        for node in body.css("math"):
            node.replace_with(formula_text(node))


def formula_text(node: LexborNode) -> str:
    """Return the text of a formula: the one that it has for readers, else that of its parts."""
    text = node.attributes.get("alttext") or ""
    return " ".join((text if text.strip() else _text(node, 0)).split())


def formula_text_of(markup: str) -> str:
    """Return the text of a formula by the markup in its ``<math>`` element."""
    parser = LexborHTMLParser(f"<!doctype html><body><math>{markup}</math>")
    body = cast("LexborNode", parser.body)
    texts = (  # an element of HTML ends the formula, and stands behind it
        formula_text(node) if node.tag == "math" else node.text()
        for node in body.iter(include_text=True)
    )
    return " ".join("".join(texts).split())


def _keep_once(body: LexborNode) -> None:
    """Remove the second form of formulas that KaTeX, MathJax or MediaWiki has rendered."""
    for node in body.css(".katex"):
        if node.css_first("math"):
            for shown in node.css(".katex-html"):
                shown.remove()
    for node in body.css(".mwe-math-element"):
        if node.css_first("math"):
            for shown in node.css("img"):
                shown.remove()
    for node in body.css(".MathJax_Preview"):
        node.remove()
    for node in body.css("mjx-container, .MathJax, .MathJax_SVG, .MathJax_CHTML, .mjx-chtml"):
        math, source = node.css_first("math"), _source_behind(node)
        source_text = "" if math is not None or source is not None else _told(node)
        if math is not None or source_text:
            node.replace_with(formula_text(math) if math is not None else source_text)
            if source is not None:
                source.remove()
        elif source is not None:
            node.remove()
    for node in body.css("script[type^='math/tex']"):
        node.replace_with(tex_source(node.attributes.get("type") or "", node.text()))


def _told(node: LexborNode) -> str:
    """Return the text of a formula that MathJax has drawn: its TeX, or its words for readers."""
    for name in ("data-latex", "aria-label"):
        holder = node if node.attributes.get(name) else node.css_first(f"[{name}]")
        if holder is not None and (text := (holder.attributes.get(name) or "").strip()):
            return f"${text}$" if name == "data-latex" else text
    return ""


def tex_source(kind: str, source: str) -> str:
    """Return the TeX of a MathJax script between its signs."""
    sign = "$$" if "display" in kind else "$"
    return f"{sign}{source.strip()}{sign}"


def _source_behind(node: LexborNode) -> LexborNode | None:
    """Return the MathJax script that follows, perhaps behind the wrapper of a display formula."""
    after = node.next or (node.parent.next if node.parent is not None else None)
    if after is not None and "math/tex" in (after.attributes.get("type") or ""):
        return after
    return None


def _text(node: LexborNode, depth: int) -> str:
    tag = node.tag or ""
    if node.is_text_node:
        return " ".join((node.text_content or "").split()).translate(_INVISIBLE)
    if depth > _MAX_DEPTH:
        return node.text()
    if tag == "mspace":
        return " "
    if tag in ("mtext", "ms"):
        return f" {' '.join(node.text().split())} "
    parts = [_text(child, depth + 1) for child in _shown(node)]
    form = _FORMS.get(tag)
    if form is None:
        return _joined(parts, [child.tag or "" for child in _shown(node)])
    return form([part.strip() for part in parts])


def _shown(node: LexborNode) -> Iterator[LexborNode]:
    """Yield what is shown of the parts of a formula."""
    for child in node.iter(include_text=True):
        if child.tag not in _NO_TEXT and not (child.is_text_node and not child.text().strip()):
            yield child


def _joined(parts: list[str], tags: list[str]) -> str:
    """Return parts in a row; a blank keeps a number from a fraction behind it: 1 1/2 cups."""
    text = ""
    for part, tag in zip(parts, tags, strict=True):
        text += f" {part}" if tag == "mfrac" and text[-1:].isdigit() else part
    return text


def _part(text: str) -> str:
    """Return a part of a formula, in brackets if it has several signs."""
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def _fraction(parts: list[str]) -> str:
    return "/".join(map(_part, parts))


def _root(parts: list[str]) -> str:
    index = parts[1].translate(_RAISED) if len(parts) > 1 else ""
    return f"{index}√{_part(parts[0])}" if parts else ""


def _power(parts: list[str]) -> str:
    if len(parts) > 1 and not parts[1].strip("′″‴'*"):
        return parts[0] + parts[1]
    return "^".join([*map(_base, parts[:1]), *map(_part, parts[1:])])


def _index(parts: list[str]) -> str:
    return "_".join([*map(_base, parts[:1]), *map(_part, parts[1:])])


def _both(parts: list[str]) -> str:
    return "^".join([_index(parts[:2]), *map(_part, parts[2:])])


def _over(parts: list[str]) -> str:
    if len(parts) > 1 and parts[1] in _ACCENTS and len(parts[0]) == 1:
        return parts[0] + _ACCENTS[parts[1]]
    return _power(parts)


def _base(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+(?:_\w+|_\([^()]*\))?|\S|\([^()]*\)", text) else f"({text})"


_FORMS: dict[str, Callable[[list[str]], str]] = {
    "mfrac": _fraction,
    "msqrt": lambda parts: _root(["".join(parts)]),
    "mroot": _root,
    "msup": _power,
    "msub": _index,
    "munder": _index,
    "mover": _over,
    "msubsup": _both,
    "munderover": _both,
    "mtable": "; ".join,
    "mtr": ", ".join,
    "mlabeledtr": ", ".join,
    "mfenced": lambda parts: f"({', '.join(parts)})",
}
