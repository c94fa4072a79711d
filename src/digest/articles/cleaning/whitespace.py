"""Remove empty elements and superfluous white space from markup.

The markup is a parser's output: lower-case tags, attributes in double quotes.
"""

# pure
from __future__ import annotations

import re

_PRE = re.compile(r"(<pre(?: [^<>]*)?>.*?</pre>)", re.DOTALL)
_ATTRIBUTES = r"(?: [a-z]+=\"[^\"<>]*\")*+"
_BLOCK = r"(?:p|div|li|dd|dt|td|th|h[1-6]|blockquote|figcaption|section)"
# These read the whole text, so they decide how long tidying takes: each starts with a literal or a
# set, and none retries a run of white space from each of its characters. A set of characters takes
# two thirds of the time of the class that means the same.
_SPACE = r"[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_NOTHING = r"(?:\s|&nbsp;|<br>)*+"
_MAY_BE_EMPTY = r"(?:p|div|strong|b|em|i|u|a|h[1-6]|li|ul|ol|blockquote|figure|figcaption|section)"
_NO_ID = r"(?: (?!id=)[a-z]+=\"[^\"<>]*\")*+"  # a link may lead to it
_EMPTY = re.compile(rf"<({_MAY_BE_EMPTY}){_NO_ID}>{_NOTHING}</\1>")
_BLANK = re.compile(_NOTHING)
_NESTED = re.compile(rf"<(?:(?P<start>{_MAY_BE_EMPTY}){_NO_ID}|/(?P<end>{_MAY_BE_EMPTY}))>")
#: Levels of nested empty elements that are removed one by one; more are removed in one pass.
_EMPTY_LEVELS = 3
_AFTER_BREAK = re.compile(r"<br>(?:\s|&nbsp;)++")
_BREAKS = re.compile(r"<br>(?:<br>){2,}")
_BLANKS = re.compile(rf"{_SPACE}(?:{_SPACE}++|&nbsp;)++")
_EMPHASIS = rf"<(?:strong|b|em|i|u){_ATTRIBUTES}>"
_STARTS_EMPHASIS = re.compile(_EMPHASIS)
_BLOCK_START = re.compile(rf"(<{_BLOCK}{_ATTRIBUTES}>)((?:{_EMPHASIS}|\s|&nbsp;|<br>)++)")
#: Looked for by the end tag: there are more spaces than tags.
_SPACE_AT_END = re.compile(rf"</(?<={_SPACE}</){_BLOCK}>")
_BREAK_AT_END = re.compile(rf"<br>(?:<br>)?(?=</{_BLOCK}>)")
_HARD_BLANKS_AT_END = re.compile(rf"&nbsp;(?<!&nbsp;&nbsp;)(?:&nbsp;)*+(?=</{_BLOCK}>)")


def compacted(markup: str) -> str:
    """Return the markup without empty elements, indents and blank lines; ``pre`` is unchanged."""
    parts = _PRE.split(markup)
    parts[::2] = [_compacted(part) for part in parts[::2]]
    return "".join(parts).strip()


def _compacted(part: str) -> str:
    part = _without_empty(part)
    part = _BREAKS.sub("<br><br>", _AFTER_BREAK.sub("<br>", part))
    part = _BLOCK_START.sub(lambda start: start[1] + _without_spaces(start[2]), part)
    part = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", part)
    part = _BREAK_AT_END.sub("", part)
    part = _without_space_at_end(part)
    return _HARD_BLANKS_AT_END.sub("", part)


def _without_space_at_end(part: str) -> str:
    output: list[str] = []
    position = 0
    for end in _SPACE_AT_END.finditer(part):
        output.append(part[position : end.start() - 1])
        position = end.start()
    return "".join([*output, part[position:]])


def _without_spaces(start: str) -> str:
    return "".join(_STARTS_EMPHASIS.findall(start))


def _without_empty(part: str) -> str:
    """Return markup without empty elements, nested ones included."""
    for _ in range(_EMPTY_LEVELS):
        part, count = _EMPTY.subn("", part)
        if not count:
            return part
    # Any number of levels, in one pass.
    output: list[str] = []
    empty: list[tuple[str, int]] = []  # open and empty so far: name, index in the output
    position = 0
    for tag in _NESTED.finditer(part):
        between = part[position : tag.start()]
        if not _BLANK.fullmatch(between):
            empty.clear()
        output.append(between)
        position = tag.end()
        if tag["start"]:
            empty.append((tag["start"], len(output)))
            output.append(tag[0])
        elif empty and empty[-1][0] == tag["end"]:
            del output[empty.pop()[1] :]
        else:
            empty.clear()
            output.append(tag[0])
    output.append(part[position:])
    return "".join(output)
