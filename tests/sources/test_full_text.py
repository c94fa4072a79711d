"""The article in a page."""

from __future__ import annotations

import pytest

from digest.sources.model import NoFeed
from digest.sources.reading import article_text

URL = "https://harbour.example/news/1"
TEXT = "".join(
    f"<p>The {n}. crane lifts boxes, slowly, from ships to the quay.</p>" for n in range(9)
)
AROUND = "<nav>" + "<a href='/x'>Elsewhere</a> " * 20 + "</nav>"
PICTURE = '<figure><img src="../i.png"><figcaption>Crane Ä</figcaption></figure>'
PAGE = (
    f"<html><head><title>T</title></head><body>{AROUND}<article><h1>Cranes</h1>{TEXT}{PICTURE}"
    f'<p>More <a href="/more">here</a>, and there.</p></article>{AROUND}</body></html>'
)


@pytest.mark.parametrize(
    ("encoding", "media_type"),
    [
        ("utf-8", "text/html"),
        ("latin-1", 'text/html; charset="ISO-8859-1"'),
        ("utf-8", "text/html; charset=nonsense"),
    ],
)
def test_an_article_is_all_that_is_left_of_a_page(encoding: str, media_type: str) -> None:
    text = article_text(PAGE.encode(encoding), URL, media_type, "<p>The cranes</p>")
    assert "The 0. crane" in text
    assert "Crane Ä" in text
    assert 'href="https://harbour.example/more"' in text
    assert 'src="https://harbour.example/i.png"' in text
    assert "Elsewhere" not in text


@pytest.mark.parametrize(
    ("page", "least"),
    [
        (PAGE.encode(), f"{TEXT}{TEXT}"),
        (b"<html><body><div id=app></div><script>run()</script></body></html>", ""),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, ""),
    ],
)
def test_a_page_that_says_no_more_is_no_use(page: bytes, least: str) -> None:
    with pytest.raises(NoFeed):
        article_text(page, URL, "text/html", least)
