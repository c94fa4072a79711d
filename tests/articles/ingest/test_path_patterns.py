"""Globs decide which files become articles."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.ingest.path_patterns import PathFilter, glob_pattern


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("**/*.md", "a.md", True),
        ("**/*.md", "金融/新浪财经/标题.md", True),
        ("**/*.md", "a.md/b", False),
        ("*.md", "a/b.md", False),
        ("a/*.md", "a/b.md", True),
        ("a/**", "a/b/c.txt", True),
        ("a/**", "a", False),
        ("**/.*", "a/.hidden", True),
        ("**/.*", "a/seen", False),
        ("?.md", "字.md", True),
        ("?.md", "a/b.md", False),
        ("[ab].md", "a.md", True),
        ("[!ab].md", "a.md", False),
        ("[!ab].md", "c.md", True),
        ("[!ab].md", "/.md", False),
        ("[x.md", "[x.md", True),
        ("a+b(c).md", "a+b(c).md", True),
        ("a\\b.md", "a\\b.md", True),
        ("***.md", "x.md", True),
        ("**/*.md", "line\nbreak.md", True),
    ],
)
def test_a_glob_matches_whole_paths(glob: str, path: str, matches: bool) -> None:
    assert bool(re.fullmatch(glob_pattern(glob), path)) is matches


def test_a_set_that_is_none_raises() -> None:
    with pytest.raises(re.error, match="range"):
        PathFilter(("[z-a].md",))


def test_exclude_wins_over_include_and_closes_folders() -> None:
    files = PathFilter(("**/*.md",), ("**/.*", "**/node_modules"))

    assert files.takes("a/b.md")
    assert not files.takes("a/.b.md")
    assert not files.enters("web/node_modules")
    assert files.enters("web")


def test_no_include_takes_nothing() -> None:
    assert not PathFilter(()).takes("a.md")


@given(st.text(alphabet=st.characters(exclude_characters="*?[", exclude_categories=["Cs"])))
def test_a_glob_without_wildcards_matches_itself_alone(text: str) -> None:
    assert re.fullmatch(glob_pattern(text), text, re.DOTALL)
    assert not re.fullmatch(glob_pattern(text), text + "x", re.DOTALL)


_GLOBS = st.lists(
    st.sampled_from(["**/", "**", "*", "?", "[ab]", "[!a]", "a", "b", ".md", "/", "."]),
    min_size=1,
    max_size=5,
).map("".join)
_PATHS = st.lists(st.text("ab.md\n", min_size=1, max_size=4), min_size=1, max_size=3).map("/".join)


@given(st.lists(_GLOBS, max_size=3), _PATHS)
def test_the_quick_ways_to_match_say_what_the_patterns_say(globs: list[str], path: str) -> None:
    wanted = any(re.fullmatch(glob_pattern(glob), path, re.DOTALL) for glob in globs)
    assert PathFilter(tuple(globs)).takes(path) is wanted
    assert PathFilter(("**",), tuple(globs)).takes(path) is not wanted
