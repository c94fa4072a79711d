"""What is built on watchdog's private parts holds for the version that is pinned."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable

import pytest

if sys.platform != "linux":
    pytest.skip("inotify is Linux's", allow_module_level=True)

from watchdog.observers.inotify import InotifyEmitter, InotifyObserver, InotifyWatchGroup
from watchdog.observers.inotify_c import InotifyFD

#: What `digest.articles.ingest.inotify` overrides or calls, and the hash of its source.
DEPENDED_ON: dict[Callable[..., object], str] = {
    InotifyObserver.__init__: "1e080bc8ab47d9fd",
    InotifyEmitter.on_thread_start: "6da782f5b74254e7",
    InotifyEmitter.get_event_mask_from_filter: "7377ec77fb541aef",
    InotifyWatchGroup.__post_init__: "df5bf60707dc734d",
    InotifyWatchGroup.on_queue_overflow: "caf532b38472ee82",
    InotifyWatchGroup.on_event: "2391725800e2de28",
    InotifyWatchGroup._build_event_source_path: "da0b9300de6dcad0",
    InotifyWatchGroup._add_all_callbacks: "4332a10ff12f94e3",
    InotifyWatchGroup._recursive_simulate: "11f29edf0fbb8181",
    InotifyWatchGroup._add_callback: "29a5b83e3c009842",
    InotifyFD._add_callback: "23e44d202e1b42f6",
    InotifyFD._get_or_create_watch: "8539e2530c5f6fc4",
    InotifyFD._raise_error: "7a049f5453570415",
    InotifyFD._close_resources: "95459c48d1e60003",
}


@pytest.mark.parametrize("function", DEPENDED_ON, ids=lambda function: function.__qualname__)
def test_watchdog_is_as_it_was_when_its_private_parts_were_overridden(
    function: Callable[..., object],
) -> None:
    """Compare the new source with `digest.articles.ingest.inotify`, then note its hash above."""
    source = inspect.getsource(function)
    assert hashlib.blake2b(source.encode(), digest_size=8).hexdigest() == DEPENDED_ON[function], (
        f"watchdog changed {function.__qualname__}"
    )
