"""Addresses: the paths of pages, feeds and links, relative to the site or to the output folder."""

# pure
from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

#: The folder of articles' pages, relative to the output folder.
ARTICLES = "articles/"
#: ext4, XFS, APFS and NTFS all end a name here; bytes of UTF-8.
MAX_NAME_BYTES = 255
#: Characters of a path, decoded, that may lead anywhere: no file has a longer one (PATH_MAX of
#: Linux), and looking at each of its folders must not take long.
MAX_PATH = 4_095
#: The folder of a feed's archives, beside its documents.
ARCHIVES = "archive.d"
#: What comes before the first dot in the name of every file and folder that is published beside
#: the folders of categories (``rss.xml``, ``rss.xml.br``, ``archive.d``). A slug never begins so.
RESERVED_STEMS = frozenset({"archive", "atom", "feed", "index", "opml", "rss"})
_UNSAFE_IN_NAMES = frozenset('/\\%:*?"<>|')
#: Where editions are published, relative to the site.
EDITIONS = "digests"
#: The icon of pages; browsers ask for it at this address by themselves.
FAVICON = "favicon.ico"
#: Where articles are searched for, relative to the site.
SEARCH = "search"
#: The sample of the next edition, below the folder of its digest.
SAMPLE = "sample"
#: Paths of the links to unsubscribe and to approve an edition, relative to the site.
UNSUBSCRIBE_PATH, APPROVE_PATH = "unsubscribe/", "approve/"
#: What follows the address to unsubscribe and a question mark on the page of preferences.
PREFERENCES_QUERY = "all"
#: Paths of the form to subscribe and of the links that confirm it, relative to the site.
SUBSCRIBE_PATH, CONFIRM_PATH = "subscribe/", "confirm/"
#: Where the stylesheet of raw feeds is published, relative to the site.
STYLESHEET = "feeds/feed.css"
#: The stylesheet of pages.
STYLE = "assets/style.css"
#: Where an archive's document is below the folder of its feed.
_ARCHIVE = re.compile(rf"(?:(?P<folder>.+)/)?{re.escape(ARCHIVES)}/(?P<number>[1-9][0-9]{{0,8}})")


@lru_cache(maxsize=4_096)
def slug(name: str) -> str:
    """Return ``name`` as a file name: readable, and never shared by two names.

    Unicode stays; what a file system or an address cannot take is percent-encoded, ``%`` too,
    so that the way back is unique. A name over 255 bytes ends in a hash. The slug is never the
    name of a published file, in any format and encoding: see RESERVED_STEMS.
    """
    encoded = "".join(
        "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        if char in _UNSAFE_IN_NAMES or unicodedata.category(char) in ("Cc", "Cs")
        else char
        for char in name
    )
    if encoded.startswith("."):
        encoded = "%2E" + encoded[1:]
    stem, dot, _ = encoded.partition(".")
    if dot and stem.casefold() in RESERVED_STEMS:
        encoded = encoded.replace(".", "%2E")
    if encoded != encoded.rstrip(" ."):
        encoded = encoded[:-1] + f"%{ord(encoded[-1]):02X}"
    raw = encoded.encode("utf-8")
    if len(raw) > MAX_NAME_BYTES:
        mark = "~" + hashlib.blake2b(raw, digest_size=8).hexdigest()
        encoded = raw[: MAX_NAME_BYTES - len(mark)].decode("utf-8", "ignore") + mark
    return encoded


def normal_forms(path: str) -> tuple[str, ...]:
    """Return the distinct forms of a path: as given, in NFC and in NFD; clients send any of these.

    The empty path has none.
    """
    if path.isascii():
        return (path,) if path else ()
    forms = (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
    return tuple(dict.fromkeys(forms))


def article_folder(key: str) -> str:
    """Return where an article's page lives, relative to the output folder; ends with ``/``."""
    return f"{ARTICLES}{key}/"


def editions_folder(digest: str) -> str:
    """Return where a digest's editions are published, relative to the site, with a ``/``."""
    return f"{EDITIONS}/{digest}/"


def edition_folder(digest: str, number: int) -> str:
    """Return where an edition is published; 0, that of one never made, means the sample."""
    return f"{editions_folder(digest)}{number or SAMPLE}/"


def archive_path(number: int, name: str) -> str:
    """Return where an archive's document is, relative to the folder of its feed."""
    return f"{ARCHIVES}/{number}/{name}"


def archive_address(folder: str) -> tuple[str, int] | None:
    """Return the feed's folder and the number of the archive that a folder is of."""
    match = _ARCHIVE.fullmatch(folder)
    return (match["folder"] or "", int(match["number"])) if match else None
