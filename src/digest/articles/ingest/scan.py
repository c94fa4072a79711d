"""Scan: the result of the last comparison of the whole tree with the store."""

# pure
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest.times import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class RootMark:
    """Identifies a root folder, to recognize another folder at its path."""

    device: int
    inode: int
    empty: bool = False  #: nothing at all is in it

    def same_folder(self, other: RootMark) -> bool:
        """Return whether both marks are of the same folder."""
        return (self.device, self.inode) == (other.device, other.inode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The last comparison of the whole tree with the store."""

    ended_at: datetime  #: aware UTC
    took: timedelta
    files: int  #: that are there
    marks: Mapping[str, RootMark] = field(default_factory=dict)  #: by root, when last seen
    unseen: Mapping[str, str] = field(default_factory=dict)  #: roots that were not there, and why

    def __post_init__(self) -> None:
        require_utc("ended_at", self.ended_at)


def unreliable_roots(
    remembered: Mapping[str, RootMark],
    before: Mapping[str, RootMark],
    after: Mapping[str, RootMark],
) -> dict[str, str]:
    """Return the roots whose missing files must not count as deleted, each with the reason.

    ``before`` and ``after`` are marks at the start and the end of a scan, ``remembered`` those of
    the last one. An empty root that is another folder than then is an unmounted mount point.
    """
    reasons = {}
    for name in remembered.keys() | before.keys() | after.keys():
        then, now = before.get(name), after.get(name)
        known = remembered.get(name)
        if now is None:
            reasons[name] = "not there"
        elif then is None or not now.same_folder(then):
            reasons[name] = "replaced while it was looked at"
        elif now.empty and known is not None and not now.same_folder(known):
            reasons[name] = "empty: another folder than before, with nothing in it"
    return reasons
