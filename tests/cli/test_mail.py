"""`digest preview` and `digest send`."""

from __future__ import annotations

import email
import email.policy
import json
import mailbox
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from digest.app import preview_folder
from digest.editions.delivery import DeliveryState
from digest.settings import Settings
from tests import stores
from tests.cli.conftest import Program
from tests.conftest import CONFIGURATION, Workplace


@pytest.fixture
def news(program: Program, workplace: Workplace) -> Program:
    """Return the program in a workplace with two old articles and a new one."""
    workplace.write("old.md", "旧闻")
    workplace.write("note.md", "Old note", categories=("Notes",))
    program("build")
    workplace.write("new.md", "新闻")
    program("build")
    return program


def recipients(workplace: Workplace) -> list[str]:
    folder = workplace.folder / "mail"
    return sorted(str(found["To"]) for found in mailbox.Maildir(folder)) if folder.exists() else []


@pytest.mark.parametrize(("format_", "start"), [("html", "<!doctype html>"), ("text", "每日摘要")])
def test_preview_shows_what_is_new(news: Program, format_: str, start: str) -> None:
    shown = news("preview", "daily", "--format", format_)
    assert shown.code == 0
    assert shown.out.lower().startswith(start)
    assert "新闻" in shown.out
    assert "旧闻" not in shown.out


def test_preview_as_a_message(news: Program, workplace: Workplace) -> None:
    news("preview", "daily", "--format", "eml", "--latest", "2", "--out", "mail.eml")
    message = email.message_from_bytes(
        (workplace.folder / "mail.eml").read_bytes(), policy=email.policy.default
    )
    assert "每日摘要" in message["Subject"]
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_lint_tells_what_providers_would_mind(news: Program, workplace: Workplace) -> None:
    found = news("preview", "daily", "--lint")
    assert found.code == 1  # a site without https
    assert "error: List-Unsubscribe: its address is not https" in found.out
    assert "warning: no postal address" in found.out
    assert "2 errors, 2 warnings." in found.out
    text = CONFIGURATION.replace("http://127.0.0.1:8000", "https://digest.example.org")
    workplace.configure(
        '\n[mail]\npostal_address = "某路1号"\nunsubscribe_address = "leave@example.org"\n'
        'from = "D <news@example.org>"\n',
        base=text,
    )
    clean = news("preview", "daily", "--lint")
    assert clean.out.endswith("rules: 0 errors, 0 warnings.\n")
    assert clean.code == 0


def test_preview_for_a_subscriber_holds_their_categories(news: Program) -> None:
    news("subscribers", "add", "a@example.org", "--digest", "daily", "--categories", "Notes")
    shown = news("preview", "daily", "--latest", "9", "--for", "A@example.org", "--format", "text")
    assert "Old note" in shown.out
    assert "新闻" not in shown.out
    nobody = news("preview", "daily", "--for", "b@example.org")
    assert nobody.code == 2
    nothing = news("preview", "daily", "--for", "a@example.org")
    assert nothing.code == 1


def test_preview_opens_a_browser(
    news: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(typer, "launch", opened.append)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert news("preview", "daily", "--open").code == 0
    (written,) = tmp_path.glob("digest-*.html")
    assert opened == [written.as_uri()]


def test_a_file_that_cannot_be_written_is_told(news: Program) -> None:
    ended = news("preview", "daily", "--out", "gone/mail.html")
    assert ended.code == 2
    assert "cannot be written" in " ".join(ended.err.replace("│", " ").split())


def test_a_digest_that_is_not_configured_names_its_like(news: Program) -> None:
    for command in ("preview", "send"):
        ended = news(command, "dayly")
        assert ended.code == 2
        assert "did you mean 'daily'?" in ended.err


def test_nothing_new_says_how_to_see_something(news: Program) -> None:
    ended = news("send", "notes")
    assert ended.code == 1
    assert "--latest" in ended.err


def test_send_reaches_every_reader_once(news: Program, workplace: Workplace) -> None:
    news("subscribers", "add", "a@example.org", "--digest", "daily")
    news("subscribers", "add", "b@example.org", "--digest", "daily", "--categories", "Notes")
    sent = news("send", "daily")
    assert sent.code == 0
    assert "1 article for 1 reader." in sent.out
    assert "1 sent" in sent.out
    assert recipients(workplace) == ["a@example.org"]
    assert news("send", "daily").code == 1
    assert recipients(workplace) == ["a@example.org"]


def test_copies_leave_no_trace(news: Program, workplace: Workplace) -> None:
    news("subscribers", "add", "a@example.org", "--digest", "daily")
    sent = news("send", "daily", "--to", "x@example.org", "--to", "y@example.org")
    assert sent.code == 0
    assert recipients(workplace) == ["x@example.org", "y@example.org"]
    told = json.loads(news("status", "--json").out)
    assert not any(told["outbox"].values())
    assert "新闻" in news("preview", "daily", "--format", "text").out


def test_a_dry_run_sends_nothing(news: Program, workplace: Workplace) -> None:
    news("subscribers", "add", "a@example.org", "--digest", "daily")
    dry = news("send", "daily", "--latest", "3", "--dry-run")
    assert dry.code == 0
    assert "3 articles for 1 reader." in dry.out
    assert recipients(workplace) == []


def test_a_bad_address_is_misuse(news: Program) -> None:
    assert news("send", "daily", "--to", "nobody").code == 2


def test_a_server_that_is_away_ends_with_1(news: Program, workplace: Workplace) -> None:
    news("subscribers", "add", "a@example.org", "--digest", "daily")
    workplace.configure(
        '[mail]\ntransport = "smtp"\nfrom = "News <news@example.org>"\n'
        '[mail.smtp]\nhost = "127.0.0.1"\nport = 1\ntls = "none"\n'
    )
    copies = news("send", "daily", "--to", "x@example.org")
    assert copies.code == 1
    assert "x@example.org" in copies.err
    edition = news("send", "daily")
    assert edition.code == 1
    assert "1 queued" in edition.out


def test_a_pause_is_told_and_ended_by_resume(news: Program, workplace: Workplace) -> None:
    assert "Nothing is paused" in news("resume").out
    with workplace.open() as services:
        now = services.clock()
        services.store.deliveries.pause("daily", now, now, "550 5.7.26 no DMARC")
        services.store.deliveries.pause(None, now, now, "535 5.7.8 wrong password")
    told = news("status").out
    assert "Paused       daily since 2026-11-23 08:00 UTC: 550 5.7.26 no DMARC" in told
    assert "all mail" in told
    assert news("status").code == 1
    pauses = json.loads(news("status", "--json").out)["pauses"]
    assert [one["digest"] for one in pauses] == [None, "daily"]
    assert news("resume", "dayly").code == 2
    assert "Nothing is paused" in news("resume", "notes").out
    assert "daily: goes on" in news("resume", "daily").out
    assert "all mail: goes on" in news("resume").out
    assert "Paused" not in news("status").out


def test_how_an_edition_goes_is_told(news: Program, workplace: Workplace) -> None:
    workplace.configure('[mail]\nreport_to = "ops@example.org"\n')
    for number in range(3):
        news("subscribers", "add", f"r{number}@example.org", "--digest", "daily")
    with workplace.open() as services:
        deliveries, now = services.store.deliveries, services.clock()
        assert services.store.editions.open_edition(services.digests["daily"], now, now, latest=1)
        (one,) = deliveries.claim(1, now, timedelta(minutes=5), {})
        stores.settle(services.store, one.id, DeliveryState.SENT, now)
    told = news("status").out
    assert "Edition      daily 1: 2 queued, 1 sent" in told
    (edition,) = json.loads(news("status", "--json").out)["editions"]
    assert (edition["digest"], edition["states"]["queued"]) == ("daily", 2)
    assert edition["seconds_left"] is None
    news("send", "daily", "--latest", "2")
    assert recipients(workplace).count("ops@example.org") >= 1


def test_preview_shows_what_a_new_subscriber_is_sent(news: Program) -> None:
    shown = news("preview", "daily", "--welcome", "--format", "text")
    assert shown.code == 0
    assert "感谢您订阅“每日摘要”。" in shown.out
    assert "旧闻" in shown.out  # an article of the past, too


def test_preview_tells_that_articles_would_wait_for_more(
    news: Program, workplace: Workplace
) -> None:
    text = CONFIGURATION.replace("[digests.daily]", "[digests.daily]\nmin_items = 3")
    workplace.configure("", base=text)
    shown = news("preview", "daily", "--format", "text")
    assert shown.code == 0
    assert "新闻" in shown.out
    assert shown.err == "note: daily: 1 of min_items = 3 new articles: they wait for more\n"


def test_what_is_too_old_for_an_edition_is_neither_shown_nor_sent(
    news: Program, workplace: Workplace
) -> None:
    text = CONFIGURATION.replace("[digests.daily]", '[digests.daily]\nmax_age = "1h"')
    workplace.configure("", base=text)
    news("subscribers", "add", "a@example.org", "--digest", "daily")
    for command in ("preview", "send"):
        result = news(command, "daily")
        assert result.code == 1
        assert "there is nothing new" in result.err
    assert recipients(workplace) == []


def test_preview_of_everything_goes_to_a_folder(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []
    opened: list[str] = []

    def write(_: Settings, folder: Path) -> int:
        folders.append(folder)
        return 7

    monkeypatch.setattr(preview_folder, "write_previews", write)
    monkeypatch.setattr(typer, "launch", opened.append)
    assert program("preview", "--all").out == "7 files: see previews/index.html\n"
    assert program("preview", "--all", "here", "--open").code == 0
    assert folders == [Path("previews"), Path("here")]
    assert opened[0].endswith("/here/index.html")
    assert program("preview").code == 2
