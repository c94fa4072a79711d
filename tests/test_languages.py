"""A language tag leads to the nearest locales that are known."""

from __future__ import annotations

import pytest

from digest.languages import cased, direction, locales, own_name, text_direction


@pytest.mark.parametrize(
    ("language", "tags"),
    [
        ("zh-Hant-TW", ["zh-Hant-TW", "zh-Hant", "zh"]),
        ("en-XX", ["en"]),
        ("not a tag", []),
        ("xx", []),
        ("", []),
    ],
)
def test_the_most_exact_locale_comes_first(language: str, tags: list[str]) -> None:
    found = list(locales(language))
    assert [tag for tag, _ in found] == tags
    assert [locale.language for _, locale in found] == [tag.partition("-")[0] for tag in tags]


@pytest.mark.parametrize(
    ("tag", "usual"),
    [("ZH-hant-tw", "zh-Hant-TW"), ("EN", "en"), ("de-CH-1901", "de-CH-1901")],
)
def test_tags_have_a_usual_case(tag: str, usual: str) -> None:
    assert cased(tag) == usual


@pytest.mark.parametrize(
    ("tag", "name"),
    [("en", "English"), ("pt-BR", "Português (Brasil)"), ("xx", "xx"), ("en-XX", "en-XX")],
)
def test_a_language_is_called_what_it_calls_itself(tag: str, name: str) -> None:
    assert own_name(tag) == name


@pytest.mark.parametrize(
    ("tag", "way"),
    [
        ("ar", "rtl"),
        ("he-IL", "rtl"),
        ("fa", "rtl"),
        ("ur-PK", "rtl"),
        ("ps", "rtl"),
        ("sd", "rtl"),
        ("yi", "rtl"),
        ("dv", "rtl"),
        ("ckb", "rtl"),
        ("ug-CN", "rtl"),
        ("az-Arab", "rtl"),
        ("pa-Arab-PK", "rtl"),
        ("sd-Deva", "ltr"),
        ("ur-Latn", "ltr"),
        ("en", "ltr"),
        ("zh-Hant", "ltr"),
        ("tr", "ltr"),
    ],
)
def test_languages_are_written_in_a_direction(tag: str, way: str) -> None:
    assert direction(tag) == way
    assert text_direction(tag) == ("rtl" if way == "rtl" else "auto")
