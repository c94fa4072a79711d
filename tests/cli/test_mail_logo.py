"""The logo of mails as a file: what is none is told, and what is one reaches readers."""

from __future__ import annotations

import email
import email.policy
import os
import re
from collections.abc import Callable
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digest.app import preview_folder
from digest.app.mail_logo import MAX_LOGO, publish_logo, read_logo
from digest.app.preview_folder import write_previews
from digest.mail.translations import WORDS
from tests.cli.conftest import Program
from tests.conftest import CONFIGURATION, Workplace

PNG = b"\x89PNG\r\n\x1a\n" + b"logo" * 9
NAME = f"{blake2b(PNG, digest_size=16).hexdigest()}.png"
URL = f"http://127.0.0.1:8000/assets/{NAME}"
STYLE = '[mail.style]\nlogo = "images/logo.png"\n'


@pytest.fixture
def logo(workplace: Workplace) -> Path:
    """Return the file of a configured logo, in a workplace with an article and a reader."""
    workplace.configure(STYLE)
    file = workplace.folder / "images" / "logo.png"
    file.parent.mkdir()
    file.write_bytes(PNG)
    return file


@pytest.fixture
def news(program: Program, workplace: Workplace, logo: Path) -> Program:
    """Return the program with an article and a reader."""
    assert logo.exists()
    workplace.write("a.md", "一篇")
    program("build")
    program("subscribers", "add", "anna@example.net", "--digest", "daily")
    return program


def copies(workplace: Workplace) -> dict[str, bytes]:
    folder = workplace.settings().asset_folder()
    files = folder.iterdir() if folder.exists() else ()
    return {file.name: file.read_bytes() for file in files if not file.name.startswith(".")}


def html(message: bytes) -> str:
    parts = email.message_from_bytes(message, policy=email.policy.default)
    body = parts.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def written(content: bytes) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        file.write_bytes(content)

    return write


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (Path.unlink, "cannot be read: No such file or directory; expected a PNG, JPEG or GIF"),
        (fifo, "is no file; expected a PNG, JPEG or GIF picture"),
        (folder, "is no file; expected a PNG, JPEG or GIF picture"),
        (written(b""), "is no picture; expected a PNG, JPEG or GIF picture"),
        (written(b"<html>"), "is no picture; expected a PNG, JPEG or GIF picture"),
        (written(PNG.ljust(MAX_LOGO + 1)), "has more than 1,000,000 bytes; expected a smaller"),
        (written(b"<svg xmlns='x'></svg>"), "is SVG, which mail programs do not show; expected"),
        (written(b"RIFF1234WEBPVP8 "), "is WEBP, which mail programs do not show; expected"),
    ],
    ids=["missing", "pipe", "folder", "empty", "text", "large", "svg", "webp"],
)
def test_what_is_no_logo_is_told_with_its_key(
    program: Program, logo: Path, spoil: Callable[[Path], None], problem: str
) -> None:
    assert program("check").code == 0
    spoil(logo)
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    checked = program("check")
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
    assert checked.code == 2
    assert f"mail.style.logo = {logo}: {problem}" in " ".join(checked.out.split())


@pytest.mark.parametrize("content", [PNG.ljust(MAX_LOGO), b"\xff\xd8\xff\xe0", b"GIF89a"])
def test_pictures_that_mail_programs_show_are_taken(
    workplace: Workplace, logo: Path, content: bytes
) -> None:
    logo.write_bytes(content)
    read = read_logo(workplace.settings())
    assert read is not None
    assert read.content == content


def test_an_edition_and_a_copy_of_it_show_the_published_file(
    news: Program, workplace: Workplace
) -> None:
    assert copies(workplace) == {}
    assert news("send", "daily", "--latest", "1", "--to", "me@example.net").code == 0
    assert copies(workplace) == {NAME: PNG}
    (workplace.settings().asset_folder() / NAME).unlink()
    assert news("send", "daily", "--latest", "1").code == 0
    assert copies(workplace) == {NAME: PNG}
    sent = [file.read_bytes() for file in (workplace.folder / "mail/new").iterdir()]
    assert [html(message).count(URL) for message in sent] == [1, 1]


def test_no_sweep_removes_the_logo_in_use_and_each_keeps_that_of_mails_sent_lately(
    workplace: Workplace, logo: Path
) -> None:
    keep = workplace.settings().articles.keep_unused_assets
    with workplace.open() as services:
        services.publish_logo()
        for _ in range(3):
            old = (workplace.clock() - timedelta(days=999)).timestamp()
            os.utime(services.settings.asset_folder() / NAME, (old, old))
            services.unused_assets().check()
            workplace.clock.now += keep
        assert copies(workplace) == {NAME: PNG}
    logo.write_bytes(PNG + b"new")
    with workplace.open() as services:
        services.publish_logo()
        services.unused_assets().check()
        assert NAME in copies(workplace)
        workplace.clock.now += keep
        services.unused_assets().check()
        assert PNG not in copies(workplace).values()
        assert len(copies(workplace)) == 1


def test_a_logo_that_is_gone_keeps_back_no_feed_but_mail(
    news: Program, workplace: Workplace, logo: Path
) -> None:
    logo.unlink()
    workplace.write("b.md", "二篇")
    assert news("build").code == 0
    assert "二篇" in (workplace.output / "feeds/rss.xml").read_text("utf-8")
    for command in ["send", "daily", "--latest", "1"], ["preview", "daily", "--latest", "1"]:
        sent = news(*command)
        assert sent.code == 2
        assert f"mail.style.logo = {logo}: cannot be read" in " ".join(sent.err.split())
    assert not (workplace.folder / "mail").exists()


def test_an_export_brings_the_logo(news: Program, workplace: Workplace, tmp_path: Path) -> None:
    site = tmp_path / "site"
    assert news("export", str(site), "--url", "https://copy.example").code == 0
    assert (site / "assets" / NAME).read_bytes() == PNG


def test_a_preview_shows_the_logo_and_stores_nothing(news: Program, workplace: Workplace) -> None:
    shown = news("preview", "daily", "--latest", "1")
    assert 'src="data:image/png;base64,iVBOR' in shown.out
    assert URL not in shown.out
    message = news("preview", "daily", "--latest", "1", "--format", "eml").out
    assert URL in html(message.encode())
    assert copies(workplace) == {}


def test_the_folder_of_previews_shows_the_logo(
    workplace: Workplace, logo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_folder, "WORDS", {"en": WORDS["en"]})
    previews = tmp_path / "previews"
    write_previews(workplace.settings(), previews)
    assert (previews / NAME).read_bytes() == logo.read_bytes()
    mail = (previews / "en" / "mail-digest-summary.html").read_text("utf-8")
    assert re.findall(r'<img class="logo"[^>]* src="([^"]*)"', mail) == [f"../{NAME}"]


@pytest.mark.parametrize("full", [True, False])
def test_a_logo_that_cannot_be_published_is_logged_and_keeps_back_no_mail(
    news: Program, workplace: Workplace, *, full: bool
) -> None:
    if full:
        small = CONFIGURATION.replace(
            "[articles]", "[articles]\nmax_asset_folder_bytes = 1_048_576"
        )
        workplace.configure(STYLE, base=small)
        (workplace.settings().asset_folder()).mkdir(exist_ok=True)
        (workplace.settings().asset_folder() / ".bytes").write_bytes(b"%020d" % 1_048_576)
    else:
        (workplace.folder / "file").touch()
        workplace.configure(f'[paths]\nassets = "file"\n{STYLE}')
    settings = workplace.settings()
    logo = read_logo(settings)
    assert logo is not None
    with capture_logs() as logs:
        publish_logo(settings, logo)
    assert [entry["event"] for entry in logs] == ["the logo of mails is not published"]
    assert news("send", "daily", "--latest", "1").code == 0


def test_a_file_that_changes_before_it_is_published_is_not_taken_for_another(
    workplace: Workplace, logo: Path
) -> None:
    settings = workplace.settings()
    read = read_logo(settings)
    assert read is not None
    logo.write_bytes(PNG + b"new")
    with capture_logs() as logs:
        publish_logo(settings, read)
    assert "has changed meanwhile" in logs[0]["error"]
