from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest
from babel import Locale

from digest.mail.phrases import phrasebook
from digest.mail.translations import WORDS
from tests.mail.samples import NOW


def fields(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def test_every_language_says_everything_in_all_its_plural_forms() -> None:
    english = WORDS["en"]
    for language, words in WORDS.items():
        assert set(words) == set(english), language
        forms = {*Locale.parse(language, sep="-").plural_form.rules, "other"}
        for key, phrase in words.items():
            model = english[key]
            if isinstance(phrase, str):
                assert isinstance(model, str), (language, key)
                assert fields(phrase) == fields(model), (language, key)
            else:
                assert not isinstance(model, str), (language, key)
                assert set(phrase) == forms, (language, key)
                told = {form for form, text in phrase.items() if fields(text) == {"count"}}
                assert told | {"one", "two"} >= forms, (language, key)  # words may say these


def test_no_language_repeats_the_words_of_another() -> None:
    for key in ("unsubscribe", "online", "archive", "reason", "pinned"):
        said = [words[key] for words in WORDS.values()]
        assert len(set(said)) == len(said), key


@pytest.mark.parametrize(
    ("language", "declared", "word"),
    [
        ("en", "en", "Unsubscribe"),
        ("en-GB", "en-GB", "Unsubscribe"),
        ("zh-CN", "zh-CN", "退订"),
        ("zh-Hans-CN", "zh-Hans-CN", "退订"),
        ("zh-CN-x-odd", "zh-CN", "退订"),
        ("tlh", "en", "Unsubscribe"),
        ("zh", "zh", "退订"),
        ("zh-SG", "zh-SG", "退订"),
        ("zh-TW", "zh-TW", "取消訂閱"),
        ("zh-HK", "zh-HK", "取消訂閱"),
        ("zh-MO", "zh-MO", "取消訂閱"),
        ("zh-tw", "zh-tw", "取消訂閱"),
        ("zh-Hant", "zh-Hant", "取消訂閱"),
        ("zh-Hant-SG", "zh-Hant-SG", "取消訂閱"),
        ("ja-JP", "ja-JP", "配信停止"),
        ("de", "de", "Abbestellen"),
        ("de-AT", "de-AT", "Abbestellen"),
        ("fr-CA", "fr-CA", "Se désabonner"),
        ("es-419", "es-419", "Darse de baja"),
        ("ar-EG", "ar-EG", "إلغاء الاشتراك"),
        ("pt-BR", "en", "Unsubscribe"),
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
    assert phrasebook("fr", "UTC").say("articles", 0) == "0 article"
    assert phrasebook("fr", "UTC").say("more", 2) == "et 2 autres articles"
    assert phrasebook("de", "UTC").say("more", 1) == "und 1 weiterer Artikel"
    assert phrasebook("es", "UTC").say("articles", 1_000_000) == "1.000.000 de artículos"
    assert phrasebook("de", "UTC").say("articles", 1_234) == "1.234 Artikel"


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


@pytest.mark.parametrize(
    ("language", "day", "weekday"),
    [
        ("en", "November 23, 2026", "Monday, November 23, 2026"),
        ("en-GB", "23 November 2026", "Monday, 23 November 2026"),
        ("zh-TW", "2026年11月23日", "2026年11月23日 星期一"),
        ("zh-Hant-SG", "2026年11月23日", "2026年11月23日 星期一"),
        ("ja", "2026年11月23日", "2026年11月23日月曜日"),
        ("de", "23. November 2026", "Montag, 23. November 2026"),
        ("fr", "23 novembre 2026", "lundi 23 novembre 2026"),
        ("es", "23 de noviembre de 2026", "lunes, 23 de noviembre de 2026"),
    ],
)
def test_dates_are_written_as_each_language_does(language: str, day: str, weekday: str) -> None:
    words = phrasebook(language, "UTC")
    assert (words.date(NOW), words.weekday(NOW)) == (day, weekday)
