"""The address of an image, chosen from all that its element offers."""

# pure
from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from urllib.parse import quote, unquote, urlsplit

from selectolax.lexbor import LexborNode

from digest.articles.cleaning.policy import elements
from digest.articles.cleaning.uris import MAX_LENGTH, absolute

#: Stands for the percent-encoded address of the image in the template of a proxy.
PLACEHOLDER = "{url}"
#: Attributes of an element.
Attributes = Mapping[str, str | None]

#: Where pages that load images late keep the address, the best source first.
LAZY_SOURCES = (
    *("data-original-src", "data-original", "data-src", "data-lazy-src", "data-actualsrc"),
    *("data-echo", "data-lazy", "data-lazyload", "data-ll-src", "data-cfsrc", "data-img-src"),
    *("data-full-src", "data-hi-res-src", "data-orig-file", "data-large-file", "data-image-src"),
    *("data-pagespeed-lazy-src", "data-original-url", "data-delayed-url", "data-url"),
    *("real_src", "zoomfile", "file", "_src", "data-origin"),
)
#: Attributes with several addresses, the best source first.
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set")
_SETS = (*_LAZY_SETS, "srcset")
#: Attributes of images that no address of another image is in.
_PLAIN = elements(
    "alt border class crossorigin decoding fetchpriority height hspace id ismap lang loading "
    "longdesc name referrerpolicy sizes src style title usemap vspace width align"
)
#: Other attributes with the address of an image: names, and values.
_OTHER_NAME = re.compile(r"src|orig|lazy|file|image|img|media|photo|load|big|full|url|raw")
_NOT_OTHER_NAME = re.compile(r"link|href|page|thumb|placeholder|width|height|title|alt")
_OTHER_VALUE = re.compile(
    r"(?:https?:)?//[^\s/]+/\S+|[^\s:]+\.(?:gif|jpe?g|png|webp)(?:[?#]\S*)?", re.IGNORECASE
)
_PICTURE = re.compile(r"\.(?:avif|gif|jpe?g|png|webp)(?:[?#]|\s*\Z)", re.IGNORECASE)
#: Names of images that stand where another is loaded later.
_STAND_IN = re.compile(
    r"[\w.-]*(?:1x1|blank|clear|dummy|empty|gr[ae]y|lazy|loader|loading|pixel|"
    r"placeholder|preload|spacer|spinner|trans|transparent)[\w.-]*\.(?:gif|jpe?g|png|svg|webp)\b",
    re.IGNORECASE,
)
#: Characters; longer names stand for no such image.
_MAX_NAME = 255
#: Pixels; wider images are for posters, not for readers and mails.
MAX_WIDTH = 2_048
#: Candidates that are read of one set.
MAX_CANDIDATES = 32
#: Kinds that mail programs and feed readers show, too.
_PLAIN_TYPES = elements("image/gif image/jpeg image/jpg image/png image/webp")
#: Formats that mail programs do not show.
_UNSHOWN = re.compile(r"\.(?:avif|bmp|emf|eps|hei[cf]|ico|jxl|psd|svgz?|tiff?|wmf)$", re.IGNORECASE)
#: Host and path of badges, smileys, icons and formulas.
_BADGE = re.compile(
    r"^(?:[\w.-]+\.)?(?:badge\.fury\.io|badgen\.net|badges?\.[\w.-]+|circleci\.com|codacy\.com|"
    r"codecov\.io|coveralls\.io|david-dm\.org|gitter\.im|shields\.io|snyk\.io|sonarcloud\.io|"
    r"travis-ci\.(?:com|org)|appveyor\.com|goreportcard\.com|isitmaintained\.com|"
    r"bestpractices\.coreinfrastructure\.org|cdn\.rawgit\.com/[^/]+/badges?)/"
    r"|/badges?(?:[./_-]|$)|[/_-]badge(?:\.\w{2,4})?$|/workflows/[^/]+/badge|/status\.png$"
    r"|/(?:emojis?|twemoji|smil(?:ies|eys)|emoticons?|icons?|favicons?|avatars?)/"
    r"|(?:^|[/_-])(?:favicon|apple-touch-icon|mstile|spacer|pixel)\b[\w-]*(?:\.\w{2,4})?$"
    r"|^(?:[\w.-]+\.)?gravatar\.com/|/latex\.php$|^www\.zhihu\.com/equation$"
    r"|^latex\.codecogs\.com/|^math\.now\.sh/|wikimedia\.org/api/rest_v1/media/math/"
    r"|[/_-](?:icon|avatar|blank|transparent|spinner|loading|placeholder|qr|qr-?code|rss)[0-9]*\.\w+$"
    r"|/(?:site[_-])?logo[0-9]*\.\w+$|^stats\.wordpress\.com/|/~r/[^/]+/~4/"
    r"|[/_.-][1-9]?[0-9]x[1-9]?[0-9](?:[/_.@-]|$)",  # pixels below 100
    re.IGNORECASE,
)
#: An image of sanitized markup, and its attributes.
_TAG = re.compile(r'<img(?: [a-z]+="[^"]*")+')
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
#: Pixels of width and height; an image that says it has less is an icon or a badge.
MIN_IMAGE_SIZE = 100
#: HTML section 4.8.4.2.1: an address, perhaps with a comma at its end, or with a descriptor.
_CANDIDATE = re.compile(
    r"(?P<alone>[^\s,](?:[^\s]*[^\s,])?),+(?=\s|\Z)"
    r"|(?P<address>[^\s,][^\s]*+)\s*+(?P<descriptor>[^,]*+)"
)
_WIDTH = re.compile(r"([0-9]{1,6})w\b")
_DENSITY = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,6})?)x\b")


def candidates(image: Attributes, sources: Iterable[Attributes] = ()) -> Iterator[str]:
    """Yield the addresses of an image, the best first; some may be invalid.

    ``sources`` are those of its ``<picture>``. The widest up to ``MAX_WIDTH`` is the best; without
    widths, it is the one for a pixel density of 1.
    """
    sources = list(sources)
    if not sources and image.keys() <= _PLAIN:
        yield image.get("src") or ""
        return
    offers = [image]
    for source in sources:
        kind = (source.get("type") or "image/png").strip().lower()
        if kind in _PLAIN_TYPES and not source.get("media"):  # others are for some screens only
            offers.append(source)
    sets = [(name, offer.get(name) or "") for offer in offers for name in _SETS]
    choices = [(name in _LAZY_SETS, *choice) for name, value in sets for choice in _parse(value)]
    wide = [(width, address) for _, address, width, _ in choices if width]
    yield from (address for width, address in _ranked(wide, MAX_WIDTH))
    for name in LAZY_SOURCES:
        if value := image.get(name):
            yield value
    plain = image.get("src") or ""
    dense = [(late, density, address) for late, address, width, density in choices if not width]
    late = [(density, address) for is_late, density, address in dense if is_late]
    early = [(density, address) for is_late, density, address in dense if not is_late]
    order = [*_ranked(late, 1), (1.0, plain), *_ranked(early, 1)]
    if not plain or _names_stand_in(plain):
        order.sort(key=lambda choice: choice[1] == plain)
        yield from _others(image)
    yield from (address for _, address in order)


def _others(image: Attributes) -> Iterator[str]:
    """Yield the addresses in attributes that scripts of their own look for."""
    for name, value in image.items():
        if name in _PLAIN or not value or len(value) > MAX_LENGTH or _NOT_OTHER_NAME.search(name):
            continue
        named = _OTHER_NAME.search(name) or (name.startswith("data-") and _PICTURE.search(value))
        if named and _OTHER_VALUE.fullmatch(value.strip()):
            yield value


def reveal(noscript: LexborNode) -> None:
    """Put the image of a ``<noscript>`` in place of the stand-in beside it, or before itself."""
    images = [image for image in noscript.css("img[src]") if not _is_unseen(image.attributes)]
    if not images:
        return
    image, *others = images
    after = noscript.next
    while after is not None and _is_between(after):
        after = after.next
    # Zhihu has the image that a script shows behind the one for others.
    lazy = after.attributes if after is not None and after.tag == "img" else {}
    if image.attributes["src"] in lazy.values() and _is_stand_in(lazy):
        return
    for other in reversed(others):
        noscript.insert_after(other, move=True)
    before = noscript.prev
    while before is not None and _is_between(before):
        before = before.prev
    stand_in = None
    if before is not None and not before.is_text_node:
        stand_in = before if before.tag == "img" else before.css_first("img")
    if stand_in is not None and (
        _is_stand_in(stand_in.attributes)
        or stand_in.attributes.get("src") == image.attributes["src"]
    ):
        stand_in.replace_with(image)
    else:
        noscript.insert_before(image, move=True)


def _is_between(node: LexborNode) -> bool:
    blank = node.is_text_node and not (node.text_content or "").strip()
    return node.is_comment_node or blank


def _is_stand_in(image: Attributes) -> bool:
    """Return whether an image is one that a script replaces."""
    return (
        "lazy" in (image.get("class") or "").lower()
        or any(image.get(name) for name in (*LAZY_SOURCES, *_LAZY_SETS))
        or not image.get("src")
        or _names_stand_in(image.get("src") or "")
    )


def _names_stand_in(address: str) -> bool:
    """Return whether an address is one of images that stand where another is loaded later."""
    if address.startswith("data:"):
        return True
    name = address.partition("?")[0].partition("#")[0].rpartition("/")[2]
    return len(name) <= _MAX_NAME and _STAND_IN.match(name) is not None


def _is_unseen(image: Attributes) -> bool:
    """Return whether an image is not to be seen, as that of a counter is."""
    sizes = (image.get("width"), image.get("height"))
    return "none" in (image.get("style") or "") or any(size in ("0", "1") for size in sizes)


def first_shown(body: str) -> str | None:
    """Return the first image of a sanitized body that may stand for its article.

    It is no icon, no badge and no drawing.
    """
    if "<img" not in body:
        return None
    for tag in _TAG.finditer(body):
        attributes = dict(_ATTRIBUTE.findall(tag[0]))
        address = absolute(html.unescape(attributes.get("src", "")))
        sizes = (attributes.get("width", ""), attributes.get("height", ""))
        small = any(size.isdigit() and int(size) < MIN_IMAGE_SIZE for size in sizes)
        if address and not small and stands_for_articles(address):
            return address
    return None


def stands_for_articles(address: str) -> bool:
    """Return whether the image at an absolute address may be shown as the picture of an article.

    It is no badge, smiley or icon, and in a format that mail programs show.
    """
    parts = urlsplit(unquote(address))
    place = f"{parts.hostname or ''}{parts.path}"
    return not (_UNSHOWN.search(parts.path) or _BADGE.search(place))


def shown_in_mail(address: str) -> bool:
    """Return whether mail programs show images of this format, as far as its address tells."""
    return _UNSHOWN.search(urlsplit(unquote(address)).path) is None


def proxied(address: str, template: str) -> str | None:
    """Return the proxy's address of the image at an absolute ``address``.

    An address of the proxy itself is returned unchanged. Return None if the result exceeds
    ``uris.MAX_LENGTH``.
    """
    before, _, after = template.partition(PLACEHOLDER)
    if address.startswith(before):
        return address
    made = before + quote(address, safe="") + after
    return made if len(made) <= MAX_LENGTH else None


def check_proxy(template: str) -> None:
    """Raise ValueError unless ``template`` is an http(s) address with one ``{url}`` in it."""
    before, place, after = template.partition(PLACEHOLDER)
    whole = before + "x" + after
    host_ends = re.match(r"https?://[^/?#]+[/?#]", before)
    if not place or PLACEHOLDER in after or not host_ends or absolute(whole) != whole:
        raise ValueError(f"not an http(s) address with one {PLACEHOLDER} in it: {template!r}")


def _ranked(sized: Iterable[tuple[float, str]], limit: float) -> Iterator[tuple[float, str]]:
    """Yield the largest up to ``limit`` first, then those above it, the smallest first."""
    yield from sorted(sized, key=lambda pair: (pair[0] > limit, abs(limit - pair[0])))


def _parse(srcset: str) -> Iterator[tuple[str, int, float]]:
    """Yield the candidates of a set: address, width in pixels or 0, pixel density."""
    for match in islice(_CANDIDATE.finditer(srcset), MAX_CANDIDATES):
        descriptor = match["descriptor"] or ""
        width, density = _WIDTH.search(descriptor), _DENSITY.search(descriptor)
        yield (
            match["alone"] or match["address"],
            int(width[1]) if width else 0,
            float(density[1]) if density else 1.0,
        )
