from __future__ import annotations

import re
from email import message_from_string
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.mail.headers import mailbox, unstructured, verbatim
from digest.mail.text_layout import one_line

TEXTS = st.text(max_size=300) | st.text(alphabet=st.sampled_from('ab "=?<>@,\r\n中é\u0301🚀'))


def unfolded(field: str) -> str:
    name, _, value = field.partition(":")
    assert name
    return str(make_header(decode_header(value.replace("\r\n", "").strip())))


def check_lines(field: str) -> None:
    assert field.isascii()
    assert field.endswith("\r\n")
    lines = field[:-2].split("\r\n")
    assert all(line.startswith(" ") and line.strip() for line in lines[1:])
    assert not any(char in line for line in lines for char in "\r\n\0")
    assert all(len(line) <= 78 for line in lines)
    assert all(len(word) <= 75 for word in re.findall(r"=\?utf-8\?B\?[^?]*\?=", field))


@given(TEXTS)
def test_any_subject_comes_back_as_it_was_and_stays_one_field(text: str) -> None:
    field = unstructured("Subject", text)
    check_lines(field)
    assert unfolded(field) == one_line(text)
    parsed = message_from_string(field + "\r\n", policy=default)
    assert parsed.keys() == ["Subject"]
    assert parsed["Subject"] == one_line(text)


@given(TEXTS)
def test_any_name_stays_beside_its_one_address(text: str) -> None:
    field = mailbox("From", text, "news@example.org")
    check_lines(field)
    parsed = message_from_string(field + "\r\n", policy=default)
    assert parsed.keys() == ["From"]
    (address,) = parsed["From"].addresses
    assert address.addr_spec == "news@example.org"
    # The standard library's reader leaves the space between encoded words in names (RFC 2047
    # section 6.2 ignores it), so the name is read by the older one.
    display = parseaddr(field.partition(": ")[2].replace("\r\n", ""))[0]
    assert str(make_header(decode_header(display))) == one_line(text)


def test_plain_text_stays_readable() -> None:
    assert unstructured("Subject", "The Morning Digest") == "Subject: The Morning Digest\r\n"
    assert mailbox("From", "Coast Review", "a@b.org") == "From: Coast Review <a@b.org>\r\n"
    assert mailbox("From", "Lind, A.", "a@b.org") == 'From: "Lind, A." <a@b.org>\r\n'
    assert mailbox("To", "", "a@b.org") == "To: a@b.org\r\n"


def test_a_space_stands_between_an_encoded_name_and_the_address() -> None:
    field = mailbox("From", "李雷", "a@b.org")
    assert re.fullmatch(r"From: =\?utf-8\?B\?[A-Za-z0-9+/=]+\?= <a@b\.org>\r\n", field)


def test_encoded_words_do_not_split_a_grapheme() -> None:
    field = unstructured("Subject", "👩\u200d🚀" * 40)
    for word, charset in decode_header(field.partition(":")[2].replace("\r\n", "")):
        assert charset == "utf-8"
        assert isinstance(word, bytes)
    for word in re.findall(r"=\?utf-8\?B\?[^?]*\?=", field):
        ((raw, _),) = decode_header(word)
        assert isinstance(raw, bytes)
        assert set(raw.decode("utf-8").replace("👩\u200d🚀", "")) == set()


def test_a_long_subject_is_folded_at_its_words() -> None:
    field = unstructured("Subject", "word " * 40)
    assert len(field.split("\r\n")) > 3
    assert "=?" not in field


def test_what_looks_like_an_encoded_word_is_not_taken_for_one() -> None:
    text = "=?utf-8?B?aGVsbG8=?="
    assert unfolded(unstructured("Subject", text)) == text
    assert text not in mailbox("From", text, "a@b.org")


@pytest.mark.parametrize("value", ["a\r\nBcc: b@example.org", "a\nb", "é", "a" * 1000, "a\0"])
def test_what_must_stay_whole_is_refused_where_it_cannot(value: str) -> None:
    with pytest.raises(ValueError, match="one line of ASCII"):
        verbatim("List-Unsubscribe", value)


def test_an_address_of_the_web_stays_on_its_line() -> None:
    address = "<https://digest.example.org/" + "u" * 200 + ">"
    assert verbatim("List-Unsubscribe", address) == f"List-Unsubscribe: {address}\r\n"
