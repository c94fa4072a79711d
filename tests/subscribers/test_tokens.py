"""Tokens: bound to a person, a digest and a purpose; readable whatever a mail program adds."""

from __future__ import annotations

from base64 import b32decode, b32encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.subscribers.tokens import (
    TOKEN_LENGTH,
    SubscriptionLink,
    approval_token,
    confirmation_token,
    edition_tag,
    form_token,
    is_person,
    read_approval_token,
    read_confirmation_token,
    read_form_token,
    read_unsubscribe_token,
    unsubscribe_token,
)

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
DUE = datetime(2026, 3, 1, 7, tzinfo=UTC)
PERSON = "b4d2xq7a5kzmnopq"
PERSONS = st.binary(min_size=10, max_size=10).map(
    lambda raw: b32encode(raw).decode("ascii").lower()
)
#: Made by the release before persons, for subscriptions 1 and 2^40 + 7; the third ends in a dash.
OLD = {
    1: "oc_79MFWQB1qZwKeis20ka8AUUxfGRIo",
    2**40 + 7: "gcTz2KvfsCEuH9XeVdcmA56O-WmZ2bYf",
}
#: What mail programs take for a part of the address behind it, or leave of it.
ENDS = (
    ".",
    ")",
    ">",
    "=",
    "/",
    ",",
    ";",
    "'",
    '"',
    "]",
    "!",
    "?",
    ":",
    "&gt;",
    "%3E",
    "=\r\n",
    "”",
    "…",
    "。",
    "」",
    "退订",
    "**",
    "\u200b",
    "\u00a0",
    "?utm_source=x",
)


def name(link: SubscriptionLink | None, digest: str) -> str | None:
    return link.person if link is not None and link.names(digest) else None


@given(PERSONS, st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()))
def test_a_token_names_its_person_and_digest(person: str, digest: str) -> None:
    token = unsubscribe_token(KEY, person, digest)
    link = read_unsubscribe_token([KEY], token)
    assert name(link, digest) == person
    assert name(link, digest + "x") is None
    assert is_person(person)
    assert len(token) == TOKEN_LENGTH
    assert token.isalnum()
    assert token.isascii()


def test_a_token_never_changes() -> None:
    token = unsubscribe_token(KEY, PERSON, "daily")
    assert token == unsubscribe_token(KEY, PERSON, "daily")
    assert token == "6kr4zgyp6syj37pg5l4jfueufgdkk6o2serrgfu5docejpbp"


@given(PERSONS, st.integers(min_value=0, max_value=30 * 8 - 1))
def test_no_changed_bit_is_overlooked(person: str, bit: int) -> None:
    raw = bytearray(b32decode(unsubscribe_token(KEY, person, "daily").upper()))
    raw[bit // 8] ^= 1 << bit % 8
    changed = b32encode(raw).decode("ascii").lower()
    assert read_unsubscribe_token([KEY], changed) is None


def test_any_of_the_keys_may_have_signed() -> None:
    token = unsubscribe_token(OTHER_KEY, PERSON, "daily")
    assert name(read_unsubscribe_token([KEY, OTHER_KEY], token), "daily") == PERSON
    assert read_unsubscribe_token([KEY], token) is None
    assert read_unsubscribe_token([], token) is None


def test_a_token_of_one_purpose_is_invalid_for_another() -> None:
    unsubscribe, approve = (
        unsubscribe_token(KEY, PERSON, "daily"),
        approval_token(KEY, 7, "daily", DUE),
    )
    assert read_approval_token([KEY], unsubscribe) is None
    assert read_unsubscribe_token([KEY], approve) is None
    assert read_approval_token([KEY], approve) == (7, edition_tag("daily", DUE))
    for number in OLD:
        assert read_approval_token([KEY], OLD[number]) is None


def test_editions_of_one_number_in_two_databases_have_different_tags() -> None:
    tags = {
        edition_tag("daily", DUE),
        edition_tag("weekly", DUE),
        edition_tag("daily", DUE.replace(microsecond=1)),
    }
    assert len(tags) == 3


@pytest.mark.parametrize("end", ENDS)
def test_what_mail_programs_add_is_ignored(end: str) -> None:
    tokens = [unsubscribe_token(KEY, PERSON, "daily"), approval_token(KEY, 7, "daily", DUE)]
    assert name(read_unsubscribe_token([KEY], tokens[0] + end), "daily") == PERSON
    assert read_approval_token([KEY], tokens[1] + end) is not None
    for number, token in OLD.items():
        assert read_unsubscribe_token([KEY], token + end) == SubscriptionLink(
            person=str(number), digest_tag=None
        )


def test_case_makes_no_difference() -> None:
    token = unsubscribe_token(KEY, PERSON, "daily")
    assert name(read_unsubscribe_token([KEY], token.upper()), "daily") == PERSON


@pytest.mark.parametrize("number", OLD)
def test_links_of_the_release_before_stay_good(number: int) -> None:
    link = read_unsubscribe_token([OTHER_KEY, KEY], OLD[number])
    assert link == SubscriptionLink(person=str(number), digest_tag=None)
    assert link.names("daily")
    assert read_unsubscribe_token([OTHER_KEY], OLD[number]) is None


def test_a_link_of_the_release_before_works_without_the_dash_that_was_taken_for_punctuation() -> (
    None
):
    whole = "w9ZIu6WZlgAfZ28LMfcGL3WwgExkqAH-"  # of subscription 18
    assert read_unsubscribe_token([KEY], whole) is not None
    for cut in (whole[:-1], f"{whole[:-1]}.", f"{whole[:-1]})"):
        assert read_unsubscribe_token([KEY], cut) == read_unsubscribe_token([KEY], whole)
    assert read_unsubscribe_token([KEY], OLD[1][:-1]) is None


def test_neighbours_share_no_part_that_shows_whom_they_are_for() -> None:
    tokens = [unsubscribe_token(KEY, "a" * 15 + letter, "daily") for letter in "abcdefgh"]
    assert len({token[-8:] for token in tokens}) == len(tokens)
    assert len({token[:8] for token in tokens}) == len(tokens)


@given(st.text(max_size=80))
def test_any_text_is_refused_without_an_error(text: str) -> None:
    assert read_unsubscribe_token([KEY], text) is None
    assert read_approval_token([KEY], text) is None


@pytest.mark.parametrize(
    "token",
    [
        "", "a" * 47, "a" * 48, "a" * 49, "A" * 31, "A" * 32, "=" * 48, "!" * 32, "退" * 48,
        "\udc80" * 48, "1" * 48, "a" * 1_000_000,
    ],
)  # fmt: skip
def test_hostile_tokens_are_refused(token: str) -> None:
    assert read_unsubscribe_token([KEY], token) is None


@pytest.mark.parametrize("text", ["", "17", "a" * 15, "A" * 16, "a" * 15 + "1", "a" * 17, "é" * 16])
def test_what_is_no_identifier_of_a_person_is_told(text: str) -> None:
    assert not is_person(text)


def test_a_link_to_confirm_ends_at_its_second() -> None:
    token = confirmation_token(KEY, PERSON, DUE)
    assert read_confirmation_token([OTHER_KEY, KEY], token, DUE - timedelta(seconds=1)) == PERSON
    assert read_confirmation_token([KEY], token, DUE) is None
    assert read_confirmation_token([OTHER_KEY], token, DUE - timedelta(days=1)) is None
    assert read_confirmation_token([KEY], form_token(KEY, DUE), DUE - timedelta(days=1)) is None


def test_a_form_tells_when_it_was_made() -> None:
    token = form_token(KEY, DUE + timedelta(microseconds=5))
    assert read_form_token([KEY], token) == DUE
    assert read_form_token([OTHER_KEY], token) is None
    assert read_form_token([KEY], confirmation_token(KEY, PERSON, DUE)) is None


@pytest.mark.parametrize("between", ["=\r\n", " ", "\n", "\r\n ", "\u00ad", "\u200b"])
@pytest.mark.parametrize("before", ["", "<", "( ", "“"])
def test_a_token_that_was_broken_over_lines_is_read(before: str, between: str) -> None:
    token = unsubscribe_token(KEY, PERSON, "daily")
    broken = f"{before}{token[:30]}{between}{token[30:]}"
    assert name(read_unsubscribe_token([KEY], broken + "https://e.org/9"), "daily") == PERSON
    assert name(read_unsubscribe_token([KEY], broken), "daily") == PERSON
