"""Waiting for what other tasks, threads and processes bring about, without sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

#: Seconds after which what was waited for will never come; a busy machine takes long.
PATIENCE = 250


class ThreadCalls:
    """Tells a test whenever a call in a thread has ended.

    Whatever the services do to the database, the disk and the mail folder, they do in such calls
    (``asyncio.to_thread``), so a condition on these can only become true when one ends.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ended = asyncio.Event()
        real = asyncio.to_thread

        async def told(call: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
            try:
                return await real(call, *args, **named)
            finally:
                self._ended.set()

        monkeypatch.setattr(asyncio, "to_thread", told)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._ended.clear()
                await self._ended.wait()
