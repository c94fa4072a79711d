"""IngestOptions: where articles come from, and by which rules they are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from digest.articles.draft_options import DraftOptions
from digest.articles.ingest.tree import Tree
from digest.articles.revision import IngestPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """The roots of articles, and the rules by which files become articles."""

    tree: Tree
    drafts: DraftOptions
    policy: IngestPolicy


#: Returns the options as they are now, the same object until it changes. Blocking; from any thread.
CurrentOptions = Callable[[], IngestOptions]
