"""The plan of an export: what is made anew, what is as it was, what goes."""

# pure
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from digest.app.export.contents import ArticlePage, Document, SiteContents
from digest.app.export.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """What an export does."""

    articles: Sequence[ArticlePage]  #: to be made
    documents: Sequence[Document]  #: to be made, in this order
    unchanged: frozenset[str]  #: paths of files that are as they were written
    unwanted: Sequence[str]  #: paths of files that were written and are of no use any more

    @property
    def paths(self) -> list[str]:
        """The paths of what is to be made."""
        return [*(one.path for one in self.articles), *(one.path for one in self.documents)]


def plan(
    contents: SiteContents,
    known: Manifest,
    fingerprint: str,
    is_untouched: Callable[[str], bool],
) -> ExportPlan:
    """Return what to do so that a folder holds these contents.

    ``known`` is what was written there. What has the same version needs not be made again, if
    program, templates and configuration have the same ``fingerprint``, and nobody has touched the
    file since.
    """
    comparable = fingerprint == known.fingerprint

    def is_fresh(one: ArticlePage | Document) -> bool:
        state = known.files.get(one.path)
        return (
            comparable
            and state is not None
            and one.version is not None
            and one.version == state.version
            and one.path not in known.begun
            and is_untouched(one.path)
        )

    wanted: list[ArticlePage | Document] = [*contents.articles, *contents.documents]
    unchanged = frozenset(one.path for one in wanted if is_fresh(one))
    paths = {one.path for one in wanted}
    return ExportPlan(
        articles=[one for one in contents.articles if one.path not in unchanged],
        documents=[one for one in contents.documents if one.path not in unchanged],
        unchanged=unchanged,
        unwanted=sorted((known.files.keys() | known.begun) - paths),
    )
