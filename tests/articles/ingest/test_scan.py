"""What a scan may believe of its roots."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from digest.articles.ingest.scan import RootMark, Scan, unreliable_roots

DISK = RootMark(device=1, inode=2)
EMPTIED = RootMark(device=1, inode=2, empty=True)
MOUNT_POINT = RootMark(device=9, inode=7, empty=True)
OTHER = RootMark(device=9, inode=7)


@pytest.mark.parametrize(
    ("remembered", "before", "after", "why"),
    [
        (None, DISK, DISK, None),
        (DISK, DISK, DISK, None),
        (DISK, EMPTIED, EMPTIED, None),
        (None, MOUNT_POINT, MOUNT_POINT, None),
        (DISK, OTHER, OTHER, None),
        (DISK, MOUNT_POINT, MOUNT_POINT, "empty"),
        (DISK, None, None, "not there"),
        (None, DISK, None, "not there"),
        (DISK, None, DISK, "while it was looked at"),
        (DISK, DISK, MOUNT_POINT, "while it was looked at"),
    ],
    ids=[
        "seen for the first time",
        "as ever",
        "all deleted in it",
        "empty from the first",
        "replaced, with something in it",
        "a mount point without its file system",
        "away",
        "gone meanwhile",
        "come meanwhile",
        "unmounted meanwhile",
    ],
)
def test_a_root_is_doubted_where_it_is_not_what_it_was(
    remembered: RootMark | None, before: RootMark | None, after: RootMark | None, why: str | None
) -> None:
    marks = [{"blog": mark} if mark else {} for mark in (remembered, before, after)]

    doubted = unreliable_roots(*marks)

    assert list(doubted) == (["blog"] if why else [])
    assert (why or "") in doubted.get("blog", "")


def test_a_scan_ends_at_an_aware_moment() -> None:
    with pytest.raises(ValueError, match="ended_at must be aware UTC"):
        Scan(ended_at=datetime(2026, 11, 23), took=timedelta(), files=0)  # noqa: DTZ001 - the mistake
