"""When an article was published, and whether it may be read, is read as each generator says it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest

from digest.articles.model import Severity
from digest.articles.reading.front_matter import split
from digest.articles.reading.publication import Publication, read_publication

BERLIN = ZoneInfo("Europe/Berlin")


def read(*lines: str, name: str = "notes/a.md") -> Publication:
    path = PurePosixPath(name)
    front = split("\n".join(("---", "title: T", *lines, "---", "Text.")), path)
    return read_publication(front, path, BERLIN)


def day(*numbers: int) -> datetime:
    """Return the start of a winter's day in Berlin, or its hour, as UTC."""
    return datetime(*numbers, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[arg-type, misc]


FIRST, LATER = day(2024, 2, 3), day(2024, 2, 5)


@pytest.mark.parametrize(
    ("lines", "published", "updated"),
    [
        (["date:", "  created: 2024-02-03", "  updated: 2024-02-05"], FIRST, LATER),
        (["date: {created: 2024-02-03}"], FIRST, None),
        (["date: {published: 2024-02-03, modified: 2024-02-05}"], FIRST, LATER),
        (["pubDatetime: 2024-02-03T00:00:00+01:00", "modDatetime: 2024-02-05"], FIRST, LATER),
        (["post_date: 2024-02-03 00:00:00", "post_modified: 2024-02-03"], FIRST, None),
        (["createTime: 2024/02/03", "updateTime: 2024/02/01"], FIRST, None),
        (["published_at: 2024-02-03", "updated_at: 2024-02-05"], FIRST, LATER),
        (["date: 2024-02-03", "last_update: {date: 2024-02-05, author: x}"], FIRST, LATER),
        (["created_at: 2024-02-03", "published: true"], FIRST, None),
        (["lastmod: 2024-02-03"], FIRST, None),
        (["date created: 2024-02-03", "date modified: 2024-02-05"], FIRST, LATER),
        (["created-at: 2024-02-03", "created_at: 2024-02-04"], day(2024, 2, 4), None),
        (["date_gmt: 2024-02-02 23:00:00", "modified_gmt: 2024-02-04T23:00:00"], FIRST, LATER),
        (["date: 2024-02-03", "publishDate: 2024-02-05"], FIRST, None),
    ],
)
def test_dates_stand_under_the_keys_of_each_generator(
    lines: list[str], published: datetime, updated: datetime | None
) -> None:
    publication = read(*lines)
    assert (publication.published_at, publication.updated_at) == (published, updated)
    assert publication.notes == ()


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("_posts/2024-02-03-title.md", []),
        ("posts/2024/02/03/title.md", []),
        ("blog/2024-02-03-trip/index.md", []),
        ("blog/2024/02-03-title.md", []),
        ("20240203-title.md", []),
        ("notes/2024_2_3 title.md", []),
        ("1999/12/31/2024-02-03-title.md", []),
        ("a.md", ["path: 2024/02/03/A-title.html"]),
        ("a.md", ["permalink: /2024/02/03/title/"]),
        ("a.md", ["url: https://blog.example.org/2024/02/03/title.html"]),
        ("a.md", ["slug: 2024-02-03-title"]),
        ("2024-02-03-title.md", ["permalink: /2020/01/01/title/", "updated: 2024-01-01"]),
    ],
)
def test_a_day_in_the_path_of_the_file_or_its_page_is_its_date(name: str, lines: list[str]) -> None:
    publication = read(*lines, name=name)
    assert publication.published_at == day(2024, 2, 3)
    assert publication.notes == ()


@pytest.mark.parametrize(
    ("name", "lines", "published"),
    [
        ("a.md", ["permalink: /2024/02/title/"], day(2024, 2, 1)),
        ("2024/2/title.md", [], day(2024, 2, 1)),
        ("2024/title.md", [], None),
        ("2024-13-40-title.md", [], None),
        ("archive-20241345.md", ["permalink: /:year/:month/:title/"], None),
    ],
)
def test_a_month_alone_is_a_guess_and_a_year_is_none(
    name: str, lines: list[str], published: datetime | None
) -> None:
    publication = read(*lines, name=name)
    assert publication.published_at == published
    told = ["the path: it tells no day; the first of the month counts"]
    assert [note.cause for note in publication.notes] == (told if published else [])


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["draft: true"], "a draft"),
        (["isDraft: yes"], "a draft"),
        (["published: false"], "a draft"),
        (["publish: false"], "a draft"),
        (["status: Draft"], "a draft"),
        (["post_status: pending"], "a draft"),
        (["status: [draft]"], "a draft"),
        (["unlisted: true"], "hidden"),
        (["headless: true"], "hidden"),
        (["permalink: false"], "hidden"),
        (["eleventyExcludeFromCollections: true"], "hidden"),
        (["visibility: private"], "hidden"),
        (["build:", "  render: never"], "hidden"),
        (["_build: {list: false}"], "hidden"),
        (["visibility: paid"], "for members"),
        (["status: trash"], "withdrawn"),
        (["encrypted: true"], "encrypted"),
        (["password: hunter2"], "protected"),
        (["post_password: 1234"], "protected"),
        (["status: scheduled"], "scheduled"),
        (["draft: wip"], "a draft"),
        (["draft: 是"], "a draft"),
        (["wip: true"], "a draft"),
        (["layout: draft"], "a draft"),
        (["status: in progress"], "a draft"),
        (["stage: draft"], "a draft"),
        (["status: Entwurf"], "a draft"),
        (["expired: true"], "over"),
        (["members-only: true"], "for members"),
        (["is draft: true"], "a draft"),
    ],
)
def test_a_file_is_held_back_as_its_generator_does_it(lines: list[str], what: str) -> None:
    publication = read(*lines)
    assert publication.availability is not None
    held_back = publication.availability.held_back
    assert held_back is not None
    assert (held_back.severity is Severity.FAILED) == (what == "scheduled")
    assert f"it is {what}" in held_back.cause
    assert "hunter2" not in held_back.cause
    assert held_back.line == (None if what == "scheduled" else 3)


@pytest.mark.parametrize("name", ["_drafts/a.md", "source/_drafts/b.md", "tech/_Drafts/sub/c.md"])
def test_a_folder_of_drafts_holds_back_what_is_in_it(name: str) -> None:
    availability = read(name=name).availability
    assert availability is not None
    assert availability.held_back is not None
    assert availability.held_back.cause == "it is a draft: it lies in _drafts"


@pytest.mark.parametrize(
    "line",
    [
        "draft: false", "published: true", "status: published", "visibility: public", "hide: [toc]",
        "password: ''", "password: false", "build: {list: always}", "build: never", "hidden: 0",
        "state: Bavaria", "draft: nein", "layout: post", "expired: false", "expires: never",
        "expiryDate: ~", "publishDate: null", "draft:",
    ],
)  # fmt: skip
def test_what_holds_nothing_back_says_nothing(line: str) -> None:
    publication = read(line, "date: 2024-02-03")
    assert (publication.availability, publication.notes) == (None, ())


@pytest.mark.parametrize(
    "line",
    [
        "publishDate: 2030-01-05", "pubDate: Sat, 05 Jan 2030 00:00:00 +0100",
        "publish_at: 2030/1/5", "scheduled_at: 2030-01-05", "embargo: Jan 5, 2030",
        "pubDatetime: 2030-01-04T23:00:00Z", "publish-date: 2030-01-05", "go_live: 2030-01-05",
    ],
)  # fmt: skip
def test_a_date_of_publication_is_when_the_article_may_be_read(line: str) -> None:
    availability = read("date: 2024-02-03", line).availability
    assert availability is not None
    assert availability.not_before is not None
    assert (availability.not_before.at, availability.not_before.line) == (day(2030, 1, 5), 4)


def test_a_scheduled_article_waits_for_its_date() -> None:
    for line in ("status: scheduled", "post_status: future"):
        availability = read("date: 2030-01-05", line).availability
        assert availability is not None
        assert availability.not_before is not None
        assert (availability.not_before.at, availability.not_before.key) == (
            day(2030, 1, 5),
            "date",
        )
        assert availability.held_back is None


@pytest.mark.parametrize(
    "line",
    [
        "expiryDate: 2024-01-05", "expires: 2024-01-05", "unpublish: 5 Jan 2024",
        "expires_at: 2024-01-05T00:00:00+01:00", "unpublishDate: 2024/1/5", "validUntil: 5.1.2024",
        "expired: 2024-01-05", "publishUntil: 2024-01-05", "Expiry Date: 2024-01-05",
    ],
)  # fmt: skip
def test_an_article_ends_at_its_date(line: str) -> None:
    availability = read(line).availability
    assert availability is not None
    assert availability.expires is not None
    assert (availability.expires.at, availability.expires.line) == (day(2024, 1, 5), 3)


NONE = "is no date of the years 1990 to 2100"
FIRST_SIGHT = "the moment of first sight counts"


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (["expires: soon"], f"expires 'soon' {NONE}; it ends nothing"),
        (["publishDate: spring"], f"publishdate 'spring' {NONE}; {FIRST_SIGHT}"),
        (["date: 2024-02-03", "publishDate: x"], f"publishdate 'x' {NONE}; it holds nothing back"),
        (["date: 2024-02-03", "updated: x"], f"updated 'x' {NONE}; it is done without"),
        (
            ["date: 2024-02-03 10:00 CST"],
            "date: CST means several time zones and was read as UTC-06:00",
        ),
        (
            ["date: 2024-02-03", "expires: 2024-03-03 10:00 IST"],
            "expires: IST means several time zones and was read as UTC+05:30",
        ),
    ],
)
def test_what_is_not_used_or_guessed_is_noted_with_its_line(lines: list[str], cause: str) -> None:
    (note,) = read(*lines).notes
    assert (note.severity, note.line, note.cause) == (Severity.NOTED, 2 + len(lines), cause)
