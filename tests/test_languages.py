"""A language tag leads to the nearest locales that are known."""

from __future__ import annotations

import pytest

from digest.languages import locales


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
