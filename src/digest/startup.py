"""Startup: load what a command needs, and no more work than that."""

from __future__ import annotations

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
