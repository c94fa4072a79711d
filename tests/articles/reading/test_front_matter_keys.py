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
    "published": front_matter_keys.DATE_KEYS,
    "updated": front_matter_keys.UPDATE_KEYS,
    "not before": front_matter_keys.PUBLISH_KEYS,
    "end": front_matter_keys.EXPIRY_KEYS,
    "link": (*front_matter_keys.LINK_KEYS, *front_matter_keys.PATTERN_KEYS),
    "image": front_matter_keys.IMAGE_KEYS,
    "recording": front_matter_keys.ENCLOSURE_KEYS,
    "pin": front_matter_keys.PIN_KEYS,
    "announcing": (front_matter_keys.ANNOUNCE_KEY,),
    "language": front_matter_keys.LANGUAGE_KEYS,
    "summary": front_matter_keys.SUMMARY_KEYS,
    "identity": front_matter_keys.IDENTITY_KEYS,
    "credit": ("source_name", "source_url"),
}


def documented() -> dict[str, tuple[str, ...]]:
    """Return the keys of the tables that say which key wins, by what they are for."""
    text = _FORMAT.read_text("utf-8")
    found = {}
    for header in (
        "| for | keys, the first wins |",
        "| for | keys, the first that says a date wins |",
    ):
        for row in text.partition(header)[2].partition("\n\n")[0].splitlines()[2:]:
            name, keys = row.strip("| ").split(" | ")[:2]
            if name != "date":
                found[name] = tuple(
                    key for key in re.findall(r"`([^`]+)`", keys) if re.fullmatch("[a-z0-9_]+", key)
                )
    return found


def test_the_document_has_a_row_for_everything_that_is_read() -> None:
    assert documented().keys() == _READ.keys()


@pytest.mark.parametrize("name", _READ)
def test_the_document_tells_which_key_wins(name: str) -> None:
    assert documented()[name] == _READ[name]


def test_the_document_tells_what_keeps_a_file_out() -> None:
    text = _FORMAT.read_text("utf-8").partition("### What keeps a file out")[2].partition("###")[0]
    for key, meanings in front_matter_keys.HOLDING_VALUES.items():
        assert f"`{key}`" in text
        if key in front_matter_keys.STATE_KEYS:
            assert all(f"`{value}`" in text for values, _ in meanings for value in values)
    keys = (*front_matter_keys.PASSWORD_KEYS, *front_matter_keys.DRAFT_KEYS)
    assert all(f"`{key}`" in text for key in keys)


def test_keys_are_written_in_lower_case_and_each_is_read_for_one_thing() -> None:
    read = {name: keys for name, keys in _READ.items() if name not in ("not before", "credit")}
    keys = [key for row in read.values() for key in row]
    assert keys == [key.lower() for key in keys]
    assert len(keys) == len(set(keys))
    assert set(front_matter_keys.PUBLISH_KEYS) < set(front_matter_keys.DATE_KEYS)
    known = (
        front_matter_keys.TEXT_KEYS | front_matter_keys.LIST_KEYS | {front_matter_keys.ANNOUNCE_KEY}
    )
    assert known - set(keys) == {"path", "slug"}
    assert set(keys) < known
