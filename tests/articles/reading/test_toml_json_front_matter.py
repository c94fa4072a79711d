"""TOML is text by key, as it was written; trouble has a line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.reading.fields import MAX_NESTING, Unreadable
from digest.articles.reading.toml_front_matter import read_toml
from tests.effort import effort


def failure(block: str) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read_toml(block)
    return caught.value


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('a = "x &#123;y&#125;\\u0003"', "x {y}"),
        ("a = 'C:\\x'", "C:\\x"),
        ("a = 2021", "2021"),
        ("a = 0x1F # hex", "0x1F"),
        ("a = 1_000", "1_000"),
        ("a = +7", "+7"),
        ("a = 1.50", "1.50"),
        ("a = true", "true"),
        ("a = 1", "1"),
        ("a = 2021-08-27", "2021-08-27"),
        ("a = 2021-08-27T12:49:08Z", "2021-08-27T12:49:08Z"),
        ("a = 2021-08-27 12:49:08.5+08:00", "2021-08-27 12:49:08.5+08:00"),
        ("a = 12:49:00", "12:49:00"),
        ('"A" = 2021', "2021"),
        ("'a' = 2021", "2021"),
        ('a = """\nb = 5\n"""', "b = 5\n"),
    ],
)
def test_scalars_are_the_text_that_was_written(line: str, text: str) -> None:
    assert read_toml(line).values == {"a": text}


def test_what_stands_on_no_line_of_its_own_has_its_usual_form() -> None:
    block = "a = [0x10, true, 2021-08-27, 12:49:00, false]\nb = {c = 0o7, D = 1.0}"
    assert read_toml(block).values == {
        "a": ["16", "true", "2021-08-27", "12:49:00", "false"],
        "b": {"c": "7", "d": "1.0"},
    }


def test_a_number_is_not_spelled_like_an_equal_one_elsewhere() -> None:
    values = read_toml("a = true\n[t]\na = 1\n[u]\na = 0x1\n").values
    assert values == {"a": "true", "t": {"a": "1"}, "u": {"a": "1"}}


def test_a_line_inside_a_text_spells_nothing() -> None:
    assert read_toml('a = """\nb = 1x\n"""\nb = 2').values == {"a": "b = 1x\n", "b": "2"}


def test_keys_have_lines() -> None:
    block = (
        '\ntitle = "x"\n# note\n"Other" = 1\n[extra]\ntitle = 2\n[[many]]\n[a . b]\n"\\u0063"=1\n'
    )
    fields = read_toml(block)
    assert fields.lines == {"title": 1, "other": 3, "extra": 4, "many": 6, "a": 7}
    assert read_toml('\n"\\u0063" = 1').lines == {"c": 0}


@pytest.mark.parametrize(
    ("block", "line", "cause"),
    [
        ('a = 1\nb = "x', 1, "Unterminated string"),
        ("a = 1\n\nb: 2\n", 2, "Expected '='"),
        ("a = 1\na = 2\n", 1, "Cannot overwrite"),
        ("a = 1\nb", 1, "Expected '='"),
        ("a = 2021-02-30", 0, "Invalid date"),
        ("b = 1\na = " + "[" * MAX_NESTING + "]" * MAX_NESTING, 1, "nests deeper"),
        ("a = " + "[" * 60_000, 0, "nests deeper"),
        ("b = 1\n" + "a." * 30_000 + "a = 1", 1, "nests deeper"),
        ("b = 1\na = 0x" + "f" * 60_000, 1, "64 bits"),
        ("a = " + "9" * 60_000, 0, "64 bits"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_line(block: str, line: int, cause: str) -> None:
    error = failure(block)
    assert (error.line, cause in error.cause) == (line, True), error.cause


def test_thousands_of_equal_keys_take_no_time_to_speak_of() -> None:
    block = "\n".join(f"[t{number}]\na={number}" for number in range(5_000))
    assert read_toml(block).values["t4999"] == {"a": "4999"}


@settings(max_examples=effort(33, soak=100))
@given(st.text(max_size=60) | st.from_regex(r"[a-c.]{1,3} = [0-9TZtrue:\[\]{}=\"' -]{0,20}"))
def test_any_block_is_text_or_unreadable(block: str) -> None:
    line = 0
    try:
        fields = read_toml(block)
        assert set(fields.lines) == set(fields.values)
    except Unreadable as error:
        line = error.line
    assert 0 <= line <= block.count("\n")
