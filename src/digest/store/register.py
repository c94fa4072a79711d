"""The register: which article a file is about. Pure; it knows what one batch needs to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import PurePosixPath

from digest.articles.model import ArticleKey, article_key, path_identity
from digest.articles.revision import Known


@dataclass(slots=True, kw_only=True, eq=False)
class Entry:
    """An article of the register. It changes while a batch is worked off."""

    identity: str
    by_path: bool  #: the identity came from a path, not from the file's text
    sequence: int | None = None  #: None until it is stored
    known: Known | None = None  #: None until something of it is known
    owners: set[str] = field(default_factory=set)  #: paths of present files that it belongs to

    @property
    def key(self) -> ArticleKey:
        """The article's key."""
        return article_key(self.identity)


@dataclass(slots=True, kw_only=True, eq=False)
class Holding:
    """A file of the register, and the article that it holds."""

    path: str
    content: str  #: hash of its bytes; empty where unknown
    missing: bool
    entry: Entry | None  #: None where it never was an article


class Register:
    """Files and articles as they stand, and the rules that bring them together.

    ``entries`` holds every article that the batch's files or identities may mean, ``holdings``
    the batch's own files and the missing ones with the same content. ``taken`` tells whether an
    identity is in use among the articles that are not here.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        holdings: Iterable[Holding],
        batch: Iterable[str],
        taken: Callable[[str], bool],
    ) -> None:
        self._entries = {entry.identity: entry for entry in entries}
        self._holdings = {holding.path: holding for holding in holdings}
        self._vanished: dict[str, list[Holding]] = {}
        returning = set(batch)  # they hold their articles themselves
        for holding in self._holdings.values():
            if holding.missing and holding.content and holding.path not in returning:
                self._vanished.setdefault(holding.content, []).append(holding)
        self._taken = taken
        self.moved: list[str] = []  #: paths whose holding went to another path

    def holding(self, path: str) -> Holding | None:
        """Return what a path holds, None where it is new."""
        return self._holdings.get(path)

    def keep(self, path: str, content: str) -> Holding:
        """Let a file that says nothing of use hold on to its article, and return its holding."""
        before = self._holdings.get(path)
        return self._hold(path, content, before.entry if before else None)

    def assign(self, path: str, content: str, identity: str) -> Entry:
        """Return the article that a readable file is about, and let the file hold it.

        An identity of its own decides alone. One that is only the path gives way to the article
        that the file held before, then to that of a vanished file with the same content (a move);
        and an article that another present file holds is never taken.
        """
        if identity == path_identity(PurePosixPath(path)):
            entry = self._own(path) or self._moved(content) or self._by_path(path, identity)
        else:
            entry = self._entries.get(identity) or self._new(identity, by_path=False)
        self._hold(path, content, entry)
        return entry

    def _own(self, path: str) -> Entry | None:
        held = self._holdings.get(path)
        if held is None or held.entry is None or held.entry.owners - {path}:
            return None
        return held.entry

    def _moved(self, content: str) -> Entry | None:
        candidates = [
            (held.entry.sequence, held.path, held.entry)
            for held in self._vanished.get(content, ())
            if held.entry is not None
            and held.entry.sequence is not None
            and held.entry.by_path
            and not held.entry.owners
        ]
        if not candidates:
            return None
        _, path, entry = min(candidates, key=lambda candidate: candidate[:2])
        self._vanished[content] = [held for held in self._vanished[content] if held.path != path]
        del self._holdings[path]
        self.moved.append(path)
        return entry

    def _by_path(self, path: str, identity: str) -> Entry:
        entry = self._entries.get(identity)
        if entry is None:
            return self._new(identity, by_path=True)
        if not entry.owners - {path}:
            return entry
        others = (f"{identity}~{number}" for number in count(2))
        free = next(name for name in others if name not in self._entries and not self._taken(name))
        return self._new(free, by_path=True)

    def _new(self, identity: str, *, by_path: bool) -> Entry:
        entry = Entry(identity=identity, by_path=by_path)
        self._entries[identity] = entry
        return entry

    def _hold(self, path: str, content: str, entry: Entry | None) -> Holding:
        before = self._holdings.get(path)
        if before is not None and before.entry is not None:
            before.entry.owners.discard(path)
        if entry is not None:
            entry.owners.add(path)
        holding = Holding(path=path, content=content, missing=False, entry=entry)
        self._holdings[path] = holding
        return holding
