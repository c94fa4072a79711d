"""`digest init` and `digest check`."""

from __future__ import annotations

import pytest

from digest import resources
from digest.cli import setup
from digest.settings import load
from tests.cli.conftest import Program
from tests.conftest import CONFIGURATION, Workplace


def test_init_makes_something_that_builds(program: Program, workplace: Workplace) -> None:
    made = program("init", "new")
    assert made.code == 0
    configuration = workplace.folder / "new" / "digest.toml"
    assert '"../' not in configuration.read_text(encoding="utf-8")
    built = program("--config", configuration, "build")
    assert built.code == 0
    assert "1 new" in built.out
    assert (workplace.folder / "new" / "var" / "public" / "feeds" / "rss.xml").exists()
    assert program("--config", configuration, "check").code == 0


def test_init_leaves_rules_and_feeds_of_the_examples_as_comments(
    program: Program, workplace: Workplace
) -> None:
    program("init", "new")
    settings = load(workplace.folder / "new" / "digest.toml", {})
    assert settings.rules == ()
    assert settings.custom_feeds() == ()
    assert len(load(resources.configuration(), {}).rules) == 2
    assert len(load(resources.configuration(), {}).custom_feeds()) == 1
    text = (workplace.folder / "new" / "digest.toml").read_text(encoding="utf-8")
    assert '# category = "科技/开源周刊"' in text


def test_init_never_overwrites(program: Program, workplace: Workplace) -> None:
    before = workplace.configuration.read_text(encoding="utf-8")
    made = program("init")
    assert made.code == 0
    assert "Kept    digest.toml" in made.out
    assert workplace.configuration.read_text(encoding="utf-8") == before


def test_init_copies_templates_and_uses_them(program: Program, workplace: Workplace) -> None:
    program("init", "new", "--templates")
    folder = workplace.folder / "new"
    assert (folder / "templates" / "mail" / "digest.html").exists()
    (folder / "templates" / "web" / "style.css").write_text("/* restyled */", encoding="utf-8")
    assert program("--config", folder / "digest.toml", "check").code == 0
    with Workplace(folder).open() as services:
        assert Workplace(folder).see(services, "assets/style.css").text == "/* restyled */"


def test_init_tells_what_cannot_be_written(program: Program, workplace: Workplace) -> None:
    (workplace.folder / "file").write_text("in the way", encoding="utf-8")
    ended = program("init", "file/below")
    assert ended.code == 1
    assert "cannot be written" in ended.err


def test_the_shipped_configuration_has_the_lines_that_init_replaces() -> None:
    text = resources.configuration().read_text(encoding="utf-8")
    for line in (*setup._PATHS, '# templates = "templates"'):
        assert text.count(line) == 1


def test_check_tells_what_it_tried(program: Program) -> None:
    checked = program("check")
    assert checked.code == 0
    lines = checked.out.splitlines()
    assert len(lines) == 10
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


def test_check_tells_that_nobody_is_asked_for_approval(
    program: Program, workplace: Workplace
) -> None:
    asking = CONFIGURATION.replace("[digests.daily]", "[digests.daily]\napprove = true")
    workplace.configure(base=asking)
    checked = program("check")
    assert checked.code == 0
    assert "digests.daily.approve: nobody is told" in checked.err
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
    assert "1 articles have no link of their own" in checked.err
    assert "`digest export DIR`" in checked.err
