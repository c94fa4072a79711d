"""Rules: an operator's corrections of the markup of a site, a category or files."""

# pure
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import regex
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from digest.articles.cleaning import policy
from digest.articles.model import CategoryPath, ParsedFile

#: Seconds for one pattern on one text node; a good pattern takes a thousandth.
TIME_LIMIT = 1.0
#: Replacements of one pattern in one article: more would let a file grow without bounds.
MAX_REPLACEMENTS = 20_000


class RuleLimitExceeded(Exception):
    """A pattern took too long or matched too often in a text."""

    def __init__(self, rule: Rule, pattern: str, problem: str) -> None:
        super().__init__(rule, pattern, problem)
        self.rule = rule
        self.pattern = pattern
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.rule}: the pattern {self.pattern!r} {self.problem}"


def check_pattern(pattern: str) -> None:
    """Raise ValueError unless ``pattern`` is a regular expression."""
    try:
        regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {pattern!r}: {error}") from error


def check_replacement(pattern: str, replacement: str) -> None:
    """Raise ValueError for a replacement that names groups not in ``pattern``."""
    try:
        regex.sub(f"{pattern}\n|", replacement, "", count=1)  # matches nothing, so it matches
    except (regex.error, IndexError, OverflowError) as error:
        raise ValueError(f"no replacement for {pattern!r}: {replacement!r}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A correction of the markup of all articles that fulfil its conditions.

    Selectors are CSS, patterns those of the ``regex`` module. Raise ValueError for an invalid one,
    naming it.
    """

    category: CategoryPath | None = None  #: articles in it or below it
    host: str | None = None  #: a glob on the host of the article's link
    path: str | None = None  #: a glob on the file's path; ``*`` crosses folders
    keep: tuple[str, ...] = ()  #: where any of these match, nothing else stays
    drop: tuple[str, ...] = ()  #: gone with their content
    unwrap: tuple[str, ...] = ()  #: gone, their content stays
    strong: tuple[str, ...] = ()  #: become ``<strong>``
    attributes: tuple[tuple[str, str], ...] = ()  #: copied, such as ``("data-src", "src")``
    replace: tuple[tuple[str, str], ...] = ()  #: in the text: what a pattern matches, by what

    def __post_init__(self) -> None:
        probe = LexborHTMLParser("<p>")
        for selector in (*self.keep, *self.drop, *self.unwrap, *self.strong):
            try:
                probe.css(selector)
            except SelectolaxError as error:
                raise ValueError(f"not a CSS selector: {selector!r}") from error
        for name in (name for pair in self.attributes for name in pair):
            if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_:.-]*", name):
                raise ValueError(f"not the name of an attribute: {name!r}")
        for pattern, replacement in self.replace:
            check_pattern(pattern)
            check_replacement(pattern, replacement)

    def __str__(self) -> str:
        """Name the rule by its conditions."""
        conditions = [
            f"{name} '{value}'"
            for name in ("category", "host", "path")
            if (value := getattr(self, name)) is not None
        ]
        return f"the rule for {', '.join(conditions) or 'every article'}"

    def applies(self, parsed: ParsedFile, path: PurePosixPath) -> bool:
        """Return whether the article fulfils all conditions."""
        category = self.category
        if category and not any(own.within(category) for own in parsed.categories):
            return False
        if self.host is not None:
            host = urlsplit(parsed.link or "").hostname or ""
            if not fnmatchcase(host, self.host.lower()):
                return False
        return self.path is None or fnmatchcase(str(path), self.path)


def apply(rule: Rule, parser: LexborHTMLParser, body: LexborNode) -> None:
    """Apply ``rule`` to ``body``. Raise RuleLimitExceeded if a pattern exceeds its limits."""
    kept = _outermost(_selected(body, rule.keep))
    if kept:
        container = parser.create_node("div")
        for node in kept:
            container.insert_child(node, move=True)
        while body.first_child is not None:
            body.first_child.decompose(recursive=False)
        body.insert_child(container, move=True)
    for source, target in rule.attributes:
        escaped = re.sub(r"([:.])", r"\\\1", source)
        for node in body.css(f"[{escaped}]"):
            node.attrs[target] = node.attributes.get(source) or ""
    for node in _selected(body, rule.drop):
        node.decompose(recursive=False)
    for node in _selected(body, rule.strong):
        rename(parser, node, "strong")
    for node in _selected(body, rule.unwrap):
        node.unwrap(delete_empty=True)
    if rule.replace:
        _replace(rule, body)


def _selected(body: LexborNode, selectors: Sequence[str]) -> list[LexborNode]:
    """Return the descendants of ``body`` that match any of the selectors, each once."""
    nodes = {node.mem_id: node for selector in selectors for node in body.css(selector)}
    nodes.pop(body.mem_id, None)
    return list(nodes.values())


def _outermost(nodes: list[LexborNode]) -> list[LexborNode]:
    """Return the nodes that are not inside another of them."""
    ids = {node.mem_id for node in nodes}
    outer = []
    for node in nodes:
        parent = node.parent
        while parent is not None and parent.mem_id not in ids:
            parent = parent.parent
        if parent is None:
            outer.append(node)
    return outer


def rename(parser: LexborHTMLParser, node: LexborNode, tag: str) -> None:
    """Replace ``node`` by an element ``tag`` with the same content and global attributes."""
    new = parser.create_node(tag)
    for name in policy.ATTRIBUTES["*"]:
        if value := node.attributes.get(name):
            new.attrs[name] = value
    node.insert_before(new, move=True)
    while node.first_child is not None:
        new.insert_child(node.first_child, move=True)
    node.decompose(recursive=False)


def _replace(rule: Rule, body: LexborNode) -> None:
    """Apply the replacements of a rule to every text node, in order."""
    body.merge_text_nodes()  # unwrapping leaves adjacent text nodes
    nodes = [node for node in body.traverse(include_text=True) if node.is_text_node]
    texts = [node.text_content or "" for node in nodes]
    for pattern, replacement in rule.replace:
        compiled = regex.compile(pattern)
        left = MAX_REPLACEMENTS
        for index, text in enumerate(texts):
            try:
                texts[index], count = compiled.subn(
                    replacement, text, count=left + 1, timeout=TIME_LIMIT
                )
            except TimeoutError as error:
                problem = f"took more than {TIME_LIMIT:g} s"
                raise RuleLimitExceeded(rule, pattern, problem) from error
            left -= count
            if left < 0:
                raise RuleLimitExceeded(rule, pattern, f"matches over {MAX_REPLACEMENTS} times")
    for node, text in zip(nodes, texts, strict=True):
        if text != node.text_content:
            node.replace_with(text)
