"""Hash files without volatile lines: dates and placeholder images that crawlers keep rewriting.

Neither changes a known article. Parsing the front matter to see that takes five times as long as
hashing the other lines.
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

#: Bytes of front matter, and of a value, that are examined: what is longer is of no crawler's.
_MAX_HEAD, _MAX_VALUE = 65_536, 512
#: Lines that are examined; a date that is none may take 0.7 ms.
_MAX_LINES = 64
#: The lines that open and close a front matter of YAML. Here and below nothing that repeats is
#: tried in another length, so that no file costs more than its bytes.
_OPENS = re.compile(rb"[ \t\n]*+---[ \t]*+\n")
_CLOSES = re.compile(rb"^(?:---|\.\.\.)[ \t]*+\n", re.MULTILINE)
_DATES = frozenset(key.encode() for key in (*DATE_KEYS, *UPDATE_KEYS))
_IMAGES = frozenset(key.encode() for key in IMAGE_KEYS)
#: A line with a key and a value: the key, the quote, what is in it. No line below belongs to it,
#: nor behind blank lines or comments.
_LINE = re.compile(
    rb"^([a-z_]+)[ \t]*+:[ \t]*+(['\"]?)([^'\"\\\n#{}\[\]]*+)\2[ \t]*+\n(?!\n*+[ \t#-])",
    re.MULTILINE | re.IGNORECASE,
)


def raw_hash(
    content: bytes, zone: ZoneInfo, placeholder_hosts: Collection[str], now: datetime
) -> str:
    """Return a hash, in hex, over the bytes of a file without its volatile lines; "" for none.

    Two files at one path with the same hash have the same content for a known article. Volatile
    are dates up to ``now``, aware UTC, without a guess in them, and images that are none or on
    ``placeholder_hosts``. ``zone`` applies to dates without one. Only front matter in YAML is
    examined, of 64 KiB at most, and 64 lines of it with a key and a value: while a hostile file is,
    the others wait.
    """
    opening = _OPENS.match(content)
    closing = _CLOSES.search(content, opening.end(), _MAX_HEAD) if opening else None
    if opening is None or closing is None:
        return ""

    def without(line: re.Match[bytes]) -> bytes:
        key = line[1].lower()
        if len(line[3]) > _MAX_VALUE:
            return line[0]
        if key in _DATES:
            date = parse_date(line[3].decode("utf-8", "replace").rstrip(" \t"), zone)
            volatile = date is not None and date.at <= now and not date.guess
        elif key in _IMAGES:
            text = line[3].decode("utf-8", "replace").rstrip(" \t")
            volatile = not text or uris.on_host(uris.absolute(text) or "", placeholder_hosts)
        else:
            return line[0]
        return line[1] + b"\0\n" if volatile else line[0]

    head = content[opening.end() : closing.start()]
    digest = hashlib.blake2b(_LINE.sub(without, head, _MAX_LINES), digest_size=16)
    digest.update(memoryview(content)[closing.start() :])
    return digest.hexdigest()
