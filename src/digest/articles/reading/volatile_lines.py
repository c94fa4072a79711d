"""Fleeting lines: what crawlers write anew each time, told apart without reading the rest.

A crawler writes each of its files again every hour, with another date and the address of another
placeholder image. Neither says anything of an article that is known. To find that out by reading
the front matter takes five times as long.
"""

# pure
from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from digest.articles.cleaning import uris
from digest.articles.reading.dates import parse_date
from digest.articles.reading.front_matter_keys import DATE_KEYS, IMAGE_KEYS, UPDATE_KEYS

#: The lines that open and close a front matter of YAML. Here and below nothing that repeats is
#: tried in another length, so that no file costs more than its bytes.
_OPENS = re.compile(rb"[ \t\n]*+---[ \t]*+\n")
_CLOSES = re.compile(rb"^---[ \t]*+\n", re.MULTILINE)
_DATES = frozenset(key.encode() for key in (*DATE_KEYS, *UPDATE_KEYS))
#: The line of a date or an image: the key, the quote, what is in it. No line below belongs to it.
_LINE = re.compile(
    rb"^(%b)[ \t]*+:[ \t]*+(['\"]?)([^'\"\\\n#{}\[\]]*+)\2[ \t]*+\n(?![ \t])"
    % b"|".join(sorted((*_DATES, *(key.encode() for key in IMAGE_KEYS)), reverse=True)),
    re.MULTILINE | re.IGNORECASE,
)


def raw_hash(
    content: bytes, zone: ZoneInfo, placeholder_hosts: Collection[str], now: datetime
) -> str:
    """Return hex over the bytes of a file, without what is fleeting in it; empty for none.

    Two files at one path with the same hash say the same of an article that is known. Fleeting are
    dates up to ``now``, aware UTC, and images on ``placeholder_hosts``. ``zone`` is that of dates
    without one. Only a front matter of YAML is looked into.
    """
    opening = _OPENS.match(content)
    closing = _CLOSES.search(content, opening.end()) if opening else None
    if opening is None or closing is None:
        return ""

    def without(line: re.Match[bytes]) -> bytes:
        value = line[3].decode("utf-8", "replace").rstrip(" \t")
        if line[1].lower() in _DATES:
            date = parse_date(value, zone)
            fleeting = date is not None and date <= now
        else:
            address = uris.absolute(value)
            fleeting = bool(address) and uris.on_host(address or "", placeholder_hosts)
        return line[1] + b"\0\n" if fleeting else line[0]

    head = content[opening.end() : closing.start()]
    digest = hashlib.blake2b(_LINE.sub(without, head), digest_size=16)
    digest.update(memoryview(content)[closing.start() :])
    return digest.hexdigest()
