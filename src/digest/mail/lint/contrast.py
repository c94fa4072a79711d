"""Contrast: which words of a mail stand out too little from what is behind them (WCAG 1.4.3)."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode

#: Of normal text, level AA.
LEAST = 4.5

_RULE = re.compile(r"(?<![^{}])([^{}]++)\{([^{}]*)\}")
_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{((?:[^{}]*\{[^{}]*\})*)")
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\b", re.IGNORECASE)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)

_Colour = tuple[int, int, int]
_Style = Mapping[str, str]


def poor(page: LexborHTMLParser, *, dark: bool) -> Iterator[tuple[str, float]]:
    """Yield texts with too little contrast, each kind once, with the ratio.

    Colours count where they are written as ``#rgb`` or ``#rrggbb``; what is hidden does not.
    """
    overrides = _dark_styles(page) if dark else {}
    seen = set()
    for node in page.body.traverse() if page.body else ():
        words = node.text(deep=False).strip()
        if not words or node.tag in ("style", "script"):
            continue
        ink, paper, hidden = _colours(node, overrides)
        if not hidden and (ink, paper) not in seen and contrast(ink, paper) < LEAST:
            seen.add((ink, paper))
            yield words, contrast(ink, paper)


def contrast(ink: _Colour, paper: _Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(ink), _luminance(paper)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: _Colour) -> float:
    parts = (channel / 255 for channel in colour)
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colours(node: LexborNode, overrides: Mapping[int, _Style]) -> tuple[_Colour, _Colour, bool]:
    """Return what a node's words are written in and on, and whether they are hidden."""
    ink: _Colour | None = None
    paper: _Colour | None = None
    hidden = False
    above: LexborNode | None = node
    while above is not None and not (ink and paper):
        style = {**_declared(above.attributes.get("style") or "")}
        style.update(overrides.get(above.mem_id, {}))
        hidden = hidden or style.get("display", "").startswith("none")
        ink = ink or _colour(style.get("color"))
        paper = paper or _colour(style.get("background-color")) or _colour(style.get("background"))
        above = above.parent
    return ink or _BLACK, paper or _WHITE, hidden


def _dark_styles(page: LexborHTMLParser) -> Mapping[int, _Style]:
    """Return what dark mode sets, by node; later rules win, as all of them are important."""
    found: dict[int, dict[str, str]] = {}
    for sheet in page.css("style"):
        for block in _DARK.findall(sheet.text()):
            for selectors, body in _RULE.findall(block):
                for node in page.css(selectors.strip()):
                    found.setdefault(node.mem_id, {}).update(_declared(body))
    return found


def _declared(style: str) -> dict[str, str]:
    pairs = (declaration.partition(":") for declaration in style.split(";"))
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _colour(value: str | None) -> _Colour | None:
    found = _HEX.search(value or "")
    if found is None:
        return None
    digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
    red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4))
    return red, green, blue
