"""Tables of sources in the text of a configuration."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.settings.source_tables import source_table, with_tables, without_source

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(name=TEXTS, url=TEXTS, category=TEXTS)
def test_whatever_a_value_holds_is_read_back(name: str, url: str, category: str) -> None:
    text = with_tables("# mine\n", [source_table(name, url, category=category, private=True)])
    assert tomllib.loads(text)["sources"] == {
        name: {"url": url, "category": category, "allow_private": True}
    }


def test_tables_come_last() -> None:
    text = with_tables("[site]\ntitle = 'x'\n\n", [source_table("a", "1"), source_table("b", "2")])
    assert text == '[site]\ntitle = \'x\'\n\n[sources.a]\nurl = "1"\n\n[sources.b]\nurl = "2"\n'
    assert with_tables("", [source_table("a", "1")]).startswith("[sources.a]")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('[x]\ny = 1\n\n[sources.a]\nurl = "1"\n', "[x]\ny = 1\n\n"),
        (
            '[ sources . "a" ] # mine\nurl = "1"\n# more\n\n# of b\n[sources.b]\nurl = "2"\n',
            '\n\n# of b\n[sources.b]\nurl = "2"\n',
        ),
        ("[sources.'a']\nurl = \"1\"\n[[rules]]\n", "\n\n[[rules]]\n"),
        ("[sources.a]", "\n\n"),
    ],
)
def test_one_table_is_taken_out(text: str, left: str) -> None:
    assert without_source(text, "a") == left


@pytest.mark.parametrize("text", ["", "[sources]\na = {url = '1'}", "[sources.ab]\nurl = '1'"])
def test_a_source_without_a_table_is_told(text: str) -> None:
    assert without_source(text, "a") is None
