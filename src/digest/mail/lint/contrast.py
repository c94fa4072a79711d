"""Contrast: which words of a mail stand out too little from what is behind them (WCAG 1.4.3)."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.mail.style import LEAST_CONTRAST, Colour, colour, contrast

_RULE = re.compile(r"(?<![^{}])([^{}]++)\{([^{}]*)\}")
_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{((?:[^{}]*\{[^{}]*\})*)")
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)

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
        if not hidden and (ink, paper) not in seen and contrast(ink, paper) < LEAST_CONTRAST:
            seen.add((ink, paper))
            yield words, contrast(ink, paper)


def _colours(node: LexborNode, overrides: Mapping[int, _Style]) -> tuple[Colour, Colour, bool]:
    """Return the colours of a node's text and background, and whether it is hidden."""
    ink: Colour | None = None
    paper: Colour | None = None
    hidden = False
    above: LexborNode | None = node
    while above is not None and not (ink and paper):
        style = {**_declared(above.attributes.get("style") or "")}
        style.update(overrides.get(above.mem_id, {}))
        hidden = hidden or style.get("display", "").startswith("none")
        ink = ink or colour(style.get("color", ""))
        paper = (
            paper
            or colour(style.get("background-color", ""))
            or colour(style.get("background", ""))
        )
        above = above.parent
    return ink or _BLACK, paper or _WHITE, hidden


def _dark_styles(page: LexborHTMLParser) -> Mapping[int, _Style]:
    """Return the styles of dark mode, by node; later rules win, as all of them are important."""
    styles: dict[int, dict[str, str]] = {}
    for sheet in page.css("style"):
        for block in _DARK.findall(sheet.text()):
            for selectors, body in _RULE.findall(block):
                for node in page.css(selectors.strip()):
                    styles.setdefault(node.mem_id, {}).update(_declared(body))
    return styles


def _declared(style: str) -> dict[str, str]:
    pairs = (declaration.partition(":") for declaration in style.split(";"))
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}
