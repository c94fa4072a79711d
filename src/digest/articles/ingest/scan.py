"""Scan: what is remembered of the last time that the whole tree was looked at."""

# pure
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest.times import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class RootMark:
    """What tells a root folder from any other folder at its path."""

    device: int
    inode: int
    empty: bool = False  #: nothing at all is in it

    def same_folder(self, other: RootMark) -> bool:
        """Tell whether this is the folder that ``other`` was made of."""
        return (self.device, self.inode) == (other.device, other.inode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """When the whole tree was last compared with what is remembered."""

    ended_at: datetime  #: aware UTC
    took: timedelta
    files: int  #: that are there
    marks: Mapping[str, RootMark] = field(default_factory=dict)  #: by root, when last seen
    unseen: Mapping[str, str] = field(default_factory=dict)  #: roots that were not there, and why

    def __post_init__(self) -> None:
        require_utc("ended_at", self.ended_at)


def kept_back(
    remembered: Mapping[str, RootMark],
    before: Mapping[str, RootMark],
    after: Mapping[str, RootMark],
) -> dict[str, str]:
    """Return the roots that must not be believed when they hold less than they did, and why.

    ``before`` and ``after`` are of the beginning and the end of a scan. A root that is another
    folder than ``remembered`` and has nothing in it is a mount point without its file system.
    """
    doubted = {}
    for name in remembered.keys() | before.keys() | after.keys():
        then, now = before.get(name), after.get(name)
        known = remembered.get(name)
        if now is None:
            doubted[name] = "not there"
        elif then is None or not now.same_folder(then):
            doubted[name] = "replaced while it was looked at"
        elif now.empty and known is not None and not now.same_folder(known):
            doubted[name] = "empty: another folder than before, with nothing in it"
    return doubted
