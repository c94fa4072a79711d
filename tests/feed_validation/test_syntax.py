from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.cleaning.uris import absolute
from digest.times import rfc822, rfc3339
from tests.feed_validation import syntax

moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@given(moments)
def test_dates_are_read_as_they_are_written(moment: datetime) -> None:
    assert syntax.rfc822_moment(rfc822(moment)) == moment
    assert syntax.rfc3339_moment(rfc3339(moment)) == moment
    assert syntax.rfc3339_moment(moment.isoformat()) == moment


@given(st.text())
def test_any_text_is_a_date_or_none(text: str) -> None:
    assert syntax.rfc822_moment(text) is None
    assert syntax.rfc3339_moment(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 20 May 2024 12:01:07",
        "Mon, 20 May 99999 12:01:07 GMT",
        "Mon, 20 May 0000 1:1:1 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2300",
    ],
)
def test_such_are_no_dates_of_rss(text: str) -> None:
    assert syntax.rfc822_moment(text) is None


@pytest.mark.parametrize(
    "text",
    ["2024-02-30T12:00:00Z", "0001-01-01T00:00:00+23:59", "2024-05-20t12:00:00z", "2024-05-20"],
)
def test_such_are_no_dates_of_atom(text: str) -> None:
    assert syntax.rfc3339_moment(text) is None


def test_fractions_of_seconds_are_read() -> None:
    moment = syntax.rfc3339_moment("2024-05-20T12:00:00.25+08:00")
    assert moment == datetime(2024, 5, 20, 4, tzinfo=UTC) + timedelta(milliseconds=250)


@given(st.text(max_size=40))
def test_what_articles_hold_as_addresses_are_addresses(path: str) -> None:
    found = absolute("https://茶.example/" + path)
    assert found is None or syntax.web_address(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example", True),
        ("https://a.example:8443/x?y#z", True),
        ("http://[::1]:8000/", True),
        ("http://127.0.0.1:8000/feeds/", True),
        ("//a.example/", False),
        ("ftp://a.example/", False),
        ("https:///x", False),
        ("https://a.example/ x", False),
        ("https://a.example/\n", False),
        ("https://a.example/茶", False),
        ("https://user@a.example/", False),
    ],
)
def test_web_addresses(text: str, expected: bool) -> None:
    assert syntax.web_address(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tag:a.example,2024:%E8%8C%B6", True),
        ("tag:a.example,2024:%e8%8c%b6", False),
        ("tag:a.example,2024:%41", False),
        ("tag:a.example,2024:100%", False),
        ("TAG:a.example,2024:1", False),
        ("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", True),
        ("https://a.example/a/../b", False),
        ("https://a.example/./b", False),
        ("https://A.example/", False),
        ("https://a.example:443/", False),
        ("http://a.example:443/", True),
        ("https://a.example:/", False),
        ("https://a.example:x/", False),
        ("https://a.example", False),
    ],
)
def test_canonical_uris(text: str, expected: bool) -> None:
    assert syntax.canonical(text) is expected


def test_whole_numbers_have_bounds() -> None:
    assert syntax.whole("0")
    assert not any(map(syntax.whole, ("", "-1", "1.0", "٣", "9" * 9_999)))
    assert [text for text in ("0", "1", "9", "10") if syntax.whole(text, 9)] == ["1", "9"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R&D, AT&T, 1 < 2 > 0, a<", False),
        ("<b>", True),
        ("</b>", True),
        ("<!-- -->", True),
        ("a &amp; b", True),
        ("a &copy b", True),
        ("&#38;", True),
        ("&#" + "9" * 9_999, True),
    ],
)
def test_texts_that_can_be_taken_for_html(text: str, expected: bool) -> None:
    assert syntax.mistakable(text) is expected
