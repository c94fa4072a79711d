"""Startup and memory: load what a command needs and no more, and hold no memory that is free."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Import modules within, undisturbed by the garbage collector.

    They make some hundred thousand objects that stay: looking for garbage among them takes a
    sixth of a start. It never looks at them later either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


#: Parameters of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
#: A piece of so many bytes is given back by itself; glibc would raise that to 32 MiB by and by.
#: A little more than 128 KiB, which a gzip compressor takes for each page.
_LARGE = 196_608
#: So much may be free at the end of the heap.
_SPARE = 262_144


def keep_heap_small() -> None:
    """Have glibc give memory back to the system; to be called before there are threads.

    By default each thread gets a heap of its own, and large pieces stay in them once they are free:
    a daemon that works on large articles in turns by several threads would hold each of them.
    """
    import ctypes  # takes longer than all else here, and only the daemon needs it

    with contextlib.suppress(AttributeError, OSError):  # another C library than glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 2)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _SPARE)


def trim_heap() -> None:
    """Have glibc give back what is free between pieces in use; takes it a millisecond or two."""
    import ctypes

    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
