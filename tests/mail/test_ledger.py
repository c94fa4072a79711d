"""Endings are remembered, together where they come together; what fails is kept or told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from digest.errors import StoreError
from digest.mail.delivery import DeliveryState, Settlement
from digest.mail.ledger import Ledger
from tests.conftest import FakeClock


class Book:
    """A store that remembers what was written together, and fails as told."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.written: list[list[int]] = []
        self.strangers: set[int] = set()

    def settle_all(self, settlements: Sequence[Settlement], now: datetime) -> set[int]:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.written.append([one.delivery_id for one in settlements])
        return set(self.written[-1]) - self.strangers


def sent(number: int) -> Settlement:
    return Settlement(delivery_id=number, state=DeliveryState.SENT)


async def test_endings_of_one_moment_are_one_transaction() -> None:
    book = Book()
    ledger = Ledger(book, FakeClock())
    await asyncio.gather(*(ledger.settle(sent(number)) for number in range(5)))
    await ledger.settle(sent(9))
    assert book.written == [[0, 1, 2, 3, 4], [9]]


async def test_what_cannot_be_written_is_written_before_anything_is_claimed() -> None:
    book = Book(StoreError("locked"), StoreError("locked"))
    ledger = Ledger(book, FakeClock())
    await asyncio.gather(ledger.settle(sent(1)), ledger.settle(sent(2)))
    with pytest.raises(StoreError):
        await ledger.settle_leftovers()
    await ledger.settle_leftovers()
    await ledger.settle_leftovers()
    assert book.written == [[1, 2]]


async def test_a_mistake_of_ours_is_told_to_those_it_is_about_alone() -> None:
    ledger = Ledger(Book(RuntimeError("a mistake")), FakeClock())
    failed = await asyncio.gather(ledger.settle(sent(1)), return_exceptions=True)
    assert isinstance(failed[0], RuntimeError)
    await ledger.settle(sent(2))


async def test_a_delivery_that_another_took_over_is_told() -> None:
    book = Book()
    book.strangers = {2}
    with capture_logs() as logs:
        await Ledger(book, FakeClock()).settle(sent(2))
    assert [(entry["event"], entry["delivery"]) for entry in logs] == [
        ("delivery was taken over meanwhile", 2)
    ]
