"""The type of an asset is told by its content; its name is the hash of that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.assets import asset_name, is_asset_name, is_shown, media_type, picture_extension

HASH = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("head", "extension"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpg"),
        (b"\x89PNG\r\n\x1a\n\x00", "png"),
        (b"GIF89a\x01", "gif"),
        (b"GIF87a\x01", "gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
        (b"\x00\x00\x00\x20ftypavif", "avif"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "svg"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- by hand --><svg\n>", "svg"),
        (b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x"><svg >', "svg"),
        (b"<html><svg></svg>", None),
        (b"<svgx>", None),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        (b"%PDF-1.7", None),
        (b"# A private key", None),
        (b"", None),
    ],
)
def test_pictures_are_told_by_their_content(head: bytes, extension: str | None) -> None:
    assert picture_extension(head) == extension


@given(st.binary(max_size=64))
def test_any_bytes_have_a_type_or_none(head: bytes) -> None:
    extension = picture_extension(head)
    assert extension is None or is_shown(asset_name(HASH, extension))


@pytest.mark.parametrize(
    ("extension", "kind"),
    [
        ("png", "image/png"),
        ("svg", "image/svg+xml"),
        ("pdf", "application/pdf"),
        ("mp3", "audio/mpeg"),
        ("html", "application/octet-stream"),
        ("js", "application/octet-stream"),
    ],
)
def test_nothing_is_served_as_a_page_or_a_script(extension: str, kind: str) -> None:
    name = asset_name(HASH, extension)
    assert is_asset_name(name)
    assert media_type(name) == kind
    assert is_shown(name) == (kind != "application/octet-stream")


@pytest.mark.parametrize("name", ["x.png", f"{HASH}.", f"{HASH}.a/b", f"../{HASH}.png", HASH])
def test_other_names_are_no_assets(name: str) -> None:
    assert not is_asset_name(name)
