from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.times import rfc822
from digest.web.conditional_requests import (
    MAX_TAGS,
    Verdict,
    http_date,
    known_tags,
    same_as,
    verdict,
)

AT = datetime(2024, 5, 20, 12, 0, 0, tzinfo=UTC)
BEFORE, SAME, AFTER = (rfc822(AT + timedelta(seconds=s)) for s in (-1, 0, 1))
GO, SAVED, FAILED = Verdict.PROCEED, Verdict.NOT_MODIFIED, Verdict.FAILED


def ask(**headers: str) -> Verdict:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return verdict(found.get, "a-gzip", {"a", "a-gzip", "a-br"}, AT)


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, GO),
        ({"if_none_match": '"a-gzip"'}, SAVED),
        ({"if_none_match": '"a"'}, SAVED),
        ({"if_none_match": 'W/"a-br"'}, SAVED),
        ({"if_none_match": '"x", W/"y","a"'}, SAVED),
        ({"if_none_match": '"x, y", "a"'}, SAVED),
        ({"if_none_match": " * "}, SAVED),
        ({"if_none_match": '"b"'}, GO),
        ({"if_none_match": "a"}, GO),
        ({"if_none_match": '"A"'}, GO),
        ({"if_none_match": ""}, GO),
        ({"if_none_match": '"b"', "if_modified_since": SAME}, GO),
        ({"if_none_match": '"a"', "if_modified_since": BEFORE}, SAVED),
        ({"if_modified_since": SAME}, SAVED),
        ({"if_modified_since": AFTER}, SAVED),
        ({"if_modified_since": BEFORE}, GO),
        ({"if_modified_since": "yesterday"}, GO),
        ({"if_match": '"a-gzip"'}, GO),
        ({"if_match": '"x", "a-gzip"'}, GO),
        ({"if_match": "*"}, GO),
        ({"if_match": 'W/"a-gzip"'}, FAILED),
        ({"if_match": '"a"'}, FAILED),  # another encoding's: other bytes
        ({"if_match": ""}, FAILED),
        ({"if_match": '"a-gzip"', "if_unmodified_since": BEFORE}, GO),
        ({"if_match": '"a-gzip"', "if_none_match": '"a-gzip"'}, SAVED),
        ({"if_match": '"b"', "if_none_match": '"a"'}, FAILED),
        ({"if_unmodified_since": SAME}, GO),
        ({"if_unmodified_since": AFTER}, GO),
        ({"if_unmodified_since": BEFORE}, FAILED),
        ({"if_unmodified_since": "yesterday"}, GO),
        ({"if_unmodified_since": BEFORE, "if_modified_since": SAME}, FAILED),
    ],
)
def test_conditions_lead_to_what_the_standard_says(
    headers: dict[str, str], answer: Verdict
) -> None:
    assert ask(**headers) is answer


@pytest.mark.parametrize(("since", "answer"), [(BEFORE, GO), (SAME, SAVED), (AFTER, GO)])
def test_a_date_that_may_go_back_must_be_the_very_one(since: str, answer: Verdict) -> None:
    headers = {"if-modified-since": since}
    assert verdict(headers.get, "a", {"a"}, AT, exact_date=True) is answer


@given(st.text(max_size=40))
def test_no_header_is_too_odd(text: str) -> None:
    for name in ("if_match", "if_none_match", "if_modified_since", "if_unmodified_since"):
        ask(**{name: text})
    same_as(text, "a", AT)


def test_tags_are_read_from_a_list() -> None:
    assert known_tags('"a", W/"b" , "c,d", e, ""') == ["a", "b", "c,d", ""]
    assert known_tags(None) == []


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (None, True),
        ('"a"', True),
        ('W/"a"', False),
        ('"b"', False),
        (SAME, True),
        (BEFORE, False),
        (AFTER, False),
        ("garbage", False),
    ],
)
def test_a_part_is_sent_only_of_what_the_client_has(text: str | None, same: bool) -> None:
    assert same_as(text, "a", AT) is same


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon, 20 May 2024 12:00:00 GMT", AT),
        ("Monday, 20-May-24 12:00:00 GMT", AT),
        ("Mon May 20 12:00:00 2024", AT),
        ("Mon, 20 May 2024 12:00:00 -0000", AT),
        ("Mon, 20 May 2024 14:00:00 +0200", AT),
        ("Mon, 99 May 2024 12:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
        ("Mon, 20 May 2024 12:00:00 +99999999999999999999", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_read_or_ignored(text: str | None, moment: datetime | None) -> None:
    assert http_date(text) == moment


def test_no_more_than_so_many_tags_are_looked_at() -> None:
    many = ",".join(f'"{number}"' for number in range(1000))
    assert known_tags(many) == [str(number) for number in range(MAX_TAGS)]
    assert ask(if_none_match=many + ',"a"') is GO
    assert ask(if_match=many + ',"a-gzip"') is FAILED


def test_what_is_longer_than_any_date_is_none() -> None:
    assert http_date(f"{SAME}{' ' * 100}") is None
