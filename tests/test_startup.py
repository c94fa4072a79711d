"""Startup: what a command loads."""

from __future__ import annotations

import gc
import json
import platform
import subprocess
import sys

import pytest

from digest.startup import without_collector
from tests.conftest import Workplace
from tests.waiting import PATIENCE

pytestmark = pytest.mark.full_speed

#: What a build needs only where something changed, or not at all.
IN_VAIN = {
    *("aiosmtplib", "alembic", "anyio", "apscheduler", "bleach", "css_inline", "httpx", "jinja2"),
    *("nh3", "prometheus_client", "psycopg", "starlette", "uvicorn", "watchdog", "yaml"),
    *("digest.app.daemon", "digest.app.export", "digest.feeds.websub.notifier", "digest.web"),
    *("digest.mail.message", "digest.mail.render", "digest.mail.transports.smtp.pool"),
}
#: Runs a command, then prints on standard error what it has loaded.
_RUN = """
import json, sys
from digest.__main__ import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded(workplace: Workplace) -> set[str]:
    """Build, in a process of its own, and return what it loaded."""
    command = [sys.executable, "-c", _RUN, "--config", str(workplace.configuration), "build"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    modules: list[str] = json.loads(ended.stderr.splitlines()[-1])
    return set(modules)


def test_a_build_that_finds_nothing_changed_loads_nothing_in_vain(workplace: Workplace) -> None:
    workplace.write("a.md")
    assert "alembic" in loaded(workplace), "the first build makes the database"
    assert not loaded(workplace) & IN_VAIN


def test_the_collector_runs_again_whatever_an_import_raises() -> None:
    def fail() -> None:
        assert not gc.isenabled()
        raise ImportError

    with pytest.raises(ImportError), without_collector():
        fail()
    assert gc.isenabled()


#: Frees eight pieces of 16 MB between small ones that stay; prints the megabytes still held.
_FREE = """
from pathlib import Path
from digest.startup import keep_heap_small

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) / 256

if {kept}:
    keep_heap_small()
del_at_once = b"x" * 30_000_000  # after which glibc takes pieces of that size for usual ones
del del_at_once
before = held()
pieces = [(b"x" * 16_000_000, b"x" * 100_000) for _ in range(8)]
small = [piece for _, piece in pieces]
del pieces
print(held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is about glibc")
def test_a_large_piece_of_memory_is_given_back_once_it_is_free() -> None:
    def still_held(*, kept: bool) -> float:
        program = _FREE.format(kept=kept)
        ended = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        return float(ended.stdout)

    assert still_held(kept=False) > 60, "glibc does that by itself by now"
    assert still_held(kept=True) < 10


#: Frees most of a thousand pieces of 64 kB, between others that stay; prints what it gave back, MB.
_TRIM = """
from pathlib import Path
from digest.startup import keep_heap_small, trim_heap

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) / 256

keep_heap_small()
pieces = [b"x" * 64_000 for _ in range(1_000)]
few = pieces[::50]
del pieces
before = held()
trim_heap()
print(before - held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="is about glibc")
def test_what_is_free_between_pieces_is_given_back() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _TRIM], capture_output=True, text=True, check=True
    )
    assert float(ended.stdout) > 40
