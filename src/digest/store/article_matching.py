"""Decide which article a file belongs to, for one batch of files.

An article may have several files. One of them leads: it determines the content of the article. The
others follow: they only add their categories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import PurePosixPath

from digest.articles.duplicates import Likeness, akin, at_one_time
from digest.articles.model import (
    ArticleKey,
    CategoryPath,
    Draft,
    SafeHtml,
    article_key,
    path_identity,
)
from digest.articles.revision import Known
from digest.articles.summary import plain_text


@dataclass(slots=True, kw_only=True, eq=False)
class MatchedArticle:
    """An article of the matcher; mutable while a batch is processed."""

    identity: str
    by_path: bool  #: the identity came from a path, not from the file's text
    sequence: int | None = None  #: None until it is stored
    known: Known | None = None  #: None until something of it is known
    likeness: Likeness | None = None  #: of the leading file's draft
    body: SafeHtml | None = None  #: of that draft; None where it is the stored one
    files: dict[str, MatchedFile] = field(default_factory=dict)  #: that hold it, by path

    @property
    def key(self) -> ArticleKey:
        """The article's key."""
        return article_key(self.identity)

    @property
    def leader(self) -> MatchedFile | None:
        """The leading file; None if there is none yet."""
        leading = (holding for holding in self.files.values() if holding.leads)
        # Until a file could follow, each file of an article led.
        return min(leading, key=lambda file: (file.missing, file.path), default=None)

    def present(self) -> set[str]:
        """Return the paths of the present files."""
        return {path for path, holding in self.files.items() if not holding.missing}

    def categories(self) -> tuple[CategoryPath, ...]:
        """Return the categories of all its files, the leader's first, then by path."""
        first = self.leader
        order = sorted(self.files.values(), key=lambda file: (file is not first, file.path))
        return tuple(dict.fromkeys(path for file in order for path in file.categories))


@dataclass(slots=True, kw_only=True, eq=False)
class MatchedFile:
    """A file of the matcher, and the article that it belongs to."""

    path: str
    content: str  #: hash of its bytes; empty where unknown
    missing: bool
    entry: MatchedArticle | None  #: None where it never was an article
    leads: bool = False
    held: bool = False  #: it does not want its article to be read
    waited: bool = False  #: for a moment from which on it does
    fingerprint: str | None = None  #: of its last draft
    categories: tuple[CategoryPath, ...] = ()  #: of its last draft


class ArticleMatcher:
    """Files and articles as stored, and the rules that match them.

    ``entries`` holds every article that the batch's files, identities or likenesses may mean,
    ``holdings`` the batch's own files, the missing ones with the same content, and all files of
    these articles. ``taken`` tells whether an identity is in use among the articles that are not
    here, ``stored`` the body of an article by its sequence. With ``fold``, an article that is
    nearly the same counts as the same.
    """

    def __init__(
        self,
        entries: Iterable[MatchedArticle],
        holdings: Iterable[MatchedFile],
        batch: Iterable[str],
        taken: Callable[[str], bool],
        stored: Callable[[int], SafeHtml],
        *,
        fold: bool = False,
    ) -> None:
        self._entries = {entry.identity: entry for entry in entries}
        self._holdings = {holding.path: holding for holding in holdings}
        self._vanished: dict[str, list[MatchedFile]] = {}
        self._batch = frozenset(batch)  # they hold their articles themselves
        for holding in self._holdings.values():
            if holding.entry is not None:
                holding.entry.files[holding.path] = holding
            if holding.missing and holding.content and holding.path not in self._batch:
                self._vanished.setdefault(holding.content, []).append(holding)
        self._alike: dict[str, list[MatchedArticle]] = {}
        for entry in self._entries.values():
            self._recognize(entry)
        self._taken = taken
        self._stored = stored
        self._fold = fold
        self.rivals: dict[str, str] = {}  #: the files whose articles have an identity, by claimant
        self.moved: list[str] = []  #: paths whose holding went to another path
        self.deposed: set[str] = set()  #: paths that led and do so no more
        self.refiled: dict[
            str, MatchedArticle
        ] = {}  #: perhaps in other categories now, by identity
        self.unsure: dict[
            str, MatchedArticle
        ] = {}  #: whose other files may be about others, by identity

    def holding(self, path: str) -> MatchedFile | None:
        """Return the known file at a path; None if the path is new."""
        return self._holdings.get(path)

    def keep(self, path: str, content: str) -> MatchedFile:
        """Keep the article of an unusable file, and return the file."""
        before = self._holdings.get(path)
        held = before is not None and before.held
        holding = self._hold(path, content, before.entry if before else None)
        holding.held = held
        return holding

    def hold_back(self, path: str) -> None:
        """Mark a file as held back; a new one does not become an article."""
        holding = self._holdings[path]
        holding.held = True
        if holding.entry is not None and holding.entry.known is None:
            self.withhold(path)

    def assign(self, path: str, content: str, draft: Draft) -> MatchedArticle:
        """Return the article that a readable file belongs to, and assign the file to it.

        An identity named in the file decides (with ``fold``, also near duplicates), unless another
        file with a different content has it: then identity and path together decide. Without
        one, the order is: the article that the file had before, that of a missing file with the
        same content (a move), one with the same title, text and link, a new one by path.
        """
        if draft.identity == own_identity(path):
            entry = (
                self._own(path, draft)
                or self._moved(path, content, draft)
                or self._duplicate(draft)
                or self._by_path(path, draft.identity)
            )
        else:
            entry = (
                self._claimed(path, draft)
                or (self._fold and (self._followed(path, draft) or self._duplicate(draft)))
                or self._new(draft.identity, by_path=False)
            )
        self._hold(path, content, entry)
        return entry

    def lead(self, entry: MatchedArticle, path: str, draft: Draft) -> bool:
        """Return whether this file leads its article, and set its fingerprint and categories.

        The first file leads. If it is missing or held back, one with new content takes over.
        """
        holding = self._holdings[path]
        leader = entry.leader
        says_new = holding.fingerprint not in (None, draft.fingerprint)
        if holding.fingerprint is None:  # it is new here
            says_new = draft.identity == entry.identity
        leads = (
            leader is None or leader is holding or ((leader.missing or leader.held) and says_new)
        )
        if holding.categories != draft.categories or (leads and leader is not holding):
            self.refiled[entry.identity] = entry
        if leads:
            self.deposed -= {path}
            self.deposed |= {file.path for file in entry.files.values() if file.leads} - {path}
            for other in entry.files.values():
                other.leads = other is holding
        holding.fingerprint = draft.fingerprint
        holding.categories = draft.categories
        return leads

    def revise(self, entry: MatchedArticle, known: Known, draft: Draft) -> None:
        """Set an article's new version.

        If its content differs from before, its other files may no longer belong to it.
        """
        like = draft.likeness
        if entry.likeness is not None and not (like and like.says(entry.likeness)):
            self.unsure[entry.identity] = entry
        entry.known, entry.likeness, entry.body = known, like, draft.body
        self._recognize(entry)

    def withhold(self, path: str) -> None:
        """Detach a file from any article: its content must not become an article yet."""
        holding = self._holdings[path]
        entry, holding.entry = holding.entry, None
        if entry is not None:
            entry.files.pop(path, None)
            if entry.sequence is None and not entry.files:
                del self._entries[entry.identity]

    def _claimed(self, path: str, draft: Draft) -> MatchedArticle | None:
        """Return the article with a draft's own identity, or of its identity and path together.

        None where there is none yet.
        """
        entry = self._entries.get(draft.identity)
        held = self._holdings.get(path)
        apart = self._entries.get(identity_apart(draft.identity, path))
        if apart is not None and held is not None and held.entry is apart:
            self._note_rival(path, entry)
            return apart
        if entry is None or entry.leader in (None, held) or not entry.present() - {path}:
            return entry
        if self._says_the_same(entry, draft):
            return entry
        self._note_rival(path, entry)
        return apart or self._new(identity_apart(draft.identity, path), by_path=False)

    def _says_the_same(self, entry: MatchedArticle, draft: Draft) -> bool:
        like, known = draft.likeness, entry.likeness
        if entry.known is not None and entry.known.fingerprint == draft.fingerprint:
            return True
        if like is not None and known is not None and like.says(known):
            return True
        text, other = plain_text(draft.body), plain_text(self._body(entry))
        if not text and not other:
            return like is None or known is None or like.title == known.title
        return akin(text, other)

    def _note_rival(self, path: str, entry: MatchedArticle | None) -> None:
        leader = entry.leader if entry is not None else None
        if leader is not None and leader.path != path and not leader.missing:
            self.rivals[path] = leader.path

    def _own(self, path: str, draft: Draft) -> MatchedArticle | None:
        """Return the file's article so far, unless the file follows and its content differs now."""
        held = self._holdings.get(path)
        if held is None or held.entry is None:
            return None
        if held.entry.leader is held or not held.entry.files.keys() - {path}:
            return held.entry
        return self._followed(path, draft)

    def _followed(self, path: str, draft: Draft) -> MatchedArticle | None:
        held = self._holdings.get(path)
        if held is None or held.entry is None or held.entry.leader is held:
            return None
        return held.entry if self._still(held.entry, draft) else None

    def _still(self, entry: MatchedArticle, draft: Draft) -> bool:
        """Return whether the draft of a following file is still a version of its article."""
        like, known = draft.likeness, entry.likeness
        if like is None or known is None:
            return False
        if like.title != known.title:
            # Few files follow, and few of those change: sketches are made where they are needed.
            like = like.sketched(plain_text(draft.body))
            known = known.sketched(plain_text(self._body(entry)))
        return like.still(known)

    def _body(self, entry: MatchedArticle) -> SafeHtml:
        if entry.body is None and entry.sequence is not None:
            return self._stored(entry.sequence)
        return entry.body or SafeHtml("")

    def _moved(self, path: str, content: str, draft: Draft) -> MatchedArticle | None:
        held = self._holdings.get(path)
        if held is not None and held.entry is not None:
            return None
        candidates = [*self._vanished.get(content, ())]
        candidates += [file for file in map(_leader, self._like(draft, exactly=True)) if file]
        orphans = [
            (file.entry.sequence or 0, file.path)
            for file in candidates
            if file.entry and _orphaned(file.entry) and file.path not in self._batch
        ]
        if not orphans:
            return None
        gone = self._holdings[min(orphans)[1]]
        entry = gone.entry
        assert entry is not None  # noqa: S101 asked just before
        self._vanished[gone.content] = [
            file for file in self._vanished.get(gone.content, ()) if file is not gone
        ]
        del self._holdings[gone.path], entry.files[gone.path]
        self._holdings[path] = MatchedFile(
            path=path,
            content=content,
            missing=False,
            entry=entry,
            leads=gone.leads,
            fingerprint=gone.fingerprint,
            categories=gone.categories,
        )
        self.moved.append(gone.path)
        return entry

    def _duplicate(self, draft: Draft) -> MatchedArticle | None:
        """Return the article that the draft duplicates; the first seen wins."""
        duplicates = [
            entry
            for entry in self._like(draft, exactly=not self._fold)
            if entry.known is not None
            and (
                (draft.likeness is not None and draft.likeness.linked)
                or draft.published_at is None
                or at_one_time(draft.published_at, entry.known.published_at)
            )
        ]
        duplicates.sort(key=lambda match: (match.sequence is None, match.sequence or 0))
        return duplicates[0] if duplicates else None

    def _like(self, draft: Draft, *, exactly: bool) -> list[MatchedArticle]:
        like = draft.likeness
        if like is None:
            return []
        return [
            entry
            for entry in self._alike.get(like.title, ())
            if entry.likeness is not None
            and entry.identity in self._entries
            and (like.same(entry.likeness) or (not exactly and like.nearly(entry.likeness)))
        ]

    def _by_path(self, path: str, identity: str) -> MatchedArticle:
        entry = self._entries.get(identity)
        if entry is None:
            return self._new(identity, by_path=True)
        if not entry.present() - {path}:
            return entry
        others = (f"{identity}~{number}" for number in count(2))
        free = next(name for name in others if name not in self._entries and not self._taken(name))
        return self._new(free, by_path=True)

    def _new(self, identity: str, *, by_path: bool) -> MatchedArticle:
        entry = MatchedArticle(identity=identity, by_path=by_path)
        self._entries[identity] = entry
        return entry

    def _recognize(self, entry: MatchedArticle) -> None:
        if entry.likeness is not None:
            known = self._alike.setdefault(entry.likeness.title, [])
            if entry not in known:
                known.append(entry)

    def _hold(self, path: str, content: str, entry: MatchedArticle | None) -> MatchedFile:
        before = self._holdings.get(path)
        if before is not None and before.entry is entry:
            before.content, before.missing, before.held = content, False, False
            if entry is not None:
                entry.files[path] = before
            return before
        if before is not None and before.entry is not None:
            before.entry.files.pop(path, None)
            if before.entry.files:
                self.refiled[before.entry.identity] = before.entry
                if before.leads:
                    self.unsure[before.entry.identity] = before.entry
        holding = MatchedFile(path=path, content=content, missing=False, entry=entry)
        if entry is not None:
            entry.files[path] = holding
        self._holdings[path] = holding
        return holding


def identity_apart(identity: str, path: str) -> str:
    """Return the identity of a file whose own one another article has."""
    return f"{identity}#{own_identity(path)}"


@lru_cache(maxsize=4_096)
def own_identity(path: str) -> str:
    """Return the identity of a file that names none."""
    return path_identity(PurePosixPath(path))


def _leader(entry: MatchedArticle) -> MatchedFile | None:
    return entry.leader


def _orphaned(entry: MatchedArticle | None) -> bool:
    """Return whether a stored article came from a path and has no file any more."""
    return (
        entry is not None and entry.by_path and entry.sequence is not None and not entry.present()
    )
