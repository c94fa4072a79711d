from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DeliveryRefused
from digest.subscribers.address import (
    MAX_ADDRESS,
    address_key,
    ascii_address,
    check_address,
    masked,
    same_mailbox,
    without_addresses,
)


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        (" anna@Example.ORG\n", "anna@example.org"),
        ("o'neil+news@mail.example.org", "o'neil+news@mail.example.org"),
        ("Anna.Lind@example.org", "Anna.Lind@example.org"),
        ("李雷@例子.中国", "李雷@例子.中国"),
        ("e\u0301va@example.org", "\u00e9va@example.org"),
        ("root@localhost", "root@localhost"),
        ("a@xn--fsqu00a.xn--fiqs8s", "a@xn--fsqu00a.xn--fiqs8s"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
        ('"anna.lind"@example.org', "anna.lind@example.org"),
    ],
)
def test_sound_addresses_are_kept_in_one_form(given_text: str, kept: str) -> None:
    assert check_address(given_text) == kept
    assert check_address(kept) == kept


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "one @"),
        ("anna", "one @"),
        ("a@b@example.org", "one @"),
        ("@example.org", "nothing before"),
        ("a@", "nothing after"),
        ("a@example", "not a whole domain"),
        ("a@127.0.0.1", "not a whole domain"),
        ("a@[127.0.0.1]", "not a domain"),
        ("a@-b.org", "not a domain"),
        ("a@b-.org", "not a domain"),
        ("a@b..org", "not a domain"),
        ("a@b_c.org", "not a domain"),
        ("a@exa mple.org", "not a domain"),
        ("a@" + "ü" * 80 + ".example", "not a domain"),
        ("a@ü..example", "not a domain"),
        ("a@" + "b" * 64 + ".org", "not a domain"),
        ("a@example.org\r\nBcc: b@example.org", "one @"),
        ("a\r\nb@example.org", "may not contain"),
        ("a b@example.org", "may not contain"),
        ('"a b"@example.org', "may not contain"),
        ('"a\\b"@example.org', "may not contain"),
        ('"a..b"@example.org', "dot"),
        ("Anna <a@example.org>", "may not contain"),
        ("a,b@example.org", "may not contain"),
        ("a\u202eb@example.org", "may not contain"),
        ("a\u3000b@example.org", "may not contain"),
        (".a@example.org", "dot"),
        ("a..b@example.org", "dot"),
        ("\ud800@example.org", "not text"),
        ("a" * 65 + "@example.org", "64 bytes"),
        ("李" * 22 + "@example.org", "64 bytes"),
        ("a@" + ".".join(["b" * 60] * 5), f"{MAX_ADDRESS} bytes"),
        ("a" * 64 + "@" + ".".join(["é" * 20] * 8), f"{MAX_ADDRESS} bytes"),
        ("a@" + ".".join(["é" * 20] * 10), "not a domain"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_address(text)


@given(st.text(max_size=60))
def test_no_text_gets_through_that_could_leave_its_line(text: str) -> None:
    try:
        address = check_address(text)
    except ValueError:
        return
    assert not any(unicodedata.category(char)[0] in "CZ" for char in address)
    assert not set(address) & set('<>,;:"\\()[]')
    assert check_address(address) == address


@given(st.from_regex(r"[a-z0-9.]{1,20}@[a-zäöé中国.-]{1,30}", fullmatch=True))
def test_addresses_for_a_server_are_ascii(text: str) -> None:
    try:
        address = ascii_address(text)
    except ValueError:
        return
    assert address.isascii()
    assert ascii_address(address) == address


def test_a_domain_of_other_letters_goes_out_in_ascii() -> None:
    assert ascii_address("anna@例子.中国") == "anna@xn--fsqu00a.xn--fiqs8s"


def test_a_local_part_of_other_letters_is_refused_clearly() -> None:
    with pytest.raises(DeliveryRefused, match="SMTPUTF8"):
        ascii_address("李雷@example.org")


@pytest.mark.parametrize(
    ("address", "shown"),
    [("anna@example.org", "a…@example.org"), ("@x", "…@x"), ('"a@b"@x', '"…@x'), ("", "…@")],
)
def test_an_address_is_masked(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_logs_see_no_whole_address() -> None:
    assert (
        without_addresses("550 <anna@example.org>: no such user, nor bob@example.net")
        == "550 <a…@example.org>: no such user, nor b…@example.net"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("550 no such user: anna.smith", "550 no such user: a…"),
        ("550 Anna.Smith... User unknown", "550 a…... User unknown"),
        ("550 <anna.smith@example.org>: anna.smith?", "550 <a…@example.org>: a…?"),
        ("see http://x.example/?e=anna.smith%40example.org", "see http:/…@example.org"),
        (
            "mariannasmith, anna.smith.old, x-anna.smith",
            "mariannasmith, anna.smith.old, x-anna.smith",
        ),
        ("unknown user", "unknown user"),
    ],
)
def test_logs_see_no_recipient_without_the_domain_either(said: str, told: str) -> None:
    assert without_addresses(said, "anna.smith@example.org") == told
    assert without_addresses("550 a is unknown", "a@example.org") == "550 a is unknown"


def test_a_long_word_and_a_word_of_marks_are_masked_at_once() -> None:
    assert without_addresses("x" * 32_000) == "x" * 32_000
    assert without_addresses("@@a@example.org, @, a@") == "@…@example.org, @, a@"


@pytest.mark.parametrize(
    ("address", "other"),
    [
        ("x@bücher.example", "x@xn--bcher-kva.example"),
        ("x@bücher.example", "X@BÜCHER.example"),
        ("x@bu\u0308cher.example", "x@XN--BCHER-KVA.EXAMPLE"),
        ("x@straße.example", "x@xn--strae-oqa.example"),
        ("x@例子.中国", "x@xn--fsqu00a.xn--fiqs8s"),
        ("x@例子。中国", "x@例子.中国"),
        ("x@ＥＸＡＭＰＬＥ.org", "x@example.org"),
        ("x@i❤.ws", "x@xn--i-7iq.ws"),
        ("Ada@Example.org", "ada@example.ORG"),
    ],
)
def test_addresses_are_the_same_in_every_spelling_of_their_domain(address: str, other: str) -> None:
    assert address_key(address) == address_key(other)
    assert ascii_address(address).lower() == ascii_address(other).lower()


@pytest.mark.parametrize(
    ("address", "other"),
    [
        ("x@straße.example", "x@strasse.example"),
        ("x@bücher.example", "x@bucher.example"),
        ("x@example.org", "y@example.org"),
        ("x@example.org", "x@example.com"),
        ("x", "y"),
    ],
)
def test_addresses_of_others_are_told_apart(address: str, other: str) -> None:
    assert address_key(address) != address_key(other)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Ada@example.org", "aDA@EXAMPLE.org", True),
        ("ÉVA@bücher.example", "éva@xn--bcher-kva.example", True),
        ("straße@example.org", "strasse@example.org", False),
        ("u\u017fer@example.org", "user@example.org", False),
        ("\ufb01n@example.org", "fin@example.org", False),
        ("no address", "NO ADDRESS", True),
    ],
)
def test_addresses_that_are_compared_as_one_may_be_two_mailboxes(
    first: str, second: str, same: bool
) -> None:
    assert address_key(first) == address_key(second)
    assert same_mailbox(first, second) is same


def test_text_that_is_no_address_can_be_compared_too() -> None:
    assert address_key("No Address") == "no address"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("x@example.org.", "x@example.org"),
        ("ｘ＠ｅｘａｍｐｌｅ.org", "x@example.org"),
        ("\u200b\u202ax@example.org\u202c\ufeff", "x@example.org"),
        ("\u00a0x@example.org\u3000", "x@example.org"),
        ("x@ΒΌΛΟΣ.example", "x@βόλος.example"),
        ("x@bücher。example", "x@bücher.example"),
    ],
)
def test_what_copying_and_input_methods_leave_is_mended(given: str, kept: str) -> None:
    assert check_address(given) == kept


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("x@bücher。example", "x@xn--bcher-kva.example", True),
        ("x@XN--BCHER-KVA.example", "x@bu\u0308cher.example", True),
        ("x@例子.测试", "x@xn--fsqu00a.xn--0zwm56d", True),
        ("x@☃.example", "x@xn--n3h.example", True),
        ("x@ex\u00adample.org", "x@example.org", True),
        ("x@faß.example", "x@fass.example", False),
        ("x@раураl.example", "x@paypal.example", False),
        ("x@аррӏе.example", "x@apple.example", False),
        ("ı@example.org", "i@example.org", False),
    ],
)
def test_spellings_of_one_domain_are_one_and_lookalikes_are_two(
    first: str, second: str, same: bool
) -> None:
    assert (address_key(first) == address_key(second)) is same
