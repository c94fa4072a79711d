"""The layout of older versions of Digest, which wrote pages as files: remove these files."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from digest.feeds.encodings import SUFFIXES
from digest.feeds.model import ATOM, JSON, OPML, RSS
from digest.feeds.publish.output_folder import (
    ID_FILE,
    explained,
    file_content,
    remove_folder,
    replace_file,
)

#: Stands in the place of the token while what an older Digest has left is removed.
_REMOVING = b"removing an older layout\n"
#: What a Digest that wrote pages as files has left: paths below the output folder.
_FILE = re.compile(
    r"""
      index\.html
    | articles/[a-z2-7]{16}/index\.html
    | feeds/(?:.+/)?index\.html
    | feeds/(?:.+/)?archive\.d/[0-9]+/(?:atom\.xml|feed\.json)
    | digests/[^/]+/(?:index\.html|atom\.xml|[0-9]+/index\.html)
    | assets/(?:style|feed)\.css
    """,
    re.VERBOSE,
)
_FOLDER = re.compile(
    r"""
      articles(?:/[a-z2-7]{16})?
    | feeds/(?:.+/)?archive\.d(?:/[0-9]+)?
    | digests(?:/[^/]+(?:/[0-9]+)?)?
    | assets
    """,
    re.VERBOSE,
)
_VARIANT = ".zst"
_FEEDS = frozenset((RSS, ATOM, JSON, OPML))
#: By these the folder of an older Digest is told from that of another program.
_SIGNS = ("feeds/index.html", "assets/feed.css", "assets/style.css")


def remove_older_layout(root: Path) -> int:
    """Remove the pages and archives that an older Digest wrote; return the number of files.

    Removes nothing unless an older Digest has written into this folder, and only files with its
    names. An interrupted removal is continued by the next call. Raises OutputError.
    """
    mark = root / ID_FILE
    try:
        if file_content(mark) != _REMOVING:
            if not all((root / path).is_file() for path in _SIGNS):
                return 0
            replace_file(mark, _REMOVING)
    except OSError as error:
        raise explained(mark, error) from error
    removed = 0
    for folder, _, files in os.walk(root, topdown=False):
        paths = [Path(folder, name).relative_to(root).as_posix() for name in files]
        count = sum(_unlink(root / path) for path in paths if _is_older(path))
        removed += count
        place = Path(folder).relative_to(root).as_posix()
        if place != "." and (count or _FOLDER.fullmatch(place)):
            remove_folder(Path(folder))
    return removed


def _unlink(file: Path) -> bool:
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise explained(file, error) from error
    return True


def _is_older(path: str) -> bool:
    """Return whether a path is one that only older versions of Digest wrote."""
    plain = path
    for suffix in (_VARIANT, *SUFFIXES.values()):
        plain = plain.removesuffix(suffix)
    return bool(_FILE.fullmatch(plain)) or (
        path.endswith(_VARIANT)
        and path.startswith("feeds/")
        and PurePosixPath(plain).name in _FEEDS
    )
