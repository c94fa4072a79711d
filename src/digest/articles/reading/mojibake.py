"""Legibility: whether decoded text is one that people wrote, or bytes in the wrong encoding."""

# pure
from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

#: Where the everyday ideographs of each standard are, by the first byte: GB 2312 and JIS X 0208
#: level 1, Big5's frequent ones.
_EVERYDAY = (
    ("gb2312", range(0xB0, 0xD8)),
    ("big5", range(0xA4, 0xC7)),
    ("shift_jis", range(0x88, 0x98)),
)
#: Kana, ideographic and full-width punctuation, typographic signs, and letters that may stand
#: together: of Latin alphabets beyond windows-1252, Greek and Cyrillic, Hebrew and Arabic, Thai.
_USUAL = re.compile(
    "[\u3000-\u30ff\uff01-\uff5e\uffe5\u2010-\u2026\u2030\u20ac\u2122\u00a0-\u00bb\u00bf"
    "\u0100-\u0151\u0154-\u015f\u0162-\u0177\u0179-\u017c\u017f"
    "\u0370-\u03ff\u0401\u0404\u0406\u0407\u040e\u0410-\u044f\u0451\u0454\u0456\u0457\u045e\u0490\u0491"
    "\u0590-\u06ff\u0e00-\u0e7f]"
)
#: Syllables that make up a third of any Korean text; of Chinese read as Korean hardly any.
_HANGUL = frozenset("이다는을의에가고하은지로한사도기서를어아리나자대인그시들해니일라")
#: Letters of windows-1252, at most two together and beside another Latin one.
_ACCENTED = re.compile(
    r"""(?<![À-ÿŒœŠšŸŽž])
    (?:(?<=[A-Za-z\u0100-\u024f'’-])[À-ÿŒœŠšŸŽž]{1,2}
    | [À-ÿŒœŠšŸŽž]{1,2}(?=[A-Za-z\u0100-\u024f'’\ ]))
    (?![À-ÿŒœŠšŸŽž])""",
    re.VERBOSE,
)
#: Two signs of Latin-1 together are a character of another encoding.
_SIGNS = re.compile("[\u00a0-\u00bb\u00bf]{2,}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")


def legibility(text: str) -> float:
    """Return the share, 0 to 1, of the characters beyond ASCII that texts are made of.

    1 where there are none; 0 where there are control characters.
    """
    if _CONTROL.search(text):
        return 0.0
    counts = Counter(char for char in text if char > "\x7f")
    total = counts.total()
    if not total:
        return 1.0
    usual = sum(number for char, number in counts.items() if _is_usual(char))
    syllables = {char: number for char, number in counts.items() if "\uac00" <= char <= "\ud7a3"}
    if sum(number for char, number in syllables.items() if char in _HANGUL) * 8 >= sum(
        syllables.values()
    ):
        usual += sum(syllables.values())
    usual -= sum(len(run) for run in _SIGNS.findall(text))
    usual += sum(len(found) for found in _ACCENTED.findall(text))
    return usual / total


def utf16(content: bytes, sample: int) -> tuple[str, str] | None:
    """Return which UTF-16 bytes without a byte order mark are, and their text; None for neither.

    They are judged by the first ``sample`` of them.
    """
    whole = content[:-1] if len(content) % 2 and content.endswith(b"\n") else content
    best, found = 0.8, None
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = whole.decode(encoding)
        except UnicodeDecodeError:
            continue
        score = legibility(text[: sample // 2])
        if score > best:
            best, found = score, (encoding, text)
    return found


@lru_cache(maxsize=8_192)
def _is_usual(char: str) -> bool:
    if _USUAL.match(char):
        return True
    return "\u4e00" <= char <= "\u9fff" and any(
        _first_byte(char, encoding) in everyday for encoding, everyday in _EVERYDAY
    )


def _first_byte(char: str, encoding: str) -> int | None:
    try:
        return char.encode(encoding)[0]
    except UnicodeEncodeError:
        return None
