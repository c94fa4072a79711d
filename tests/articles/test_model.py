"""The stages of an article refuse what they cannot be; keys and slugs never collide."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest

from digest.articles.model import (
    Article,
    ArticleId,
    ArticleKey,
    CategoryPath,
    Changes,
    Draft,
    Facet,
    FacetKind,
    SafeHtml,
    article_key,
    path_identity,
)

NOW = datetime(2024, 5, 1, 8, 0, tzinfo=UTC)
FINANCE = CategoryPath(("金融", "银行", "利率"))
DRAFT = Draft(
    identity="金融/a",
    title="标题",
    authors=("某人",),
    categories=(FINANCE,),
    published_at=NOW,
    link=None,
    image=None,
    language=None,
    summary="",
    body=SafeHtml("<p>文</p>"),
    fingerprint="00",
)
ARTICLE = Article(
    id=ArticleId("tag:example.org,2024:a"),
    key=ArticleKey("abcdefghijklmnop"),
    sequence=1,
    title="标题",
    authors=(),
    categories=(FINANCE,),
    link=None,
    image=None,
    language=None,
    summary="",
    body=SafeHtml(""),
    published_at=NOW,
    updated_at=NOW,
)


def test_a_key_is_sixteen_characters_that_any_address_takes() -> None:
    key = article_key("金融/文章")
    assert len(key) == 16
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert key == article_key("金融/文章") != article_key("金融/文章2")


def test_a_key_is_made_of_names_that_are_no_utf8_too() -> None:
    assert len(article_key("a\udcff")) == 16


def test_an_identity_by_path_drops_the_last_extension_and_is_nfc() -> None:
    assert path_identity(PurePosixPath("café/a.b.md")) == "café/a.b"


@pytest.mark.parametrize("names", [(), ("",), ("a", "")])
def test_a_category_without_a_name_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a category needs names"):
        CategoryPath(names)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("金融", ("金融",)),
        (" 金融 / 银行　快讯", ("金融", "银行 快讯")),
        ("Cafe\u0301/\u200ba", ("Caf\u00e9", "a")),
    ],
)
def test_a_written_category_has_the_names_that_articles_have(
    written: str, names: tuple[str, ...]
) -> None:
    assert CategoryPath.parse(written).names == names


@pytest.mark.parametrize("written", ["", " ", "a//b", "/a", "a/"])
def test_a_written_category_without_a_name_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="category"):
        CategoryPath.parse(written)


def test_a_category_knows_its_place() -> None:
    assert str(FINANCE) == "金融 / 银行 / 利率"
    assert FINANCE.name == "利率"
    assert FINANCE.parent == CategoryPath(("金融", "银行"))
    assert CategoryPath(("金融",)).parent is None
    assert FINANCE.folder == "金融/银行/利率"
    assert [str(path) for path in FINANCE.lineage()] == [
        "金融",
        "金融 / 银行",
        "金融 / 银行 / 利率",
    ]
    assert FINANCE.within(CategoryPath(("金融",)))
    assert FINANCE.within(FINANCE)
    assert not FINANCE.within(CategoryPath(("金",)))
    assert CategoryPath(("a",)) < CategoryPath(("a", "b")) <= CategoryPath(("b",))


def test_a_draft_needs_a_title_and_utc() -> None:
    with pytest.raises(ValueError, match="needs a title"):
        replace(DRAFT, title="")
    with pytest.raises(ValueError, match="published_at"):
        replace(DRAFT, published_at=datetime(2024, 1, 1))  # noqa: DTZ001 - what is refused
    assert replace(DRAFT, published_at=None).published_at is None


def test_an_article_is_not_updated_before_it_is_published() -> None:
    with pytest.raises(ValueError, match="updated before"):
        replace(ARTICLE, updated_at=NOW - timedelta(seconds=1))
    assert ARTICLE.folder == "articles/abcdefghijklmnop/"


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        ARTICLE.title = "x"  # type: ignore[misc]  # the very thing that must fail


def test_changes_add_up() -> None:
    key, path = ArticleKey("a"), CategoryPath(("b",))
    one = Changes(articles=frozenset({key}), categories=frozenset({path}), new=1, problems=2)
    total = one + Changes(updated=3, unchanged=4)
    assert total == Changes(
        articles=frozenset({key}),
        categories=frozenset({path}),
        new=1,
        updated=3,
        unchanged=4,
        problems=2,
    )
    assert total
    assert not Changes(problems=1)


def test_facets_are_in_order_of_kind_and_name() -> None:
    found = [Facet(kind, name) for name in ("b", "a") for kind in reversed(FacetKind)]
    assert [str(one) for one in sorted(found)] == [
        "author:a",
        "author:b",
        "custom:a",
        "custom:b",
        "language:a",
        "language:b",
    ]


def test_a_facet_needs_a_name() -> None:
    with pytest.raises(ValueError, match="needs a name: author"):
        Facet(FacetKind.AUTHOR, "")
