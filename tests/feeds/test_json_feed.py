from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.model import Credit, SafeHtml
from digest.articles.reading.enclosures import Enclosure
from tests.defaults import default_feed
from tests.effort import effort
from tests.feeds.samples import PORTS, SITE, article, json_feed

FEED = default_feed(site=SITE, category=PORTS)


def load(document: bytes) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(document)
    return loaded


def test_the_feed_names_its_version_page_and_address() -> None:
    document = load(json_feed(FEED, []))
    assert document == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": FEED.title,
        "home_page_url": FEED.link(),
        "feed_url": FEED.link("feed.json"),
        "language": "zh-CN",
        "authors": [{"name": "编辑部"}],
        "items": [],
    }


def test_an_article_is_an_item() -> None:
    one = article(language="en")
    (item,) = load(json_feed(FEED, [one]))["items"]
    assert item == {
        "id": one.id,
        "url": one.link,
        "title": one.title,
        "content_html": one.body,
        "summary": one.summary,
        "image": one.image,
        "date_published": "2024-05-20T12:01:07Z",
        "date_modified": "2024-05-20T12:01:37Z",
        "authors": [{"name": "林舟"}, {"name": "Ada Whitfield"}],
        "tags": ["商业 / 航运 / 港口 & Docks"],
        "language": "en",
    }


def test_without_full_the_text_is_the_summary() -> None:
    (item,) = load(json_feed(replace(FEED, full=False), [article()]))["items"]
    assert item["content_text"] == article().summary
    assert "content_html" not in item


def test_an_article_with_as_little_as_possible_has_what_is_required() -> None:
    bare = article(authors=(), categories=(), link=None, image=None, summary="", body=SafeHtml(""))
    (item,) = load(json_feed(FEED, [bare]))["items"]
    assert set(item) == {"id", "url", "title", "content_text", "date_published", "date_modified"}
    assert item["url"] == f"https://ferry.example/articles/{bare.key}/"


def test_a_site_without_names_still_has_a_title() -> None:
    document = load(
        json_feed(default_feed(site=replace(SITE, title="", author=""), category=None), [])
    )
    assert document["title"] == "https://ferry.example/feeds/"
    assert "authors" not in document


def test_pictures_are_given_where_they_are_configured() -> None:
    icon, logo = "https://ferry.example/i.png", "https://ferry.example/l.png"
    both = load(
        json_feed(default_feed(site=replace(SITE, icon=icon, logo=logo), category=None), [])
    )
    assert (both["icon"], both["favicon"]) == (icon, icon)
    only = load(json_feed(default_feed(site=replace(SITE, logo=logo), category=None), []))
    assert (only["icon"], "favicon" in only) == (logo, False)


def test_the_order_is_kept_and_the_bytes_are_the_same_each_time() -> None:
    articles = [article(3), article(1), article(2)]
    document = json_feed(FEED, articles)
    assert [item["id"] for item in load(document)["items"]] == [one.id for one in articles]
    assert document == json_feed(FEED, articles)
    assert document.endswith(b"}\n")
    assert "航运".encode() in document  # not escaped


@settings(max_examples=effort(20, soak=60))
@given(st.text(min_size=1), st.text(alphabet=st.characters(categories=["Cs", "Cc", "L"])))
def test_whatever_stands_in_an_article_the_feed_is_json_in_utf8(title: str, summary: str) -> None:
    (item,) = load(json_feed(FEED, [article(title=title, summary=summary)]))["items"]
    assert item["title"] == title.encode("utf-8", "replace").decode()
    if summary:
        assert item["summary"] == summary.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("url", [None, "https://harbour.example/"])
def test_the_source_is_one_of_the_authors(url: str | None) -> None:
    credited = article(credit=Credit(name="Harbour", url=url), authors=("Ada",))
    (item,) = load(json_feed(FEED, [credited]))["items"]
    assert item["authors"] == [
        {"name": "Ada"},
        {"name": "Harbour", **({"url": url} if url else {})},
    ]


def test_a_recording_is_an_attachment() -> None:
    sound = Enclosure(url="https://x.org/a.mp3", media_type="audio/mpeg", length=9, duration=60)
    bare = replace(sound, length=0, duration=None)
    told = [
        json.loads(json_feed(FEED, [replace(article(1), enclosure=one)]))["items"][0]["attachments"]
        for one in (sound, bare)
    ]
    assert told == [
        [
            {
                "url": sound.url,
                "mime_type": "audio/mpeg",
                "size_in_bytes": 9,
                "duration_in_seconds": 60,
            }
        ],
        [{"url": sound.url, "mime_type": "audio/mpeg"}],
    ]
