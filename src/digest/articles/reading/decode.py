"""Decode the bytes of a file, by declared or guessed encoding."""

# pure
from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import regex
from charset_normalizer import from_bytes

from digest.articles.characters import publishable
from digest.articles.reading import single_byte

#: Longest first: UTF-32's little-endian mark starts with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF16 = (("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE))
#: Marks behind each other that are read.
_MAX_MARKS = 4
#: Encodings to guess among, beside Unicode; fewer candidates cause fewer errors.
_LEGACY = ["gb18030", "big5hkscs", "euc_jp", "cp932", "cp949", "cp1252", "cp1251", "koi8_r"]
#: Encodings also tried, because a guess is poor if few characters are beyond ASCII.
_CANDIDATES = ("cp1252", "gb18030", "big5hkscs", "cp932", "cp1250")
_DECLARED = re.compile(
    rb"""<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,200}?\sencoding)\s*=\s*["']?([a-zA-Z0-9_-]{3,20})""",
    re.IGNORECASE,
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\x0b\x0c\r\x1b"))
#: Supersets that declared names stand for (Encoding Standard, section 4.2).
_MEANT = {
    "utf-8-sig": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
}
#: Encodings of texts that are not UTF-8; Python knows others, such as ``idna``.
_TEXTUAL = re.compile(
    r"utf-16(?:-[lb]e)?|gb18030|hz|big5hkscs|euc_jp|cp9(?:32|49)|cp125[0-8]|cp8(?:66|74)"
    r"|iso8859-[0-9]{1,2}|koi8-[ru]|mac-(?:roman|cyrillic)"
)
#: Begins Japanese in ISO-2022-JP, all bytes of which are ASCII's.
_SHIFTED = b"\x1b$"
#: U+FEFF in UTF-8, read as windows-1252 and written as UTF-8.
_MARK_MISREAD = "ï»¿"
#: The language that a front matter or a document names, in its first bytes.
_LANGUAGE = re.compile(
    rb"""^(?:lang|language|locale)[ \t]*[:=][ \t]*["']?([a-z]{2,3})
    |<html[^>]{0,200}?\slang=["']?([a-z]{2,3})""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_LANGUAGE_PRESCAN = 4_096
#: How sure a guess must be that no other is tried.
_SURE = 0.95
#: A declaration stands this early (HTML section 4.2.5.4), in bytes.
_PRESCAN = 1024
#: Legibility with which a declaration is believed unseen; below it, the better of two wins.
CLEAR = 0.9
#: Of so many characters beyond ASCII, at most one is broken in a text that is UTF-8: in others,
#: sequences of bytes as UTF-8 has them are rare.
CHARACTERS_PER_BROKEN = 4
#: Bytes that a guess is made from; the whole file would take seconds.
SAMPLE = 65_536

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
#: Controls, and code points that are no characters for everybody; and broken ones.
_NO_CHARACTER = regex.compile(
    r"[\p{Cc}\p{Cn}\p{Co}\p{Cs}--[\t\n\v\f\r\x85]]|\ufffd", regex.VERSION1
)
#: Of so many characters of UTF-16 and UTF-32, at most one is none: of chance bytes, one in six is.
_CHARACTERS_PER_NONE = 16
_EASTERN = re.compile("[\u2e80-\ud7ff]")
#: The least plausibility of texts in UTF-16, but for letters that it does not know.
_PLAUSIBLE = 0.8
#: Of so many characters beside such letters, one is of ASCII: a blank or a line end.
_CHARACTERS_PER_ASCII = 16
#: So many characters of ASCII are none by chance.
_NO_CHANCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The text of a file, and remarks on its encoding."""

    text: str  #: publishable, with LF line ends and without a byte order mark
    troubles: tuple[str, ...] = ()  #: a sentence each; none where all is well


def decode(content: bytes, language: str = "") -> Decoded:
    """Return the text of a file in any encoding, declared or not.

    ``language`` (BCP 47) is the likely one of a file that names none; it helps to guess. Raises
    ValueError, saying why, where the bytes are no text.
    """
    if not content.strip():
        raise ValueError("the file is empty")
    encoding, raw, claimed = _read(content, language)
    text = publishable(raw)
    if "\ufeff" in text or text.startswith(_MARK_MISREAD):
        # A mark within the text is where files were joined: the front matter and the text, mostly.
        text = text.replace("\ufeff", "").removeprefix(_MARK_MISREAD)
    if not text.strip():
        raise ValueError("the file is empty")
    return Decoded(
        text=text,
        troubles=(*_encoding_troubles(content, encoding, claimed), *_broken(content, raw)),
    )


def _read(content: bytes, language: str) -> tuple[str, str, str]:
    """Return the encoding, the text, and the encoding of the byte order mark, "" without any.

    Behind a mark that is false, there may be another one.
    """
    claimed, rest = "", content
    for _ in range(_MAX_MARKS):
        marks = [(mark, encoding) for mark, encoding in _MARKS if rest.startswith(mark)]
        for mark, encoding in marks:
            if (text := _marked(rest, mark, encoding)) is not None:
                return encoding, text, claimed or encoding
        if not marks:
            break
        mark, encoding = marks[0]
        claimed, rest = claimed or encoding, rest[len(mark) :]
    encoding, raw = _without_mark(rest, language)
    if claimed.startswith(("utf-16", "utf-32")) and not encoding.startswith("utf"):
        raise ValueError("the file is binary, not text")
    return encoding, raw, claimed


def _marked(content: bytes, mark: bytes, encoding: str) -> str | None:
    """Return the text behind a byte order mark; None where it is of another encoding, or none."""
    if mark == codecs.BOM_UTF8:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            return None
        return text if _is_of_characters(text[:SAMPLE]) else None
    text = _halved(content).decode(encoding, "replace")
    sample = text[:SAMPLE]
    if not _is_of_characters(sample):
        return None
    is_utf16 = len(mark) == len(codecs.BOM_UTF16)
    if not is_utf16 or plausibility(sample) >= _PLAUSIBLE:
        return text
    return text if _has_ascii(content[: 2 * SAMPLE], mark, sample) else None


def _halved(content: bytes) -> bytes:
    """Return UTF-16 without the half of a line end that another program put behind it."""
    return content[:-1] if len(content) % 2 and content.endswith(b"\n") else content


def _has_ascii(content: bytes, mark: bytes, text: str) -> bool:
    """Return whether UTF-16 in this byte order has ASCII beside letters that are not known here.

    One byte of each of its characters is 0: of those of ASCII itself, none is. Of chance bytes in
    a short ``text``, most are East Asian characters.
    """
    zeros = content[1::2].count(0) - content[0::2].count(0)
    if mark == codecs.BOM_UTF16_BE:
        zeros = -zeros
    if zeros * _CHARACTERS_PER_ASCII < len(text):
        return False
    return zeros >= _NO_CHANCE or 2 * len(_EASTERN.findall(text)) < len(text) - zeros


def _is_of_characters(text: str) -> bool:
    """Return whether a text is not empty, and hardly anything in it is no character."""
    return len(_NO_CHARACTER.findall(text)) * _CHARACTERS_PER_NONE < len(text)


def _encoding_troubles(content: bytes, encoding: str, claimed: str) -> Iterator[str]:
    """Yield remarks on an encoding that is not declared, or declared wrongly.

    ``claimed`` is what a byte order mark says, "" without any.
    """
    if content.isascii():
        return
    if claimed and _meant(claimed) != _meant(encoding):
        names = [name.removesuffix("-sig") for name in (claimed, encoding)]
        yield f"its byte order mark says {names[0]}, but it was read as {names[1]}"
        return
    declared = _DECLARED.search(content, 0, _PRESCAN)
    if declared:
        label = declared[1].decode("ascii")
        if _meant(label) != _meant(encoding):
            yield f"it declares the encoding {label}, but was read as {encoding}"
    elif not encoding.startswith("utf"):
        yield f"it does not tell its encoding; {encoding.replace('_', '-')} was guessed"


def _broken(content: bytes, text: str) -> Iterator[str]:
    """Yield a remark if invalid bytes became U+FFFD."""
    if "\ufffd" not in text:
        return
    count = text.count("\ufffd") - content.count("\ufffd".encode())
    if count > 0:
        are = "is" if count == 1 else "are"
        yield f"{count} of its characters {are} broken and became \ufffd"


def _without_mark(content: bytes, language: str) -> tuple[str, str]:
    """Return the encoding and the text of bytes without a byte order mark."""
    controls = len(content) - len(content.translate(None, _CONTROLS))
    if b"\x00" in content or controls * 20 > len(content):
        wide = utf16(content, SAMPLE)
        if wide is None:
            raise ValueError("the file is binary, not text")
        return wide
    try:
        if _SHIFTED in content:
            return "iso-2022-jp", content.decode("iso2022_jp_ext")
        return "utf-8", content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if broken * CHARACTERS_PER_BROKEN <= sum(char > "\x7f" for char in text):
        return "utf-8", text  # damaged, such as by a character cut in two
    declared = _declared(content)
    clarity = plausibility(declared[1][:SAMPLE]) if declared else -1.0
    if declared and clarity >= CLEAR:
        return declared
    named = _LANGUAGE.search(content, 0, _LANGUAGE_PRESCAN)
    guessed = _guessed(content, (named[1] or named[2]).decode() if named else language)
    if guessed is None or plausibility(guessed[1][:SAMPLE]) <= clarity:
        guessed = declared or utf16(content, SAMPLE)
    if guessed is None:
        raise ValueError("the file is in no known encoding; save it as UTF-8")
    return guessed


def _declared(content: bytes) -> tuple[str, str] | None:
    """Return the declared encoding and the text; None if it cannot be decoded by it."""
    declared = _DECLARED.search(content, 0, _PRESCAN)
    encoding = _meant(declared[1].decode("ascii")) if declared else ""
    if not _TEXTUAL.fullmatch(encoding):
        return None
    try:
        return encoding, content.decode(encoding)
    except UnicodeError:
        return None


def _meant(label: str) -> str:
    """Return Python's name of an encoding, or of the superset that it stands for in practice."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return label
    return _MEANT.get(name, name)


def _guessed(content: bytes, language: str) -> tuple[str, str] | None:
    """Return the encoding with the most plausible text, and the text.

    Among multi-byte encodings of equal score, the statistical guess decides.
    """
    sample = content[:SAMPLE]
    single, sure = single_byte.guess(sample, language)
    if sure >= _SURE:
        return single, content.decode(single, "replace")
    statistical = from_bytes(sample, cp_isolation=_LEGACY).best()
    encoding, best = single, sure
    if statistical:
        encoding, best = statistical.encoding, _score(sample, statistical.encoding)
    for candidate in _CANDIDATES:
        score = _score(sample, candidate)
        if score >= CLEAR and score > best:
            encoding, best = candidate, score
    return (encoding, content.decode(encoding, "replace")) if encoding else None


def _score(sample: bytes, encoding: str) -> float:
    """Return the plausibility of bytes in an encoding; they may end within a character."""
    try:
        return plausibility(codecs.getincrementaldecoder(encoding)().decode(sample))
    except UnicodeDecodeError:
        return 0.0


def plausibility(text: str) -> float:
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
    usual += sum(map(len, _ACCENTED.findall(text)))
    return usual / total


def utf16(content: bytes, sample: int) -> tuple[str, str] | None:
    """Return the UTF-16 encoding of bytes without byte order mark, and their text, or None.

    The first ``sample`` bytes decide.
    """
    whole, best, decoded = _halved(content), _PLAUSIBLE, None
    for encoding, mark in _UTF16:
        try:
            text = whole.decode(encoding)
        except UnicodeDecodeError:
            continue
        start = text[: sample // 2]
        score = plausibility(start)
        if (
            score < _PLAUSIBLE
            and not _NO_CHARACTER.search(start)
            and _has_ascii(whole[:sample], mark, start)
        ):
            score = _PLAUSIBLE
        if score >= best:
            best, decoded = score, (encoding, text)
    return decoded


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
