"""Addresses of embedded players, and the pages that show the same media."""

# pure
from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from digest.articles.cleaning.uris import absolute

#: Hosts of players that are known here; those below them count too.
HOSTS = (
    *("youtube.com", "youtube-nocookie.com", "player.bilibili.com", "player.vimeo.com", "v.qq.com"),
    *("dailymotion.com", "open.spotify.com", "w.soundcloud.com", "codepen.io", "player.youku.com"),
    *("codesandbox.io", "embed.ted.com", "player.twitch.tv", "clips.twitch.tv", "streamable.com"),
    *("loom.com", "embed.podcasts.apple.com", "embed.music.apple.com", "jsfiddle.net"),
    *("music.163.com", "platform.twitter.com", "facebook.com", "instagram.com", "rumble.com"),
    *("odysee.com", "maps.google.com", "google.com", "openstreetmap.org", "stackblitz.com"),
)

_ID = r"([\w-]{1,40})"
#: Host and path of a player, and the page that shows the same; the groups go into it.
_PAGES = tuple(
    (re.compile(pattern, re.ASCII), page)
    for pattern, page in (
        # Two words have the length of an id, but are none.
        (
            r"(?:www\.|m\.)?youtube(?:-nocookie)?\.com/(?:embed|v)/(?!videos|live_)([\w-]{11})/?",
            "https://www.youtube.com/watch?v={}",
        ),
        (r"player\.vimeo\.com/video/([0-9]{1,12})/?", "https://vimeo.com/{}"),
        (
            r"www\.dailymotion\.com/embed/video/([0-9A-Za-z]{5,12})/?",
            "https://www.dailymotion.com/video/{}",
        ),
        (
            r"open\.spotify\.com/embed(?:-podcast)?/(track|album|artist|playlist|episode|show)/([0-9A-Za-z]{10,40})/?",
            "https://open.spotify.com/{}/{}",
        ),
        (
            rf"codepen\.io/{_ID}/embed/(?:preview/)?([A-Za-z0-9]{{4,40}})/?",
            "https://codepen.io/{}/pen/{}",
        ),
        (rf"codesandbox\.io/embed/{_ID}/?", "https://codesandbox.io/s/{}"),
        (rf"embed\.ted\.com/talks/(?:lang/[\w-]{{2,10}}/)?{_ID}/?", "https://www.ted.com/talks/{}"),
        (
            r"player\.youku\.com/embed/([A-Za-z0-9=]{5,40})/?",
            "https://v.youku.com/v_show/id_{}.html",
        ),
        (rf"streamable\.com/[eo]/{_ID}/?", "https://streamable.com/{}"),
        (rf"(?:www\.)?loom\.com/embed/{_ID}/?", "https://www.loom.com/share/{}"),
        (r"embed\.(podcasts|music)\.apple\.com/([\w/.%-]{1,200})", "https://{}.apple.com/{}"),
        (
            rf"(?:www\.)?instagram\.com/(p|reel|tv)/{_ID}/embed(?:/captioned)?/?",
            "https://www.instagram.com/{}/{}/",
        ),
        (
            rf"(?:www\.)?jsfiddle\.net/((?:{_ID}/){{1,3}}?)embedded(?:/[\w,/-]*)?",
            "https://jsfiddle.net/{}",
        ),
    )
)
#: Host and path of a player, the parameter with what it shows, its form, and the page.
_BY_PARAMETER = tuple(
    (re.compile(pattern), name, re.compile(form, re.ASCII), page)
    for pattern, name, form, page in (
        (
            r"geo\.dailymotion\.com/.*",
            "video",
            r"[0-9A-Za-z]{5,12}",
            "https://www.dailymotion.com/video/{}",
        ),
        (
            r"player\.bilibili\.com/.*",
            "bvid",
            r"BV[0-9A-Za-z]{10}",
            "https://www.bilibili.com/video/{}",
        ),
        (r"player\.bilibili\.com/.*", "aid", r"[0-9]{1,18}", "https://www.bilibili.com/video/av{}"),
        (r"v\.qq\.com/.*", "vid", r"[0-9a-z]{11}", "https://v.qq.com/x/page/{}.html"),
        (
            r"(?:www\.)?youtube(?:-nocookie)?\.com/embed/videoseries",
            "list",
            r"[\w-]{2,60}",
            "https://www.youtube.com/playlist?list={}",
        ),
        (r"w\.soundcloud\.com/player/?", "url", r"https?://[^\s]+", "{}"),
        (
            r"(?:www\.)?facebook\.com/plugins/.*",
            "href",
            r"https://(?:www\.)?facebook\.com/[^\s]+",
            "{}",
        ),
        (
            r"platform\.twitter\.com/embed/.*",
            "id",
            r"[0-9]{5,20}",
            "https://twitter.com/i/status/{}",
        ),
        (r"player\.twitch\.tv/", "video", r"v?([0-9]{5,12})", "https://www.twitch.tv/videos/{}"),
        (r"player\.twitch\.tv/", "channel", r"\w{2,30}", "https://www.twitch.tv/{}"),
        (r"clips\.twitch\.tv/embed", "clip", r"[\w-]{3,100}", "https://clips.twitch.tv/{}"),
        (
            r"music\.163\.com/outchain/player",
            "id",
            r"[0-9]{1,14}",
            "https://music.163.com/song?id={}",
        ),
    )
)
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
#: An episode of a podcast or a song of an album.
_APPLE_ID = re.compile(r"[0-9]{5,20}", re.ASCII)
#: Parameters that are read at all; more are an attack.
_MAX_PARAMETERS = 50


def page_of(address: str) -> str:
    """Return the page that shows what the player at an absolute address plays, else the address."""
    parts = urlsplit(address)
    place = f"{parts.hostname or ''}{parts.path}"
    for pattern, page in _PAGES:
        if match := pattern.fullmatch(place):
            episode = _parameter(parts.query, "i", _APPLE_ID) if "apple.com" in page else None
            return page.format(*match.groups()) + (f"?i={episode[0]}" if episode else "")
    for pattern, name, form, page in _BY_PARAMETER:
        if pattern.fullmatch(place) and (match := _parameter(parts.query, name, form)):
            return absolute(page.format(match[match.lastindex or 0])) or address
    return address


def picture(page: str) -> str | None:
    """Return the address of the picture of a video at a page, where that is known."""
    for pages, address in _PICTURES:
        if match := pages.fullmatch(page):
            return address.format(match[1])
    return None


def _parameter(query: str, name: str, form: re.Pattern[str]) -> re.Match[str] | None:
    """Return a parameter of a query where it is well formed."""
    try:
        values = parse_qs(query, max_num_fields=_MAX_PARAMETERS).get(name, [])
    except ValueError:  # too many
        return None
    return next(filter(None, map(form.fullmatch, values)), None)
