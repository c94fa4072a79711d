"""Expand the components, imports and attributes of MDX in Markdown."""

# pure
from __future__ import annotations

import html
import re

from digest.articles.cleaning.policy import DROPPED, TAGS, VOID
from digest.articles.reading import generator_tags as tags
from digest.articles.reading.expansion import Expansion, Handler, Result, titled
from digest.articles.reading.generator_tags import arguments

#: ``src={useBaseUrl('/a.png')}``, ``src={require('./a.png').default}``, ``title={'T'}``.
_LITERAL = re.compile(r"=\{\s*(?:\w+\(\s*)?([\"'`])([^\"'`{}]*)\1\s*\)?(?:\.default)?\s*\}")
_VARIABLE = re.compile(r"=\{\s*(\w+)(?:\.src)?\s*\}")
_EXPRESSION = re.compile(r"\s[\w:-]+=\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*+\})*+\})*+\}")
_IMPORTED = re.compile(r"import\s+(\w+)\s+from\s+[\"']([^\"'\n]+\.[a-z0-9]{2,5})[\"']")
#: The labels of Docusaurus's tabs by their values.
_LABEL = re.compile(
    r"label:\s*[\"']([^\"']+)[\"'],\s*value:\s*[\"']([^\"']+)[\"']"
    r"|value:\s*[\"']([^\"']+)[\"'],\s*label:\s*[\"']([^\"']+)[\"']"
)
_LINKS = frozenset({"a", "link", "navlink", "nuxtlink", "routerlink"})
#: Written in capitals, these are elements of HTML.
_HTML = TAGS | DROPPED | VOID


def _statement(x: Expansion, match: re.Match[str]) -> Result:
    """Leave out an import or export of MDX, which begins a paragraph."""
    last = x.before(match.start() - 1).strip() if match.start() else ""
    if last and not re.match(r"(?:import|export)\s|.*[;})]$", last):
        return None
    if imported := _IMPORTED.match(match[0]):
        x.variables[imported[1]] = imported[2]
    return "", match.end()


def _tag(x: Expansion, match: re.Match[str]) -> Result:
    """Expand a component; make attributes of HTML what they are in HTML."""
    written, name, start, end = match[0], match[1], match.start(), match.end()
    tag = written
    if "={" in written:
        for label in _LABEL.finditer(written):
            x.variables[f"tab {label[2] or label[3]}"] = label[1] or label[4]
        tag = _LITERAL.sub(r'="\2"', tag)
        tag = _VARIABLE.sub(lambda value: f'="{x.variables.get(value[1], "")}"', tag)
        tag = _EXPRESSION.sub("", tag)
    if name[0].islower() or (name.isupper() and name.lower() in _HTML):
        return (tag, end) if tag != written else None
    closing, single = tag.startswith("</"), tag.endswith("/>")
    if not single and name not in x.closed_names():
        return None
    if closing:
        return x.block(x.close(f"</{name}"), start, end), end
    given = arguments(re.sub(r"[<>{}]", " ", tag[len(name) + 1 :].rstrip("/>")))
    kind = name.rpartition(".")[2].lower()
    if single:
        return _single(x, start, end, kind, given), end
    if kind == "codeblock":
        stop = x.text.find(f"</{name}>", end)
        if stop < 0:
            return "", end
        after = stop + len(f"</{name}>")
        code = re.sub(r"\A\s*\{`|`\}\s*\Z", "", x.text[end:stop])
        shown = tags.code(code, given.first("language", "lang"), html.escape(given.first("title")))
        return x.block(shown, start, after), after
    opening, ending = "", ""
    if kind in _LINKS:
        address = given.first("to", "href")
        opening, ending = f'<a href="{html.escape(address)}">', "</a>"
    elif kind in tags.BOXES or kind in tags.FOLDED:
        opening, ending = tags.box_of(kind, given)
    else:
        value = given.first("value") if kind in tags.TABS else ""
        title = given.first("title", "label", "header", "heading", "summary")
        title = title or x.variables.get(f"tab {value}", value)
        opening = titled(title) if title else ""
    x.open_tags.append((f"</{name}", ending))
    return x.block(opening, start, end) if opening else "", end


def _single(x: Expansion, start: int, end: int, kind: str, given: tags.Arguments) -> str:
    """Return the HTML of a component without content, by its attributes."""
    made = tags.guessed(given, whole=x.alone(start, end))
    if not made and kind in tags.ELSEWHERE:
        made = tags.elsewhere(kind, given)
    if not made and (words := given.first("text", "title", "label")):
        made = html.escape(words)
    if not made:
        x.remark(start, f"the component {kind} is left out")
        return ""
    return x.block(made, start, end)


COMPONENT_RULES: tuple[tuple[str, str, Handler], ...] = (
    (
        "statement",
        (
            r"^(?:import\s(?:[^'\"\n;]|\n(?!\s*\n)){0,500}?['\"][^'\"\n]+['\"];?[ \t]*$"
            r"|export\s+(?:const|let|var|default|function|async|class)\b(?:[^\n]|\n(?!\s*\n))*)"
        ),
        _statement,
    ),
    (
        "component",
        (
            r"</?([a-zA-Z][\w.]*+)(?=[\s/>])"
            r"(?:[^<>{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*+\})*+\})*+\})*+>"
        ),
        _tag,
    ),
)
