"""Guess a single-byte encoding by the letters of the languages that use it.

The same bytes are letters in most of these encodings, but rarely letters of one language in two.
"""

# pure
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

#: Signs that any text may have: they tell nothing.
_SIGNS = frozenset("\u00a0«»‹›“”„‘’–—…•·§©®°£€№ªº¿¡´`×\u00ad\u200e\u200f\u200c\u200d")
#: Share of a text's letters that are its language's ten most frequent ones, where it is no chance.
_FREQUENT = 0.45
#: Letters beyond ASCII; fewer may be of a script by chance.
_MANY = 10
#: What the language that a file or the site names adds to what is likely.
_HINT = 0.05
#: What is taken from it for encodings that hardly anybody uses any more.
_RARE = 0.02
_OUTDATED = frozenset({"cp850", "cp866", "iso8859_5", "mac_roman", "mac_cyrillic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    """An alphabet of its own, and the encodings that have it."""

    letters: re.Pattern[str]
    frequent: frozenset[str]  #: the ten most frequent letters of its languages
    encodings: tuple[str, ...]  #: the usual one first


_CYRILLIC = ("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic")
_SCRIPTS: Mapping[str, _Script] = {
    "cyrillic": _Script(
        letters=re.compile("[\u0400-\u045f\u0490\u0491]"),
        frequent=frozenset("оеаинтсрвлі"),
        encodings=_CYRILLIC,
    ),
    "greek": _Script(
        letters=re.compile("[\u0370-\u03ff]"),
        frequent=frozenset("αοιετσνηυρς"),
        encodings=("cp1253", "iso8859_7"),
    ),
    "hebrew": _Script(
        letters=re.compile("[\u0590-\u05ff]"),
        frequent=frozenset("יוהלאמרבתש"),
        encodings=("cp1255", "iso8859_8"),
    ),
    "arabic": _Script(
        letters=re.compile("[\u0600-\u06ff]"),
        frequent=frozenset("اليمونرتبهد"),
        encodings=("cp1256", "iso8859_6"),
    ),
    "thai": _Script(
        letters=re.compile("[\u0e00-\u0e7f]"),
        frequent=frozenset("านรอกเงมยลทว\u0e48\u0e49\u0e31\u0e35\u0e34"),
        encodings=("cp874", "iso8859_11"),
    ),
}
_CENTRAL = ("cp1250", "iso8859_2")
_WESTERN = ("cp1252", "cp850", "mac_roman")
#: Letters beyond ASCII of languages in Latin letters, some of their frequent words, and encodings.
_LATIN: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "en": ("éèêïöüñç", "the of and to in is that it for was", _WESTERN),
    "fr": ("àâæçéèêëîïôœùûüÿ", "le la les des et est que une dans pour", _WESTERN),
    "de": ("äöüßé", "der die und das ist nicht ein den mit für", _WESTERN),
    "es": ("áéíóúüñ", "el la de que los las una por con para", _WESTERN),
    "pt": ("áâãàçéêíóôõúü", "o a de que não uma os para com em", _WESTERN),
    "it": ("àèéìíîòóùú", "il di che la non per una sono con del", _WESTERN),
    "nl": ("áéëïíóöüúè", "de het een van en niet dat zijn op met", _WESTERN),
    "sv": ("åäöé", "och att det som en är på för med inte", _WESTERN),
    "da": ("æøåé", "og det at en den er på til med ikke", _WESTERN),
    "no": ("æøåéòôó", "og det er på en til som med ikke for", _WESTERN),
    "fi": ("äöåšž", "ja on ei se että oli kun mutta niin hän", _WESTERN),
    "is": ("áéíóúýþæöð", "og að er sem til við ekki um það hann", _WESTERN),
    "ca": ("àçéèíïóòúü·", "el la de que els les una per amb no", _WESTERN),
    "pl": ("ąćęłńóśźż", "i w na nie to się że z do jest", _CENTRAL),
    "cs": ("áčďéěíňóřšťúůýž", "a se na je že v to si do jsem", _CENTRAL),
    "sk": ("áäčďéíĺľňóôŕšťúýž", "a sa na je že v to si do som", _CENTRAL),
    "hu": ("áéíóöőúüű", "a az és hogy nem egy is van meg csak", _CENTRAL),
    "ro": ("ăâîşţșț", "și de la nu în să un cu pe este", _CENTRAL),
    "hr": ("čćđšž", "i je u na da se ne su za od", _CENTRAL),
    "sl": ("čšž", "in je na da se v ne so za pa", _CENTRAL),
    "tr": ("çğıöşüâîûİ", "ve bir bu için de da ile ne çok gibi", ("cp1254",)),
    "lt": ("ąčęėįšųūž", "ir kad yra su tai buvo bet iš apie", ("cp1257", "iso8859_13")),
    "lv": ("āčēģīķļņšūž", "un ir ka no par ar kas bet tas arī", ("cp1257", "iso8859_13")),
    "et": ("äöõüšž", "ja on ei et see ta oli kui ning ka", ("cp1257", "iso8859_13", "cp1252")),
}
_LANGUAGE_SCRIPTS = {
    **dict.fromkeys(("ru", "uk", "bg", "sr", "mk", "be", "kk"), "cyrillic"),
    **dict.fromkeys(("ar", "fa", "ur"), "arabic"),
    **dict.fromkeys(("he", "iw", "yi"), "hebrew"),
    "el": "greek",
    "th": "thai",
}
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
#: A word of letters beyond ASCII alone, which languages in Latin letters hardly have.
_NO_LATIN_WORD = re.compile(r"(?<!\w)[^\x00-\x7f\W\d_]{2,}(?!\w)")
#: A Latin letter beside one of another script.
_MIXED_WORD = re.compile(
    "[A-Za-z](?=[\u0370-\u06ff\u0e00-\u0e7f])|[\u0370-\u06ff\u0e00-\u0e7f](?=[A-Za-z])"
)
#: A capital letter behind a small one, which only names of products have.
_CAPITAL_WITHIN = re.compile(
    "[a-zß-öø-ÿāąăćčďđęěğīłńňőřśşšťůűźżžа-џґ](?![a-z])[À-ÖØ-ÞĄĆČŁŃŘŚŠŹŻŽЀ-Я]"
)


def guess(sample: bytes, language: str) -> tuple[str, float]:
    """Return the likeliest encoding of bytes, and its confidence, from 0 to 1.

    ``language`` (BCP 47, "" for unknown) decides between encodings about equally likely.
    """
    primary = language.lower().partition("-")[0]
    high = sample.translate(None, bytes(range(128)))
    best, surest = "", (0.0, 0.0)
    for script, profile in _SCRIPTS.items():
        for encoding in profile.encodings:
            share, frequent = _script_share(_decoded(sample, encoding), profile)
            hint = _HINT if _LANGUAGE_SCRIPTS.get(primary) == script else 0.0
            if not hint:
                share *= min(1.0, len(high) / _MANY)
            hint -= _RARE * (encoding in _OUTDATED)
            if share and (share + hint, frequent) > surest:
                best, surest = encoding, (share + hint, frequent)
    words: dict[str, Counter[str]] = {}
    for name, (letters, usual, encodings) in _LATIN.items():
        alphabet = frozenset(letters + letters.upper().replace("İ", "") + letters.capitalize())
        for encoding in encodings:
            text = _decoded(sample, encoding)
            share = _alphabet_share(text, alphabet)
            if share < surest[0] - _HINT:
                continue
            if encoding not in words:
                words[encoding] = Counter(re.findall(r"\w+", text.lower()))
            known = sum(words[encoding][word] for word in usual.split())
            hint = (_HINT if primary == name else 0.0) - _RARE * (encoding in _OUTDATED)
            sure = (share + hint, known / max(words[encoding].total(), 1))
            if share and sure > surest:
                best, surest = encoding, sure
    return best, min(surest[0], 1.0)


def _decoded(content: bytes, encoding: str) -> str:
    """Return bytes as text; "" where they cannot be in an encoding."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return ""
    return "" if _CONTROL.search(text) else text


def _script_share(text: str, script: _Script) -> tuple[float, float]:
    """Return the share of characters beyond ASCII that are of a script, and how usual these are.

    Both are 0 where there are none.
    """
    letters = script.letters.findall(text)
    total = sum(char > "\x7f" and char not in _SIGNS for char in text)
    if not letters or not total:
        return 0.0, 0.0
    frequent = sum(char in script.frequent for char in letters) / len(letters)
    odd = len(_CAPITAL_WITHIN.findall(text)) + len(_MIXED_WORD.findall(text))
    return max(0, len(letters) - odd) / total * min(1.0, frequent / _FREQUENT), frequent


def _alphabet_share(text: str, alphabet: frozenset[str]) -> float:
    """Return the share of characters beyond ASCII that are letters of an alphabet."""
    counts = Counter(char for char in text if char > "\x7f" and char not in _SIGNS)
    total = counts.total()
    if not total:
        return float(not text.isascii())
    odd = len(_CAPITAL_WITHIN.findall(text)) + sum(map(len, _NO_LATIN_WORD.findall(text)))
    return max(0.0, sum(counts[char] for char in alphabet) - odd) / total
