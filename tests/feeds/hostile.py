"""Articles that hypothesis makes: hostile texts, cleaned as those of any file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from digest.articles.characters import one_line, publishable_markup
from digest.articles.cleaning.sanitize import clean
from digest.articles.cleaning.tidy import tidy
from digest.articles.cleaning.uris import absolute
from digest.articles.model import Article, ArticleId, CategoryPath, article_key
from tests.feeds.samples import NOON, SITE

_PIECES = st.sampled_from(
    [
        "<", ">", "&", '"', "'", "]]>", "<![CDATA[", "<!--", "-->", "&amp;", "&lt;b&gt;", "&#3;",
        "&#x110000;", "<b>", "</b>", "<br>", "<script>alert(1)</script>", "<?x?>",
        "<p onclick=x()>",
        "<a href='/x'>", "<a href='javascript:x()'>", "</a>",
        "<a href='https://茶.example/ä?b=ö#ü'>", "<a href='#x'>",
        "<img src=i.png>", "<img src='https://img.example/a b.png' style='position:fixed'>", "</p>",
        "<table><td>", "<iframe src=//e.example>", "<title>", "</title></item>", "\x00", "\x03",
        "\x0b", "\x7f", "\x80", "\x85", "\x92", "\u2028", "\u200b", "\u202e", "\ud800", "\ufffe",
        "\uffff", "\ufdd0", "\U0001fffe", "\r\n", "\t", " ", "{{ x }}", "茶", "🫖", "é", "ﬃ",
        "%s", "\\", "a@b.example", "https://a.example/", "(x)",
    ]
)  # fmt: skip
#: U+FFFD means that something was lost; that it draws a warning is what it is for.
pieces = st.lists(_PIECES | st.text(max_size=6), max_size=12).map(
    lambda some: "".join(some).replace("\ufffd", "").replace("&#x110000;", "")
)
lines = pieces.map(one_line)
moments = st.datetimes(datetime(1990, 1, 1), NOON.replace(tzinfo=None)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
languages = st.sampled_from([None, None, "en", "zh-Hant-TW", "zh-CN"])


@st.composite
def articles(draw: Any) -> list[Article]:
    """Return a feed's articles, the newest first; each as reading a file would give it."""
    days = sorted(draw(st.lists(moments, min_size=1, max_size=5)), reverse=True)
    return [_article(draw, len(days) - place, day) for place, day in enumerate(days)]


def _article(draw: Any, number: int, published_at: datetime) -> Article:
    identity = f"{draw(lines)}/{number}"
    names = draw(st.lists(lines.filter(bool), max_size=3))
    markup = draw(pieces)
    return Article(
        id=ArticleId(SITE.tag(identity)),
        key=article_key(identity),
        sequence=number,
        title=draw(lines) or "x",
        authors=tuple(draw(st.lists(lines.filter(bool), max_size=2, unique=True))),
        categories=(CategoryPath(tuple(names)),) if names else (),
        link=draw(pieces.map(lambda path: absolute("https://茶.example/" + path)) | st.none()),
        image=draw(pieces.map(lambda path: absolute("https://img.example/" + path)) | st.none()),
        language=draw(languages),
        summary=draw(lines),
        body=clean(tidy(publishable_markup(markup), base="https://a.example/")),
        published_at=published_at,
        updated_at=published_at + timedelta(seconds=draw(st.integers(0, 1))),
    )
