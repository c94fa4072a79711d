"""Links to the files of other articles lead to their pages, and never to what is held back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest

from digest.articles.draft_options import AssetOptions, LinkOptions
from digest.articles.ingest import article_links
from digest.articles.ingest.article_links import file_keys, reference_keys
from digest.articles.ingest.assets import ArticleAssets, AssetFolder, changed
from digest.articles.model import SourceFile, article_key
from tests.articles.test_draft import draft_with

SITE = "https://news.example/"
NOW = datetime(2026, 11, 28, tzinfo=UTC)
TEXT = "---\ntitle: T\n---\nText.\n"


class Site:
    """A tree of articles with a second root."""

    def __init__(self, folder: Path) -> None:
        self.root, self.second = folder / "posts", folder / "notes"
        self.root.mkdir()
        self.second.mkdir()
        self.folder = AssetFolder(
            AssetOptions(
                url=f"{SITE}assets/",
                target=str(folder / "assets"),
                roots=((".", str(self.root)), ("notes", str(self.second))),
                folders=(),
                hidden=(),
                linked=(),
                max_bytes=1_000,
                max_folder_bytes=1,
                links=LinkOptions(
                    site=SITE,
                    timezone="UTC",
                    include=("**/*.md", "**/*.html"),
                    exclude=("**/README.md",),
                ),
            )
        )

    def write(self, path: str, text: str = TEXT) -> None:
        first, _, rest = path.partition("/")
        file = self.second / rest if first == "notes" else self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def of(self, article: str) -> ArticleAssets:
        return self.folder.of(PurePosixPath(article), NOW)

    def shown(self, article: str, body: str) -> tuple[str, list[tuple[int | None, str]]]:
        """Return the body of an article with this text, and what is told of it."""
        files = self.of(article)
        source = SourceFile(path=PurePosixPath(article), content=f"{TEXT}{body}\n".encode())
        draft = draft_with(source, files)
        return draft.body, [(note.line, note.cause) for note in draft.notes]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def page(identity: str) -> str:
    return f"{SITE}articles/{article_key(identity)}/"


@pytest.mark.parametrize(
    ("file", "article", "body", "words"),
    [
        ("a/first-post.md", "b/x.md", "{% post_link first-post %}", "first-post"),
        ("a/2024-01-02-trip.md", "b/x.md", "{% post_link trip 'The trip' %}", "The trip"),
        ("2024-01-02-trip.md", "x.md", "[t]({% post_url 2024-01-02-trip %})", "t"),
        ("old/2024-01-02-v1.2.md", "x.md", "[t]({% post_url old/2024-01-02-v1.2 %})", "t"),
        ("b.md", "x.md", "[t]({% link _posts/b.md %})", "t"),
        (
            "2024-01-02-trip.md",
            "x.md",
            "[t]({{ site.baseurl }}{% post_url 2024-01-02-trip %})",
            "t",
        ),
        ("b.md", "x.md", "[t]({{site.url}}{{ site.baseurl }}{% link _posts/b.md %})", "t"),
        ("posts/b.md", "posts/x.md", '[t]({{< ref "b.md" >}})', "t"),
        ("posts/b.md", "blog/x.md", '[t]({{< relref "/posts/b.md#part" >}})', "t"),
        ("trip/index.md", "x.md", '[t]({{< ref "posts/trip" >}})', "t"),
        ("b.md", "a/x.md", '[t]({{% ref "../b" %}})', "t"),
        ("b.md", "x.md", "[t]({filename}b.md)", "t"),
        ("cat/b.md", "x.md", "[t]({filename}/cat/b.md)", "t"),
        ("cat/b.md", "x.md", "[t](|filename|cat/b.md)", "t"),
        ("deep/in/Note.md", "x.md", "[[Note]]", "Note"),
        ("deep/in/My Note.md", "x.md", "[[my note|words]]", "words"),
        ("deep/Note.md", "x.md", "[[Note#Part]]", "Note &gt; Part"),
        ("deep/Note.md", "x.md", "[[deep/Note.md|words]]", "words"),
        ("notes/笔记.md", "x.md", "[[笔记]]", "笔记"),
        ("b.md", "a/x.md", "[t](../b.md)", "t"),
        ("a/b/index.md", "a/x.md", "[t](b/index.md#part)", "t"),
        ("a/the b.md", "a/x.md", "[t](the%20b.md)", "t"),
        ("notes/b.md", "notes/x.md", "[t](./b.md?plain=1)", "t"),
        ("blog/b.md", "x.md", "[t](@/blog/b.md)", "t"),
        ("a/b.html", "a/x.md", "[t](b.html)", "t"),
    ],
)
def test_a_link_leads_to_the_page_of_the_article(
    site: Site, file: str, article: str, body: str, words: str
) -> None:
    site.write(file)
    text, notes = site.shown(article, body)
    assert f'<a href="{page(str(PurePosixPath(file).with_suffix("")))}"' in text
    assert f">{words}</a>" in text
    assert notes == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("---\nid: one\n---\nText", page("one")),
        ("+++\nguid = 'two'\n+++\nText", page("two")),
        ("---\nlink: https://a.example/b/\n---\nText", "https://a.example/b/#part"),
        (f"---\nid: three\n---\n{'长' * 100_000}", page("three")),
        ("---\ndate: 2026-11-27\npubDate: 2026-11-27\n---\nText", page("b")),
    ],
)
def test_what_the_other_file_says_of_itself_counts(site: Site, text: str, address: str) -> None:
    site.write("b.md", text)
    assert site.of("x.md").address("b.md#part", picture=False) == address


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("---\ndraft: true\n---\nText", "is not published yet"),
        ("---\npublishDate: 2026-12-24\n---\nText", "is not published yet"),
        ("---\nexpires: 2026-01-01\n---\nText", "has expired"),
        ("---\ntitle: [\n", "is no article"),
        (None, "is no article of the tree"),
    ],
)
def test_words_stay_where_there_is_no_page(site: Site, text: str | None, cause: str) -> None:
    if text is not None:
        site.write("b.md", text)
    shown, notes = site.shown("x.md", "The word b.\n\n[[b|words]] and [more](b.md)")
    assert "words and more" in shown
    assert "<a" not in shown
    assert notes == [(7, f"the file 'b' {cause}; the link to it is left out"),
                     (7, f"the file 'b.md' {cause}; the link to it is left out")]  # fmt: skip


@pytest.mark.parametrize(
    "reference",
    ["../outside.md", "article:../outside.md", "README.md", "article:README", "article:.hidden/b",
     "article:", "article:/", "link.md"],
)  # fmt: skip
def test_nothing_that_is_no_article_is_linked(site: Site, tmp_path: Path, reference: str) -> None:
    (tmp_path / "outside.md").write_text("---\nid: secret\n---\n")
    (site.root / "link.md").symlink_to(tmp_path / "outside.md")
    site.write("README.md")
    (site.root / "folder.md").mkdir()
    assert site.of("x.md").address(reference, picture=False) is None


def test_of_several_files_the_one_beside_counts_then_the_shortest_path(site: Site) -> None:
    for path in ("b/c/Note.md", "a/Note.md", "b/Note.md"):
        site.write(path)
    reference = "article:Note"
    assert site.of("b/x.md").address(reference, picture=False) == page("b/Note")
    assert site.of("d/x.md").address(reference, picture=False) == page("a/Note")


def test_a_change_of_the_other_file_is_seen(site: Site) -> None:
    site.write("b.md")
    files = site.of("x.md")
    files.address("b.md", picture=False)
    assert not changed(files.states)
    site.write("b.md", "---\nid: another\n---\nText")
    assert changed(files.states)
    assert site.of("x.md").address("b.md", picture=False) == page("another")
    files = site.of("x.md")
    files.address("gone.md", picture=False)
    site.write("gone.md")
    assert changed(files.states)


@pytest.mark.parametrize(
    ("reference", "file"),
    [("Note", "a/Note.md"), ("a/Note", "b/a/note.md"), ("_posts/x.md", "x.md"),
     ("/docs/x/index.md", "x/index.md"), ("trip", "2024-1-02-trip.markdown")],
)  # fmt: skip
def test_a_file_that_comes_is_known_to_those_who_named_it(reference: str, file: str) -> None:
    assert set(reference_keys(reference)) & set(file_keys(file))


@pytest.mark.parametrize(
    ("reference", "file"), [("a/Note", "b/Note.md"), ("a", "a/b.md"), ("", "x.md")]
)
def test_a_file_of_another_folder_is_not_meant(reference: str, file: str) -> None:
    assert not set(reference_keys(reference)) & set(file_keys(file))


def test_a_tree_too_large_is_looked_up_by_path_only(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(article_links, "_MAX_FILES", 1)
    site.write("a.md")
    site.write("deep/b.md")
    assert site.of("x.md").address("article:b", picture=False) is None
    assert site.of("x.md").address("deep/b.md", picture=False) == page("deep/b")


def test_folders_that_are_as_they_were_are_listed_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(article_links, "_FRESH", 0)
    site.write("deep/b.md")
    assert site.of("x.md").address("article:b", picture=False) == page("deep/b")
    monkeypatch.setattr(article_links.ArticlePages, "_listed", None)
    assert site.of("x.md").address("article:b", picture=False) == page("deep/b")


def test_without_options_links_to_files_lead_nowhere(tmp_path: Path) -> None:
    options = AssetOptions(
        url=SITE, target=str(tmp_path / "t"), roots=((".", str(tmp_path)),), folders=(), hidden=(),
        linked=(),
        max_bytes=1,
        max_folder_bytes=1,
    )  # fmt: skip
    (tmp_path / "b.md").write_text(TEXT)
    files = AssetFolder(options).of(PurePosixPath("x.md"), NOW)
    assert files.address("article:b", picture=False) is None
