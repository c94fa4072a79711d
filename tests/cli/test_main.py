"""The program as a whole: help, version, configuration errors, exit codes."""

from __future__ import annotations

import sys

import pytest

import digest.cli.main  # noqa: F401 - so that it is in sys.modules
from digest import __version__
from digest.errors import ConfigurationError, StoreError
from digest.store.articles import ArticleStore
from tests.cli.conftest import Program
from tests.conftest import Workplace

#: The module; the package's name `main` is the function.
PROGRAM = sys.modules["digest.cli.main"]

COMMANDS = [
    "build", "check", "clean", "feeds", "init", "preview", "problems", "run", "send", "status",
    "subscribers",
]  # fmt: skip


def test_help_names_every_command(program: Program) -> None:
    shown = program("--help")
    assert shown.code == 0
    for command in COMMANDS:
        assert command in shown.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(program: Program, command: str) -> None:
    shown = program(command, "--help")
    assert shown.code == 0
    assert "Usage" in shown.out


def test_no_arguments_show_the_help(program: Program) -> None:
    assert "Commands" in program().out


def test_the_version(program: Program) -> None:
    assert program("--version").out == f"digest {__version__}\n"


@pytest.mark.parametrize("arguments", [["bild"], ["build", "--fast"], ["preview"]])
def test_misuse_ends_with_2(program: Program, arguments: list[str]) -> None:
    ended = program(*arguments)
    assert ended.code == 2
    assert ended.err


def test_a_misspelt_key_names_the_right_one(program: Program, workplace: Workplace) -> None:
    workplace.configure("[feeds]\nlimt = 10\n")
    ended = program("status")
    assert ended.code == 2
    assert "feeds.limt" in ended.err
    assert "did you mean 'limit'" in ended.err


def test_every_mistake_of_the_configuration_is_told(program: Program, workplace: Workplace) -> None:
    workplace.configure('[feeds]\nlimt = 10\n[web2]\n[digests.d]\nschedule = "x"\n')
    ended = program("run")
    assert ended.code == 2
    for told in ("feeds.limt", "web2", "digests.d.schedule"):
        assert told in ended.err


def test_no_configuration_says_where_it_looked(program: Program, workplace: Workplace) -> None:
    workplace.configuration.unlink()
    ended = program("status")
    assert ended.code == 2
    assert "digest init" in ended.err


def test_the_configuration_can_be_named(
    program: Program, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = workplace.configuration.rename(workplace.folder / "other.toml")
    assert program("--config", other, "status").code == 0
    monkeypatch.setenv("DIGEST_CONFIG", str(other))
    assert program("status").code == 0


def test_a_missing_articles_folder_ends_with_2(program: Program, workplace: Workplace) -> None:
    workplace.articles.rmdir()
    ended = program("build")
    assert ended.code == 2
    assert "paths.articles" in ended.err
    assert not (workplace.folder / "data").exists()


def test_a_template_error_ends_with_2_before_anything_is_done(
    program: Program, workplace: Workplace
) -> None:
    program("init", "--templates", ".")
    template = workplace.folder / "templates" / "web" / "article.html"
    template.write_text("{{ nobody.knows }}", encoding="utf-8")
    configuration = workplace.configuration.read_text(encoding="utf-8")
    workplace.configure(base=configuration + '[paths]\ntemplates = "templates"\n')

    ended = program("build")

    assert ended.code == 2
    assert "article.html:1" in ended.err
    assert not workplace.output.exists()


def test_a_database_that_is_away_ends_with_1(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: ArticleStore, *, noted: bool) -> None:
        raise StoreError("locked for more than 10 s")

    monkeypatch.setattr(ArticleStore, "problems", fail)
    ended = program("problems")
    assert ended.code == 1
    assert "locked for more than 10 s" in ended.err


def test_a_file_that_cannot_be_written_ends_with_1(program: Program, workplace: Workplace) -> None:
    ended = program("subscribers", "export", workplace.folder / "nowhere" / "list.csv")
    assert ended.code == 1
    assert "No such file or directory" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([StoreError("away")], 1),
        ([OSError(28, "No space left on device")], 1),
        ([StoreError("away"), ConfigurationError("web.port", "1", "taken")], 2),
    ],
)
def test_a_group_of_errors_is_told_one_by_one(
    program: Program, monkeypatch: pytest.MonkeyPatch, errors: list[Exception], code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ExceptionGroup("parts of the daemon", errors)

    monkeypatch.setattr(PROGRAM, "app", fail)
    ended = program()
    assert ended.code == code
    assert ended.err.count("error:") == len(errors)


def test_a_bug_is_not_hidden(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ExceptionGroup("parts of the daemon", [ZeroDivisionError()])

    monkeypatch.setattr(PROGRAM, "app", fail)
    monkeypatch.setattr("sys.argv", ["digest"])
    with pytest.raises(ExceptionGroup):
        PROGRAM.main()
