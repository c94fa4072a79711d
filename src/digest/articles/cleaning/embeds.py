"""Addresses of embedded players, and the pages that show the same media."""

# pure
from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

#: Hosts of players that are known here; those below them count too.
HOSTS = (
    "www.youtube.com",
    "player.bilibili.com",
    "player.vimeo.com",
    "v.qq.com",
    "dailymotion.com",
)

#: Two words have the length of an id, but are none.
_YOUTUBE = re.compile(r"/(?:embed|v)/(?!videoseries|live_stream)([\w-]{11})/?", re.ASCII)
_VIMEO = re.compile(r"/video/([0-9]{1,12})/?", re.ASCII)
_DAILYMOTION = re.compile(r"/embed/video/([0-9A-Za-z]{5,12})/?", re.ASCII)
_XID = re.compile(r"[0-9A-Za-z]{5,12}", re.ASCII)
_BVID = re.compile(r"BV[0-9A-Za-z]{10}")
_AID = re.compile(r"[0-9]{1,18}", re.ASCII)
_VID = re.compile(r"[0-9a-z]{11}")
#: Pages of videos whose pictures can be told without asking, and those.
_PICTURES = (
    (
        re.compile(r"https://www\.youtube\.com/watch\?v=([\w-]{11})", re.ASCII),
        "https://i.ytimg.com/vi/{}/hqdefault.jpg",
    ),
    (
        re.compile(r"https://www\.dailymotion\.com/video/([0-9A-Za-z]{5,12})", re.ASCII),
        "https://www.dailymotion.com/thumbnail/video/{}",
    ),
)
#: Parameters that are read at all; more are an attack.
_MAX_PARAMETERS = 50


def video_page(address: str) -> str:
    """Return the page of the video that a player shows at an absolute address.

    Where that is not known, it is the player's own.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    if host in ("www.youtube.com", "www.youtube-nocookie.com"):
        if match := _YOUTUBE.fullmatch(parts.path):
            return f"https://www.youtube.com/watch?v={match[1]}"
    elif host == "player.vimeo.com":
        if match := _VIMEO.fullmatch(parts.path):
            return f"https://vimeo.com/{match[1]}"
    elif host == "www.dailymotion.com":
        if match := _DAILYMOTION.fullmatch(parts.path):
            return f"https://www.dailymotion.com/video/{match[1]}"
    elif host == "geo.dailymotion.com":
        if video := _parameter(parts.query, "video", _XID):
            return f"https://www.dailymotion.com/video/{video}"
    elif host == "player.bilibili.com":
        if bvid := _parameter(parts.query, "bvid", _BVID):
            return f"https://www.bilibili.com/video/{bvid}"
        if aid := _parameter(parts.query, "aid", _AID):
            return f"https://www.bilibili.com/video/av{aid}"
    elif host == "v.qq.com" and (vid := _parameter(parts.query, "vid", _VID)):
        return f"https://v.qq.com/x/page/{vid}.html"
    return address


def picture(page: str) -> str | None:
    """Return the address of the picture of a video at a page, where that is known."""
    for pages, address in _PICTURES:
        if match := pages.fullmatch(page):
            return address.format(match[1])
    return None


def _parameter(query: str, name: str, form: re.Pattern[str]) -> str | None:
    """Return a parameter of a query where it is well formed."""
    try:
        values = parse_qs(query, max_num_fields=_MAX_PARAMETERS).get(name, [])
    except ValueError:  # too many
        return None
    return next(filter(form.fullmatch, values), None)
