from __future__ import annotations

import gzip

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.encodings import SUFFIXES, is_text, packed, plain_name

UNPACK = {"br": brotli.decompress, "gzip": gzip.decompress}


@given(st.binary(max_size=4000))
def test_what_is_packed_comes_out_again_and_the_same_each_time(content: bytes) -> None:
    for encoding in SUFFIXES:
        once = packed(encoding, content)
        assert UNPACK[encoding](once) == content
        assert packed(encoding, content) == once


@pytest.mark.parametrize("encoding", SUFFIXES)
def test_text_shrinks(encoding: str) -> None:
    content = "潮水把船推向码头。".encode() * 200
    assert len(packed(encoding, content)) < len(content) / 10


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("rss.xml.br", "rss.xml"),
        ("index.html.gz", "index.html"),
        ("feed.json.gz", "feed.json"),
        ("style.css.gz", "style.css"),
        ("feeds/a/rss.xml.gz", "feeds/a/rss.xml"),
        ("rss.xml", None),
        ("archive.tar.gz", None),
        ("photo.png.br", None),
        (".gz", None),
        ("gz", None),
    ],
)
def test_a_packed_file_is_known_by_its_name(name: str, plain: str | None) -> None:
    assert plain_name(name) == plain


def test_images_are_packed_already() -> None:
    assert not any(is_text(name) for name in ("a.png", "a.jpg", "a.tar.gz", "a", ".xml"))
    assert all(is_text(name) for name in ("rss.xml", "feed.json", "index.html", "style.css"))
