"""The style of mails: accent colour, fonts and logo, and what follows from them."""

# pure
from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from typing import Literal

#: Of normal text, level AA (WCAG 2.2, 1.4.3).
LEAST_CONTRAST = 4.5
#: Behind the text of the shipped themes, in light and dark mode.
PAPER, DARK_PAPER = "#ffffff", "#1f1e1c"
#: On buttons whose colour is too light for white words.
_INK = "#1d1d1b"
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\b", re.IGNORECASE)
#: Of lightness, between two colours that are tried for dark mode.
_STEP = 0.02

Colour = tuple[int, int, int]
#: ``mixed``: headings with serifs over text without; the other two: all of one kind.
Font = Literal["mixed", "sans", "serif"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailStyle:
    """The operator's choices for the look of mails."""

    accent: str = "#b3261e"  #: ``#rrggbb``, of links, buttons and rules
    font: Font = "mixed"
    logo: str = ""  #: absolute http(s), above the digest's title; empty for none
    logo_width: int = 160  #: CSS pixels

    @property
    def contrast(self) -> float:
        """The contrast of the accent to what is behind it in light mode."""
        return contrast(_rgb(self.accent), _rgb(PAPER))

    @property
    def button_ink(self) -> str:
        """The colour of words on a button, white where that can be read."""
        return PAPER if self.contrast >= LEAST_CONTRAST else _INK

    @property
    def dark_accent(self) -> str:
        """The accent as light as dark mode needs it, in the same hue."""
        hue, lightness, saturation = colorsys.rgb_to_hls(
            *(part / 255 for part in _rgb(self.accent))
        )
        while True:
            red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
            made = round(red * 255), round(green * 255), round(blue * 255)
            if contrast(made, _rgb(DARK_PAPER)) >= LEAST_CONTRAST + 1:
                return "#{:02x}{:02x}{:02x}".format(*made)
            lightness = min(1.0, lightness + _STEP)


def colour(text: str) -> Colour | None:
    """Return the first colour in a text that is written as ``#rgb`` or ``#rrggbb``."""
    match = _HEX.search(text)
    if match is None:
        return None
    digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
    red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4))
    return red, green, blue


def contrast(ink: Colour, paper: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(ink), _luminance(paper)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _rgb(text: str) -> Colour:
    return colour(text) or (0, 0, 0)


def _luminance(colour: Colour) -> float:
    parts = (channel / 255 for channel in colour)
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
