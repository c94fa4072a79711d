from __future__ import annotations

import pytest

from digest.feeds.persons import person


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada Whitfield", {"name": "Ada Whitfield"}),
        ("林舟", {"name": "林舟"}),
        ("ada@ferry.example", {"name": "ada", "email": "ada@ferry.example"}),
        ("Ada <ada@ferry.example>", {"name": "Ada <ada@ferry.example>"}),
        ("@ada", {"name": "@ada"}),
        (
            "https://茶.example/ä",
            {"name": "xn--cl1a.example", "uri": "https://xn--cl1a.example/%C3%A4"},
        ),
        ("HTTP://a.example", {"name": "a.example", "uri": "http://a.example"}),
        ("https://", {"name": "https://"}),
        ("a.example", {"name": "a.example"}),
    ],
)
def test_an_address_is_no_name(name: str, expected: dict[str, str]) -> None:
    assert person(name) == expected
