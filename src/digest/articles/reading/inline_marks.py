"""Expand the marks of Markdown's dialects within a line: keys, edits, indices, emoji, tasks."""

# pure
from __future__ import annotations

import html
import re
import unicodedata
from contextlib import suppress

from digest.articles.reading.expansion import Expansion, Handler, Result, leave_out

#: Emoji whose short name (GitHub, Hugo, MkDocs) is not that of the character in Unicode.
_EMOJI: dict[str, str] = dict(
    re.findall(
        r"(\S+)=(\S+)",
        (
            "+1=👍 -1=👎 100=💯 1st_place_medal=🥇 angry=😠 art=🎨 arrow_down=⬇️ arrow_left=⬅️ "
            "arrow_right=➡️ arrow_up=⬆️ beer=🍺 blush=😊 book=📖 boom=💥 bulb=💡 calendar=📆 "
            "camera=📷 chart_with_upwards_trend=📈 clap=👏 coffee=☕ computer=💻 confused=😕 "
            "construction=🚧 cry=😢 exclamation=❗ gem=💎 eyes=👀 gift=🎁 grin=😁 grinning=😀 "
            "hammer_and_wrench=🛠️ heart=❤️ heart_eyes=😍 heavy_check_mark=✔️ "
            "information_source=ℹ️ joy=😂 laughing=😆 link=🔗 mag=🔍 memo=📝 muscle=💪 ok_hand=👌 "
            "package=📦 pencil2=✏️ point_right=👉 pray=🙏 pushpin=📌 question=❓ rainbow=🌈 "
            "raised_hands=🙌 rofl=🤣 rotating_light=🚨 scream=😱 see_no_evil=🙈 smile=😄 "
            "smiley=😃 smirk=😏 sob=😭 star=⭐ star2=🌟 stuck_out_tongue=😛 sun=☀️ "
            "stuck_out_tongue_winking_eye=😜 sunglasses=😎 sweat_smile=😅 tada=🎉 thinking=🤔 "
            "thumbsdown=👎 thumbsup=👍 v=✌️ warning=⚠️ wave=👋 white_check_mark=✅ wink=😉 "
            "wrench=🔧 x=❌ yum=😋 zap=⚡ zzz=💤 bow=🙇 hearts=♥️ spades=♠️ clubs=♣️ diamonds=♦️ "
            "raising_hand=🙋 tipping_hand=💁 no_good=🙅 ok_person=🙆 facepalm=🤦 surfer=🏄 "
            "heavy_exclamation_mark=❗ cn=🇨🇳 de=🇩🇪 es=🇪🇸 fr=🇫🇷 gb=🇬🇧 it=🇮🇹 jp=🇯🇵 kr=🇰🇷 ru=🇷🇺 us=🇺🇸"
        ),
    )
)
#: Joins that make a man or a woman of a person.
_WHO = {"man": "\u200d♂️", "woman": "\u200d♀️"}
_PICTOGRAPHS = (*range(0x2600, 0x27C0), *range(0x1F300, 0x1FB00))
_CJK = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
#: Punctuation of ASCII, and beyond.
_SIGN = (
    r"!-/:-@\[-`{-~\u00a1-\u00bf\u2010-\u2027\u2030-\u205e\u3001-\u3003\u3008-\u3030"
    r"\uff01-\uff0f\uff1a-\uff20"
)
#: Where CommonMark (section 6.2) sees no end of bold text, or no beginning: between a sign and a
#: letter that is written without blanks.
UNSEEN_BOLD = (
    rf"\*\*(?:(?<=[{_SIGN}]\*\*)(?=[{_CJK}])|(?<=[{_CJK}]\*\*)(?=[{_SIGN}]))(?<!\*\*\*)(?!\*)"
)
_KEY = re.compile(
    r"\"[^\"]+\"|[a-z0-9]|f[0-9]{1,2}|alt|backspace|caps-lock|cmd|command|control|ctrl|del|delete|"
    r"down|end|enter|esc|escape|home|ins|insert|left|meta|option|page-down|page-up|right|shift|"
    r"space|super|tab|up|win|windows|(?:arrow|num|left|right)-[a-z]+",
    re.IGNORECASE,
)
#: Edits of CriticMarkup, by their first sign, and the elements that show them.
_EDITS = {"--": "s", "++": "ins", "==": "mark"}


_IS_CJK, _IS_SIGN = re.compile(f"[{_CJK}]"), re.compile(f"[{_SIGN}]")


def _keys(x: Expansion, match: re.Match[str]) -> Result:
    """Show ``++ctrl+c++`` as keys, and a word that is none as inserted."""
    keys = re.findall(r"\"[^\"]+\"|[^+]+", match[1])
    if keys == [match[1]] and not _KEY.fullmatch(match[1]):
        return x.token(f"<ins>{html.escape(match[1])}</ins>"), match.end()
    shown = (key.strip('"') if '"' in key else key.capitalize() for key in keys)
    return x.token("+".join(f"<kbd>{html.escape(key)}</kbd>" for key in shown)), match.end()


def _edit(x: Expansion, match: re.Match[str]) -> Result:
    if match[1] == ">>":
        return "", match.end()
    if match[1] == "~~":
        old, arrow, new = match[2].partition("~>")
        shown = f"<s>{x.words(old)}</s>" if old else ""
        return x.token(shown + (f"<ins>{x.words(new)}</ins>" if arrow else "")), match.end()
    element = _EDITS[match[1]]
    return x.token(f"<{element}>{x.words(match[2])}</{element}>"), match.end()


def _bold(x: Expansion, match: re.Match[str]) -> Result:
    """Show bold text whose ends CommonMark does not see beside letters without blanks."""
    end = match.end()
    after, before = x.text[end : end + 1], x.text[match.start() - 1 : match.start()]
    opens = _IS_CJK.match(before) and _IS_SIGN.match(match[1])
    closes = _IS_CJK.match(after) and _IS_SIGN.match(match[1][-1])
    if not opens and not closes:
        return None
    return f"{x.token('<strong>')}{match[1]}{x.token('</strong>')}", end


def _index(x: Expansion, match: re.Match[str]) -> Result:
    element = "sub" if match[0][0] == "~" else "sup"
    return x.token(f"<{element}>{html.escape(match[0][1:-1])}</{element}>"), match.end()


def _inserted(x: Expansion, match: re.Match[str]) -> Result:
    return x.token(f"<ins>{x.words(match[1])}</ins>"), match.end()


def _emoji(_: Expansion, match: re.Match[str]) -> Result:
    name = match[1].lower()
    shown = _pictograph(name)
    who, *act = name.split("_", 1)
    if not shown and act and who in _WHO and (person := _pictograph(act[0])):
        shown = person + _WHO[who]
    return (shown, match.end()) if shown else None


def _pictograph(name: str) -> str:
    """Return the emoji of a short name; empty where there is none."""
    if name in _EMOJI:
        return _EMOJI[name]
    for unicode_name in (name.replace("_", " "), f"{name.replace('_', ' ')} face"):
        with suppress(KeyError):
            char = unicodedata.lookup(unicode_name)
            if ord(char[0]) in _PICTOGRAPHS:
                return char
    return ""


def _task(_: Expansion, match: re.Match[str]) -> Result:
    return f"{match[1]}{'☐' if match[2] == ' ' else '☑'}", match.end()


def _unsized(_: Expansion, match: re.Match[str]) -> Result:
    return f"{match[1]})", match.end()


def _with_spaces(_: Expansion, match: re.Match[str]) -> Result:
    """Read an address with blanks, as Typora and Obsidian do."""
    return f"{match[1]}<{match[2]}>)", match.end()


def _sized(_: Expansion, match: re.Match[str]) -> Result:
    return f"![{match[1]}](", match.end()


_KEY_NAME = r"(?:[\w-]+|\"[^\"\n]{1,40}\")"

INLINE_RULES: tuple[tuple[str, str, Handler], ...] = (
    ("task", r"^([ \t>]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)\[([ xX])\](?=[ \t])", _task),
    ("keys", rf"(?<![\w+])\+\+({_KEY_NAME}(?:\+{_KEY_NAME}){{0,5}})\+\+(?![\w+])", _keys),
    (
        "edit",
        (
            r"\{(--|\+\+|~~|==|>>)((?:(?!--\}|\+\+\}|~~\}|==\}|<<\})[^\n{]){1,500}+)"
            r"(?:--|\+\+|~~|==|<<)\}"
        ),
        _edit,
    ),
    ("bold", r"(?<![*\\])\*\*(?![\s*])([^*\n]{1,500}+)(?<!\s)\*\*(?!\*)", _bold),
    ("index", r"(?<=[\w)\]])(?:~[\w+-]{1,12}~(?!~)|\^[\w+-]{1,12}\^(?![\^\w]))", _index),
    ("inserted", r"(?<!\^)\^\^(?=[^\s^])([^\n^]{1,200})\^\^(?!\^)", _inserted),
    ("block_id", r"(?<=\S)[ \t]+\^[a-zA-Z0-9-]{1,40}[ \t]*$", leave_out),
    ("emoji", r"(?<![\w:/]):([a-zA-Z0-9_+-]{1,40}):(?![\w:/])", _emoji),
    (
        "image_size",
        r"(!\[[^\[\]\n]*\]\([^()\s]+)[ \t]+=[0-9]{0,5}%?x?[0-9]{0,5}%?[ \t]*\)",
        _unsized,
    ),
    (
        "spaces_in_address",
        (
            r"(!?\[[^\[\]\n]*\]\()([^()<>\"'\s][^()<>\"'\n]{0,500}?[ ][^()<>\"'\n]{0,500}?"
            r"\.[a-zA-Z0-9]{2,5})[ \t]*\)"
        ),
        _with_spaces,
    ),
    ("sized", r"!\[([^\[\]|\n]*)\|[0-9]{1,5}(?:x[0-9]{1,5})?\]\(", _sized),
)
