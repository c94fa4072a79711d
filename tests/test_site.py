"""The site's addresses are absolute, percent-encoded and stable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.site import Site, is_local_network, is_loopback

SITE = Site(
    title="晨报",
    url="https://news.example.org/base",
    language="zh-CN",
    timezone="Asia/Shanghai",
    author="",
    email="",
    authority="news.example.org,2024",
)


def test_a_link_is_absolute_and_percent_encoded() -> None:
    assert SITE.link("feeds/金融/rss.xml") == (
        "https://news.example.org/base/feeds/%E9%87%91%E8%9E%8D/rss.xml"
    )
    assert SITE.link("a b?c#d%") == "https://news.example.org/base/a%20b%3Fc%23d%25"


def test_a_tag_uri_names_the_authority_and_stays() -> None:
    assert SITE.tag("feeds/金融") == "tag:news.example.org,2024:feeds/%E9%87%91%E8%9E%8D"
    assert replace(SITE, url="https://elsewhere.example").tag("x") == SITE.tag("x")


@pytest.mark.parametrize(
    "url", ["https://example.org/", "ftp://example.org", "example.org", "https://", "//example.org"]
)
def test_an_address_that_others_cannot_be_made_from_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an absolute"):
        replace(SITE, url=url)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("hub.localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", True),
        ("::", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.", True),
        ("localhost.localdomain", True),
        ("notlocalhost", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.168.1.4", True),
        ("10.0.0.1", True),
        ("fd00::7", True),
        ("::ffff:192.168.1.4", True),
        ("news", True),
        ("news.local", True),
        ("news.lan.", True),
        ("news.home.arpa", True),
        ("8.8.8.8", False),
        ("2606:4700::1", False),
        ("news.example.org", False),
        ("local.example.org", False),
    ],
)
def test_which_hosts_are_known_in_their_own_network_alone(host: str, expected: bool) -> None:
    assert is_local_network(host) is expected
