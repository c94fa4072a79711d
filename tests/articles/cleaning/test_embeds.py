"""A player's address leads to the page of its video."""

from __future__ import annotations

import pytest

from digest.articles.cleaning.embeds import HOSTS, page_of, picture
from digest.articles.cleaning.uris import on_host


@pytest.mark.parametrize(
    ("player", "page"),
    [
        (
            "https://www.youtube.com/embed/dQw4w9WgXcQ?start=3",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        ),
        (
            "https://www.youtube-nocookie.com/embed/a-b_c-d_e-f/",
            "https://www.youtube.com/watch?v=a-b_c-d_e-f",
        ),
        (
            "https://www.youtube.com/embed/videoseries?list=PL1",
            "https://www.youtube.com/playlist?list=PL1",
        ),
        (
            "https://youtube-nocookie.com/embed/dQw4w9WgXcQ",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        ),
        (
            "https://open.spotify.com/embed/episode/0123456789ab?theme=0",
            "https://open.spotify.com/episode/0123456789ab",
        ),
        (
            "https://w.soundcloud.com/player/?url=https%3A//soundcloud.com/a/b&color=0",
            "https://soundcloud.com/a/b",
        ),
        ("https://codepen.io/team/embed/AbCdEf?height=1", "https://codepen.io/team/pen/AbCdEf"),
        ("https://codesandbox.io/embed/new-1ab2?fontsize=1", "https://codesandbox.io/s/new-1ab2"),
        ("https://embed.ted.com/talks/lang/en/a_b", "https://www.ted.com/talks/a_b"),
        (
            "https://player.twitch.tv/?video=v123456&parent=e.org",
            "https://www.twitch.tv/videos/123456",
        ),
        ("https://player.twitch.tv/?channel=abc", "https://www.twitch.tv/abc"),
        (
            "https://embed.podcasts.apple.com/us/podcast/a/id1?i=2",
            "https://podcasts.apple.com/us/podcast/a/id1",
        ),
        (
            "https://embed.podcasts.apple.com/us/podcast/a/id1?i=1000512345678&theme=dark",
            "https://podcasts.apple.com/us/podcast/a/id1?i=1000512345678",
        ),
        ("https://player.youku.com/embed/XMTI=", "https://v.youku.com/v_show/id_XMTI=.html"),
        (
            "https://www.facebook.com/plugins/video.php?href=https%3A%2F%2Fwww.facebook.com%2Fa%2Fvideos%2F1",
            "https://www.facebook.com/a/videos/1",
        ),
        ("https://www.instagram.com/p/Abc-1/embed/captioned", "https://www.instagram.com/p/Abc-1/"),
        ("https://jsfiddle.net/user/abc1/embedded/result,js/", "https://jsfiddle.net/user/abc1/"),
        (
            "https://music.163.com/outchain/player?type=2&id=123&auto=0",
            "https://music.163.com/song?id=123",
        ),
        (
            "https://platform.twitter.com/embed/Tweet.html?id=1234567",
            "https://twitter.com/i/status/1234567",
        ),
        ("https://player.vimeo.com/video/76979871?h=1#t=2", "https://vimeo.com/76979871"),
        (
            "https://player.bilibili.com/player.html?aid=170001&bvid=BV17x411w7KC&page=1",
            "https://www.bilibili.com/video/BV17x411w7KC",
        ),
        (
            "https://player.bilibili.com/player.html?aid=170001",
            "https://www.bilibili.com/video/av170001",
        ),
        (
            "https://v.qq.com/txp/iframe/player.html?vid=a0012abcdef",
            "https://v.qq.com/x/page/a0012abcdef.html",
        ),
        (
            "https://www.dailymotion.com/embed/video/x7tgad0?autoplay=1",
            "https://www.dailymotion.com/video/x7tgad0",
        ),
        (
            "https://geo.dailymotion.com/player/x5b0c.html?video=x7tgad0",
            "https://www.dailymotion.com/video/x7tgad0",
        ),
    ],
)
def test_a_known_player_shows_a_page(player: str, page: str) -> None:
    assert page_of(player) == page


@pytest.mark.parametrize(
    "player",
    [
        "https://www.youtube.com/embed/live_stream?channel=x",
        "https://www.youtube.com/embed/dQw4w9WgXcQ/x",
        "https://player.vimeo.com/video/x",
        "https://player.vimeo.com/",
        "https://player.bilibili.com/player.html?bvid=BV1&aid=x",
        "https://player.bilibili.com/player.html",
        "https://player.bilibili.com/player.html?" + "a=1&" * 60 + "aid=1",
        "https://v.qq.com/txp/iframe/player.html?vid=../../../x",
        "https://v.qq.com/",
        "https://www.dailymotion.com/embed/video/../x",
        "https://www.dailymotion.com/embed/playlist/x5nmbq",
        "https://geo.dailymotion.com/player.html?playlist=x5nmbq",
        "https://geo.dailymotion.com/player.html?video=<b>",
        "https://video.example/embed/1",
    ],
)
def test_of_others_the_address_is_their_own(player: str) -> None:
    assert page_of(player) == player


@pytest.mark.parametrize(
    ("page", "address"),
    [
        (
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
            "https://i.ytimg.com/vi/dQw4w9WgXcQ/hqdefault.jpg",
        ),
        (
            "https://www.dailymotion.com/video/x7tgad0",
            "https://www.dailymotion.com/thumbnail/video/x7tgad0",
        ),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=1", None),
        ("https://www.youtube.com/embed/videoseries?list=PL1", None),
        ("https://vimeo.com/76979871", None),
        ("https://v.qq.com/x/page/a0012abcdef.html", None),
        ("https://evil.example/https://www.dailymotion.com/video/x7tgad0", None),
    ],
)
def test_a_video_has_a_picture_where_it_is_known_without_asking(
    page: str, address: str | None
) -> None:
    assert picture(page) == address


def test_the_hosts_of_players_are_known() -> None:
    for host in ("www.youtube.com", "www.dailymotion.com", "geo.dailymotion.com"):
        assert on_host(f"https://{host}/", HOSTS)
