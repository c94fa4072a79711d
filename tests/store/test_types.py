"""How values are kept in columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from digest.articles.model import CategoryPath
from digest.store.types import (
    Categories,
    Moment,
    Names,
    PlainText,
    Whole,
    chunks,
    hashed,
    storable,
)

DIALECT = sqlite.dialect()
NAMES = st.text(min_size=1, max_size=8).map(storable).filter(bool)


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_stored_text_is_utf_8_without_nul_and_stays_as_it_is(text: str) -> None:
    kept = storable(text)
    assert "\0" not in kept
    kept.encode()
    assert storable(kept) == kept


def test_a_pair_of_surrogates_is_the_character_that_it_stands_for() -> None:
    assert storable("\ud83d\ude00") == "\N{GRINNING FACE}"
    assert storable("好\ud83d.") == "好\N{REPLACEMENT CHARACTER}."
    assert hashed("\ud83d") == hashed("\N{REPLACEMENT CHARACTER}")


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    kept = Moment().process_bind_param(moment, DIALECT)
    assert isinstance(kept, int)
    assert Moment().process_result_value(kept, DIALECT) == moment


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_moments_keep_their_order(one: datetime, other: datetime) -> None:
    first, second = (Moment().process_bind_param(moment, DIALECT) for moment in (one, other))
    assert first is not None
    assert second is not None
    assert (one < other) == (first < second)


def test_a_moment_elsewhere_than_in_utc_is_refused() -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        Moment().process_bind_param(datetime(2024, 1, 1), DIALECT)  # noqa: DTZ001 the point
    abroad = timezone(timedelta(hours=8))
    with pytest.raises(ValueError, match="aware UTC"):
        Moment().process_bind_param(datetime(2024, 1, 1, tzinfo=abroad), DIALECT)


@given(st.lists(NAMES).map(tuple))
def test_names_come_back(names: tuple[str, ...]) -> None:
    kept = Names().process_bind_param(names, DIALECT)
    assert Names().process_result_value(kept, DIALECT) == names


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3).map(tuple).map(CategoryPath)).map(tuple))
def test_categories_come_back(categories: tuple[CategoryPath, ...]) -> None:
    kept = Categories().process_bind_param(categories, DIALECT)
    assert Categories().process_result_value(kept, DIALECT) == categories


def test_nothing_stays_nothing() -> None:
    for kind in (PlainText(), Moment(), Whole(), Names(), Categories()):
        assert kind.process_bind_param(None, DIALECT) is None
    for kind in (Moment(), Names(), Categories()):
        assert kind.process_result_value(None, DIALECT) is None


def test_a_number_past_64_bits_becomes_the_nearest() -> None:
    assert Whole().process_bind_param(2**70, DIALECT) == 2**63 - 1
    assert Whole().process_bind_param(-(2**70), DIALECT) == -(2**63 - 1)
    assert Whole().process_bind_param(-1, DIALECT) == -1


def test_chunks_leave_nothing_out() -> None:
    assert [list(chunk) for chunk in chunks(range(5), 2)] == [[0, 1], [2, 3], [4]]
    assert list(chunks([])) == []
