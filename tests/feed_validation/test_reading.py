"""Whatever a document is like, it is checked to the end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import effort
from tests.feed_validation import validate, validate_published
from tests.feed_validation.good import ADDRESS, ARCHIVE, ATOM, JSON, NOW, OPML, RSS
from tests.feeds.samples import SITE

GOOD = [document.encode() for document in (RSS, ATOM, ARCHIVE, JSON, OPML)]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(content: bytes) -> None:
    assert validate(content, address=None, now=NOW)


@settings(max_examples=effort(66, soak=200), deadline=None)
@given(st.data())
def test_a_feed_with_a_part_taken_out_or_put_elsewhere(data: st.DataObject) -> None:
    content = data.draw(st.sampled_from(GOOD))
    marks = [place for place, byte in enumerate(content) if byte in b'<>"= \n{}[],:']
    start, end = sorted(data.draw(st.tuples(st.sampled_from(marks), st.sampled_from(marks))))
    target = data.draw(st.sampled_from(marks))
    rest = content[:start] + content[end:]
    for broken in (rest, rest[:target] + content[start:end] + rest[target:]):
        for finding in validate(broken, address=ADDRESS, now=NOW):
            assert str(finding)


@settings(max_examples=effort(66, soak=200), deadline=None)
@given(st.data())
def test_a_json_feed_with_any_value_anywhere(data: st.DataObject) -> None:
    document: Any = json.loads(JSON)
    level = data.draw(st.sampled_from([document, document["items"][0]]))
    level[data.draw(st.sampled_from(sorted(level)))] = data.draw(values)
    for finding in validate(json.dumps(document).encode(), address=ADDRESS, now=NOW):
        assert str(finding)


@pytest.mark.parametrize("depth", [200, 900, 100_000])
def test_a_deep_document(depth: int) -> None:
    deep = "[" * depth + '"\\u0003"' + "]" * depth
    assert validate(JSON.replace("false", deep).encode(), address=ADDRESS, now=NOW)
    deep = "<i>" * depth + "</i>" * depth
    assert validate(RSS.replace("<item>", deep + "<item>", 1).encode(), address=ADDRESS, now=NOW)
    deep = "&lt;i&gt;" * depth + "&lt;script&gt;"
    assert validate(RSS.replace("In short", deep, 1).encode(), address=ADDRESS, now=NOW)


def test_of_an_output_folder_every_feed_and_list_is_checked_at_its_address() -> None:
    published = {
        path: text.replace(ADDRESS, SITE.link(path)).encode()
        for path, text in (
            ("feeds/a.xml", RSS),
            ("feeds/金融/b.json", JSON),
            ("feeds/opml.xml", OPML),
        )
    }
    assert validate_published(published, SITE, NOW) == []
    published["feeds/moved.xml"] = published["feeds/a.xml"]
    ((path, finding),) = validate_published(published, SITE, NOW)
    assert (path, finding.rule) == ("feeds/moved.xml", "self-address")


def test_an_output_folder_without_feeds_is_never_right() -> None:
    with pytest.raises(ValueError, match="no feed"):
        validate_published({"index.html": b"<p>", "feeds/rss.txt": b""}, SITE, NOW)
