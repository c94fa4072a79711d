"""Frames, films, recordings and embedded documents, each replaced by a link to it."""

# pure
from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, cast

from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.articles.cleaning import embeds as embedded
from digest.articles.cleaning import trackers, uris
from digest.articles.cleaning.policy import elements

#: Parents in which a link is put into a paragraph of its own.
_HOLDS_PARAGRAPHS = elements("article aside blockquote body details div figure main section")
#: Attributes with the address of a frame, a film or a recording, the best first.
_ADDRESSES = ("data-src", "data-lazy-src", "data-original-src", "src", "data", "data-url")
#: Elements of scripts that show a video by its id, with its address.
_BY_ID = {
    "amp-youtube": "https://www.youtube.com/embed/{}",
    "lite-youtube": "https://www.youtube.com/embed/{}",
    "lite-vimeo": "https://player.vimeo.com/video/{}",
}
_MEDIA = "audio, video, iframe, frame, embed, amp-audio, amp-video, amp-iframe, " + ", ".join(
    _BY_ID
)
#: Those of these elements that no sanitizer would remove with their content.
CUSTOM = frozenset(_BY_ID) | {"amp-audio", "amp-iframe", "amp-video"}
#: Widths and heights of what nobody is to see, in pixels.
_TINY = frozenset({"0", "1", "0px", "1px"})
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
#: Addresses of recordings and of the pages of videos; a query may make a picture of one.
_PLAYED = re.compile(
    r"\.(?:flac|m4a|m4v|mov|mp3|mp4|oga|ogg|ogv|opus|wav|webm)(?:#|\Z)"
    r"|//(?:(?:www\.|m\.)?youtube\.com/(?:watch\?|shorts/)|youtu\.be/|vimeo\.com/[0-9]+\Z)",
    re.IGNORECASE,
)
#: Parameters of a plugin with the address of what it plays.
_PARAMETERS = frozenset({"filename", "movie", "src", "url"})
#: Scripts that write what they are the address of, and its page.
_SCRIPT = re.compile(
    r"https?://(gist\.github\.com/[\w/-]+|asciinema\.org/a/\w+|(?:[\w-]+\.)*gitlab\.com/[\w./-]+?)"
    r"\.js(?:\?\S*)?$|https?://(pastebin\.com/)embed_js/(\w+)",
    re.ASCII,
)
#: Posts of other sites that a script shows: what names them, and their address.
_POSTS = {
    "[data-instgrm-permalink]": ("data-instgrm-permalink", "data-instgrm-permalink"),
    ".fb-video[data-href], .fb-post[data-href]": ("fb-", "data-href"),
    ".tiktok-embed[cite]": ("tiktok-embed", "cite"),
}
#: An address that is all there is in a paragraph, as WordPress embeds it.
_ALONE = re.compile(r"https?://[^\s<>]+")
_MAY_BE_ALONE = re.compile(r">\s*https?://[^\s<>]+\s*</(?:p|div)>")


class LocalFiles(Protocol):
    """Files beside an article that are published with it."""

    def address(self, reference: str, *, picture: bool) -> str | None:
        """Return the absolute address of the file that a relative reference leads to.

        Return None for any other reference and where there is no such file.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaOptions:
    """Options of pictures, frames and recordings."""

    embeds: Collection[str] = ()  #: hosts whose frames lead to the page of the video
    placeholder_hosts: Collection[str] = ()  #: whose pictures are removed
    image_proxy: str | None = None  #: an address with ``{url}``, through which pictures are shown
    files: LocalFiles | None = None

    def address(self, reference: str | None, base: str | None, *, picture: bool) -> str | None:
        """Return the address of the file that a reference leads to, else the absolute reference."""
        if not reference:
            return None
        local = self.files.address(reference, picture=picture) if self.files else None
        return local or uris.absolute(reference, base)


def replace_media(
    parser: LexborHTMLParser, body: LexborNode, base: str | None, media: MediaOptions
) -> None:
    """Put a link before every frame, film, recording and object, which are then clutter.

    A link to the page of a video has a picture of it where one is known. What stands in an object
    for browsers that cannot show it stays.
    """
    for node in body.css("amp-img, amp-anim"):
        image = parser.create_node("img")
        for name in ("src", "srcset", "alt", "title", "width", "height"):
            if value := node.attributes.get(name):
                image.attrs[name] = value
        node.replace_with(image)
    for node in body.css("script[src]"):
        source = uris.absolute(node.attributes.get("src") or "", base) or ""
        if embed := _SCRIPT.match(source):
            _link(parser, node, f"https://{''.join(filter(None, embed.groups()))}", "", None, ())
    for node in body.css("object, applet"):
        _unfold(parser, node, base, media)
    for node in body.css(_MEDIA):
        attributes = node.attributes
        if address := _address(node, base, media):
            title, poster = attributes.get("title") or attributes.get("aria-label"), None
            if node.tag in ("video", "amp-video"):
                poster = media.address(attributes.get("poster"), base, picture=True)
            _link(parser, node, address, title or "", poster, media.embeds)


def link_played(
    parser: LexborHTMLParser, body: LexborNode, base: str | None, media: MediaOptions
) -> None:
    """Replace images that are recordings, or pages of videos, by their addresses, with links.

    Programs that play what is written as a picture have ``![](talk.mp4)``.
    """
    for node in body.css("img[src]"):
        source, holder = node.attributes["src"] or "", node.parent
        if not _PLAYED.search(source):
            continue
        while holder is not None and holder.tag != "a":
            holder = holder.parent
        address = media.address(source, base, picture=False)
        if address and holder is None:
            title = node.attributes.get("alt") or node.attributes.get("title") or ""
            _link(parser, node, address, title, None, media.embeds)
            node.decompose(recursive=False)


def link_posts(parser: LexborHTMLParser, body: LexborNode, markup: str) -> None:
    """Put a link before each post of another site that only a script would show."""
    if not any(name in markup for name, _ in _POSTS.values()):
        return
    for selector, (_, attribute) in _POSTS.items():
        for node in body.css(selector):
            address = uris.absolute(node.attributes.get(attribute) or "")
            if address and node.css_first("a[href]") is None:
                _link(parser, node, address, "", None, ())


def link_addresses(parser: LexborHTMLParser, body: LexborNode, markup: str) -> None:
    """Make links of addresses that are alone in their paragraphs."""
    if not _MAY_BE_ALONE.search(markup):
        return
    for node in body.css("p, div"):
        child = node.first_child
        text = (child.text_content or "").strip() if child and child.is_text_node else ""
        if child is None or child.next is not None or not _ALONE.fullmatch(text):
            continue
        if address := uris.absolute(text):
            link = parser.create_node("a")
            link.attrs["href"] = address
            link.insert_child(text)
            child.replace_with(link)


def _address(node: LexborNode, base: str | None, media: MediaOptions) -> str | None:
    """Return the address of what an element shows, unless it is hidden or counts readers."""
    attributes = node.attributes
    tiny = (attributes.get("width") in _TINY) and (attributes.get("height") in _TINY)
    if tiny or _UNSEEN.search(attributes.get("style") or ""):
        return None
    if template := _BY_ID.get(node.tag or ""):
        number = attributes.get("videoid") or attributes.get("data-videoid") or ""
        return template.format(number) if re.fullmatch(r"[\w-]{5,20}", number, re.ASCII) else None
    values = [attributes.get(name) for name in _ADDRESSES]
    if node.tag in ("audio", "video"):
        sources = [source.attributes for source in node.css("source")]
        values += [source.get("src") or source.get("data-src") for source in sources]
    for value in values:
        address = media.address(value, base, picture=False)
        if address and not trackers.is_tracking_image(address):
            return address
    return None


def _unfold(
    parser: LexborHTMLParser, node: LexborNode, base: str | None, media: MediaOptions
) -> None:
    """Put the fallback of an object before it, and a link to the object unless that has one."""
    address = media.address(node.attributes.get("data"), base, picture=False)
    for parameter in node.css("param"):
        if (parameter.attributes.get("name") or "").lower() in _PARAMETERS:
            address = address or uris.absolute(parameter.attributes.get("value") or "", base)
    linked = node.css_first(f"a[href], img, {_MEDIA}") is not None
    if address and not linked:
        _link(parser, node, address, node.attributes.get("title") or "", None, media.embeds)
    while node.first_child is not None:
        node.insert_before(node.first_child, move=True)


def _link(
    parser: LexborHTMLParser,
    node: LexborNode,
    address: str,
    title: str,
    poster: str | None,
    embeds: Collection[str],
) -> None:
    """Put a link before a node, in a paragraph of its own where it would stand alone."""
    if uris.on_host(address, embeds):
        address = embedded.page_of(address)
        poster = poster or embedded.picture(address)
    address = trackers.without_parameters(address)
    link = parser.create_node("a")
    link.attrs["href"] = address
    link.insert_child(" ".join(title.split()) or address)
    if poster:
        image = parser.create_node("img")
        image.attrs["src"] = poster
        image.attrs["alt"] = ""  # the text behind it says it all
        text = cast("LexborNode", link.first_child)
        text.insert_before(image, move=True)
        text.insert_before(parser.create_node("br"), move=True)
    if node.parent is not None and node.parent.tag in _HOLDS_PARAGRAPHS:
        paragraph = parser.create_node("p")
        paragraph.insert_child(link, move=True)
        link = paragraph
    node.insert_before(link, move=True)
