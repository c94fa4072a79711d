"""Run every regular expression of the product against texts made to slow it down.

A program of its own, with a limit of processor time: ``python -m tests.pattern_attacks`` prints a
line for each pattern whose time grows faster than the text, and how many patterns it tried.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import regex

import digest
from tests.effort import SOAK

#: Characters of an attack; a quadratic pattern takes some 50 ms for them, a linear one 0.1 ms.
SIZE = 4_096
#: Processor seconds that say nothing, whatever the ratio.
_NOTHING = 0.008
#: More than linear: four times the text takes so many times as long (linear: 4, squared: 16).
_RATIO = 8.0
#: Processor seconds after which a pattern is given up, and the whole program.
_MOST, _MOST_OF_ALL = 0.5, 120
#: Methods that look for a match at every position.
_SEARCHING = ("search", "finditer", "findall", "sub", "subn", "split")
_USE = re.compile(r"\.(search|finditer|findall|subn?|split|match|fullmatch)\b")
#: Of any text, beside the letters of the pattern itself.
_ALPHABET = "a0 \n-"
_PARSER: Any = importlib.import_module("re._parser")

Pattern = re.Pattern[Any] | regex.Pattern[Any]


def modules() -> Iterator[Any]:
    """Import and yield every module of the product."""
    for info in pkgutil.walk_packages(digest.__path__, "digest."):
        if "migrations" not in info.name and not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def patterns() -> dict[str, tuple[Pattern, bool]]:
    """Return each module-level pattern by its name, and whether it is searched for."""
    known: dict[str, tuple[Pattern, bool]] = {}
    for module in modules():
        source = inspect.getsource(module)
        for name, value in vars(module).items():
            uses = {
                use[1]
                for place in re.finditer(rf"\b{re.escape(name)}\b", source)
                if (use := _USE.match(source, place.end()))
            }
            for number, pattern in enumerate(_patterns_in(value)):
                if pattern not in (known_pattern for known_pattern, _ in known.values()):
                    searched = not uses or bool(uses & set(_SEARCHING))
                    known[f"{module.__name__}.{name}[{number}]"] = pattern, searched
    return known


def _patterns_in(value: object) -> Iterator[Pattern]:
    """Yield the patterns in a value, and in the containers in it."""
    if isinstance(value, re.Pattern | regex.Pattern):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _patterns_in(inner)
    elif isinstance(value, tuple | list | frozenset):
        for inner in value:
            yield from _patterns_in(inner)


def attacks(pattern: Pattern) -> Iterator[str]:
    """Yield texts that repeat what a pattern repeats, behind what comes before it."""
    source = pattern.pattern
    source = source.decode("latin-1") if isinstance(source, bytes) else source
    heads, pumps = {""}, set(_ALPHABET)
    if isinstance(pattern, re.Pattern):
        _collect(_PARSER.parse(source, pattern.flags & re.VERBOSE), "", heads, pumps)
    else:
        pumps |= {char for char in source if not char.isalnum()}
    for head in sorted(heads, key=len)[:6]:
        for pump in sorted(pumps, key=len)[:40]:
            body = pump * (SIZE // len(pump))
            yield head + body
            yield head + body + "\0"


def _collect(parsed: Any, before: str, heads: set[str], pumps: set[str]) -> str:
    """Add what stands before each repetition, and what is repeated; return a text that matches."""
    text = before
    for operator, argument in parsed:
        name = str(operator)
        if "REPEAT" in name:
            least, most, inner = argument
            heads.add(text)
            sample = _collect(inner, "", set() if most == 1 else heads, pumps)
            if most > 1:
                pumps.add(sample or "a")
            text += sample * max(least, 1)
        elif name == "BRANCH":
            samples = [_collect(branch, text, heads, pumps) for branch in argument[1]]
            pumps.update(sample.removeprefix(text) for sample in samples if sample != text)
            text = samples[0]
        elif name in ("SUBPATTERN", "ATOMIC_GROUP"):
            text = _collect(argument[3] if name == "SUBPATTERN" else argument, text, heads, pumps)
        elif name in ("ASSERT", "ASSERT_NOT"):
            _collect(argument[1], text, heads, pumps)
        else:
            chars = _chars(name, argument)
            pumps.update(chars)
            text += chars[0] if chars else ""
    return text


def _chars(name: str, argument: Any) -> list[str]:
    """Return characters that a part of a pattern names."""
    if name == "LITERAL":
        return [chr(argument)]
    if name in ("NOT_LITERAL", "ANY"):
        return ["a"]
    if name != "IN":
        return []
    chars = []
    negated = False
    for operator, inner in argument:
        kind = str(operator)
        negated |= kind == "NEGATE"
        if kind == "LITERAL":
            chars.append(chr(inner))
        elif kind == "RANGE":
            chars.append(chr(inner[0]))
        elif kind == "CATEGORY":
            category = str(inner)
            chars.append(
                " " if category.endswith("_SPACE") else "0" if "DIGIT" in category else "a"
            )
    return ["a", *chars] if negated else chars


def cost(pattern: Pattern, searched: bool, text: str) -> float:
    """Return processor seconds, at most those after which a pattern is given up."""
    subject: Any = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, _MOST)
    began = time.thread_time()
    try:
        if searched:
            for _ in pattern.finditer(subject):
                pass
        else:
            pattern.fullmatch(subject)
            pattern.match(subject)
    except TimeoutError:
        return _MOST
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return time.thread_time() - began


def grows(pattern: Pattern, searched: bool, text: str) -> bool:
    """Tell whether the time grows faster than the text."""
    whole = cost(pattern, searched, text)
    if not _NOTHING < whole < _MOST:
        return whole >= _MOST
    quarter = text[: len(text) // 4 - 1] + text[-1]
    if whole <= _RATIO * cost(pattern, searched, quarter):
        return False
    whole = min(whole, *(cost(pattern, searched, text) for _ in range(2)))
    return whole > _NOTHING and whole > _RATIO * min(
        cost(pattern, searched, quarter) for _ in range(3)
    )


def give_up(*_: object) -> None:
    """End a match; both engines look for signals."""
    raise TimeoutError


def main() -> None:
    """Attack every pattern."""
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_OF_ALL, _MOST_OF_ALL))
    known = patterns()
    for name, (pattern, searched) in known.items():
        for text in islice(attacks(pattern), None, None, 1 if SOAK else 6):
            if grows(pattern, searched, text):
                sys.stdout.write(f"{name} {text[:20]!r} … {text[-1]!r}\n")
                break
    sys.stdout.write(f"{len(known)}\n")


if __name__ == "__main__":
    main()
