"""Endings are remembered, together where they come together; what fails is kept or told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from digest.editions.delivery import DeliveryState, Settlement
from digest.errors import StoreError
from digest.mail.delivery.results import Ledger
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


async def test_what_cannot_be_written_is_written_with_what_comes_next_and_before_it() -> None:
    book = Book(StoreError("locked"))
    ledger = Ledger(book, FakeClock())
    first = ledger.enter(sent(1))
    with pytest.raises(StoreError):
        await first
    owing = [ledger.owing]
    await ledger.enter(sent(2))
    assert [*owing, ledger.owing] == [True, False]
    assert book.written == [[1, 2]]


async def test_endings_are_gathered_until_all_have_come_or_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("digest.mail.delivery.results._LINGER", 60.0)
    book = Book()
    ledger = Ledger(book, FakeClock(), most=3)
    first = ledger.enter(sent(1))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not first.done()
    await asyncio.gather(ledger.enter(sent(2)), ledger.enter(sent(3)))
    assert (first.done(), book.written) == (True, [[1, 2, 3]])
    monkeypatch.setattr("digest.mail.delivery.results._LINGER", 0.001)
    await ledger.enter(sent(4))
    assert book.written == [[1, 2, 3], [4]]


async def test_an_ending_that_nobody_awaits_is_no_warning() -> None:
    ledger = Ledger(Book(StoreError("locked"), RuntimeError("a mistake")), FakeClock())
    for number in (1, 2):
        entered = ledger.enter(sent(number))
        await asyncio.wait([entered])
        del entered
    await ledger.settle_leftovers()
    assert not ledger.owing


async def test_nobody_waits_for_a_writer_that_is_gone() -> None:
    class Gone(BaseException):
        pass

    class Closing(Book):
        def settle_all(self, settlements: Sequence[Settlement], now: datetime) -> set[int]:
            loop.call_soon_threadsafe(lambda: late.append(ledger.enter(sent(2))))
            raise Gone

    loop = asyncio.get_running_loop()
    late: list[asyncio.Future[None]] = []
    ledger = Ledger(Closing(), FakeClock())
    first = ledger.enter(sent(1))
    with pytest.raises(Gone):
        await first
    with pytest.raises(Gone):
        await late[0]


async def test_a_mistake_of_ours_is_told_to_those_it_is_about_alone() -> None:
    book = Book(RuntimeError("a mistake"))
    ledger = Ledger(book, FakeClock())
    failed = await asyncio.gather(ledger.settle(sent(1)), return_exceptions=True)
    assert isinstance(failed[0], RuntimeError)
    assert ledger.owing  # it was sent all the same
    await ledger.settle(sent(2))
    assert book.written == [[1, 2]]


async def test_a_mistake_that_comes_again_is_given_up_and_ends_nothing() -> None:
    book = Book(RuntimeError("a mistake"), RuntimeError("a mistake"))
    ledger = Ledger(book, FakeClock())
    await asyncio.gather(ledger.settle(sent(1)), return_exceptions=True)
    with capture_logs() as logs:
        await ledger.settle_leftovers()
    assert [one["event"] for one in logs] == ["endings given up"]
    assert not ledger.owing
    await ledger.settle(sent(2))
    assert book.written == [[2]]


async def test_a_delivery_that_another_took_over_is_told() -> None:
    book = Book()
    book.strangers = {2}
    with capture_logs() as logs:
        await Ledger(book, FakeClock()).settle(sent(2))
    assert [(entry["event"], entry["delivery"]) for entry in logs] == [
        ("delivery was taken over meanwhile", 2)
    ]
