"""Plain text in columns: how wide it shows, where to cut it and where to break its lines."""

# pure
from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import accumulate

import regex
from markupsafe import Markup, escape

#: RFC 5322 section 2.1.1 wants 78 at most; 72 leave room for the marks of two quotings.
TEXT_WIDTH = 72

_CLUSTER = regex.compile(r"\X")
_LINK_NUMBER = regex.compile(
    r"^ {4}.*$|[\[［【][ \u00a0]?(\d{1,4}(?: ?[,;–-] ?\d{1,4}){0,9})[ \u00a0]?[\]］】]",
    regex.MULTILINE,
)
#: Words that get breaks have more characters than fit a line of a telephone. Scripts whose lines
#: every program breaks without spaces are no part of them.
_LONG_WORD = regex.compile(
    r"[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]{25,}"
)
#: Characters that parts of addresses and file names end with.
_SEPARATORS = frozenset("/\\._-?&=,:;@#+|")
#: Graphemes: a part without separators that is longer is broken, into pieces of so many.
_LONGEST_PART, _PIECE = 30, 8
#: Direction marks, soft hyphens and tag characters.
_UNSEEN = frozenset("\xad\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") | frozenset(
    map(chr, range(0xE0000, 0xE0080))
)
_CLOSING = frozenset("，。、；：？！…—·％ー々") | frozenset("!),.:;?]}")


def one_line(text: str) -> str:
    """Return ``text`` on one line: white space and control characters are one space each run.

    Invisible marks, those that turn the direction of text, and lone surrogates are removed.
    """
    if text.isprintable():  # no control character, no white space but spaces, nothing unassigned
        return " ".join(text.split())
    kept = (
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp", "Zs") else char
        for char in text
        if char not in _UNSEEN and unicodedata.category(char) != "Cs"
    )
    return " ".join("".join(kept).split())


def display_width(text: str) -> int:
    """Return the columns that ``text`` takes on a terminal: two for a wide character (UAX 11)."""
    return sum(_cluster_width(cluster) for cluster in _CLUSTER.findall(text))


def cut(text: str, width: int) -> str:
    """Return ``text`` cut to at most ``width`` columns, with an ellipsis where something went."""
    if display_width(text) <= width:
        return text
    clusters = _CLUSTER.findall(text)
    ends = accumulate(_cluster_width(cluster) for cluster in clusters)
    kept = "".join(cluster for cluster, end in zip(clusters, ends, strict=True) if end < width)
    return kept.rstrip() + "…"


def breakable(text: str) -> Markup:
    """Return ``text`` as HTML with ``<wbr>`` in long words; text that is copied has no trace of it.

    Words break after separators, and within parts of more than 30 graphemes.
    """
    html, end = Markup(), 0
    for word in _LONG_WORD.finditer(text):
        html += escape(text[end : word.start()])
        html += Markup("<wbr>").join(_parts(word[0]))
        end = word.end()
    return html + escape(text[end:])


def _parts(word: str) -> list[str]:
    """Return the parts of a long word, between which lines may break."""
    parts: list[list[str]] = []
    before = ""
    for cluster in _CLUSTER.findall(word):
        if not parts or (before in _SEPARATORS and cluster not in _SEPARATORS):
            parts.append([])
        parts[-1].append(cluster)
        before = cluster
    return [
        "".join(part[at : at + size])
        for part in parts
        for size in [_PIECE if len(part) > _LONGEST_PART else _LONGEST_PART]
        for at in range(0, len(part), size)
    ]


def without_link_numbers(text: str) -> str:
    """Return ``text`` with ``(1)`` for ``[1]``, which would be the number of a link.

    Lines of code, which begin with four spaces, stay as they are.
    """
    return _LINK_NUMBER.sub(lambda match: f"({match[1]})" if match[1] else match[0], text)


def wrap(text: str, width: int = TEXT_WIDTH, first: str = "", rest: str = "") -> str:
    """Return ``text`` in lines of at most ``width`` columns, started by ``first``, then ``rest``.

    Lines break at spaces and around wide characters, but never before closing or after opening
    punctuation. A word that is too long is broken too, unless it holds an address (``://``).
    """
    lines: list[str] = []
    line, used, empty = first, display_width(first), True
    for spaced, piece in _fitting(text, max(2, width - display_width(rest or first))):
        gap = " " if spaced and not empty else ""
        needed = len(gap) + display_width(piece)
        if not empty and used + needed > width:
            lines.append(line)
            line, used, gap = rest, display_width(rest), ""
            needed = display_width(piece)
        line, used, empty = line + gap + piece, used + needed, False
    lines.append(line)
    return "\n".join(lines)


@lru_cache(maxsize=16_384)  # a language writes with some thousand of them
def _cluster_width(cluster: str) -> int:
    return max(_char_width(char) for char in cluster)


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _pieces(text: str) -> list[tuple[bool, str]]:
    """Return the unbreakable pieces of a text, each with whether a space stands before it."""
    pieces: list[tuple[bool, str]] = []
    spaced, last = True, ""
    for cluster in _CLUSTER.findall(text):
        if cluster.isspace():
            spaced = True
            continue
        if not spaced and _joined(last, cluster):
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + cluster)
        else:
            pieces.append((spaced, cluster))
        spaced, last = False, cluster
    return pieces


def _joined(before: str, after: str) -> bool:
    """Return whether no line may end between two clusters without a space."""
    closes = after in _CLOSING or unicodedata.category(after[0]) in ("Pe", "Pf")
    opens = unicodedata.category(before[0]) in ("Ps", "Pi")
    return closes or opens or (_cluster_width(before) < 2 and _cluster_width(after) < 2)


def _fitting(text: str, room: int) -> list[tuple[bool, str]]:
    """Return the pieces, those that are wider than ``room`` broken up."""
    fitting: list[tuple[bool, str]] = []
    for spaced, piece in _pieces(text):
        if display_width(piece) <= room or "://" in piece:
            fitting.append((spaced, piece))
            continue
        part, used = "", 0
        for cluster in _CLUSTER.findall(piece):
            if used + _cluster_width(cluster) > room:
                fitting.append((spaced, part))
                spaced, part, used = False, "", 0
            part, used = part + cluster, used + _cluster_width(cluster)
        fitting.append((spaced, part))
    return fitting
