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

from digest.articles.duplicates import ContentSignature, dates_match, texts_overlap
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
    signature: ContentSignature | None = None  #: of the leading file's draft
    body: SafeHtml | None = None  #: of that draft; None where it is the stored one
    files: dict[str, MatchedFile] = field(default_factory=dict)  #: by path

    @property
    def key(self) -> ArticleKey:
        """The article's key."""
        return article_key(self.identity)

    @property
    def leader(self) -> MatchedFile | None:
        """The leading file; None if there is none yet."""
        leading = (file for file in self.files.values() if file.leads)
        # Until a file could follow, each file of an article led.
        return min(leading, key=lambda file: (file.missing, file.path), default=None)

    def present(self) -> set[str]:
        """Return the paths of the present files."""
        return {path for path, file in self.files.items() if not file.missing}

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
    article: MatchedArticle | None  #: None where it never was an article
    leads: bool = False
    held: bool = False  #: it asks that its article not be published
    waited: bool = False  #: it was held back until a date
    fingerprint: str | None = None  #: of its last draft
    categories: tuple[CategoryPath, ...] = ()  #: of its last draft


class ArticleMatcher:
    """Finds the article of each file, among the stored articles and files that it is given.

    ``articles`` are all articles that the batch's files, identities or signatures may refer to;
    ``files`` are the batch's own files, missing ones with the same content, and all files of these
    articles. ``taken`` returns whether an identity is used by an article that is not in
    ``articles``; ``stored`` returns the body of an article by its sequence. With ``fold``, near
    duplicates count as duplicates.
    """

    def __init__(
        self,
        articles: Iterable[MatchedArticle],
        files: Iterable[MatchedFile],
        batch: Iterable[str],
        taken: Callable[[str], bool],
        stored: Callable[[int], SafeHtml],
        *,
        fold: bool = False,
    ) -> None:
        self._articles = {article.identity: article for article in articles}
        self._files = {file.path: file for file in files}
        self._missing: dict[str, list[MatchedFile]] = {}
        self._batch = frozenset(batch)  # they hold their articles themselves
        for file in self._files.values():
            if file.article is not None:
                file.article.files[file.path] = file
            if file.missing and file.content and file.path not in self._batch:
                self._missing.setdefault(file.content, []).append(file)
        self._by_title: dict[str, list[MatchedArticle]] = {}
        for article in self._articles.values():
            self._index(article)
        self._taken = taken
        self._stored = stored
        self._fold = fold
        self.rivals: dict[str, str] = {}  #: by path: the file whose article has its identity
        self.moved: list[str] = []  #: paths of files that were moved to other paths
        self.former_leaders: set[str] = set()  #: paths of files that no longer lead
        #: By identity: articles whose categories may have changed.
        self.recategorized: dict[str, MatchedArticle] = {}
        #: By identity: articles whose following files may contain other articles now.
        self.uncertain: dict[str, MatchedArticle] = {}

    def file(self, path: str) -> MatchedFile | None:
        """Return the known file at a path; None if the path is new."""
        return self._files.get(path)

    def keep(self, path: str, content: str) -> MatchedFile:
        """Return an unusable file, still assigned to the article that it had, if any."""
        before = self._files.get(path)
        held_back = before is not None and before.held
        file = self._assign_file(path, content, before.article if before else None)
        file.held = held_back
        return file

    def hold_back(self, path: str) -> None:
        """Mark a file as held back; a file without a stored article gets none."""
        file = self._files[path]
        file.held = True
        if file.article is not None and file.article.known is None:
            self.withhold(path)

    def assign(self, path: str, content: str, draft: Draft) -> MatchedArticle:
        """Return the article that a readable file belongs to, and assign the file to it.

        An identity named in the file decides (with ``fold``, also near duplicates), unless another
        file with a different content has it: then identity and path together decide. Without
        one, the order is: the article that the file had before, that of a missing file with the
        same content (a move), one with the same title, text and link, a new one by path.
        """
        if draft.identity == own_identity(path):
            article = (
                self._own(path, draft)
                or self._moved(path, content, draft)
                or self._duplicate(draft)
                or self._by_path(path, draft.identity)
            )
        else:
            article = (
                self._by_named_identity(path, draft)
                or (self._fold and (self._followed(path, draft) or self._duplicate(draft)))
                or self._new(draft.identity, by_path=False)
            )
        self._assign_file(path, content, article)
        return article

    def lead(self, article: MatchedArticle, path: str, draft: Draft) -> bool:
        """Set a file's fingerprint and categories; return whether it leads its article.

        The first file leads. If it is missing or held back, a file with new content takes over.
        """
        file = self._files[path]
        leader = article.leader
        has_new_content = file.fingerprint not in (None, draft.fingerprint)
        if file.fingerprint is None:  # it is new here
            has_new_content = draft.identity == article.identity
        leads = (
            leader is None
            or leader is file
            or ((leader.missing or leader.held) and has_new_content)
        )
        if file.categories != draft.categories or (leads and leader is not file):
            self.recategorized[article.identity] = article
        if leads:
            self.former_leaders -= {path}
            self.former_leaders |= {file.path for file in article.files.values() if file.leads} - {
                path
            }
            for other in article.files.values():
                other.leads = other is file
        file.fingerprint = draft.fingerprint
        file.categories = draft.categories
        return leads

    def revise(self, article: MatchedArticle, known: Known, draft: Draft) -> None:
        """Set an article's new version.

        If its content has changed, its other files may no longer belong to it (``uncertain``).
        """
        signature = draft.signature
        if article.signature is not None and not (
            signature and signature.has_content_of(article.signature)
        ):
            self.uncertain[article.identity] = article
        article.known, article.signature, article.body = known, signature, draft.body
        self._index(article)

    def withhold(self, path: str) -> None:
        """Detach a file from its article: its content must not be published yet."""
        file = self._files[path]
        article, file.article = file.article, None
        if article is not None:
            article.files.pop(path, None)
            if article.sequence is None and not article.files:
                del self._articles[article.identity]

    def _by_named_identity(self, path: str, draft: Draft) -> MatchedArticle | None:
        """Return the article with a draft's own identity, or of its identity and path together.

        None where there is none yet.
        """
        article = self._articles.get(draft.identity)
        file = self._files.get(path)
        apart = self._articles.get(identity_apart(draft.identity, path))
        if apart is not None and file is not None and file.article is apart:
            self._note_rival(path, article)
            return apart
        if article is None or article.leader in (None, file) or not article.present() - {path}:
            return article
        if self._has_same_content(article, draft):
            return article
        self._note_rival(path, article)
        return apart or self._new(identity_apart(draft.identity, path), by_path=False)

    def _has_same_content(self, article: MatchedArticle, draft: Draft) -> bool:
        signature, known = draft.signature, article.signature
        if article.known is not None and article.known.fingerprint == draft.fingerprint:
            return True
        if signature is not None and known is not None and signature.has_content_of(known):
            return True
        text, other = plain_text(draft.body), plain_text(self._body(article))
        if not text and not other:
            return signature is None or known is None or signature.title == known.title
        return texts_overlap(text, other)

    def _note_rival(self, path: str, article: MatchedArticle | None) -> None:
        leader = article.leader if article is not None else None
        if leader is not None and leader.path != path and not leader.missing:
            self.rivals[path] = leader.path

    def _own(self, path: str, draft: Draft) -> MatchedArticle | None:
        """Return the file's article so far, unless the file follows and its content differs now."""
        file = self._files.get(path)
        if file is None or file.article is None:
            return None
        if file.article.leader is file or not file.article.files.keys() - {path}:
            return file.article
        return self._followed(path, draft)

    def _followed(self, path: str, draft: Draft) -> MatchedArticle | None:
        file = self._files.get(path)
        if file is None or file.article is None or file.article.leader is file:
            return None
        return file.article if self._is_version(file.article, draft) else None

    def _is_version(self, article: MatchedArticle, draft: Draft) -> bool:
        """Return whether the draft of a following file is still a version of its article."""
        signature, known = draft.signature, article.signature
        if signature is None or known is None:
            return False
        if signature.title != known.title:
            # Few files follow, and few of those change: sketches are made where they are needed.
            signature = signature.with_sketch(plain_text(draft.body))
            known = known.with_sketch(plain_text(self._body(article)))
        return signature.is_version_of(known)

    def _body(self, article: MatchedArticle) -> SafeHtml:
        if article.body is None and article.sequence is not None:
            return self._stored(article.sequence)
        return article.body or SafeHtml("")

    def _moved(self, path: str, content: str, draft: Draft) -> MatchedArticle | None:
        file = self._files.get(path)
        if file is not None and file.article is not None:
            return None
        similar = self._similar(draft, exactly=True)
        candidates = [*self._missing.get(content, ())]
        candidates += [leader for article in similar if (leader := article.leader)]
        orphans = [
            (file.article.sequence or 0, file.path)
            for file in candidates
            if file.article and _orphaned(file.article) and file.path not in self._batch
        ]
        if not orphans:
            return None
        gone = self._files[min(orphans)[1]]
        article = gone.article
        assert article is not None  # noqa: S101 asked just before
        self._missing[gone.content] = [
            file for file in self._missing.get(gone.content, ()) if file is not gone
        ]
        del self._files[gone.path], article.files[gone.path]
        self._files[path] = MatchedFile(
            path=path,
            content=content,
            missing=False,
            article=article,
            leads=gone.leads,
            fingerprint=gone.fingerprint,
            categories=gone.categories,
        )
        self.moved.append(gone.path)
        return article

    def _duplicate(self, draft: Draft) -> MatchedArticle | None:
        """Return the article that the draft duplicates; the first seen wins."""
        duplicates = [
            article
            for article in self._similar(draft, exactly=not self._fold)
            if article.known is not None
            and (
                (draft.signature is not None and draft.signature.linked)
                or draft.published_at is None
                or dates_match(draft.published_at, article.known.published_at)
            )
        ]
        duplicates.sort(key=lambda match: (match.sequence is None, match.sequence or 0))
        return duplicates[0] if duplicates else None

    def _similar(self, draft: Draft, *, exactly: bool) -> list[MatchedArticle]:
        signature = draft.signature
        if signature is None:
            return []
        return [
            article
            for article in self._by_title.get(signature.title, ())
            if article.signature is not None
            and article.identity in self._articles
            and (
                signature.is_duplicate_of(article.signature)
                or (not exactly and signature.is_near_duplicate_of(article.signature))
            )
        ]

    def _by_path(self, path: str, identity: str) -> MatchedArticle:
        article = self._articles.get(identity)
        if article is None:
            return self._new(identity, by_path=True)
        if not article.present() - {path}:
            return article
        others = (f"{identity}~{number}" for number in count(2))
        free = next(name for name in others if name not in self._articles and not self._taken(name))
        return self._new(free, by_path=True)

    def _new(self, identity: str, *, by_path: bool) -> MatchedArticle:
        article = MatchedArticle(identity=identity, by_path=by_path)
        self._articles[identity] = article
        return article

    def _index(self, article: MatchedArticle) -> None:
        if article.signature is not None:
            known = self._by_title.setdefault(article.signature.title, [])
            if article not in known:
                known.append(article)

    def _assign_file(self, path: str, content: str, article: MatchedArticle | None) -> MatchedFile:
        before = self._files.get(path)
        if before is not None and before.article is article:
            before.content, before.missing, before.held = content, False, False
            if article is not None:
                article.files[path] = before
            return before
        if before is not None and before.article is not None:
            before.article.files.pop(path, None)
            if before.article.files:
                self.recategorized[before.article.identity] = before.article
                if before.leads:
                    self.uncertain[before.article.identity] = before.article
        file = MatchedFile(path=path, content=content, missing=False, article=article)
        if article is not None:
            article.files[path] = file
        self._files[path] = file
        return file


def identity_apart(identity: str, path: str) -> str:
    """Return the identity of a file if another article already has the identity it names."""
    return f"{identity}#{own_identity(path)}"


@lru_cache(maxsize=4_096)
def own_identity(path: str) -> str:
    """Return the identity of a file that names none, by its path."""
    return path_identity(PurePosixPath(path))


def _orphaned(article: MatchedArticle) -> bool:
    """Return whether a stored article came from a path and has no file any more."""
    return article.by_path and article.sequence is not None and not article.present()
