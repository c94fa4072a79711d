"""Results are written, together where they come together; what fails is kept or told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from digest.editions.delivery import DeliveryResult, DeliveryState
from digest.errors import StoreError
from digest.mail.delivery.results import ResultWriter
from tests.conftest import FakeClock


class Book:
    """A store that remembers what was written together, and fails as told."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.written: list[list[int]] = []
        self.strangers: set[int] = set()

    def record_results(self, results: Sequence[DeliveryResult], now: datetime) -> set[int]:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.written.append([one.delivery_id for one in results])
        return set(self.written[-1]) - self.strangers


def sent(number: int) -> DeliveryResult:
    return DeliveryResult(delivery_id=number, state=DeliveryState.SENT)


async def test_results_of_one_moment_are_one_transaction() -> None:
    book = Book()
    writer = ResultWriter(book, FakeClock())
    await asyncio.gather(*(writer.add([sent(number)]) for number in range(5)))
    await writer.add([sent(9)])
    assert book.written == [[0, 1, 2, 3, 4], [9]]


async def test_what_cannot_be_written_is_written_before_anything_is_claimed() -> None:
    book = Book(StoreError("locked"), StoreError("locked"))
    writer = ResultWriter(book, FakeClock())
    both = writer.add([sent(1)]), writer.add([sent(2)])
    await asyncio.gather(*both, return_exceptions=True)
    with pytest.raises(StoreError):
        await writer.write_leftovers()
    await writer.write_leftovers()
    await writer.write_leftovers()
    assert book.written == [[1, 2]]


async def test_what_cannot_be_written_is_written_with_what_comes_next_and_before_it() -> None:
    book = Book(StoreError("locked"))
    writer = ResultWriter(book, FakeClock())
    first = writer.add([sent(1)])
    with pytest.raises(StoreError):
        await first
    has_leftovers = [writer.has_leftovers]
    await writer.add([sent(2)])
    assert [*has_leftovers, writer.has_leftovers] == [True, False]
    assert book.written == [[1, 2]]


async def test_results_are_gathered_until_all_have_come_or_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("digest.mail.delivery.results._GATHER_WITHIN", 60.0)
    book = Book()
    writer = ResultWriter(book, FakeClock(), most=3)
    first = writer.add([sent(1)])
    for _ in range(10):
        await asyncio.sleep(0)
    assert not first.done()
    await asyncio.gather(writer.add([sent(2)]), writer.add([sent(3)]))
    assert (first.done(), book.written) == (True, [[1, 2, 3]])
    monkeypatch.setattr("digest.mail.delivery.results._GATHER_WITHIN", 0.001)
    await writer.add([sent(4)])
    assert book.written == [[1, 2, 3], [4]]


async def test_a_result_that_nobody_awaits_is_no_warning() -> None:
    writer = ResultWriter(Book(StoreError("locked"), RuntimeError("a mistake")), FakeClock())
    for number in (1, 2):
        entered = writer.add([sent(number)])
        await asyncio.wait([entered])
        del entered
    await writer.write_leftovers()
    assert not writer.has_leftovers


async def test_nobody_waits_for_a_writer_that_is_gone() -> None:
    class Gone(BaseException):
        pass

    class Closing(Book):
        def record_results(self, results: Sequence[DeliveryResult], now: datetime) -> set[int]:
            loop.call_soon_threadsafe(lambda: late.append(writer.add([sent(2)])))
            raise Gone

    loop = asyncio.get_running_loop()
    late: list[asyncio.Future[None]] = []
    writer = ResultWriter(Closing(), FakeClock())
    first = writer.add([sent(1)])
    with pytest.raises(Gone):
        await first
    with pytest.raises(Gone):
        await late[0]


async def test_a_mistake_of_ours_is_told_to_those_it_is_about_alone() -> None:
    book = Book(RuntimeError("a mistake"))
    writer = ResultWriter(book, FakeClock())
    failed = await asyncio.gather(writer.add([sent(1)]), return_exceptions=True)
    assert isinstance(failed[0], RuntimeError)
    assert writer.has_leftovers  # it was sent all the same
    await writer.add([sent(2)])
    assert book.written == [[1, 2]]


async def test_a_mistake_that_comes_again_is_given_up_and_ends_nothing() -> None:
    book = Book(RuntimeError("a mistake"), RuntimeError("a mistake"))
    writer = ResultWriter(book, FakeClock())
    await asyncio.gather(writer.add([sent(1)]), return_exceptions=True)
    with capture_logs() as logs:
        await writer.write_leftovers()
    assert [one["event"] for one in logs] == ["results given up"]
    assert not writer.has_leftovers
    await writer.add([sent(2)])
    assert book.written == [[2]]


async def test_a_delivery_that_another_took_over_is_told() -> None:
    book = Book()
    book.strangers = {2}
    with capture_logs() as logs:
        await ResultWriter(book, FakeClock()).add([sent(2)])
    assert [(entry["event"], entry["delivery"]) for entry in logs] == [
        ("delivery was taken over meanwhile", 2)
    ]
