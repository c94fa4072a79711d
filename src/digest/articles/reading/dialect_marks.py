"""Expand the boxes, tabs and other blocks that dialects of Markdown have."""

# pure
from __future__ import annotations

import re
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
