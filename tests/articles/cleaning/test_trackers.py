"""Trackers are known by a table; everything else stays to the letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.cleaning import trackers
from digest.articles.cleaning.trackers import is_tracking_image, without_parameters


@pytest.mark.parametrize(
    "address",
    [
        "https://www.facebook.com/tr?id=1&noscript=1",
        "https://www.google-analytics.com/collect?v=1",
        "https://stats.g.doubleclick.net/r/collect",
        "https://hm.baidu.com/hm.gif?si=0",
        "https://hm.baidu.com",
        "https://s4.cnzz.com/stat.php?id=1",
        "http://feeds.feedburner.com/~r/example/~4/abc",
        "https://pixel.wp.com/b.gif?blog=1",
        "https://px.ads.linkedin.com/collect/?pid=1",
        "https://medium.com/_/stat?event=post",
        "https://stats.example.org/matomo.php?idsite=1",
        "https://example.org/x/piwik.php",
        "https://example.org/__utm.gif",
        "https://bat.bing.com./action/0",
    ],
)
def test_an_image_that_is_tracking_image_is_known(address: str) -> None:
    assert is_tracking_image(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://www.facebook.com/images/a.png",
        "https://scontent.facebook.com.example/tr",
        "https://nothm.baidu.com/hm.gif",
        "https://baidu.com/hm.baidu.com/a.png",
        "https://medium.com/a.png",
        "https://feeds.feedburner.com/logo.png",
        "https://example.org/matomo.php/a.png",
        "https://example.org/?u=https://hm.baidu.com/hm.gif",
        "https://example.org",
        "https://[2001:db8::1]/a.png",
    ],
)
def test_other_images_stay(address: str) -> None:
    assert not is_tracking_image(address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://e.org/?utm_source=a", "https://e.org/"),
        ("https://e.org/a?utm_source=a&utm_medium=b&id=1", "https://e.org/a?id=1"),
        ("https://e.org/a?id=1&fbclid=x", "https://e.org/a?id=1"),
        ("https://e.org/a?a=1&gclid=x&b=2#part", "https://e.org/a?a=1&b=2#part"),
        ("https://e.org/a?spm=1.2.3#part", "https://e.org/a#part"),
        ("https://e.org/a?UTM_Campaign=x&FbClId=1&B=2", "https://e.org/a?B=2"),
        ("https://e.org/a?utm%5Fsource=x&b=%2F+%20", "https://e.org/a?b=%2F+%20"),
        ("https://e.org/a?fbclid", "https://e.org/a"),
        ("https://e.org/a?b=1&&utm_id=2&", "https://e.org/a?b=1&&"),
        ("https://e.org/a?u=https://x.org/?utm_source=1", None),
        ("https://e.org/a?utm=1&myfbclid=2&spmx=3", None),
        ("https://e.org/a?b=utm_source", None),
        ("https://e.org/a?pk_id=7&scm=git", None),
        ("https://e.org/utm_source=1/fbclid", None),
        ("https://e.org/a#?utm_source=1", None),
        ("https://e.org/a?", None),
        ("https://e.org/a?b=1;utm_x=2", None),
        ("https://e.org/a", None),
    ],
)
def test_only_parameters_that_track_go(address: str, expected: str | None) -> None:
    assert without_parameters(address) == (expected or address)


@pytest.mark.parametrize("name", sorted(trackers.PARAMETERS) + [p + "x" for p in trackers.PREFIXES])
def test_every_parameter_of_the_table_goes(name: str) -> None:
    assert without_parameters(f"https://e.org/?a=1&{name}=2&b=3") == "https://e.org/?a=1&b=3"


@given(st.text("a=&?#%/;utm_5Fx", max_size=30))
def test_an_address_without_trackers_stays_so(rest: str) -> None:
    once = without_parameters("https://e.org/" + rest)
    assert without_parameters(once) == once


def test_the_table_is_written_as_it_is_read() -> None:
    assert all(host == host.lower() and "/" not in host for host in trackers.PIXELS)
    assert all(start.startswith("/") for starts in trackers.PIXELS.values() for start in starts)
    assert all(name == name.lower() for name in (*trackers.PARAMETERS, *trackers.PREFIXES))
