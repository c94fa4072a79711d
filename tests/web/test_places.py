from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.web.places import Places

SEGMENTS = ["..", ".", "", "feeds", "rss.xml", "%2e%2e", "\\", "outside.html", "\0", "金融", "up"]


@pytest.fixture(name="output")
def _output(tmp_path: Path) -> Path:
    output = tmp_path / "public"
    (output / "feeds/金融").mkdir(parents=True)
    for path in ("index.html", "feeds/index.html", "feeds/rss.xml", "feeds/金融/index.html"):
        (output / path).write_text("x")
    (tmp_path / "outside.html").write_text("outside")
    (tmp_path / "index.html").write_text("outside")
    (output / "up").symlink_to(tmp_path)
    return output


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(SEGMENTS), max_size=6))
def test_no_path_leads_out_of_the_folder(output: Path, segments: list[str]) -> None:
    for found in (
        Places(output, {}).find("/".join(segments)),
        Places(output, {"feeds": "up", "a": ".."}).elsewhere("/".join(["a", *segments]), 0),
        Places(output, {"feeds": "up", "a": ".."}).elsewhere("/".join(["feeds", *segments]), 0),
    ):
        if isinstance(found, str):
            assert not found.startswith(("/", ".", "\\"))
        elif found is not None:
            assert found.is_relative_to(output.resolve())


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20))
def test_no_path_is_too_odd(output: Path, path: str) -> None:
    found = Places(output, {}).find(path)
    assert not isinstance(found, Path) or found.is_relative_to(output.resolve())


def test_a_name_on_disk_may_be_composed_or_not(output: Path) -> None:
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, f"Café-{form}")
        (output / name).write_text("x")
        for asked in ("NFC", "NFD"):
            path = unicodedata.normalize(asked, name)
            assert Places(output, {}).find(path) == output.resolve() / name


def test_the_innermost_folder_that_moved_counts(output: Path) -> None:
    places = Places(output, {"old": "feeds", "old/er": "feeds/金融"})
    assert places.elsewhere("old/rss.xml", 1) == "../feeds/rss.xml"
    assert places.elsewhere("old/er/", 2) == "../../feeds/%E9%87%91%E8%9E%8D/"
    assert places.elsewhere("old/er/none", 2) is None
    assert places.elsewhere("new", 0) is None
    assert Places(output, {}).elsewhere("old", 0) is None
