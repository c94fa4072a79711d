"""Expand the marks of Markdown's dialects within a line: keys, edits, indices, emoji, tasks."""

# pure
from __future__ import annotations

import html
import re
import unicodedata

from digest.articles.reading.expansion import Expansion, Handler, Result, leave_out

#: Emoji whose short name (GitHub, Hugo, MkDocs) is not that of the character in Unicode.
_EMOJI = dict(
    re.findall(
        r"(\S+)=(\S+)",
        (
            "+1=👍 -1=👎 100=💯 1st_place_medal=🥇 angry=😠 art=🎨 arrow_down=⬇️ arrow_left=⬅️ "
            "arrow_right=➡️ arrow_up=⬆️ beer=🍺 blush=😊 book=📖 boom=💥 bulb=💡 calendar=📆 "
            "camera=📷 chart_with_upwards_trend=📈 clap=👏 coffee=☕ computer=💻 confused=😕 "
            "construction=🚧 cry=😢 exclamation=❗ eyes=👀 gift=🎁 grin=😁 grinning=😀 "
            "hammer_and_wrench=🛠️ heart=❤️ heart_eyes=😍 heavy_check_mark=✔️ "
            "information_source=ℹ️ joy=😂 laughing=😆 link=🔗 mag=🔍 memo=📝 muscle=💪 ok_hand=👌 "
            "package=📦 pencil2=✏️ point_right=👉 pray=🙏 pushpin=📌 question=❓ rainbow=🌈 "
            "raised_hands=🙌 rofl=🤣 rotating_light=🚨 scream=😱 see_no_evil=🙈 smile=😄 "
            "smiley=😃 smirk=😏 sob=😭 star=⭐ star2=🌟 stuck_out_tongue=😛 sun=☀️ "
            "stuck_out_tongue_winking_eye=😜 sunglasses=😎 sweat_smile=😅 tada=🎉 thinking=🤔 "
            "thumbsdown=👎 thumbsup=👍 v=✌️ warning=⚠️ wave=👋 white_check_mark=✅ wink=😉 "
            "wrench=🔧 x=❌ yum=😋 zap=⚡ zzz=💤"
        ),
    )
)
_PICTOGRAPHS = range(0x1F300, 0x1FB00)
_KEY = re.compile(
    r"\"[^\"]+\"|[a-z0-9]|f[0-9]{1,2}|alt|backspace|caps-lock|cmd|command|control|ctrl|del|delete|"
    r"down|end|enter|esc|escape|home|ins|insert|left|meta|option|page-down|page-up|right|shift|"
    r"space|super|tab|up|win|windows|(?:arrow|num|left|right)-[a-z]+",
    re.IGNORECASE,
)
#: Edits of CriticMarkup, by their first sign, and the elements that show them.
_EDITS = {"--": "s", "++": "ins", "==": "mark"}


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


def _index(x: Expansion, match: re.Match[str]) -> Result:
    element = "sub" if match[0][0] == "~" else "sup"
    return x.token(f"<{element}>{html.escape(match[0][1:-1])}</{element}>"), match.end()


def _inserted(x: Expansion, match: re.Match[str]) -> Result:
    return x.token(f"<ins>{x.words(match[1])}</ins>"), match.end()


def _emoji(_: Expansion, match: re.Match[str]) -> Result:
    name = match[1].lower()
    if name in _EMOJI:
        return _EMOJI[name], match.end()
    try:
        char = unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return None
    return (char, match.end()) if ord(char[0]) in _PICTOGRAPHS else None


def _task(_: Expansion, match: re.Match[str]) -> Result:
    return f"{match[1]}{'☐' if match[2] == ' ' else '☑'}", match.end()


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
    ("index", r"(?<=[\w)\]])(?:~[\w+-]{1,12}~(?!~)|\^[\w+-]{1,12}\^(?![\^\w]))", _index),
    ("inserted", r"(?<!\^)\^\^(?=[^\s^])([^\n^]{1,200})\^\^(?!\^)", _inserted),
    ("block_id", r"(?<=\S)[ \t]+\^[a-zA-Z0-9-]{1,40}[ \t]*$", leave_out),
    ("emoji", r"(?<![\w:/]):([a-zA-Z0-9_+-]{1,40}):(?![\w:/])", _emoji),
    ("sized", r"!\[([^\[\]|\n]*)\|[0-9]{1,5}(?:x[0-9]{1,5})?\]\(", _sized),
)
