"""Categories are paths or flat names, and the operator's map has the last word on them."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.categories import (
    MAX_LEVELS,
    MAX_NAME,
    Misplaced,
    categories,
    category_folders,
    is_jekyll_post,
    renamed,
    renames,
)
from digest.articles.model import CategoryPath
from digest.articles.reading.fields import Value
from digest.articles.reading.front_matter import split
from digest.urls import MAX_NAME_BYTES, slug
from tests.effort import effort

FOLDERS = ("财经", "银行")


def paths(
    fields: dict[str, Value],
    style: str = "path",
    folders: tuple[str, ...] = FOLDERS,
    **new_names: str,
) -> list[str]:
    found = categories(fields, folders, style)
    return [str(path) for path in renamed(found, renames(tuple(new_names.items())))]


def moved(path: str, new_names: dict[str, str]) -> list[str]:
    found = categories({"category": path}, FOLDERS, "path")
    return [str(path) for path in renamed(found, renames(tuple(new_names.items())))]


@pytest.mark.parametrize(
    ("value", "as_path", "as_flat"),
    [
        (["财经", "银行"], ["财经 / 银行"], ["财经", "银行"]),
        ("要闻", ["要闻"], ["要闻"]),
        ([["财经", "银行"], ["要闻"]], ["财经 / 银行", "要闻"], ["财经 / 银行", "要闻"]),
        ([["财经"], "要闻/国内"], ["财经", "要闻 / 国内"], ["财经", "要闻 / 国内"]),
        (["A/B", "C"], ["A/B / C"], ["A/B", "C"]),
        (["要闻", "要闻"], ["要闻 / 要闻"], ["要闻"]),
        ("财经, 银行", ["财经, 银行"], ["财经", "银行"]),
        ("财经、银行；要闻/国内，", ["财经、银行；要闻 / 国内，"], ["财经", "银行", "要闻 / 国内"]),
        ([{"a": "b"}, "财经"], ["a / b", "财经"], ["a / b", "财经"]),
        ({"name": "财经", "count": "3"}, ["财经"], ["财经"]),
        ({"财经": "银行"}, ["财经 / 银行"], ["财经 / 银行"]),
        ({"甲": ["乙", "丙"]}, ["甲 / 乙", "甲 / 丙"], ["甲 / 乙", "甲 / 丙"]),
        ({"财经": {"银行": ""}, "要闻": "true"}, ["财经 / 银行", "要闻"], ["财经 / 银行", "要闻"]),
        ({"f": {"name": "财经"}, "要闻": "false"}, ["财经"], ["财经"]),
        ({"id": "3"}, ["财经 / 银行"], ["财经 / 银行"]),
        ('["财经", "银行"]', ["财经 / 银行"], ["财经", "银行"]),
        ("['财经']", ["财经"], ["财经"]),
        ("[财经]", ["[财经]"], ["[财经]"]),
    ],
)  # fmt: skip
def test_a_list_is_one_path_or_a_category_each(
    value: Value, as_path: list[str], as_flat: list[str]
) -> None:
    assert paths({"categories": value}, "path") == as_path
    assert paths({"categories": value}, "flat") == as_flat


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"RSS": "", "Atom": "false"}, ["RSS"]),
        ({"name": "RSS"}, ["RSS"]),
        ("['RSS', \"Atom\"]", ["RSS", "Atom"]),
    ],
)
def test_tags_are_the_keys_of_a_table_and_the_items_of_a_list_in_a_text(
    value: Value, names: list[str]
) -> None:
    assert paths({"tags": value}) == names


def test_a_category_that_is_a_key_is_spelled_as_it_is_written() -> None:
    for text in ('---\ncategories: {News: Local}\n---\n', '{"categories": {"News": "Local"}}\n',
                 '+++\ncategories = {News = "Local"}\n+++\n'):  # fmt: skip
        assert paths(dict(split(text, PurePosixPath("a.md")).fields)) == ["News / Local"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"categories": "jekyll update"}, ["jekyll", "update"]),
        ({"categories": "News Room, Notes"}, ["News Room", "Notes"]),
        ({"categories": ["News Room"]}, ["News Room"]),
        ({"category": "News Room"}, ["News Room"]),
        ({"tags": "rss atom"}, ["rss", "atom"]),
        ({"tags": "rss feeds, atom"}, ["rss feeds", "atom"]),
        ({"tag": "rss feeds"}, ["rss feeds"]),
    ],
)
def test_jekyll_parts_names_in_one_text_by_blanks(
    fields: dict[str, Value], expected: list[str]
) -> None:
    assert [str(path) for path in categories(fields, (), "flat", spaced=True)] == expected
    assert len(categories(fields, (), "path", spaced=True)) == len(categories(fields, (), "path"))


@pytest.mark.parametrize(
    ("path", "post"),
    [
        ("_posts/2024-01-05-a.md", True),
        ("site/_posts/en/2024-1-5-a.md", True),
        ("_posts/a.md", False),
        ("posts/2024-01-05-a.md", False),
    ],
)
def test_a_post_of_jekyll_is_told_by_its_path(path: str, post: bool) -> None:
    assert is_jekyll_post(PurePosixPath(path)) is post


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"categories": ["[[Books]]", "[[Places/Cafés|Cafés here]]"]}, ["Books", "Cafés here"]),
        ({"category": "[[Areas/Books#Read]]"}, ["Books"]),
        ({"tags": ["#rss", "#a/b", "C#", "#"]}, ["rss", "a/b", "C#", "#"]),
        ({"tags": "#rss #atom"}, ["rss", "atom"]),
        ({"tags": "#rss, #atom"}, ["rss", "atom"]),
        ({"tags": "C#, F# script"}, ["C#", "F# script"]),
    ],
)
def test_categories_and_tags_are_read_as_notes_write_them(
    fields: dict[str, Value], expected: list[str]
) -> None:
    assert paths(fields, "flat") == expected


@pytest.mark.parametrize("style", ["path", "flat"])
@pytest.mark.parametrize("sign", ["/", ">", "／", "＞", "»", "›", "→", "->", "=>", "&gt;"])
@pytest.mark.parametrize("space", ["", " ", "　"])
def test_a_text_with_separators_is_a_path(sign: str, space: str, style: str) -> None:
    assert paths({"category": f"财经{space}{sign}{space}银行"}, style) == ["财经 / 银行"]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("— 茶与器", "茶与器"),
        ("—茶与器", "茶与器"),
        ("—— 茶与器", "茶与器"),
        ("– 茶与器", "茶与器"),
        ("― ─ ━ 茶与器", "茶与器"),
        ("－茶与器", "茶与器"),
        ("-- 茶与器", "茶与器"),
        ("- — 茶与器", "茶与器"),
        ("− 茶与器", "茶与器"),
        ("‐ 茶与器", "茶与器"),
        ("-x", "-x"),
        ("−5°C", "−5°C"),
        ("茶—器－物", "茶—器－物"),
    ],
)
def test_dashes_before_a_name_are_none_of_it(written: str, name: str) -> None:
    assert paths({"categories": [written]}) == [name]


def test_composed_and_decomposed_letters_are_one_category() -> None:
    names: list[Value] = [[unicodedata.normalize(form, "Café が")] for form in ("NFC", "NFD")]
    assert paths({"categories": names}) == ["Café が"]
    assert paths({}, folders=(unicodedata.normalize("NFD", "Café"),)) == ["Café"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C#", "C"),
        ("C++", "C"),
        ("C", "c"),
        ("RSS", "rss"),
        ("ＡＩ", "AI"),
        ("a/b", "a%2Fb"),
        ("a/b", "a-b"),
        ("A & B", "A B"),
        ("科技 ", "科技."),
        ("50%", "50"),
        (".net", "net"),
        ("index.html", "index%2Ehtml"),
        ("①", "1"),
        ("臺灣", "台灣"),
        ("ß", "ss"),
    ],
)
def test_names_that_are_usually_one_slug_are_two_categories_with_two_folders(
    one: str, other: str
) -> None:
    found = categories({"tags": [one, other]}, (), "flat")
    assert len({path.folder for path in found}) == 2


@pytest.mark.parametrize("name", ["长" * 100, "a" * 256, "👨‍👩‍👧" * 40])
def test_a_name_longer_than_a_file_system_takes_is_a_category_like_any_other(
    name: str, tmp_path: Path
) -> None:
    assert len(name.encode()) > MAX_NAME_BYTES
    one, other = categories({"categories": [[name + "甲", "x"], [name + "乙"]]}, (), "path")
    assert one.names == (name + "甲", "x")
    assert one.folder.split("/")[0] != other.folder
    for path in (one, other):
        (tmp_path / path.folder).mkdir(parents=True)
    assert len(list(tmp_path.iterdir())) == 2


def test_no_folder_is_ever_cut() -> None:
    folders = ("a" * 254 + "b", "a" * 254 + "c")
    assert paths({}, folders=folders) == [" / ".join(folders)]
    assert MAX_NAME > MAX_NAME_BYTES


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("金融", ["金融"]),
        ("金融/新浪财经", ["财经 / 新浪"]),
        ("金融/新浪财经/国内", ["财经 / 新浪 / 国内"]),
        ("金融/新浪财经/国际", ["国际"]),
        ("金融/新浪财经/国际/美洲", ["国际 / 美洲"]),
        ("金融/新浪", ["金融 / 新浪"]),
        ("新浪财经", ["新浪财经"]),
        ("广告", []),
        ("广告/软文", []),
        ("广告/公益", ["公益"]),
        ("ai", ["人工智能"]),
        ("ＡＩ/大模型", ["人工智能 / 大模型"]),
        ("— A I", ["A I"]),
        ("人工智能", ["人工智能"]),
        ("CAFE\u0301", ["咖啡"]),
    ],
)
def test_a_map_renames_merges_and_hides_with_all_below(path: str, expected: list[str]) -> None:
    new_names = {
        "金融/新浪财经": "财经/新浪",
        "金融 / 新浪财经 / 国际": "国际",
        "广告": "",
        "广告/公益": "公益",
        "AI": "人工智能",
        "café": "咖啡",
    }
    assert moved(path, new_names) == expected


@pytest.mark.parametrize("style", ["path", "flat"])
def test_several_keys_may_become_one(style: str) -> None:
    fields: dict[str, Value] = {"categories": [["甲", "x"], ["乙", "x"], ["丙"]]}
    assert paths(fields, style, 甲="丁", 乙="丁") == ["丁 / x", "丙"]


def test_one_line_makes_one_category_of_all_spellings() -> None:
    fields: dict[str, Value] = {"tags": ["ai", "Ai", "ＡＩ", "AI", "ａｉ"]}
    assert paths(fields, AI="AI") == ["AI"]
    assert paths(fields) == ["ai", "Ai", "ＡＩ", "AI", "ａｉ"]


def test_an_article_keeps_its_other_categories_where_one_is_hidden() -> None:
    assert paths({"categories": [["甲"], ["乙"]]}, 甲="") == ["乙"]


@pytest.mark.parametrize("fields", [{"category": "甲", "tags": ["丙"]}, {"tags": ["甲"]}, {}])
def test_an_article_whose_categories_are_all_hidden_falls_back_to_nothing(
    fields: dict[str, Value],
) -> None:
    assert paths(fields, folders=("甲", "乙"), 甲="") == []


def test_a_map_is_followed_once() -> None:
    assert moved("财经", {"财经": "财经/综合"}) == ["财经 / 综合"]
    assert moved("财经/综合", {"财经": "财经/综合"}) == ["财经 / 综合 / 综合"]
    assert moved("甲/乙", {"甲": "丙", "丙/乙": "丁"}) == ["丙 / 乙"]


def test_a_name_with_a_slash_is_found_in_a_map() -> None:
    (found,) = renamed([CategoryPath(("TCP/IP", "x"))], renames((("tcp/ip", "网络"),)))
    assert found.names == ("网络", "x")


def test_a_map_makes_no_path_deeper_than_any() -> None:
    deep = "/".join("abcdefghijkl")
    assert moved(deep, {"a": "x/y"}) == [" / ".join("xybcdefghijk")]
    assert len(deep.split("/")) == MAX_LEVELS


@pytest.mark.parametrize(
    ("pairs", "key", "value", "problem"),
    [
        ((("甲", "乙"), ("乙", "丙")), "甲", "乙", "must not lie in '乙', which is moved itself"),
        ((("甲", "乙/丁"), ("乙", "")), "甲", "乙/丁", "must not lie in '乙'"),
        ((("甲", "ａｉ/x"), ("AI", "AI")), "甲", "ａｉ/x", "must not lie in 'AI'"),
        ((("AI", "x"), ("ａｉ", "y")), "ａｉ", None, "is the same category as 'AI'"),
        ((("", "x"),), "", None, "must be 1 to 12 names joined by '/'"),
        ((("a//b", "x"),), "a//b", None, "must be 1 to 12 names joined by '/'"),
        ((("null", "x"),), "null", None, "must be 1 to 12 names joined by '/'"),
        ((("x", "——"),), "x", "——", "must be 1 to 12 names joined by '/'"),
        ((("x", "/".join("abcdefghijklm")),), "x", "a/b/c/d/e/f/g/h/i/j/k/l/m", "must be 1 to"),
    ],
)  # fmt: skip
def test_a_map_at_odds_with_itself_says_where(
    pairs: tuple[tuple[str, str], ...], key: str, value: str | None, problem: str
) -> None:
    with pytest.raises(Misplaced) as caught:
        renames(pairs)
    assert (caught.value.key, caught.value.value) == (key, value)
    assert problem in str(caught.value)


_NAMES = st.text(alphabet="aAａé/—-＞,；&#甲 ", max_size=6)


@settings(max_examples=effort(50, soak=150))
@given(
    st.recursive(
        _NAMES,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=2),
        max_leaves=8,
    ),
    st.sampled_from(["categories", "category", "tags"]),
    st.sampled_from(["path", "flat"]),
    st.lists(_NAMES, max_size=3),
)
def test_any_value_gives_paths_that_can_be_folders(
    value: Value, key: str, style: str, folders: list[str]
) -> None:
    found = renamed(categories({key: value}, folders, style), renames((("a", "b"), ("甲", ""))))
    assert len(set(found)) == len(found)
    for path in found:
        assert CategoryPath(path.names) == path
        assert len(path.names) <= MAX_LEVELS
        assert path.folder == "/".join(map(slug, path.names))
        assert path.names[0].casefold() not in ("a", "甲")


@pytest.mark.parametrize(
    ("path", "folders"),
    [
        ("a.md", []),
        ("旅行/a.md", ["旅行"]),
        ("my-trip/index.md", []),
        ("travel/my-trip/index.md", ["travel"]),
        ("travel/my-trip/index.en.md", ["travel"]),
        ("_posts/a.md", []),
        ("source/_posts/python/a.md", ["python"]),
        ("tech/_posts/a.md", ["tech"]),
        ("content/posts/a.md", []),
        ("content/post/2024/trip/index.md", ["2024"]),
        ("src/content/blog/a.md", []),
        ("src/pages/posts/go/a.md", ["go"]),
        ("docs/blog/posts/a.md", []),
        ("_drafts/a.md", []),
        ("blog/a.md", ["blog"]),
        ("news/posts/a.md", ["news", "posts"]),
        ("posts/2014/09/15/a.md", []),
        ("2014/09/a.md", []),
        ("2014-09/tech/a.md", ["tech"]),
        ("tech/2014/09/15/a.md", ["tech"]),
        ("2014/a.md", ["2014"]),
        ("2014/13/a.md", ["2014", "13"]),
    ],
)
def test_folders_of_generators_bundles_and_dates_are_no_categories(
    path: str, folders: list[str]
) -> None:
    assert list(category_folders(PurePosixPath(path))) == folders


@pytest.mark.parametrize(
    "value", [[{"name": "Go"}], [{"label": "Go", "permalink": "/go"}], [{"slug": "Go"}, {"x": "y"}]]
)
def test_a_category_may_be_a_mapping_with_its_name(value: Value) -> None:
    assert list(map(str, categories({"tags": value}, (), "flat"))) == ["Go"]
