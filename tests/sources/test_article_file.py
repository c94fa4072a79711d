"""Article files of entries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.draft import make_draft
from digest.articles.model import Credit, Draft, SourceFile
from digest.articles.reading.enclosures import Enclosure
from digest.sources.article_file import article_file, entry_hash, file_path, own_feed
from digest.sources.model import Attachment, Entry, Source
from tests.defaults import default_options
from tests.sources.samples import ENTRY, NOW, SOURCE, document

OPTIONS = default_options(timezone="UTC", language="en")


def written(entry: Entry, source: Source = SOURCE, *, announced: bool = True) -> Draft:
    """Return the article that comes of the file of an entry."""
    content = article_file(source, entry, document(), taken_at=NOW, announced=announced)
    path = PurePosixPath("sources") / file_path(source, entry, NOW)
    return make_draft(SourceFile(path=path, content=content), OPTIONS)


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (
            (
                '<p>Fog. <a href="/fog">#<span>fog</span></a></p>'
                "<p><span>https://</span><span>h.example</span></p>"
            ),
            "Fog. #fog https://h.example",
        ),
        ("<style>p {}</style><script>a()</script><p>One<br>two</p>", "One two"),
        ('<img src="https://h.example/a.png" alt="A crane">', "A crane"),
        ('<img src="https://h.example/a.png">', "Harbour News"),
        ("", "Harbour News"),
    ],
)
def test_an_entry_without_a_title_is_named_by_what_is_seen(content: str, title: str) -> None:
    assert written(replace(ENTRY, title="", content=content)).title == title


@pytest.mark.parametrize(
    ("last", "summary"),
    [
        (
            (
                'The post <a href="https://harbour.example/cranes/?utm=rss">Cranes</a> appeared '
                'first on <a href="https://harbour.example">Harbour</a>.'
            ),
            "Short",
        ),
        ('See <a href="https://harbour.example/cranes">Cranes</a>.', "Short See Cranes."),
        (
            '<a href="https://harbour.example/cranes">C</a> <a href="https://h.example/">h</a>',
            "Short C h",
        ),
    ],
)
def test_a_summary_is_without_the_line_that_credits_entry_and_site(last: str, summary: str) -> None:
    assert written(replace(ENTRY, summary=f"<p>Short</p><p>{last}</p>")).summary == summary


def test_an_entry_becomes_an_article_with_all_that_it_says() -> None:
    draft = written(
        replace(
            ENTRY,
            authors=("Ann", "Bob"),
            categories=("Port", "harbour"),
            updated_at=ENTRY.published_at and ENTRY.published_at + timedelta(hours=1),
            language="en-GB",
            summary="<p>Short</p>",
            image="https://harbour.example/i.png",
            attachment=Attachment(
                url="https://harbour.example/a.mp3",
                media_type="audio/mpeg",
                length=5,
                duration="1:02",
            ),
        )
    )
    assert draft.identity == "harbour:1"
    assert (draft.title, draft.body) == ("Cranes & ships", "<p>Long <b>text</b></p>")
    assert draft.authors == ("Ann", "Bob")
    assert [str(category) for category in draft.categories] == ["harbour", "harbour / Port"]
    assert (draft.link, draft.language, draft.summary) == (ENTRY.link, "en-GB", "Short")
    assert draft.published_at == ENTRY.published_at
    assert draft.updated_at is not None
    assert draft.image == "https://harbour.example/i.png"
    assert draft.enclosure == Enclosure(
        url="https://harbour.example/a.mp3", media_type="audio/mpeg", length=5, duration=62
    )
    assert draft.announced
    assert draft.credit == Credit(name="Harbour News", url="https://harbour.example/")


def test_a_bare_entry_becomes_an_article() -> None:
    draft = written(Entry(id="x", title="", content="<p>First words</p>"))
    assert (draft.title, draft.published_at) == ("First words", NOW)
    assert written(Entry(id="x", title="")).title == "Harbour News"
    assert written(Entry(id="x", title="\u200b\u00a0")).title == "Harbour News"  # nothing to see
    attachment = Attachment(url="https://h.example/a.mp3", media_type="audio/mpeg")
    assert written(Entry(id="x", title="", attachment=attachment)).enclosure is not None


@pytest.mark.parametrize(
    "text",
    [
        "{% raw %} and {% if a %}b{% else %}c{% endif %}",
        "{{ page.title }}, {{{ a }}} and {# a comment #}",
        "{{&lt; youtube abc &gt;}} and {{% notice %}}",
        "[gallery] or [video], [quote]c[/quote] and [/b]",
        "[[note]] and [1]",
    ],
)
def test_what_looks_like_a_tag_of_a_generator_stays(text: str) -> None:
    body = f'<p>{text}</p><pre>{text}</pre><p><a href="https://h.example/?a[b]=1">x</a></p>'
    draft = written(replace(ENTRY, content=body))
    shown = f"<p>{text}</p><pre>{text}</pre>"
    assert draft.body.startswith(shown)
    assert 'href="https://h.example/?a[b]=1"' in draft.body.replace("%5B", "[").replace("%5D", "]")
    assert not draft.notes


def test_the_first_entries_of_a_source_are_not_announced() -> None:
    assert not written(ENTRY, announced=False).announced


def test_an_entry_without_a_link_that_has_no_page_here_leads_to_its_source() -> None:
    bare = replace(ENTRY, link="")
    assert written(bare).link is None
    kept = replace(SOURCE, republish=False)
    assert written(bare, kept).link == "https://harbour.example/"
    assert written(ENTRY, kept).link == ENTRY.link


def test_the_category_of_the_source_comes_first() -> None:
    draft = written(ENTRY, replace(SOURCE, category=("World", "Sea")))
    assert [str(category) for category in draft.categories] == ["World / Sea"]


@pytest.mark.parametrize(
    ("published", "updated", "expected"),
    [(None, -2, -2), (-3, -2, -3), (9, -2, 0), (None, 9, 0), (None, None, 0)],
    ids=str,
)
def test_the_date_is_that_of_publication_or_update_or_taking(
    published: int | None, updated: int | None, expected: int
) -> None:
    first, second = (
        None if days is None else NOW + timedelta(days=days) for days in (published, updated)
    )
    draft = written(replace(ENTRY, published_at=first, updated_at=second))
    assert draft.published_at == NOW + timedelta(days=expected)
    assert draft.availability is None


def test_an_id_that_is_too_long_is_hashed() -> None:
    entry = replace(ENTRY, id="x" * 2_000)
    assert written(entry).identity == f"harbour:{entry.key}"


@pytest.mark.parametrize(
    ("title", "path"),
    [
        ("Cranes & ships", "harbour/2026/11/2026-11-24-Cranes-ships-{key}.html"),
        ("../../etc/passwd\0", "harbour/2026/11/2026-11-24-etc-passwd-{key}.html"),
        ("港口 Größe", "harbour/2026/11/2026-11-24-港口-Größe-{key}.html"),
        ("…", "harbour/2026/11/2026-11-24-{key}.html"),
        ("漢" * 70, f"harbour/2026/11/2026-11-24-{'漢' * 60}-{{key}}.html"),
        ("a" + "𝗕" * 70, f"harbour/2026/11/2026-11-24-a{'𝗕' * 49}-{{key}}.html"),  # 200 bytes
    ],
)
def test_a_file_is_called_by_date_title_and_id(title: str, path: str) -> None:
    entry = replace(ENTRY, title=title)
    assert file_path(SOURCE, entry, NOW) == path.format(key=entry.key[:12])


TEXTS = st.text(max_size=40)


@given(
    entry=st.builds(
        Entry,
        id=st.text(min_size=1),
        title=TEXTS,
        link=TEXTS,
        authors=st.lists(TEXTS, max_size=2).map(tuple),
        categories=st.lists(TEXTS, max_size=2).map(tuple),
        language=TEXTS,
        content=TEXTS,
        summary=TEXTS,
        image=TEXTS,
        source_title=TEXTS,
    )
)
def test_no_entry_breaks_out_of_its_file(entry: Entry) -> None:
    content = article_file(SOURCE, entry, document(), taken_at=NOW, announced=False)
    assert content.count(b"\n---\n") >= 1
    path = PurePosixPath(file_path(SOURCE, entry, NOW))
    assert len(path.parts) == 4
    assert len(path.name.encode()) <= 255
    draft = make_draft(SourceFile(path=path, content=content), OPTIONS)
    assert draft.identity.startswith("harbour:")
    assert not draft.announced
    assert draft.availability is None


@pytest.mark.parametrize(
    "fields",
    [{"title": "x"}, {"content": "x"}, {"authors": ("x",)}, {"link": "https://x.example/"}],
)
def test_what_an_entry_says_is_told_by_its_hash(fields: dict[str, Any]) -> None:
    assert entry_hash(replace(ENTRY, **fields)) != entry_hash(ENTRY)
    assert entry_hash(replace(ENTRY, published_at=NOW)) == entry_hash(ENTRY)


@pytest.mark.parametrize(
    ("home", "url", "generator", "own"),
    [
        ("https://site.example/", "https://mirror.example/x", "Digest 1.0", True),
        ("https://other.example/", "https://site.example/feeds/rss.xml", "", True),
        ("https://site.example/blog", "https://site.example/blog/rss", "Hugo", False),
        ("https://site.example.org/", "https://site.example.org/rss", "Digest 1.0", False),
    ],
)
def test_the_sites_own_feeds_are_known(home: str, url: str, generator: str, own: bool) -> None:
    feed = replace(document(), home=home, generator=generator)
    assert own_feed(feed, url, "https://site.example") is own
