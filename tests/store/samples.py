"""Files, drafts and subscribers to store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from digest.articles.duplicates import content_signature
from digest.articles.ingest.records import Failure, FileRecord, Reading
from digest.articles.model import (
    Availability,
    CategoryPath,
    Draft,
    Facet,
    FacetKind,
    Note,
    SafeHtml,
    path_identity,
)
from digest.editions.model import Digest, Issue
from digest.store.database import Store
from digest.store.types import hashed
from digest.subscribers.model import NewSubscriber

NOW = datetime(2024, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FINANCE = CategoryPath(("金融",))
BANKS = CategoryPath(("金融", "银行快讯"))
LOANS = CategoryPath(("金融", "银行快讯", "贷款－国内"))
SCIENCE = CategoryPath(("Science",))
SPACE = CategoryPath(("Science", "Space"))
LIN, ADA = Facet(FacetKind.AUTHOR, "林海"), Facet(FacetKind.AUTHOR, "Ada Field")
CHINESE = Facet(FacetKind.LANGUAGE, "zh")
DAILY = Digest(name="daily", title="每日")


def draft(
    identity: str,
    *,
    title: str = "河上的新桥通车了",
    categories: Iterable[CategoryPath] = (LOANS,),
    published_at: datetime | None = None,
    body: str = "<p>桥长三百米。</p>",
    image: str | None = None,
    alike: bool = False,
    notes: Iterable[Note] = (),
    authors: tuple[str, ...] = ("林海", "Ada Field"),
    language: str | None = "zh",
    availability: Availability | None = None,
) -> Draft:
    """Return a draft whose fingerprint follows its title, text, authors and categories.

    Unless it is ``alike``, no other file is recognized by it.
    """
    paths = tuple(categories)
    return Draft(
        identity=identity,
        title=title,
        authors=authors,
        categories=paths,
        published_at=published_at,
        link="https://example.org/bridge",
        image=image,
        language=language,
        summary="桥长三百米。",
        body=SafeHtml(body),
        fingerprint=hashed(f"{title}|{body}|{'|'.join([*map(str, paths), *authors])}"),
        signature=content_signature(title, body, None) if alike else None,
        notes=tuple(notes),
        availability=availability,
    )


def file_record(path: str, content: str = "", *, size: int = 100) -> FileRecord:
    """Return the record of a file; its content is its own unless it is given."""
    return FileRecord(
        path=path,
        size=size,
        mtime_ns=1_700_000_000,
        content=content or f"of {path}",
        options_hash="r1",
    )


def reading(
    path: str,
    *,
    identity: str | None = None,
    content: str = "",
    title: str = "河上的新桥通车了",
    categories: Iterable[CategoryPath] = (LOANS,),
    published_at: datetime | None = None,
    body: str = "<p>桥长三百米。</p>",
    image: str | None = None,
    alike: bool = False,
    notes: Iterable[Note] = (),
    authors: tuple[str, ...] = ("林海", "Ada Field"),
    language: str | None = "zh",
    availability: Availability | None = None,
) -> Reading:
    """Return the reading of a file that became an article."""
    return Reading(
        record=file_record(path, content),
        outcome=draft(
            identity or path_identity(PurePosixPath(path)),
            title=title,
            categories=categories,
            published_at=published_at,
            body=body,
            image=image,
            alike=alike,
            notes=notes,
            authors=authors,
            language=language,
            availability=availability,
        ),
    )


def failure(path: str, cause: str = "no title", line: int | None = 3, content: str = "") -> Reading:
    """Return the reading of a file that could not become an article."""
    return Reading(
        record=file_record(path, content or f"bad {path}"), outcome=Failure(line=line, cause=cause)
    )


def someone(
    address: str = "ada@example.org", *categories: CategoryPath, digest: str = "daily"
) -> NewSubscriber:
    """Return a subscription to be stored."""
    return NewSubscriber(address=address, digest=digest, categories=categories)


def listed(store: Store, digest: str = "daily") -> list[Issue]:
    """Return the editions of a digest as pages list them."""
    with store.pages.snapshot() as snapshot:
        return snapshot.editions(digest)
