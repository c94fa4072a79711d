"""Backoff: how long to wait before something that failed is tried again."""

# pure
from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Backoff:
    """Waits that double with each failure in a row, from ``first`` up to ``longest`` seconds."""

    first: float = 1.0
    longest: float = 60.0
    _next: float = 0.0

    def failed(self) -> float:
        """Note a failure; return how many seconds to wait."""
        wait = min(self._next or self.first, self.longest)
        self._next = 2 * wait
        return wait

    def succeeded(self) -> None:
        """Note that it worked: the next failure is a first one again."""
        self._next = 0.0
