"""Categories: the category paths of a file, and the operator's renames of categories."""

# pure
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from digest.articles.characters import one_line, plain_line
from digest.articles.model import CategoryPath
from digest.articles.reading.fields import Value, spelling
from digest.articles.reading.front_matter_keys import (
    CATEGORY_KEYS,
    FALSE,
    NAME_KEYS,
    NOTHING,
    TAG_KEYS,
    TRUE,
)
from digest.articles.summary import summarize

#: What a list of names is: one path, as Hexo has it, or a category each, as Hugo, Jekyll and
#: Pelican have it.
STYLES = ("path", "flat")
#: Names in a category path, and paths of one article; the rest is ignored.
MAX_LEVELS, MAX_CATEGORIES = 12, 50
#: Graphemes; longer names are cut. More than any file system takes, so that folders never are.
MAX_NAME = 300

#: Dashes that need no space behind them, and those that may be a part of the name.
_LEADING_DASHES = re.compile(r"\A(?:[‒–—―─━⸺⸻－]+\s*|[-‐‑−﹣]+\s+)++")
_NAMES = (*NAME_KEYS, "title", "slug")
#: Between the names of a path in one text: ``->`` and ``=>`` too.
_SEPARATORS = re.compile(r"[-=]?>|[/／＞»›→]")
#: Between names in one text, as Pelican lists authors and tags.
COMMAS = re.compile(r"[,，、;；]")

#: A link of Obsidian, which notes name people and categories by: its target, and its words.
_WIKI_LINK = re.compile(r"\[\[([^\[\]|#]+)(?:#[^\[\]|]*)?(?:\|([^\[\]]+))?\]\]")
#: Tags in one text, as they are written within a note.
_HASHTAGS = re.compile(r"#[\w/-]+(?:[\s,]+#[\w/-]+)*")
#: A list in one text, as programs write what they do not know to be one.
_ITEM = r"""(?:"([^"]*+)"|'([^']*+)')"""
_LISTED = re.compile(rf"\s*+\[\s*+{_ITEM}\s*+(?:,\s*+{_ITEM}\s*+)*+\]\s*+")
_LISTED_ITEM = re.compile(_ITEM)
#: Keys of a table of a category that are none of its names.
_NO_NAMES = frozenset(
    {"count", "description", "id", "link", "parent", "permalink", "url", "weight"}
)
#: The name of a post of Jekyll's, which parts names in one text by blanks.
_JEKYLL_POST = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}-")

#: Folders at the top of a site's sources, and those that are nowhere a category.
_GENERATOR_FOLDERS = frozenset(
    {"_articles", "_drafts", "_pages", "_posts", "_source", "_src", "content", "contents", "docs"}
    | {"pages", "post", "posts", "source", "src"}
)
_HIDDEN_FOLDERS = frozenset({"_articles", "_drafts", "_pages", "_posts"})
#: A year and a month, maybe a day: ``2021/08/27``, ``2021-08``.
_DATE_FOLDERS = re.compile(
    r"/(?:19|20)[0-9]{2}[/-](?:0?[1-9]|1[0-2])(?:[/-](?:0?[1-9]|[12][0-9]|3[01]))?(?=/|\Z)"
)

#: What is hidden or renamed, by folded path: the names of the new one, none where it is hidden.
Renames = Mapping[str, tuple[str, ...]]


def categories(
    fields: Mapping[str, Value], folders: Sequence[str], style: str, *, spaced: bool = False
) -> tuple[CategoryPath, ...]:
    """Return the category paths of the front matter, else its tags, else that of the folders.

    Each comes once. ``style`` is one of ``STYLES``; if it is flat, blanks may part names in one
    text (``spaced``, see ``is_jekyll_post``).
    """
    paths: dict[CategoryPath, None] = {}
    spaced = spaced and style == "flat"
    for key in CATEGORY_KEYS:
        value = listed(fields.get(key, ""))
        if spaced and key == "categories":
            value = _parted(value)
        for names in _paths(value, style):
            _add(paths, names)
    for key in () if paths else TAG_KEYS:
        tags = listed(fields.get(key, ""))
        if spaced and key == "tags":
            tags = _parted(tags)
        for tag in _tags(plain_line(tags)) if isinstance(tags, str) else _texts(_items(tags)):
            _add(paths, [tag.removeprefix("#") or tag])
    if not paths:
        _add(paths, map(plain_line, folders))
    return tuple(paths)[:MAX_CATEGORIES]


def is_bundle(path: PurePosixPath) -> bool:
    """Return whether a file is the page of its folder, as with Hugo's and Docusaurus's bundles."""
    return path.name.partition(".")[0].lower() == "index"


def is_jekyll_post(path: PurePosixPath) -> bool:
    """Return whether a file is a post by its folder and its name, as with Jekyll."""
    return "_posts" in path.parts and _JEKYLL_POST.match(path.name) is not None


def category_folders(path: PurePosixPath) -> Sequence[str]:
    """Return the names of a file's folders that are its category path, from the top.

    Left out are the folder of a page bundle, those that generators give their files to, and those
    of a date: ``content/posts/2021/08/my-trip/index.md`` has none.
    """
    folders = path.parent.parts[:-1] if is_bundle(path) else path.parent.parts
    if not folders:
        return folders
    start = 0
    while start < len(folders) and folders[start].lower() in _GENERATOR_FOLDERS:
        start += 1
    if 0 < start < len(folders) and folders[start].lower() == "blog":
        start += 1
        while start < len(folders) and folders[start].lower() in _GENERATOR_FOLDERS:
            start += 1
    kept = [name for name in folders[start:] if name.lower() not in _HIDDEN_FOLDERS]
    if not any(name.startswith(("19", "20")) for name in kept):
        return kept
    undated = _DATE_FOLDERS.sub("", "/" + "/".join(kept))
    return [name for name in undated.split("/") if name]


def renamed(paths: Iterable[CategoryPath], by: Renames) -> tuple[CategoryPath, ...]:
    """Return the categories after the operator's renames, each once, without hidden ones."""
    moved = filter(None, (_moved(path, by) for path in paths)) if by else paths
    return tuple(dict.fromkeys(moved))


def within_limit(paths: Iterable[CategoryPath], most: int) -> tuple[CategoryPath, ...]:
    """Return the categories, in order, that fit into ``most``, counted with their ancestors."""
    kept, levels = [], set[CategoryPath]()
    for path in paths:
        with_path = levels.union(path.lineage())
        if len(with_path) <= most:
            kept.append(path)
            levels = with_path
    return tuple(kept)


@lru_cache(maxsize=8)
def renames(pairs: tuple[tuple[str, str], ...]) -> Renames:
    """Return the renames of categories, from old and new paths joined by ``/``; "" hides.

    Raises Misplaced for a malformed pair, or two that contradict each other.
    """
    renamed: dict[str, tuple[str, ...]] = {}
    written: dict[str, str] = {}
    for old, new in pairs:
        key = _folded(_written(old, old, None))
        if key in renamed:
            raise Misplaced(old, f"is the same category as '{written[key]}'")
        written[key] = old
        renamed[key] = _written(new, old, new) if new else ()
    for key, names in renamed.items():
        for length in range(1, len(names) + 1):
            other = _folded(names[:length])
            if other in renamed and other != key:
                problem = f"must not lie in '{written[other]}', which is moved itself"
                raise Misplaced(written[key], problem, "/".join(names))
    return renamed


class Misplaced(ValueError):
    """A pair of ``renames`` is malformed or contradicts another one."""

    def __init__(self, key: str, problem: str, value: str | None = None) -> None:
        super().__init__(key, problem, value)
        self.key = key  #: as it was written
        self.problem = problem  #: of the value where there is one, else of the key
        self.value = value

    def __str__(self) -> str:
        return f"{self.key!r}: {self.problem}"


def unlinked(text: str) -> str:
    """Return a text with the words of links between notes (``[[people/Ann|her]]``) for these."""
    return _WIKI_LINK.sub(lambda link: (link[2] or link[1].rpartition("/")[2]).strip(), text)


def listed(value: Value) -> Value:
    """Return the list that a text is (``'["a", "b"]'``), any other value as it is."""
    if not isinstance(value, str) or "[" not in value or not _LISTED.fullmatch(value):
        return value
    return [double or single for double, single in _LISTED_ITEM.findall(value)]


def _parted(value: Value) -> Value:
    """Return the names that Jekyll reads in one text: a list of words, unless commas part them."""
    if not isinstance(value, str) or COMMAS.search(value):
        return value
    return list(plain_line(value).split())


def _tags(text: str) -> list[str]:
    """Return the tags in one text, between commas or as ``#one #two``."""
    return re.split(r"[\s,]+", text) if _HASHTAGS.fullmatch(text) else COMMAS.split(text)


def _paths(value: Value, style: str) -> Iterator[list[str]]:
    """Yield the paths of a value; a list inside a list is one path."""
    if isinstance(value, str):
        text = unlinked(plain_line(value))
        for part in COMMAS.split(text) if style == "flat" else [text]:
            yield _SEPARATORS.split(part)
    elif isinstance(value, dict):
        yield from _paths_of_table(value)
    elif any(
        isinstance(item, list) or (isinstance(item, dict) and not _name(item)) for item in value
    ):
        for item in value:
            yield from _paths(item, "path")
    else:
        names = _texts(value)
        yield from [[name] for name in names] if style == "flat" else [names]


def _paths_of_table(table: Mapping[str, Value]) -> Iterator[list[str]]:
    """Yield the name of a category in a table, or paths whose first names are its keys."""
    if name := _name(table):
        yield [plain_line(name)]
        return
    for key, inner in table.items():
        if key in _NO_NAMES or (isinstance(inner, str) and inner.lower() in FALSE):
            continue
        if isinstance(inner, dict) and (name := _name(inner)):  # the key is an identifier
            yield [plain_line(name)]
            continue
        below = [] if isinstance(inner, str) and inner.lower() in TRUE else _paths(inner, "flat")
        yield from [[spelling(key), *path] for path in below] or [[spelling(key)]]


def _name(table: Mapping[str, Value]) -> str:
    names = (table.get(key) for key in _NAMES)
    return next((name for name in names if isinstance(name, str) and name), "")


def _items(value: list[Value] | dict[str, Value]) -> list[Value]:
    """Return the keys of a table of tags that are not off, any other value as it is."""
    if not isinstance(value, dict):
        return value
    if _name(value):
        return [value]
    return [
        spelling(key)
        for key, item in value.items()
        if not (isinstance(item, str) and item.lower() in FALSE)
    ]


def _texts(items: Iterable[Value]) -> list[str]:
    """Return the texts of a list, and the names of mappings in it."""
    texts = (_name(item) if isinstance(item, dict) else item for item in items)
    return [plain_line(text) for text in texts if isinstance(text, str)]


def _add(paths: dict[CategoryPath, None], names: Iterable[str]) -> None:
    usable = _names(names)
    if usable:
        paths[CategoryPath(usable)] = None


def _names(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts that are valid names, without leading dashes."""
    lines = (unlinked(one_line(text)) for text in texts)
    cleaned = (summarize(_LEADING_DASHES.sub("", line), MAX_NAME) for line in lines)
    return tuple(name for name in cleaned if name.lower() not in NOTHING)[:MAX_LEVELS]


def _written(path: str, key: str, value: str | None) -> tuple[str, ...]:
    """Return the names of a path in the configuration; raise Misplaced for an invalid one."""
    parts = path.split("/")
    names = _names(parts)
    if len(names) != len(parts):
        raise Misplaced(key, f"must be 1 to {MAX_LEVELS} names joined by '/'", value)
    return names


def _moved(path: CategoryPath, by: Renames) -> CategoryPath | None:
    """Return a category renamed by the longest key that contains it; None if it is hidden."""
    for length in range(len(path.names), 0, -1):
        names = by.get(_folded(path.names[:length]))
        if names is not None:
            rest = path.names[length:] if names else ()
            return CategoryPath((*names, *rest)[:MAX_LEVELS]) if names else None
    return path


def _folded(names: Sequence[str]) -> str:
    """Return a path's key, equal for spellings that differ in case, width or composition."""
    folded = unicodedata.normalize("NFKC", "/".join(names)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
