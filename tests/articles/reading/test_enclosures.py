"""The recording that an article is about."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.draft import make_draft
from digest.articles.model import SourceFile
from digest.articles.reading.enclosures import Enclosure, find, in_markup
from digest.articles.reading.fields import Value
from tests.defaults import default_options

MP3 = "https://cdn.example.org/2026/第1集.mp3"
URL = "https://cdn.example.org/2026/%E7%AC%AC1%E9%9B%86.mp3"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"audio": MP3}, Enclosure(url=URL, media_type="audio/mpeg")),
        ({"mp3": "//cdn.example.org/a.MP3"}, Enclosure(
            url="https://cdn.example.org/a.MP3", media_type="audio/mpeg")),
        ({"podcast": {"url": "https://x.org/a.m4a", "length": "123", "duration": "1:02:03"}},
         Enclosure(url="https://x.org/a.m4a", media_type="audio/mp4", length=123, duration=3723)),
        ({"enclosure": {"href": "https://x.org/a", "type": "Video/MP4", "size": "many"}},
         Enclosure(url="https://x.org/a", media_type="video/mp4")),
        ({"enclosure": "https://x.org/a.mp3\n4567\naudio/x-mpeg\n"},
         Enclosure(url="https://x.org/a.mp3", media_type="audio/x-mpeg", length=4567)),
        ({"audio": "https://x.org/a.ogg", "duration": "12:34.5"},
         Enclosure(url="https://x.org/a.ogg", media_type="audio/ogg", duration=754)),
        ({"enclosures": ["https://x.org/a.zip", [], {"src": "https://x.org/b.opus"}]},
         Enclosure(url="https://x.org/b.opus", media_type="audio/ogg")),
        ({"audio": "https://x.org/a.mp3", "duration": "soon"},
         Enclosure(url="https://x.org/a.mp3", media_type="audio/mpeg")),
        ({"audio": "https://x.org/a.mp3", "duration": "90"},
         Enclosure(url="https://x.org/a.mp3", media_type="audio/mpeg", duration=90)),
        ({"audio": "https://x.org/my show 1.mp3"},
         Enclosure(url="https://x.org/my%20show%201.mp3", media_type="audio/mpeg")),
        ({"enclosure": "https://x.org/my show.mp3 4567 audio/mpeg"},
         Enclosure(url="https://x.org/my%20show.mp3", media_type="audio/mpeg", length=4567)),
        ({"enclosure": "https://x.org/2024 05 06.ogg\n12\naudio/ogg"},
         Enclosure(url="https://x.org/2024%2005%2006.ogg", media_type="audio/ogg", length=12)),
        ({"enclosure": {"url": "https://x.org/a b.m4a"}},
         Enclosure(url="https://x.org/a%20b.m4a", media_type="audio/mp4")),
        ({"mp3": "https://x.org/a b.mp3?x=1"},
         Enclosure(url="https://x.org/a%20b.mp3?x=1", media_type="audio/mpeg")),
        ({"enclosure": {"url": "https://x.org/live", "type": "audio/ogg; codecs=opus"}},
         Enclosure(url="https://x.org/live", media_type="audio/ogg")),
        ({"audio": "https://x.org/a.pdf"}, None),
        ({"audio": {"url": "https://x.org/a", "type": "text/html"}}, None),
        ({"audio": "/files/a.mp3"}, None),
        ({"audio": "javascript:a.mp3"}, None),
        ({"audio": {"duration": "3"}}, None),
        ({"audio": ""}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_recording_is_an_address_of_sound_or_video(
    fields: dict[str, Value], found: Enclosure | None
) -> None:
    assert find(fields) == found


VALUES = st.recursive(
    st.text() | st.sampled_from([MP3, "https://x.org/a.mp3 1 audio/mpeg"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "type", "length", "duration", "x"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["audio", "enclosure", "duration"]), VALUES))
def test_whatever_stands_there_is_a_whole_recording_or_none(fields: dict[str, Value]) -> None:
    found = find(fields)
    if found is not None:
        assert found.url.startswith(("https://", "http://"))
        assert found.media_type.startswith(("audio/", "video/"))
        assert found.length >= 0


def test_an_article_carries_its_recording() -> None:
    text = f"---\ntitle: 第一集\naudio: {MP3}\n---\n<p>今天聊船。</p>\n"
    source = SourceFile(path=PurePosixPath("a.md"), content=text.encode())
    assert make_draft(source, default_options()).enclosure == Enclosure(
        url=URL, media_type="audio/mpeg"
    )


@pytest.mark.parametrize(
    ("markup", "url"),
    [
        ('<audio src="/a.mp3"></audio>', "https://e.org/a.mp3"),
        ('<video><source src="a.xyz"><source src="a.webm"></video>', "https://e.org/a.webm"),
        ('<video src="a" type="video/mp4; codecs=x"></video>', "https://e.org/a"),
        ('<VIDEO src="https://f.org/a.mp4" />', "https://f.org/a.mp4"),
        ('<video src="data:video/mp4,x"></video>', None),
        ("<p>audio</p>", None),
    ],
)
def test_a_body_that_plays_a_recording_has_an_enclosure(markup: str, url: str | None) -> None:
    recording = in_markup(markup, "https://e.org/")
    assert (recording.url if recording else None) == url
