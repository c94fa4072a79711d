"""JSON is text by key, as it was written; it ends where the object does; trouble has a line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.reading.fields import MAX_LENGTH, MAX_NESTING, Unreadable
from digest.articles.reading.json_front_matter import object_end, read_json
from tests.effort import effort


def failure(text: str) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read_json(text[: object_end(text, 0)])
    return caught.value


def test_scalars_are_the_text_that_was_written() -> None:
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
    error = failure(text)
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
