"""Expand the marks of Markdown's dialects.

Blocks such as boxes and tabs; within a line keys, edits, indices, emoji, tasks.
"""

# pure
from __future__ import annotations

import html
import re
import unicodedata
from contextlib import suppress
from textwrap import dedent

from digest.articles.cleaning.policy import elements
from digest.articles.reading import generator_tags as tags
from digest.articles.reading.expansion import Expansion, Handler, Result, leave_out, titled

_SLASH_NAMES = (
    tags.FOLDED
    | tags.BOX_KINDS
    | elements("admonition caption define figure-caption html tab table-caption")
)
_SLASHES = re.compile(r"^[ \t]*/{3,}[ \t]*$", re.MULTILINE)
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


_KEY_NAME = r"(?:[\w-]+|\"[^\"\n]{1,40}\")"


_IS_CJK, _IS_SIGN = re.compile(f"[{_CJK}]"), re.compile(f"[{_SIGN}]")


def _container(x: Expansion, match: re.Match[str]) -> Result:
    name, rest = (match[2] or "").lower(), match[3].strip()
    rest = re.sub(r"\{[^{}]*\}$", "", rest).strip()
    if not name:
        if not x.open_tags and not rest:
            return None
        return x.block(x.close(":::"), match.start() + len(match[1]), match.end()), match.end()
    title = x.words(rest[1:-1] if rest.startswith("[") and rest.endswith("]") else rest)
    if name in tags.FOLDED:
        opening, closing = tags.box("", title, folded=True)
    elif name in tags.BOX_KINDS:
        opening, closing = tags.box(name, title)
    else:
        opening, closing = (
            (f"<p><strong>{title}</strong></p>" if title and name in tags.TABS else ""),
            "",
        )
    x.open_tags.append((":::", closing))
    return x.text[match.start() : match.start() + len(match[1])] + x.block(
        opening, match.start() + len(match[1]), match.end()
    ), match.end()


def _slashes(x: Expansion, match: re.Match[str]) -> Result:
    """Expand a block of pymdown-extensions, between lines of ``///``."""
    name, title = (match[2] or "").lower(), x.words((match[3] or "").strip())
    start = match.start() + len(match[1])
    if not name:
        closing = any(opened == "///" for opened, _ in x.open_tags)
        return (x.block(x.close("///"), start, match.end()), match.end()) if closing else None
    if name not in _SLASH_NAMES or match.end() > x.last(_SLASHES):
        return None
    kind = re.search(r"type:\s*[\"']?([\w-]+)", match[4])
    opening = closing_markup = ""
    if name in tags.FOLDED or name in tags.BOX_KINDS or name == "admonition":
        kind_name = kind[1] if kind else name
        folded = name in tags.FOLDED
        opening, closing_markup = tags.box("" if folded else kind_name, title, folded=folded)
    elif title:
        opening = f"<p><strong>{title}</strong></p>"
    x.open_tags.append(("///", closing_markup))
    return match[1] + x.block(opening, start, match.end()), match.end()


def _markdown_inside(x: Expansion, match: re.Match[str]) -> Result:
    """Read an element with the attribute ``markdown`` as Markdown within HTML."""
    name, prefix = match[2], match[1]
    depth, key = 1, f"<{match[2]}"
    if key in x.never_closed:
        return None
    for tag in re.compile(rf"<(/?){name}\b[^<>]*>").finditer(x.text, match.end()):
        depth += -1 if tag[1] else 1
        if depth == 0:
            break
    else:
        x.never_closed.add(key)
        return None
    opening = re.sub(r"\smarkdown(?:=[\"']?\w+[\"']?)?(?=[\s>])", "", match[0].strip())
    inside = dedent(x.text[match.end() : tag.start()].strip("\n"))
    body = x.inner(inside.strip(), match.end())
    lines = [x.token(opening), "", *body.split("\n"), "", x.token(f"</{name}>"), ""]
    return "\n" + "\n".join(f"{prefix}{line}".rstrip() for line in lines), tag.end()


def _part(x: Expansion, match: re.Match[str]) -> Result:
    """Expand the title of a tab that is within a container."""
    if not any(name == ":::" for name, _ in x.open_tags):
        return None
    return x.block(titled(match[1]), match.start(), match.end()), match.end()


def _player(x: Expansion, match: re.Match[str]) -> Result:
    made = tags.elsewhere(match[1].lower(), tags.Arguments(named={"id": match[2]}))
    return x.block(made or "", match.start(), match.end()), match.end()


def _admonition(x: Expansion, match: re.Match[str]) -> Result:
    prefix, mark, head = match[1], match[2], match[3].strip()
    lines, end = _body(x.text, match.end(), prefix)
    quoted = re.search(r"\"([^\"]*)\"|'([^']*)'", head)
    title = x.words(quoted[1] or quoted[2] or "") if quoted else ""
    words = (head[: quoted.start()] if quoted else head).split()
    if mark.startswith("==="):
        if not quoted:
            return None
        opening, closing = f"<p><strong>{title}</strong></p>", ""
    elif not words and not quoted:
        return None
    else:
        kind = "" if quoted and not title else (words[0] if words else "")
        opening, closing = tags.box(kind, title, folded=mark.startswith("???"))
    inner = x.inner("\n".join(lines), match.end())
    body = "\n".join(f"{prefix}{line}".rstrip() for line in inner.split("\n"))
    gap = prefix.rstrip()
    parts = [
        gap,
        prefix + x.token(opening),
        gap,
        body,
        gap,
        prefix + x.token(closing) if closing else gap,
    ]
    return "\n".join(parts) + "\n", end


def _body(text: str, position: int, prefix: str) -> tuple[list[str], int]:
    """Return the indented lines that belong to a mark, without their indent, and their end."""
    lines: list[str] = []
    end = position
    at = position + 1
    while at < len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        line = text[at:stop]
        rest = line.removeprefix(prefix) if line.startswith(prefix) else ""
        if not line.strip(" \t>"):
            lines.append("")
        elif rest.startswith(("    ", "\t")):
            lines.append(rest[1:] if rest.startswith("\t") else rest[4:])
            end = stop
        else:
            break
        at = stop + 1
    while lines and not lines[-1]:
        lines.pop()
    return lines, end


def _callout(x: Expansion, match: re.Match[str]) -> Result:
    kind, title = match[2], match[4].strip()
    label = kind.replace("-", " ").replace("_", " ").capitalize()
    shown = title or label
    return (
        f"{match[1]}{x.token('<strong>')}{shown}{x.token('</strong>')}\n{match[1].rstrip()}",
        match.end(),
    )


BLOCK_RULES: tuple[tuple[str, str, Handler], ...] = (
    ("container", r"^([ \t>]*):{3,}[ \t]*(?:\{?\.?([\w-]+)\}?)?([^\n]*)$", _container),
    (
        "slashes",
        (
            r"^([ \t]*)/{3,}[ \t]*(?:([a-z][\w-]*)(?:[ \t]*\|[ \t]*([^\n]*))?)?"
            r"((?:\n[ \t]{4,}[\w-]+:[^\n]*)*)$"
        ),
        _slashes,
    ),
    (
        "markdown_inside",
        r"^([ \t]*)<(aside(?=>[ \t]*$)|[a-z][a-z0-9]*\b(?=[^<>]{0,300}\smarkdown[\s=>]))[^<>]*>",
        _markdown_inside,
    ),
    ("part", r"^@tab(?::active)?[ \t]+([^\n]+)$", _part),
    ("divider", r"^[ \t]*<--->[ \t]*$", leave_out),
    ("player", rf"@\[((?i:{'|'.join(tags.ELSEWHERE)}))\]\(([^)\s]++)[^)\n]*+\)", _player),
    ("admonition", r"^([ \t>]*)(!!!|\?\?\?\+?|===[+!]?)[ \t]+([^\n]+)$", _admonition),
    ("callout", r"^((?:[ \t]*>)+[ \t]*)\[!([\w -]+)(?:\|[^\]\n]*)?\]([+-]?)([^\n]*)$", _callout),
)


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
    ("block_id", r"(?:(?<=\S)[ \t]+|(?<=\n\n))\^[a-zA-Z0-9-]{1,40}[ \t]*$", leave_out),
    ("emoji", r"(?<![\w:/]):([a-zA-Z0-9_+-]{1,40}):(?![\w:/])", _emoji),
    (
        "image_size",
        r"(!\[[^\[\]\n]*\]\([^()\s]+)[ \t]+=[0-9]{0,5}%?x?[0-9]{0,5}%?[ \t]*\)",
        _unsized,
    ),
    (
        "spaces_in_address",
        (
            r"(!?\[[^\[\]\n]*\]\()([^()<>{\"'\s][^()<>{\"'\n]{0,500}?[ ][^()<>{\"'\n]{0,500}?"
            r"\.[a-zA-Z0-9]{2,5})[ \t]*\)"
        ),
        _with_spaces,
    ),
    ("sized", r"!\[([^\[\]|\n]*)\|[0-9]{1,5}(?:x[0-9]{1,5})?\]\(", _sized),
)
