"""Addresses become absolute http(s) URIs in ASCII, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.cleaning.uris import MAX_LENGTH, absolute, mail, on_host
from tests.effort import effort

BASE = "https://news.example.org/2024/a.html?x=1"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.org/a?b=1&c=%20#d", "https://example.org/a?b=1&c=%20#d"),
        ("http://example.org", "http://example.org"),
        ("HTTPS://Example.ORG/A", "https://example.org/A"),
        (" \thttps://example.org/a\n", "https://example.org/a"),
        ("https://exa\nmple.org/\ta", "https://example.org/a"),
        ("//cdn.example.org/i.png", "https://cdn.example.org/i.png"),
        ("//cdn.example.org/图.png", "https://cdn.example.org/%E5%9B%BE.png"),
        (
            "https://例子.中国/路径?问=答#节",
            "https://xn--fsqu00a.xn--fiqs8s/%E8%B7%AF%E5%BE%84?%E9%97%AE=%E7%AD%94#%E8%8A%82",
        ),
        ("https://user:secret@example.org:8443/x", "https://example.org:8443/x"),
        ('https://example.org/{a}"<b>', "https://example.org/%7Ba%7D%22%3Cb%3E"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("https://[2001:db8::1]:80/x", "https://[2001:db8::1]:80/x"),
        ("https://my_host.example/x y", "https://my_host.example/x%20y"),
    ],
)
def test_an_absolute_address_is_mended(address: str, expected: str) -> None:
    assert absolute(address) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("b.html", "https://news.example.org/2024/b.html"),
        ("/b", "https://news.example.org/b"),
        ("?y", "https://news.example.org/2024/a.html?y"),
        ("//other.example/b", "https://other.example/b"),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_a_relative_address_is_resolved(address: str, expected: str | None) -> None:
    assert absolute(address, BASE) == expected


@pytest.mark.parametrize(
    "address",
    [
        "",
        "  ",
        "a/b.png",
        "/a.png",
        "#top",
        "javascript:alert(1)",
        "java\x03script:alert(1)",
        "data:image/png;base64,AAAA",
        "ftp://example.org/x",
        "mailto:a@example.org",
        "https:",
        "https:///x",
        "https:/example.org/x",
        "https://exa mple.org/",
        "https://example.org:99999/",
        "https://example.org:port/",
        "https://[::1/",
        "https://-/",
        "https://" + "é" * 70 + ".example/",
        "https://example.org/\ud800",
        "https://example.org/" + "a" * MAX_LENGTH,
    ],
)
def test_anything_else_is_no_address(address: str) -> None:
    assert absolute(address) is None


@settings(max_examples=effort(50, soak=150))
@given(st.text(max_size=40) | st.text(max_size=40).map("https://example.org/".__add__))
def test_every_result_is_ascii_absolute_and_stays(address: str) -> None:
    result = absolute(address, BASE)
    if result is not None:
        assert result.isascii()
        assert result.startswith(("http://", "https://"))
        assert not set(result) & set(" \t\n<>\"'") - {"'"}
        assert absolute(result) == result


@pytest.mark.parametrize(
    "address", ["mailto:a.b+c@example.org", "MAILTO:a@example.org?subject=x%20y"]
)
def test_a_mail_address_is_one(address: str) -> None:
    assert mail(f" {address}\n") == address


@pytest.mark.parametrize(
    "address",
    ["a@example.org", "mailto:", "mailto:a@b c", "mailto:é@x.y", "mailto:a@" + "b" * MAX_LENGTH],
)
def test_other_things_are_no_mail_address(address: str) -> None:
    assert mail(address) is None


def test_a_host_stands_for_those_below_it() -> None:
    assert on_host("https://picsum.photos/1", ("picsum.photos",))
    assert on_host("https://fast.picsum.photos/1", ("picsum.photos",))
    assert not on_host("https://notpicsum.photos/1", ("picsum.photos",))
    assert not on_host("https://example.org/picsum.photos", ("picsum.photos",))
    assert not on_host("https://example.org/", ())
