"""Column types that store values alike in SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

from digest.articles.model import CategoryPath, Credit
from digest.articles.reading.enclosures import Enclosure
from digest.times import require_utc

T = TypeVar("T")

#: Values in one ``IN (…)``: SQLite before 3.32 takes 999 variables in a statement.
CHUNK = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = 2**63 - 1


def storable(text: str) -> str:
    """Return ``text`` as both databases can store it.

    PostgreSQL cannot store U+0000, and neither database a lone surrogate.
    """
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def hashed(text: str) -> str:
    """Return the key of a text that may be too long for an index: 128 bits of BLAKE2b, hex.

    A PostgreSQL index takes about 2,700 bytes, a path may have 4,096.
    """
    return hashlib.blake2b(storable(text).encode(), digest_size=16).hexdigest()


def bounded(number: int) -> int:
    """Return a number, or the nearest that fits in 64 bits."""
    return max(-_LARGEST, min(number, _LARGEST))


def chunks(values: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Yield ``values`` in runs of at most ``size``."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


@lru_cache(maxsize=1024)  # an article's date goes into each of its rows
def microseconds(moment: datetime) -> int:
    """Return an aware UTC moment as it is stored: microseconds since 1970."""
    require_utc("moment", moment)
    return (moment - _EPOCH) // _MICROSECOND


class PlainText(TypeDecorator[str]):
    """Any text, made storable."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Return the text without characters that a database cannot store."""
        return None if value is None else storable(value)


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment as microseconds since 1970, sorted alike in both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Return the microseconds; raise ValueError where the moment is not aware UTC."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class Whole(TypeDecorator[int]):
    """A whole number, limited to 64 bits.

    A file may claim to be of the year 2400, whose nanoseconds do not fit.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> int | None:
        return None if value is None else bounded(value)


class Seconds(TypeDecorator[timedelta]):
    """A duration as whole seconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, _dialect: Dialect) -> int | None:
        return None if value is None else round(value.total_seconds())

    def process_result_value(self, value: int | None, _dialect: Dialect) -> timedelta | None:
        return None if value is None else timedelta(seconds=value)


class Names(TypeDecorator[tuple[str, ...]]):
    """A tuple of names as a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, _dialect: Dialect) -> str | None:
        return None if value is None else _names_text(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(json.loads(value))


class AsObject(TypeDecorator[Any]):
    """A value of a class of data as a JSON object."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Enclosure | Credit]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Enclosure | Credit | None, _dialect: Dialect) -> str | None:
        return None if value is None else storable(json.dumps(asdict(value)))

    def process_result_value(
        self, value: str | None, _dialect: Dialect
    ) -> Enclosure | Credit | None:
        return None if value is None else self.kind(**json.loads(value))


class Categories(TypeDecorator[tuple[CategoryPath, ...]]):
    """A tuple of category paths as a JSON array of arrays."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self, value: tuple[CategoryPath, ...] | None, _dialect: Dialect
    ) -> str | None:
        return None if value is None else _paths_text(value)

    def process_result_value(
        self, value: str | None, _dialect: Dialect
    ) -> tuple[CategoryPath, ...] | None:
        return None if value is None else _paths(value)


@lru_cache(maxsize=1024)  # most articles are by few authors, in few categories
def _names_text(names: tuple[str, ...]) -> str:
    return storable(json.dumps(names, ensure_ascii=False))


@lru_cache(maxsize=1024)
def _paths_text(paths: tuple[CategoryPath, ...]) -> str:
    return storable(json.dumps([path.names for path in paths], ensure_ascii=False))


@lru_cache(maxsize=1024)  # most subscribers choose what others have chosen
def _paths(text: str) -> tuple[CategoryPath, ...]:
    rows: list[list[str]] = json.loads(text)
    return tuple(CategoryPath(tuple(names)) for names in rows)
