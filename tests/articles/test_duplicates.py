"""What tells that two files hold the same article."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.duplicates import content_signature, dates_match, resemblance

LINK = "https://example.org/1"
WORDS = "".join(map(chr, range(0x4E00, 0x4E00 + 2_000)))


def text(seed: int, length: int = 1_000) -> str:
    """Return a text of that many characters, another for each seed."""
    chance = random.Random(seed)
    return "".join(chance.choices(WORDS, k=length))


def test_the_same_title_text_and_link_are_the_same_article() -> None:
    one = content_signature("题", text(1), LINK)
    assert one.is_duplicate_of(content_signature("题", "\n ".join(text(1)), LINK)), (
        "white space means nothing"
    )
    assert not one.is_duplicate_of(content_signature("题二", text(1), LINK))
    assert not one.is_duplicate_of(content_signature("题", text(2), LINK))
    assert not one.is_duplicate_of(content_signature("题", text(1), None))


@pytest.mark.parametrize(
    ("length", "link", "telling"), [(39, None, False), (40, None, True), (0, LINK, True)]
)
def test_too_little_is_never_the_same(length: int, link: str | None, telling: bool) -> None:
    one = content_signature("题", text(1, length), link)
    assert one.is_duplicate_of(one) is telling


def test_titles_may_differ_in_case_width_and_punctuation() -> None:
    one = content_signature("ＡＩ 芯片：新一代", text(1), LINK)
    assert one.is_near_duplicate_of(content_signature("ai芯片——新一代！", text(1), None))
    assert not one.is_near_duplicate_of(content_signature("AI 芯片：上一代", text(1), None))
    assert not content_signature("……", text(1), None).is_near_duplicate_of(
        content_signature("？？", text(1), None)
    )


@pytest.mark.parametrize(("common", "nearly"), [(1.0, True), (0.9, True), (0.6, False)])
def test_nearly_the_same_means_most_of_the_text(common: float, nearly: bool) -> None:
    kept = round(1_000 * common)
    other = text(1)[:kept] + text(2)[: 1_000 - kept]
    assert (
        content_signature("题", text(1), None).is_near_duplicate_of(
            content_signature("题", other, None)
        )
        is nearly
    )


def test_a_corrected_file_is_still_the_same_article() -> None:
    one = content_signature("题", text(1), None)
    assert one.is_version_of(content_signature("题", text(2), None)), "the text was written anew"
    assert one.is_version_of(content_signature("更正：题", text(1), None)), (
        "the title was corrected"
    )
    assert not one.is_version_of(content_signature("另一篇", text(2), None))


@given(st.integers(0, 1_000))
def test_resemblance_is_about_the_share_of_common_text(kept: int) -> None:
    other = text(1)[:kept] + text(2)[: 1_000 - kept]
    found = resemblance(
        content_signature("", text(1), None).sketch, content_signature("", other, None).sketch
    )
    pieces, shared = 995, max(0, kept - 5)
    assert found == pytest.approx(shared / (2 * pieces - shared), abs=0.25)


def test_texts_too_short_for_a_piece_have_nothing_in_common() -> None:
    short = content_signature("", "短短短短短", None).sketch
    assert resemblance(short, short) == 0


def test_lone_surrogates_are_text_too() -> None:
    one = content_signature("\ud800", "\udfff" * 50, None)
    assert one.is_duplicate_of(one)


@pytest.mark.parametrize(("hours", "same"), [(0, True), (-48, True), (48, True), (49, False)])
def test_one_time_is_two_days(hours: int, same: bool) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert dates_match(now, now + timedelta(hours=hours)) is same
