"""Plain lines of YAML mean what a parser of YAML says they mean; all others are left to it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.articles.reading import yaml_front_matter
from digest.articles.reading.fields import Fields, Unreadable
from digest.articles.reading.yaml_front_matter import read_lines, read_yaml
from tests.effort import effort


def parsed(block: str, monkeypatch: pytest.MonkeyPatch) -> Fields | None:
    """Return what the parser of YAML makes of a block; None where it raises."""
    with monkeypatch.context() as patched:
        patched.setattr(yaml_front_matter, "read_lines", lambda _: None)
        try:
            fields = read_yaml(block)
        except Unreadable:
            return None
    return None if fields.repairs else fields


@pytest.mark.parametrize(
    ("block", "values"),
    [
        ("title: 第 1 篇", {"title": "第 1 篇"}),
        ("Title: '&#123;x&#125;: # -'  \n", {"title": "{x}: # -"}),
        ('a: "it\'s" \nb: \'a "b"\'\n', {"a": "it's", "b": 'a "b"'}),
        ("date: 2021-08-27 12:49:08\nurl: https://example.org/?a=b,c", None),
        ("a: 'it''s'\nb: ''''''\nc:\n- '''x'''", {"a": "it's", "b": "''", "c": ["'x'"]}),
        ("a:\nb: \nc: ''\nd: ~\ne: 'null'\nf: Null", None),
        ("a:\n  - x\n  -  'y '\nb:\n- ~\n- z", {"a": ["x", "y "], "b": ["", "z"]}),
        ("a: x  y \u3000\nb-c_1: =", {"a": "x  y \u3000", "b-c_1": "="}),
    ],
)
def test_plain_lines_are_read_without_a_parser(
    block: str, values: dict[str, object] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = read_lines(block)
    assert fields is not None
    assert fields == parsed(block, monkeypatch)
    assert values is None or fields.values == values


@pytest.mark.parametrize(
    "block",
    [
        *("", "\n", "text", "a : b", "a:b", "'a': b", "a: b: c", "a: b:", "a: b #c", "a: #c"),
        *("a: b\na: c", "null: b", "<<: b", "a: 'b", "a: 'b'c", "a: 'it''s", 'a: "\\t"'),
        *("a: [b]", "a: {b: c}", "a: &b c", "a: *b", "a: !b c", "a: |", "a: >", "a: - b"),
        *("a: b\n  c", "a: b\n- c", "- a", "a:\n- b: c", "a:\n- b\n - c", "a:\n- b\nc: d\n- e"),
        *("a:\n-", "a:\n- - b", "a:\n\n- b", "a:\n b: c", "# a\nb: c", "a: b\n---\n", "%a: b"),
        *("a:\tb", "a: b\x85c: d", "a: b\u2028c", "a: \ufeffb", "a: b\r\n", "a: \x07", "a: \udc80"),
    ],
)
def test_all_others_need_the_parser(block: str) -> None:
    assert read_lines(block) is None


def test_lines_of_keys_are_told() -> None:
    fields = read_lines("a:\n- b\n- c\nd: e\n")
    assert fields is not None
    assert fields.lines == {"a": 0, "d": 3}


@settings(max_examples=effort(300, 20_000), deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a: ", "b: ", "C-d: ", "e:", "e:\n - ", "f: \n- ", " - ", "- "]),
            st.sampled_from(["{}", "'{}'", '"{}"', " {} "]),
            st.text("ab0灯\u3000\xa0 '\"-:#,&*!|>%@`[]{}?=~.\\\n😀\u2028\t", max_size=6),
        ),
        max_size=4,
    )
)
@example([("a: ", "{}", ":b"), ("b: ", "'{}'", " x ")])
def test_the_parser_agrees(lines: list[tuple[str, str, str]]) -> None:
    block = "\n".join(key + quoted.format(text) for key, quoted, text in lines)
    fields = read_lines(block)
    if fields is not None:
        with pytest.MonkeyPatch.context() as patched:
            assert fields == parsed(block, patched)
