from __future__ import annotations

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.subscribers.tokens import TOKEN_LENGTH, Purpose, make_token, read_token

KEY = b"k" * 32
IDS = st.integers(min_value=1, max_value=2**63 - 1)


@given(IDS)
def test_a_token_names_its_subscriber(subscriber_id: int) -> None:
    token = make_token(KEY, subscriber_id)
    assert read_token(KEY, token) == subscriber_id
    assert len(token) == TOKEN_LENGTH
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")


@pytest.mark.parametrize(
    ("subscriber_id", "token"),
    [(1, "oc_79MFWQB1qZwKeis20ka8AUUxfGRIo"), (2**40 + 7, "gcTz2KvfsCEuH9XeVdcmA56O-WmZ2bYf")],
)
def test_links_in_mails_already_sent_stay_good(subscriber_id: int, token: str) -> None:
    assert make_token(KEY, subscriber_id) == token
    assert read_token(KEY, token) == subscriber_id


@given(IDS, st.sampled_from(Purpose))
def test_a_token_for_one_purpose_is_none_for_another(number: int, purpose: Purpose) -> None:
    token = make_token(KEY, number, purpose)
    for other in Purpose:
        assert read_token(KEY, token, other) == (number if other is purpose else None)


@given(IDS)
def test_a_token_is_the_same_at_every_call_and_another_under_another_key(
    subscriber_id: int,
) -> None:
    assert make_token(KEY, subscriber_id) == make_token(KEY, subscriber_id)
    assert read_token(b"another key", make_token(KEY, subscriber_id)) is None


@given(IDS, st.integers(min_value=0, max_value=24 * 8 - 1))
def test_no_changed_bit_is_overlooked(subscriber_id: int, bit: int) -> None:
    raw = bytearray(urlsafe_b64decode(make_token(KEY, subscriber_id)))
    raw[bit // 8] ^= 1 << bit % 8
    assert read_token(KEY, urlsafe_b64encode(raw).decode("ascii")) is None


def test_neighbours_share_no_part_that_shows_how_many_subscribers_there_are() -> None:
    tokens = [make_token(KEY, number) for number in range(1, 50)]
    assert len({token[-8:] for token in tokens}) == len(tokens)


@given(st.text(max_size=80))
def test_any_text_is_refused_without_an_error(text: str) -> None:
    assert read_token(KEY, text) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "A" * 31,
        "A" * 32,
        "A" * 33,
        "=" * 32,
        "!" * 32,
        "退" * 32,
        "\udc80" * 32,
        "A" * 1_000_000,
    ],
)
def test_hostile_tokens_are_refused(token: str) -> None:
    assert read_token(KEY, token) is None


def test_another_spelling_of_a_token_is_refused() -> None:
    spelt = [
        (token, token.replace("-", "+").replace("_", "/"))
        for token in (make_token(KEY, number) for number in range(1, 40))
    ]
    changed = [(token, other) for token, other in spelt if token != other]
    assert changed
    assert all(read_token(KEY, other) is None for _, other in changed)


@pytest.mark.parametrize("subscriber_id", [0, -1, 2**63])
def test_no_token_is_made_for_what_is_no_id(subscriber_id: int) -> None:
    with pytest.raises(ValueError, match="not the id"):
        make_token(KEY, subscriber_id)
