"""The policy: which HTML may be published, as data for both sanitizers and for tidying."""

# pure
from __future__ import annotations

import re
from typing import Literal, get_args

from digest.articles.cleaning import uris


def elements(names: str) -> frozenset[str]:
    """Return the names in a space-separated list."""
    return frozenset(names.split())


#: Elements that are kept. All others, unless dropped, are replaced by their content.
TAGS = elements(
    "a abbr address article aside b bdi bdo blockquote br caption cite code col colgroup dd del "
    "details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd "
    "li main mark nav ol p pre q rp rt ruby s samp section small strike strong sub summary sup "
    "table tbody td tfoot th thead time tr tt u ul var wbr"
)

#: Elements that are removed with their content.
DROPPED = elements(
    "applet area audio base basefont bgsound button canvas datalist embed frame frameset "
    "head iframe input keygen link map math meta meter noembed noframes noscript object optgroup "
    "option output param plaintext progress script select source style svg template textarea "
    "title track video xmp"
)

#: Elements that have no end tag (HTML section 13.1.2).
VOID = elements(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source "
    "track wbr"
)

#: Schemes of addresses; tidy makes everything else absolute or drops it.
SCHEMES = frozenset({"http", "https", "mailto"})

#: Of every link: no access to the opener, no referrer, no endorsement.
LINK_REL = "noopener noreferrer nofollow"

#: The permitted chains of sanitizers; nh3 is always the last.
ENGINES = (("bleach", "nh3"), ("nh3",))

#: What a browser tells an image's host about the page (Referrer Policy section 3).
ReferrerPolicy = Literal[
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
]
#: Images of many hosts break with a referrer, and none of them needs to know the reader.
NO_REFERRER: ReferrerPolicy = "no-referrer"

#: An id: eight characters of the article's key and a name. No page and no script uses such ids.
_ANCHOR = r"a-[a-z2-7]{8}-[A-Za-z0-9_-]{1,60}"
_ANYTHING = re.compile(r"(?s).*")
_WEB = re.compile(r"(?i)https?://[^\s/?#\\][^\s\x00-\x1f]*")
_ELSEWHERE = r"(?i:https?://[^\s/?#\\]|mailto:[^\s/?#\\])[^\s\x00-\x1f]*"
_LINK = re.compile(rf"{_ELSEWHERE}|#{_ANCHOR}")
_SIZE = re.compile(r"[0-9]{1,5}%?")
_NUMBER = re.compile(r"-?[0-9]{1,6}")
_SPAN = re.compile(r"[1-9][0-9]{0,2}")

#: Attributes that are kept, by element (``*``: on all), with what their value must match.
ATTRIBUTES: dict[str, dict[str, re.Pattern[str]]] = {
    "*": {
        "dir": re.compile(r"(?i)ltr|rtl|auto"),
        "id": re.compile(_ANCHOR),
        "lang": re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}"),
    },
    "a": {"href": _LINK, "title": _ANYTHING},
    "abbr": {"title": _ANYTHING},
    "code": {"class": re.compile(r"language-[A-Za-z0-9_+#.-]{1,40}")},
    "col": {"span": _SPAN},
    "colgroup": {"span": _SPAN},
    "details": {"open": re.compile(r"(?:open)?")},
    "img": {
        "alt": _ANYTHING,
        "height": _SIZE,
        "referrerpolicy": re.compile("|".join(get_args(ReferrerPolicy))),
        "src": _WEB,
        "title": _ANYTHING,
        "width": _SIZE,
    },
    "li": {"value": _NUMBER},
    "ol": {
        "reversed": re.compile(r"(?:reversed)?"),
        "start": _NUMBER,
        "type": re.compile("[1aAiI]"),
    },
    "td": {"colspan": _SPAN, "rowspan": _SPAN},
    "th": {"colspan": _SPAN, "rowspan": _SPAN, "scope": re.compile(r"(?:row|col)(?:group)?")},
    "time": {"datetime": re.compile(r"[0-9A-Z:+. -]{1,40}")},
}


def permits(tag: str, attribute: str, value: str) -> bool:
    """Return whether an element may have this attribute with this value."""
    wanted = ATTRIBUTES.get(tag, {}).get(attribute) or ATTRIBUTES["*"].get(attribute)
    return (
        wanted is not None and len(value) <= uris.MAX_LENGTH and wanted.fullmatch(value) is not None
    )
