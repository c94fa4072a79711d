"""Draft: a source file as a clean article, by one recipe."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import get_args
from zoneinfo import ZoneInfo

from digest.articles import addresses, anchors, trackers
from digest.articles.categories import STYLES, renamed, renames
from digest.articles.embeds import HOSTS
from digest.articles.fleeting import raw_hash
from digest.articles.images import check_proxy, proxied
from digest.articles.model import Beside, CategoryPath, Draft, SafeHtml, SameText, SourceFile
from digest.articles.parse import Opened, opened, read
from digest.articles.policy import NO_REFERRER, TAGS, ReferrerPolicy
from digest.articles.revision import content_digest
from digest.articles.rules import Rule, Unfinished
from digest.articles.sanitize import ENGINES, clean
from digest.articles.summary import plain_text, summarize
from digest.articles.tidy import tidy
from digest.articles.twins import likeness
from digest.errors import SourceError

#: Grows when the same file and options give another draft: then all files are read again.
PIPELINE = 7

#: References (``&…;``) in a body; each is four characters or more where the file may have had one.
MAX_REFERENCES = 500_000
#: nh3 looks from each ampersand and each hard blank to the end of its text: so many characters
#: take it about 0.2 s. 20,000 of them in a text of a million are as many.
MAX_LOOKING = 20_000_000_000

#: What stands between two texts, for nh3 too; elements that it takes out do not.
_TAG = re.compile(rf"</?(?:{'|'.join(sorted(TAGS))})[ >]")

#: An image as nh3 writes it: attributes in double quotes, which may hold ``>``.
_IMAGE = re.compile(r'<img(?: [a-z]+="[^"]*")*? src="([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that the making of a draft depends on, beside the file."""

    timezone: str = "UTC"  #: IANA name: of dates without a zone
    engines: tuple[str, ...] = ("bleach", "nh3")  #: or ``("nh3",)``
    rules: tuple[Rule, ...] = ()  #: those that apply are followed in this order
    summary_length: int = 200  #: graphemes, at least 1
    placeholder_hosts: tuple[str, ...] = ("picsum.photos",)  #: whose images say nothing

    embeds: tuple[str, ...] = HOSTS  #: whose frames become links to their videos
    image_proxy: str | None = None  #: an address with ``{url}``, through which images are shown
    referrer_policy: ReferrerPolicy = NO_REFERRER  #: of images: what their hosts get to know
    category_style: str = "path"  #: what a list of names is: one path, or ``"flat"``
    category_map: tuple[tuple[str, str], ...] = ()  #: old and new paths; "" hides
    sketched: bool = False  #: by which articles that are nearly the same are found

    def __post_init__(self) -> None:
        if self.image_proxy is not None:
            check_proxy(self.image_proxy)
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:  # unknown, a path, a folder
            raise ValueError(f"not a time zone: {self.timezone!r}") from error
        if self.category_style not in STYLES:
            raise ValueError(f"category_style must be in {STYLES}, not {self.category_style!r}")
        renames(self.category_map)
        if self.engines not in ENGINES:
            raise ValueError(f"engines must be one of {ENGINES}, not {self.engines!r}")
        if self.referrer_policy not in get_args(ReferrerPolicy):
            raise ValueError(f"not a referrer_policy: {self.referrer_policy!r}")
        if self.summary_length < 1:
            raise ValueError(f"summary_length must be at least 1, not {self.summary_length}")

    def fingerprint(self) -> str:
        """Return hex that changes when any option or the pipeline itself does."""
        return _hash([str(PIPELINE), json.dumps(asdict(self), sort_keys=True)])


def make_draft(source: SourceFile, recipe: Recipe) -> Draft:
    """Return the clean article of a file; the same for the same file and recipe, always.

    Raises SourceError, saying where and why, for a file that is no article.
    """
    return _made(_opened(source, recipe), source, recipe)


def remake_draft(source: SourceFile, recipe: Recipe, now: datetime) -> Draft | SameText:
    """Return the draft of a file that was written again, unless its text is as it was.

    That is told by the hashes of the source, which are of the same recipe. Crawlers write each
    file again and again with other dates and pictures. Raises SourceError like ``make_draft``.
    """
    zone = ZoneInfo(recipe.timezone)
    raw = raw_hash(source.content, zone, recipe.placeholder_hosts, now)
    if raw and raw == source.raw_hash:
        return SameText(raw_hash=raw)
    found = _opened(source, recipe)
    if source.text_hash != _text_hash(found):
        return replace(_made(found, source, recipe), raw_hash=raw)
    beside = Beside(
        published_at=found.published_at,
        image=_shown(found.image, recipe.image_proxy),
        enclosure=found.enclosure,
        pinned=found.pinned,
        notes=found.notes,
    )
    return SameText(beside=beside, raw_hash=raw)


def _opened(source: SourceFile, recipe: Recipe) -> Opened:
    return opened(
        source,
        ZoneInfo(recipe.timezone),
        recipe.placeholder_hosts,
        category_style=recipe.category_style,
    )


def _made(found: Opened, source: SourceFile, recipe: Recipe) -> Draft:
    manuscript = read(found, source.path)
    filed = renamed(manuscript.categories, renames(recipe.category_map))
    # A rule mends what a source has wrong, whatever its category is called by now.
    either = replace(manuscript, categories=(*manuscript.categories, *filed))
    try:
        markup = tidy(
            manuscript.markup,
            base=manuscript.link,
            places=anchors.prefix(manuscript.identity),
            title=manuscript.title,
            rules=[rule for rule in recipe.rules if rule.applies(either, source.path)],
            placeholder_hosts=recipe.placeholder_hosts,
            embeds=recipe.embeds,
            image_proxy=recipe.image_proxy,
        )
    except Unfinished as error:
        raise SourceError(source.path, None, str(error)) from error
    if markup.count("&") > MAX_REFERENCES or _looking(markup) > MAX_LOOKING:
        raise SourceError(source.path, None, "the body has too many escaped characters")
    body = clean(markup, recipe.engines, recipe.referrer_policy)
    text = plain_text(body)
    draft = Draft(
        identity=manuscript.identity,
        title=manuscript.title,
        authors=manuscript.authors,
        categories=filed,
        published_at=manuscript.published_at,
        link=manuscript.link,
        image=_shown(manuscript.image, recipe.image_proxy) or _first_image(body),
        language=manuscript.language,
        summary=summarize(manuscript.summary or text, recipe.summary_length),
        body=body,
        fingerprint=_fingerprint(
            manuscript.title, text, manuscript.authors, filed, manuscript.link
        ),
        enclosure=manuscript.enclosure,
        pinned=manuscript.pinned,
        likeness=likeness(manuscript.title, text, manuscript.link, sketched=recipe.sketched),
        notes=manuscript.notes,
    )
    return replace(draft, content=content_digest(draft), text_hash=_text_hash(found))


def _looking(markup: str) -> int:
    """Return how many characters nh3 would look at for ampersands and hard blanks."""
    whole = _wanted(markup) * len(markup)
    if whole <= MAX_LOOKING:
        return whole
    return sum(_wanted(text) * len(text) for text in _TAG.split(markup))


def _wanted(text: str) -> int:
    return text.count("&amp;") + text.count("&nbsp;")


def _shown(image: str | None, proxy: str | None) -> str | None:
    """Return the address at which readers get the image that a file names."""
    if image is None:
        return None
    address = trackers.without_parameters(image)
    return proxied(address, proxy) if proxy else address


def _first_image(body: SafeHtml) -> str | None:
    match = _IMAGE.search(body)
    return addresses.absolute(html.unescape(match[1])) if match else None


def _fingerprint(
    title: str,
    text: str,
    authors: Iterable[str],
    categories: Iterable[CategoryPath],
    link: str | None,
) -> str:
    """Return hex over what makes an article another one: no dates, no images, no white space."""
    words = "".join(text.split())
    paths = ["\x1f".join(category.names) for category in categories]
    return _hash([title, words, "\x1e".join(authors), "\x1e".join(paths), link or ""])


def _text_hash(found: Opened) -> str:
    """Return hex over all that a draft is made of, but for what ``Beside`` has.

    Whether there is an image counts: without one it is the first of the body.
    """
    paths = ["\x1f".join(category.names) for category in found.categories]
    said = [found.identity, found.title, "\x1e".join(found.authors), "\x1e".join(paths)]
    said += [found.link or "", found.language or "", found.summary, found.body]
    return _hash([*said, f"{found.headed} {found.image is None}"])


def _hash(parts: Iterable[str]) -> str:
    """Return 128 bits of BLAKE2b over the parts and where each of them ends."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()
