"""The form to subscribe: what it shows, and how it names a category."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from digest.articles.model import CategoryPath
from digest.editions.model import Digest
from digest.feeds.model import CategorySummary


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribeForm:
    """The form to subscribe, as it was filled in so far."""

    token: str  #: to be sent back
    address: str
    digests: tuple[Digest, ...]
    chosen: frozenset[str]  #: names of digests
    categories: tuple[CategorySummary, ...]  #: with each, all above it
    checked: frozenset[str]  #: of ``category_id``
    problem: str | None  #: the key of the words that tell what is wrong


def category_id(path: CategoryPath) -> str:
    """Return the value that stands for a category in forms."""
    return blake2b("\0".join(path.names).encode(), digest_size=5).hexdigest()
