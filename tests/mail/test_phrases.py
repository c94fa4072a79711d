from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest
from babel import Locale

from digest.mail.phrases import PHRASES, phrasebook
from tests.mail.samples import NOW


def fields(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def test_every_language_says_everything_in_all_its_plural_forms() -> None:
    english = PHRASES["en"]
    for language, phrases in PHRASES.items():
        assert set(phrases) == set(english)
        for key, phrase in phrases.items():
            model = english[key]
            if isinstance(phrase, dict):
                assert isinstance(model, dict)
                assert set(phrase) == {*Locale(language).plural_form.rules, "other"}
                assert all(fields(form) <= {"count"} for form in phrase.values())
            else:
                assert isinstance(model, str)
                assert fields(phrase) == fields(model)


@pytest.mark.parametrize(
    ("language", "declared", "word"),
    [
        ("en", "en", "Unsubscribe"),
        ("en-GB", "en-GB", "Unsubscribe"),
        ("zh-CN", "zh-CN", "退订"),
        ("zh-Hans-CN", "zh-Hans-CN", "退订"),
        ("zh-CN-x-odd", "zh-CN", "退订"),
        ("tlh", "en", "Unsubscribe"),
        ("de", "en", "Unsubscribe"),
        ('"><script>', "en", "Unsubscribe"),
        ("", "en", "Unsubscribe"),
    ],
)
def test_a_language_that_is_unknown_becomes_english(
    language: str, declared: str, word: str
) -> None:
    words = phrasebook(language, "UTC")
    assert words.language == declared
    assert words.say("unsubscribe") == word


def test_numbers_have_their_plural() -> None:
    assert phrasebook("en", "UTC").say("articles", 1) == "1 article"
    assert phrasebook("en", "UTC").say("articles", 2) == "2 articles"
    assert phrasebook("zh", "UTC").say("articles", 1) == "1 篇文章"


def test_what_is_filled_in_is_not_read_as_a_phrase() -> None:
    assert "{count}" in phrasebook("en", "UTC").say("reason", title="{count}")


def test_an_unknown_phrase_is_an_error() -> None:
    with pytest.raises(KeyError):
        phrasebook("en", "UTC").say("nonsense")


def test_dates_are_in_the_zone_and_the_language() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    shanghai, london = phrasebook("zh-CN", "Asia/Shanghai"), phrasebook("en-GB", "Europe/London")
    assert shanghai.date(late) == "2026年11月23日"
    assert shanghai.weekday(late) == "2026年11月23日星期一"
    assert shanghai.moment(late, NOW) == "11月23日 07:30"
    assert london.moment(late, NOW) == "22 Nov 23:30"
    assert london.moment(late - timedelta(days=400), NOW) == "19 Oct 2025 00:30"
