"""The text of an article, whole and shortened."""

# pure
from __future__ import annotations

import html
import re
from functools import lru_cache

import regex

from digest.articles.cleaning.policy import elements
from digest.articles.model import SafeHtml

#: Inline elements; all others separate words.
_INLINE = elements(
    "a abbr b bdi bdo cite code del dfn em i ins kbd mark q rp rt ruby s samp small strike strong "
    "sub sup time tt u var wbr"
)
#: A tag as nh3 writes it: attributes in double quotes, which may hold ``>``.
_TAG = re.compile(r"""</?[a-z0-9]++(?:[^>"]|"[^"]*")*+>""")
_INLINE_TAG = re.compile(rf"""</?(?:{"|".join(sorted(_INLINE))})(?![a-z0-9])(?:[^>"]|"[^"]*")*+>""")
#: Elements whose text is no running text.
_ASIDE = elements("aside dl figcaption h1 h2 h3 h4 h5 h6 nav ol pre summary table ul")
_ASIDE_TAG = re.compile(rf"</?(?:{'|'.join(sorted(_ASIDE))})(?![a-z0-9])(?:[^>\"]|\"[^\"]*\")*+>")
_ATTRIBUTES = r"""(?:[^>"]|"[^"]*")*+"""
#: The number or mark that leads to a footnote, in brackets or raised, inside the link or around it;
#: and one whose note is gone.
_NOTE_LINK = rf"""<a(?=[^<>]* href="#){_ATTRIBUTES}>"""
_FOOTNOTE_NUMBER = re.compile(
    rf"<sup{_ATTRIBUTES}>\s*+\[?\s*+{_NOTE_LINK}[^<]*+</a>\s*+\]?\s*+</sup>"
    rf"|{_NOTE_LINK}\s*+<sup{_ATTRIBUTES}>[^<]*+</sup>\s*+</a>"
    rf"|{_NOTE_LINK}\s*+(?:\[[0-9a-z]{{1,3}}\]|[*†‡§]{{1,3}})\s*+</a>"
    rf"|\[{_NOTE_LINK}[0-9]{{1,3}}</a>\]"
    rf"|<sup{_ATTRIBUTES}>\s*+\[[0-9a-z]{{1,3}}\]\s*+</sup>"
    rf"""|<sup(?=[^<>]* id="[^"<>]*fn){_ATTRIBUTES}>[^<]*+</sup>"""
)
#: A number above or below the line: 10<sup>6</sup> is no 106.
_RAISED = re.compile(rf"<(su[pb]){_ATTRIBUTES}>([+\u2212-]?[0-9]{{1,4}})</\1>")
_RAISED_DIGITS = {
    "sup": str.maketrans("0123456789+-\u2212", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻"),
    "sub": str.maketrans("0123456789+-\u2212", "₀₁₂₃₄₅₆₇₈₉₊₋₋"),
}
#: A bold line alone is a heading, as long as it is short and no sentence.
_BOLD_LINE = re.compile(
    rf"<p{_ATTRIBUTES}>\s*<(b|strong){_ATTRIBUTES}>[^<]{{1,39}}[^<.!?…。！？]\s*</\1>\s*</p>"
)
#: An address, or a formula on lines of its own: nothing to read.
_NO_PROSE = re.compile(r"https?://\S+|\$\$.*\$\$|\\\[.*\\\]", re.DOTALL)
_LINE_BREAK = re.compile(r"<br(?:[^>\"]|\"[^\"]*\")*+>")
#: What ends a sentence, quotation marks and brackets after it left aside.
_SENTENCE_END = regex.compile(
    r"[.!?\u2026:;,\u2014\p{Sentence_Terminal}：；，、][\p{Pe}\p{Pf}\"'*]*\Z"
)
#: Characters at the end of a text in which its sentence ends; and those that end most sentences.
_END, _USUAL_ENDS = 16, tuple(".!?:;,…。！？：；，、")
#: Stands between texts of which the first does not end as sentences do.
_BETWEEN = " · "
#: The arrow that leads back from a footnote, and the link with it.
_ARROW = "\u21a9"
FOOTNOTE_ARROW = re.compile(r"""<a(?:[^>"]|"[^"]*")*+>\u21a9\ufe0e?</a>""")
_ELLIPSIS = "…"
#: Characters that are graphemes each, where such ones follow: of ASCII and Latin-1, Han and kana,
#: and their punctuation. Counting them costs a tenth.
_SINGLE = re.compile("[ -~\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u3000-\u3029\u3041-\u3096"
                     "\u30a1-\u30fa\u4e00-\u9fff\uff01-\uff5e]*+")  # fmt: skip
#: Characters of a grapheme on average; combining marks could make one of any length.
_CHARACTERS_PER_GRAPHEME = 16
#: Characters of markup in which a grapheme of running text is expected.
_MARKUP_PER_GRAPHEME = 2
#: Scripts without spaces between words; their text can be cut anywhere.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER = rf"[[\p{{L}}\p{{N}}]--[{_UNSPACED}]]"
_WORD_START = regex.compile(_LETTER, regex.VERSION1)
#: Looked for from the end: from the start, each letter of a long run would be tried.
_WORD_TAIL = regex.compile(
    rf"{_LETTER}(?:{_LETTER}|[\p{{M}}\u200c\u200d'’_-])*\Z", regex.VERSION1 | regex.REVERSE
)
_LOOSE_END = regex.compile(r"[\s\p{Ps}\p{Pi}\p{Pd},;:，、；：]+\Z", regex.REVERSE)


def plain_text(body: SafeHtml) -> str:
    """Return the text of a body as one line, without the arrows that lead back from footnotes."""
    text = FOOTNOTE_ARROW.sub("", body) if _ARROW in body else body
    text = _TAG.sub(" ", _INLINE_TAG.sub("", text))
    return " ".join(html.unescape(text).split())


def running_text(body: SafeHtml) -> str:
    """Return the text of a body's paragraphs as one line; all its text if it has no paragraph.

    Headings, lists, tables, code, captions, bare addresses and numbers of footnotes are left out;
    an ellipsis follows the colon before them. A middle dot separates texts that are no sentences.
    """
    markup = _without_notes(body)
    return _joined(_paragraphs(markup)) or _joined(texts(_without_marks(body)))


def summary_of(body: SafeHtml, length: int) -> str:
    """Return the start of a body's running text, at most ``length`` graphemes.

    Where the paragraphs at its start are enough, no others are looked at.
    """
    end = body.find("</p>", _MARKUP_PER_GRAPHEME * length)
    if end >= 0:
        text = _joined(_paragraphs(_without_notes(body[:end])))
        summary = summarize(text, length)
        if summary != text:
            return summary
    return summarize(running_text(body), length)


def _without_notes(markup: str) -> str:
    """Return markup without the numbers and arrows of footnotes, and without bold headings."""
    return _BOLD_LINE.sub("", _without_marks(markup))


def _without_marks(markup: str) -> str:
    markup = _FOOTNOTE_NUMBER.sub("", markup) if "<sup" in markup or "#" in markup else markup
    return FOOTNOTE_ARROW.sub("", markup) if _ARROW in markup else markup


def _paragraphs(body: str) -> list[str]:
    """Return the texts outside all asides; where an aside follows a colon, with an ellipsis."""
    paragraphs: list[str] = []
    depth = start = 0
    for tag in _ASIDE_TAG.finditer(body):
        if depth == 0:
            paragraphs += _prose(body[start : tag.start()])
            if paragraphs and paragraphs[-1].endswith((":", "：")):
                paragraphs[-1] = paragraphs[-1][:-1] + _ELLIPSIS
        depth = max(0, depth + (-1 if tag[0].startswith("</") else 1))
        start = tag.end()
    return paragraphs if depth else paragraphs + _prose(body[start:])


def _prose(markup: str) -> list[str]:
    return [text for text in texts(markup) if not _NO_PROSE.fullmatch(text)]


def texts(markup: str) -> list[str]:
    """Return the texts of a piece of markup, one for each block, without empty ones."""
    if "<su" in markup:
        markup = _RAISED.sub(lambda match: match[2].translate(_RAISED_DIGITS[match[1]]), markup)
    inline = _INLINE_TAG.sub("", _LINE_BREAK.sub(" ", markup))
    texts = (text for text in _TAG.split(inline) if text and not text.isspace())
    return [text for text in (" ".join(html.unescape(text).split()) for text in texts) if text]


def _joined(texts: list[str]) -> str:
    parts = [text if _ends(text) else text + _BETWEEN for text in texts]
    return " ".join(parts).replace(_BETWEEN + " ", _BETWEEN).removesuffix(_BETWEEN)


def _ends(text: str) -> bool:
    """Return whether a text ends as sentences do."""
    ends = text.endswith(_USUAL_ENDS)
    return ends or _SENTENCE_END.search(text, max(0, len(text) - _END)) is not None


def summarize(text: str, length: int) -> str:
    """Return ``text``, or its start with ``…``, at most ``length`` graphemes (UAX 29) in all.

    The cut falls between words, or anywhere in scripts without spaces. Raise ValueError for a
    length below 1.
    """
    if length < 1:
        raise ValueError(f"a summary needs a length of at least 1, not {length}")
    if len(text) <= length:
        return text
    single = _SINGLE.match(text, 0, length + 1)
    if single and single.end() > length:
        end = length - 1
    else:
        most = length * _CHARACTERS_PER_GRAPHEME
        end = _graphemes(text, length - 1, 0, most)
        if len(text) <= most and _graphemes(text, 1, end, most) == len(text):
            return text
    return _LOOSE_END.sub("", _at_word_end(text[:end], text)) + _ELLIPSIS


def _graphemes(text: str, length: int, start: int, end: int) -> int:
    """Return the end of the first ``length`` graphemes after ``start``."""
    match = _grapheme_pattern(length).match(text, start, end)
    return match.end() if match else start


@lru_cache(maxsize=8)
def _grapheme_pattern(length: int) -> regex.Pattern[str]:
    return regex.compile(rf"\X{{0,{length}}}")


def _at_word_end(head: str, text: str) -> str:
    """Return ``head`` without its last, broken word, unless that is most of it."""
    if not _WORD_START.match(text, len(head)):
        return head
    whole = _WORD_TAIL.sub("", head)
    return whole if len(whole) * 2 >= len(head) else head
