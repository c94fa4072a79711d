"""The folder of previews: every mail and page is there, and its index leads to each."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from digest.app import preview_folder
from digest.app.preview_folder import write_previews
from digest.errors import OutputError
from digest.mail.translations import WORDS
from tests.conftest import Workplace


@pytest.fixture(autouse=True)
def few_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_folder, "WORDS", {name: WORDS[name] for name in ("en", "ar")})


def test_every_mail_and_page_is_written_and_linked(workplace: Workplace, tmp_path: Path) -> None:
    folder = tmp_path / "previews"
    written = write_previews(workplace.settings(), folder)
    index = (folder / "index.html").read_text("utf-8")
    links = re.findall(r'href="([^"]*)"', index)
    assert written == len(links) + 2  # the style sheets
    assert all((folder / unquote(link)).is_file() for link in links)
    for name in ("digest-full", "plain-summary", "digest-welcome"):
        mail = (folder / "ar" / f"mail-{name}.html").read_text("utf-8")
        assert 'dir="rtl"' in mail
        assert "وصلت أول سفينة" in mail
    assert "../picture.svg" in (folder / "en" / "mail-digest-summary.html").read_text("utf-8")
    assert {f"mail-{name}.txt" for name in ("approval", "report", "pause", "confirm", "moved")} <= {
        file.name for file in (folder / "en").iterdir()
    }
    assert 'href="style.css"' in (folder / "en" / "page-index-1.html").read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_told(workplace: Workplace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(OutputError):
        write_previews(workplace.settings(), tmp_path / "file")
