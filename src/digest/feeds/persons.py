"""Persons: who wrote an article, as Atom wants to know it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from digest.articles.addresses import absolute

_MAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+")


def person(name: str) -> dict[str, str]:
    """Return an author's name, with ``email`` or ``uri`` where that is what the name was.

    RFC 4287 section 3.2: an address has elements of its own, and the name is for people.
    """
    if _MAIL.fullmatch(name):
        return {"name": name.partition("@")[0], "email": name}
    if name.lower().startswith(("http://", "https://")) and (address := absolute(name)):
        return {"name": urlsplit(address).hostname or address, "uri": address}
    return {"name": name}
