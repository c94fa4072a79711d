"""Habits: under which keys the usual site builders say what; in each row the first wins.

Hexo, Jekyll, Hugo, Zola, Pelican and Eleventy, and the themes that many of their sites share.
"""

# pure
from __future__ import annotations

DATE_KEYS = ("date", "published", "pubdate", "publishdate", "date_published", "created")
#: Of a file that tells no other date, even in its name.
UPDATE_KEYS = ("updated", "lastmod", "modified", "last_modified_at", "date_modified")
LINK_KEYS = (
    *("link", "source", "external_url", "externalurl", "canonical", "canonical_url"),
    *("canonicalurl", "original_url"),
)
#: An address or, with Hexo, Jekyll and Eleventy, the pattern of one.
PATTERN_KEYS = ("permalink", "url")
IMAGE_KEYS = (
    *("headimg", "thumbnail", "cover", "image", "images", "featured_image", "featuredimage"),
    *("feature_image", "og_image", "banner"),
)
#: A recording: an address, or a table with one and its type, bytes and duration.
ENCLOSURE_KEYS = ("enclosure", "enclosures", "audio", "podcast", "audio_url", "mp3")
#: How far ahead of the others an article stands in an edition: a truth or a number.
PIN_KEYS = ("pinned", "pin", "sticky", "top")
LANGUAGE_KEYS = ("lang", "language", "locale")
IDENTITY_KEYS = ("id", "guid")
SUMMARY_KEYS = ("summary", "excerpt", "description")
AUTHOR_KEYS = ("author", "authors")
CATEGORY_KEYS = ("categories", "category")
TAG_KEYS = ("tags", "tag", "keywords")

#: Keys of a table that stands where an address is expected, such as ``cover: {image: …}``.
ADDRESS_NAMES = ("src", "url", "href", "image", "path", "link")

#: Values that say nothing.
NOTHING = frozenset({"", "~", "null"})
TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})
#: Keys, the values with which a file keeps itself back, and what it is then.
KEPT_BACK = (
    ("draft", TRUE, "a draft"),
    ("published", FALSE, "a draft"),
    ("hidden", TRUE, "hidden"),
    ("status", frozenset({"draft", "pending"}), "a draft"),
    ("status", frozenset({"hidden", "private"}), "hidden"),
)

#: Keys whose value is a text and never anything else: what looks like a list is none.
PROSE_KEYS = frozenset({"title", *SUMMARY_KEYS})
#: Keys whose value may be one line of text.
TEXT_KEYS = PROSE_KEYS.union(
    *(DATE_KEYS, UPDATE_KEYS, LINK_KEYS, PATTERN_KEYS, IMAGE_KEYS, ENCLOSURE_KEYS, LANGUAGE_KEYS),
    *(IDENTITY_KEYS, PIN_KEYS),
)
#: Keys whose value is a name or a list of them.
LIST_KEYS = frozenset({*AUTHOR_KEYS, *CATEGORY_KEYS, *TAG_KEYS})
