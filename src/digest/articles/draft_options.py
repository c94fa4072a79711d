"""DraftOptions: everything that decides what a file becomes, beside the file.

Apart from ``draft``, so that whoever only hands options on need not load four parsers.
"""

# pure
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import get_args
from zoneinfo import ZoneInfo

from digest.articles.categories import STYLES, renames
from digest.articles.cleaning.images import check_proxy
from digest.articles.cleaning.policy import ENGINES, ReferrerPolicy
from digest.articles.cleaning.rules import Rule

#: Grows when the same file and options give another draft: then all files are read again.
PIPELINE = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """Options of links between articles of the tree."""

    site: str  #: absolute address; ends with ``/``
    timezone: str  #: IANA name: of dates without a zone
    include: tuple[str, ...]  #: globs of the paths that are article files
    exclude: tuple[str, ...]  #: globs of those that are none


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetOptions:
    """Where the files that articles refer to are looked up, and where they are copied to."""

    url: str  #: absolute, of the folder of copies; ends with ``/``
    target: str  #: the folder of copies
    roots: tuple[tuple[str, str], ...]  #: names and folders of the trees of articles
    folders: tuple[str, ...]  #: where references that begin with ``/`` are looked up
    hidden: tuple[str, ...]  #: folders of which nothing is published: data, and what is published
    linked: tuple[str, ...]  #: extensions of files, not pictures, that links may lead to
    max_bytes: int  #: of one file
    max_folder_bytes: int  #: of all copies
    foreign: tuple[
        str, ...
    ] = ()  #: roots of what strangers wrote: it refers to no file of the site
    links: LinkOptions | None = None  #: None: links to files of articles lead nowhere


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOptions:
    """All inputs of a draft except the file itself."""

    timezone: str  #: IANA name: of dates without a zone
    language: str = ""  #: BCP 47: of the site, by which encodings are guessed; "" for unknown
    engines: tuple[str, ...]  #: ``("bleach", "nh3")`` or ``("nh3",)``
    rules: tuple[Rule, ...] = ()  #: those that apply are followed in this order
    summary_length: int  #: graphemes, at least 1
    placeholder_hosts: tuple[str, ...]  #: whose images say nothing

    embeds: tuple[str, ...]  #: whose frames become links to their videos
    image_proxy: str | None = None  #: an address with ``{url}``, through which images are shown
    referrer_policy: ReferrerPolicy  #: of images: what their hosts get to know
    category_style: str  #: what a list of names is: one path, or ``"flat"``
    category_map: tuple[tuple[str, str], ...] = ()  #: old and new paths; "" hides
    max_feeds: int  #: of the categories and authors of one article, at least 2
    sketched: bool = False  #: by which articles that are nearly the same are found
    assets: AssetOptions | None = None  #: None: files beside articles are not published

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
        """Return a hash, in hex, that changes with any option and with the pipeline itself.

        The paths of folders, which of them are foreign, and their limits of size are no part of it:
        another folder has other files.
        """
        options = asdict(self)
        if self.assets:
            for place in ("roots", "foreign", "target", "hidden", "max_folder_bytes"):
                del options["assets"][place]
        return hashed([str(PIPELINE), json.dumps(options, sort_keys=True)])


def hashed(parts: Iterable[str]) -> str:
    """Return 128 bits of BLAKE2b over the parts and where each of them ends."""
    raws = [part.encode("utf-8", "surrogatepass") for part in parts]
    joined = b"".join(piece for raw in raws for piece in (len(raw).to_bytes(8, "big"), raw))
    return hashlib.blake2b(joined, digest_size=16).hexdigest()
