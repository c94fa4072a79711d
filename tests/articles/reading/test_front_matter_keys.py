"""The keys that are read are the documented ones, in the documented order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.articles.reading import front_matter_keys

_FORMAT = Path(__file__).parents[3] / "docs" / "article-format.md"
_READ = {
    "title": ("title",),
    "authors": front_matter_keys.AUTHOR_KEYS,
    "categories": (*front_matter_keys.CATEGORY_KEYS, *front_matter_keys.TAG_KEYS),
    "date": (*front_matter_keys.DATE_KEYS, *front_matter_keys.UPDATE_KEYS),
    "link": (*front_matter_keys.LINK_KEYS, *front_matter_keys.PATTERN_KEYS),
    "image": front_matter_keys.IMAGE_KEYS,
    "recording": front_matter_keys.ENCLOSURE_KEYS,
    "pin": front_matter_keys.PIN_KEYS,
    "language": front_matter_keys.LANGUAGE_KEYS,
    "summary": front_matter_keys.SUMMARY_KEYS,
    "identity": front_matter_keys.IDENTITY_KEYS,
}


def documented() -> dict[str, tuple[str, ...]]:
    """Return the keys of the table that says which key wins, by what they are for."""
    text = _FORMAT.read_text("utf-8")
    rows = text.partition("| for | keys, the first wins |")[2].partition("\n\n")[0]
    found = {}
    for row in rows.splitlines()[2:]:
        name, keys = row.strip("| ").split(" | ")[:2]
        found[name] = tuple(
            key for key in re.findall(r"`([^`]+)`", keys) if re.fullmatch("[a-z0-9_]+", key)
        )
    return found


def test_the_document_has_a_row_for_everything_that_is_read() -> None:
    assert list(documented()) == list(_READ)


@pytest.mark.parametrize("name", _READ)
def test_the_document_tells_which_key_wins(name: str) -> None:
    assert documented()[name] == _READ[name]


def test_the_document_tells_what_keeps_a_file_back() -> None:
    (line,) = re.findall(
        r"^`draft: true`.*?keeps a file out", _FORMAT.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    for key, values, _ in front_matter_keys.KEPT_BACK:
        assert f"`{key}" in line
        if key == "status":
            assert all(f"`{value}`" in line for value in values)


def test_keys_are_written_in_lower_case_and_each_is_read_for_one_thing() -> None:
    keys = [key for row in _READ.values() for key in row]
    assert keys == [key.lower() for key in keys]
    assert len(keys) == len(set(keys))
    assert set(keys) == front_matter_keys.TEXT_KEYS | front_matter_keys.LIST_KEYS
