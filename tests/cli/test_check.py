"""`digest check`: everything that would keep a configuration from working is told."""

from __future__ import annotations

import socket

import pytest

from digest.app.builders import other_port, unreachable_pages
from digest.app.lock_file import only_daemon
from digest.settings import load
from tests.cli.conftest import Program
from tests.conftest import CONFIGURATION, Workplace


def test_check_tells_what_it_tried(program: Program) -> None:
    checked = program("check")
    assert checked.code == 0
    lines = checked.out.splitlines()
    assert len(lines) == 12
    assert all(line.startswith("ok") for line in lines)


def test_check_tells_every_mistake_of_the_configuration(
    program: Program, workplace: Workplace
) -> None:
    workplace.configure(
        '[feeds]\nlimit = 0\n[digests.weekly]\nschedule = "61 * * * *"\ntimezone = "Asia/Shangai"\n'
    )
    checked = program("check")
    assert checked.code == 2
    assert "feeds.limit" in checked.out
    assert "digests.weekly.schedule" in checked.out
    assert "Asia/Shanghai" in checked.out


@pytest.mark.parametrize(
    ("place", "told"),
    [("public", "write to the output folder"), ("mail", "write to the Maildir")],
)
def test_check_names_a_folder_that_cannot_be_written(
    program: Program, workplace: Workplace, place: str, told: str
) -> None:
    (workplace.folder / place).write_text("a file in the way", encoding="utf-8")
    checked = program("check")
    assert checked.code == 1
    (failed,) = [line for line in checked.out.splitlines() if line.startswith("failed")]
    assert told in failed


def test_check_names_the_option_of_an_output_folder_that_cannot_be_written(
    program: Program, workplace: Workplace
) -> None:
    (workplace.folder / "public").write_text("a file in the way", encoding="utf-8")
    assert "paths.output" in program("check").out


def test_check_tells_of_a_port_that_another_program_has(
    program: Program, workplace: Workplace
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        workplace.configure(f"[metrics]\nport = {port}\n")
        checked = program("check")
        assert checked.code == 2
        taken = f"metrics.port = 127.0.0.1:{port}: cannot listen there: Address already in use"
        assert f"failed  listen at 127.0.0.1:{port}: {taken}\n" in checked.out
        with only_daemon(workplace.settings().paths.data):
            assert program("check").code == 0


@pytest.mark.parametrize(
    ("url", "port", "told"),
    [
        ("http://127.0.0.1:8000", 8080, True),
        ("http://localhost", 8080, True),
        ("http://127.0.0.1:8000", 8000, False),
        ("http://127.0.0.1:8000", 0, False),
        ("https://news.example.org", 8080, False),
    ],
)
def test_an_address_at_another_port_is_told(
    workplace: Workplace, url: str, port: int, told: bool
) -> None:
    settings = load(
        workplace.configuration, {"DIGEST_SITE__URL": url, "DIGEST_WEB__PORT": str(port)}
    )
    assert other_port(settings).startswith(
        f"web.port = {port}, but site.url = {url}" if told else ""
    )
    assert bool(other_port(settings)) is told


def test_check_names_a_file_that_is_no_toml_once(program: Program, workplace: Workplace) -> None:
    workplace.configuration.write_text("[site]\ntitle = Harbour\n", "utf-8")
    place = f"{workplace.configuration}:2:9"
    told = f"failed  configuration: {place}: no TOML: Invalid value; texts stand in quotes\n"
    assert program("check").out == told


def test_check_tells_of_a_folder_that_a_root_hides(program: Program, workplace: Workplace) -> None:
    workplace.two_roots()
    assert program("check").code == 0
    workplace.write("blog/hidden.md")
    checked = program("check")
    assert checked.code == 2
    (failed,) = [line for line in checked.out.splitlines() if line.startswith("failed")]
    assert "paths.articles.blog" in failed
    assert f"hides the folder {workplace.articles / 'blog'}" in failed


def test_check_sees_through_links_that_a_root_lies_in_another(
    program: Program, workplace: Workplace
) -> None:
    blog = workplace.two_roots()
    blog.rmdir()
    (workplace.articles / "inner").mkdir()
    blog.symlink_to(workplace.articles / "inner")
    checked = program("check")
    assert checked.code == 2
    assert f"must not lie in the folder {workplace.articles}" in checked.out


def test_check_tells_of_one_root_of_several_that_is_away(
    program: Program, workplace: Workplace
) -> None:
    workplace.two_roots().rmdir()
    checked = program("check")
    assert checked.code == 1
    assert "No such file or directory" in checked.out


def test_check_says_where_the_smtp_server_is_not(program: Program, workplace: Workplace) -> None:
    workplace.configure(
        '[mail]\ntransport = "smtp"\nfrom = "News <news@example.org>"\n'
        '[mail.smtp]\nhost = "127.0.0.1"\nport = 1\ntls = "none"\n'
    )
    checked = program("check")
    assert checked.code == 1
    assert "log in to the SMTP server 127.0.0.1:1" in checked.out


@pytest.mark.parametrize(
    ("transport", "told", "code"),
    [
        ("lmtp", "log in to the LMTP server 127.0.0.1:1", 1),
        ("sendmail", "find the command /bin/sh", 0),
    ],
)
def test_check_tries_every_way_out(
    program: Program, workplace: Workplace, transport: str, told: str, code: int
) -> None:
    workplace.configure(
        f'[mail]\ntransport = "{transport}"\nfrom = "News <news@example.org>"\n'
        '[mail.smtp]\nhost = "127.0.0.1"\nport = 1\ntls = "none"\n'
        '[mail.sendmail]\ncommand = ["/bin/sh"]\n'
    )
    checked = program("check")
    assert checked.code == code, checked.out
    assert told in checked.out


def test_check_names_template_and_line(program: Program, workplace: Workplace) -> None:
    program("init", "new", "--templates")
    template = workplace.folder / "new" / "templates" / "mail" / "digest.txt"
    template.write_text("fine\n{% if %}\n", encoding="utf-8")
    checked = program("--config", workplace.folder / "new" / "digest.toml", "check")
    assert checked.code == 2
    assert "digest.txt:2" in checked.out


def test_check_names_a_digest_that_lost_its_configuration(
    program: Program, workplace: Workplace
) -> None:
    program("subscribers", "add", "a@example.org", "--digest", "daily")
    configuration = workplace.configuration.read_text(encoding="utf-8")
    workplace.configure(base=configuration.replace("[digests.daily]", "[digests.morning]"))
    checked = program("check")
    assert checked.code == 2
    (failed,) = [line for line in checked.out.splitlines() if line.startswith("failed")]
    assert "digests.daily: has subscribers but is not configured" in failed


@pytest.mark.parametrize(
    ("url", "hub", "code"),
    [
        ("http://127.0.0.1:8000", "https://hub.example/", 2),
        ("http://localhost", "https://hub.example/", 2),
        ("https://news.example", "https://hub.example/", 0),
        ("http://127.0.0.1:8000", "http://127.0.0.1:9000/", 0),
    ],
)
def test_check_tells_that_a_hub_could_not_fetch_the_feeds(
    program: Program, workplace: Workplace, url: str, hub: str, code: int
) -> None:
    base = CONFIGURATION.replace("http://127.0.0.1:8000", url)
    workplace.configure(f"[feeds]\nhubs = ['{hub}']\n", base=base)
    checked = program("check")
    assert checked.code == code
    assert ("could not fetch the feeds" in checked.out) == bool(code)
    assert "find the feeds from a hub's side" in checked.out


def test_check_tells_that_nobody_is_asked_and_that_a_colour_is_too_pale(
    program: Program, workplace: Workplace
) -> None:
    asking = CONFIGURATION.replace("[digests.daily]", "[digests.daily]\napprove = true")
    workplace.configure('[mail.style]\naccent = "#FD4"\n', base=asking)
    checked = program("check")
    assert checked.code == 0
    assert "digests.daily.approve: nobody is told" in checked.err
    assert "mail.style.accent: #ffdd44 is too pale" in checked.err
    workplace.configure('[mail]\nreport_to = "ops@example.org"\n', base=asking)
    assert program("check").err == ""


def test_check_tells_that_articles_have_no_page_where_nothing_serves_them(
    program: Program, workplace: Workplace
) -> None:
    base = CONFIGURATION.replace("[web]", "[web]\nenabled = false")
    workplace.configure(base=base)
    assert "web.enabled" in program("check").err
    assert "no link" not in program("check").err
    workplace.write("a.md", "一篇")
    workplace.write_text("b.md", "---\ntitle: 另一篇\nlink: https://example.org/b\n---\n正文。\n")
    program("build")
    checked = program("check")
    assert checked.code == 0
    assert "though 1 article has no other address" in checked.err
    assert "`digest export DIR`" in checked.err


def test_check_tells_of_a_password_that_everybody_may_read(
    program: Program, workplace: Workplace
) -> None:
    workplace.configure("[mail.smtp]\nusername = 'u'\npassword = 'hunter2'\n")
    workplace.configuration.chmod(0o644)
    checked = program("check")
    assert checked.code == 0
    assert "mail.smtp.password: everybody on this machine may read the password" in checked.err
    assert "hunter2" not in checked.out + checked.err
    workplace.configuration.chmod(0o640)
    assert "mail.smtp.password" not in program("check").err


def test_neither_check_nor_run_accepts_a_maildir_that_would_be_served(
    program: Program, workplace: Workplace
) -> None:
    workplace.configure("[mail]\nmaildir = 'public/mail'\n")
    checked = program("check")
    assert checked.code == 2
    assert "mail.maildir" in checked.out
    started = program("run")
    assert started.code == 2
    assert "must not lie in the folder of paths.output" in started.err
    assert not workplace.output.exists()


@pytest.mark.parametrize(("mode", "told"), [(0o777, True), (0o1777, False), (0o750, False)])
def test_check_tells_of_a_data_folder_that_everybody_may_change(
    program: Program, workplace: Workplace, mode: int, told: bool
) -> None:
    program("check")
    (workplace.folder / "data").chmod(mode)
    checked = program("check")
    assert checked.code == 0
    assert ("everybody on this machine may replace the database" in checked.err) is told


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ("", ""),
        ("News", ""),
        ("News/Local", ""),
        ("News, Nonexistent", ""),
        ("Newz", "categories they chose: Newz; did you mean 'News'?"),
        ("Nonexistent/Cat", "categories they chose: Nonexistent/Cat\n"),
    ],
)
def test_check_tells_of_readers_who_can_get_no_mail(
    program: Program, workplace: Workplace, chosen: str, told: str
) -> None:
    workplace.write("a.md", "新闻", categories=("News", "Local"))
    program("build")
    program("subscribers", "add", "a@example.org", "--digest", "daily", "--categories", chosen)
    checked = program("check")
    assert checked.code == 0
    assert told in " ".join(checked.err.split()) + "\n"
    assert ("1 reader of daily can get no mail" in checked.err) == bool(told)


def test_check_tells_of_a_lost_key_until_it_is_back_or_given_up(
    program: Program, workplace: Workplace
) -> None:
    program("subscribers", "list")
    path = workplace.settings().paths.data / "token.key"
    key = path.read_bytes()
    assert program("check").code == 0
    path.unlink()
    lost = program("check")
    assert lost.code == 1
    assert "the key that signed them is lost" in lost.out
    assert "(in use since 20" in lost.out
    assert "the key that signed them is lost" in program("subscribers", "list").err
    assert program("check").code == 1, "the new key changes nothing"
    (workplace.folder / "old.key").write_text(key.hex())
    workplace.configure('[mail]\ntoken_keys = ["old.key"]\n')
    assert program("check").code == 0
    workplace.configure()
    assert program("check").code == 1
    assert program("check", "--forget-lost-keys").code == 0
    assert program("check").code == 0


SMTP = """
[mail]
transport = "smtp"
from = "news@example.org"
OPTIONS

[mail.smtp]
host = "mail.example.org"
"""


@pytest.mark.parametrize(
    ("url", "options", "enabled", "expected"),
    [
        ("http://127.0.0.1:8000", "", True, "leads to this machine alone"),
        ("http://localhost", "", True, "Set mail.unsubscribe_address"),
        ("http://0.0.0.0:8000", "", True, "leads to this machine alone"),
        ("https://example.org", "", False, "nobody serves the pages that mails lead to"),
        (
            "http://[::1]:8000",
            'unsubscribe_address = "leave@example.org"',
            True,
            "can unsubscribe by mail to mail.unsubscribe_address only",
        ),
        ("https://example.org", "", True, ""),
    ],
)
def test_pages_that_readers_of_mail_cannot_reach_are_told(
    workplace: Workplace, url: str, options: str, *, enabled: bool, expected: str
) -> None:
    base = CONFIGURATION.replace("http://127.0.0.1:8000", url)
    base = base.replace("port = 0", f"port = 0\nenabled = {str(enabled).lower()}")
    workplace.configure(SMTP.replace("OPTIONS", options), base=base)
    settings = workplace.settings()
    told = unreachable_pages(settings)
    assert (expected in told) if expected else told == ""
    assert settings.sender().pages == (not expected)


@pytest.mark.parametrize("url", ["http://192.168.1.4", "http://digest:8000", "http://news.local"])
def test_pages_in_a_local_network_are_told_and_linked_to(workplace: Workplace, url: str) -> None:
    base = CONFIGURATION.replace("http://127.0.0.1:8000", url)
    workplace.configure(SMTP.replace("OPTIONS", ""), base=base)
    settings = workplace.settings()
    told = unreachable_pages(settings)
    assert "leads into a local network" in told
    assert told.endswith("nor unsubscribe")
    assert settings.sender().pages
    address = 'unsubscribe_address = "leave@example.org"'
    workplace.configure(SMTP.replace("OPTIONS", address), base=base)
    assert unreachable_pages(workplace.settings()).endswith("mail.unsubscribe_address only")
    workplace.configure(base=base)
    assert unreachable_pages(workplace.settings()) == ""  # a Maildir


def test_a_maildir_for_trying_things_out_needs_no_address(workplace: Workplace) -> None:
    assert unreachable_pages(workplace.settings()) == ""


def test_check_tells_of_pages_that_readers_cannot_reach(
    program: Program, workplace: Workplace
) -> None:
    workplace.configure(
        '[mail]\ntransport = "sendmail"\nfrom = "news@example.org"\n'
        '[mail.sendmail]\ncommand = ["/bin/true"]\n'
    )
    checked = program("check")
    assert checked.code == 0
    assert "readers cannot unsubscribe" in checked.err
