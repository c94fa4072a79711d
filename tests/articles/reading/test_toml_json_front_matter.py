"""TOML and JSON are text by key, as it was written; trouble has a line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.reading.fields import MAX_LENGTH, MAX_NESTING, Unreadable
from digest.articles.reading.toml_json_front_matter import object_end, read_json, read_toml
from tests.effort import effort


def toml_failure(block: str) -> Unreadable:
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
    error = toml_failure(block)
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


def json_failure(text: str) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read_json(text[: object_end(text, 0)])
    return caught.value


def test_scalars_of_json_are_the_text_that_was_written() -> None:
    block = (
        '{"A": 2021, "b": 1.50, "c": true, "d": null, "e": "x &#123;\\u0003", "f": [1, {"G": 2}]}'
    )
    assert read_json(block).values == {
        "a": "2021",
        "b": "1.50",
        "c": "true",
        "d": "",
        "e": "x {",
        "f": ["1", {"g": "2"}],
    }


def test_a_number_of_thousands_of_digits_is_only_text() -> None:
    assert read_json('{"a": ' + "9" * 10_000 + "}").values == {"a": "9" * 10_000}


def test_line_ends_in_strings_are_text() -> None:
    assert read_json('{"a": "x\n\ty"}').values == {"a": "x\n\ty"}


def test_the_outermost_keys_have_lines_and_the_last_of_a_repeated_one_counts() -> None:
    block = '{\n"b": {"a": 1},\n"a" : [\n"a:", {"b": 1}],\n"C": 1, "c":\n2,\n"\\u0064": 1}'
    fields = read_json(block)
    assert fields.values["c"] == "2"
    assert fields.lines == {"b": 1, "a": 2, "c": 4, "d": 0}
    (repair,) = fields.repairs
    assert (repair.line, repair.cause) == (4, "c is there more than once; the last one counts")


@pytest.mark.parametrize(
    ("text", "end"),
    [("{}", 2), ('{"a": "}"} {', 10), ('{"\\"}": [{}]}\ntext }', 13), ("{[}] }", 4)],
)
def test_an_object_ends_where_it_closes(text: str, end: int) -> None:
    assert object_end(text, 0) == end


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ('{"a": 1', 0, "no closing }"),
        ('{"a": "x}\n', 0, "no closing }"),
        ('{"a": 1,\n"b" 2}', 1, "':'"),
        ('{\n"a": 1,\n}', 2, "property name"),
        ('{\n"a":\n' + "[" * MAX_NESTING, 2, "nests deeper"),
        ('{"a": ' + "[" * 1_000_000, 0, "nests deeper"),
        ('{"a": "' + "x" * MAX_LENGTH + '"}', 0, "longer than"),
        ('{"a": "' + '\\"' * MAX_LENGTH, 0, "longer than"),
    ],
)
def test_what_is_no_json_is_refused_with_its_line(text: str, line: int, cause: str) -> None:
    error = json_failure(text)
    assert (error.line, cause in error.cause) == (line, True), error.cause


@settings(max_examples=effort(33, soak=100))
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.text(max_size=5) | st.integers() | st.booleans() | st.none(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
            max_leaves=6,
        ).filter(lambda value: str(value).count("[") + str(value).count("{") < MAX_NESTING),
        max_size=4,
    )
)
def test_every_object_ends_where_json_says_it_does(value: dict[str, object]) -> None:
    text = json.dumps(value, indent=1)
    assert object_end(text + "\n{}", 0) == len(text)
    fields = read_json(text)
    assert set(fields.lines) == set(fields.values)
