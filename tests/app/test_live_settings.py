"""The settings of a running daemon: sources by the file as it is now, all else by the start."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digest.app.live_settings import LiveSettings
from tests.conftest import Workplace

Write = Callable[..., None]
A, B = (f'[sources.{name}]\nurl = "https://{name}.example/"' for name in "ab")
HELD = "republish = false"


@pytest.fixture
def write(workplace: Workplace) -> Write:
    """Return what adds lines to the configuration as it was; the last ones are no more there."""
    plain = workplace.configuration.read_text(encoding="utf-8")

    def written(*lines: str, base: str = plain) -> None:
        text = "\n".join(lines)
        workplace.configuration.write_text(f"{base}\n{text}\n", encoding="utf-8")
        os.utime(workplace.configuration, ns=(0, len(text)))

    return written


def live(workplace: Workplace) -> LiveSettings:
    return LiveSettings(workplace.settings(), workplace.configuration, {})


def names(settings: LiveSettings) -> list[str]:
    return [source.name for source in settings.sources()]


def test_sources_are_those_of_the_file_as_it_is_now(workplace: Workplace, write: Write) -> None:
    write(A)
    settings = live(workplace)
    options = settings.ingest_options()
    assert names(settings) == ["a"]
    assert settings.ingest_options() is options
    write(A, B)
    assert names(settings) == ["a", "b"]
    assert settings.ingest_options() is not options
    write(B, "nonsense = 1")
    assert names(settings) == ["a", "b"], "a mistake changes nothing"
    workplace.configuration.unlink()
    assert names(settings) == ["a", "b"]
    write()
    assert names(settings) == []


def test_a_source_that_came_during_the_start_is_known(workplace: Workplace, write: Write) -> None:
    settings = workplace.settings()
    write(A)
    assert names(LiveSettings(settings, workplace.configuration, {})) == ["a"]


@pytest.mark.parametrize("mended", ["permission", "rules"])
def test_a_mistake_may_be_mended_without_a_change_of_the_file(
    workplace: Workplace, write: Write, monkeypatch: pytest.MonkeyPatch, mended: str
) -> None:
    settings, rules = live(workplace), workplace.folder / "rules.toml"
    write("[articles]", 'rule_files = ["rules.toml"]', A, base="")
    with monkeypatch.context() as patch, capture_logs() as logs:
        if mended == "permission":
            rules.write_text("", encoding="utf-8")

            def denied(*_: object, **__: object) -> bytes:
                raise PermissionError(13, "Permission denied")

            patch.setattr(Path, "read_bytes", denied)
        for _ in range(3):
            assert names(settings) == []
            settings.ingest_options()
    assert [line["event"] for line in logs] == ["the sources stay as they were"]
    rules.write_text("", encoding="utf-8")
    assert names(settings) == ["a"]


def test_what_is_not_republished_is_known_with_the_source(
    workplace: Workplace, write: Write
) -> None:
    write(A)
    settings = live(workplace)
    assert settings.ingest_options().policy.mail_only == ()
    write(A, HELD, B, HELD)
    assert settings.ingest_options().policy.mail_only == ("sources/a/", "sources/b/")
    assert names(settings) == ["a", "b"]
    write(A, B, HELD)
    policy = settings.ingest_options().policy
    assert (policy.mail_only, policy.republished) == (("sources/b/",), ("sources/a/",))


def test_the_first_source_brings_the_folder_of_sources(workplace: Workplace, write: Write) -> None:
    settings = live(workplace)
    before = settings.ingest_options()
    assert list(before.tree.roots) == ["."]
    write(A)
    after = settings.ingest_options()
    folder = workplace.folder / "data" / "sources"
    assert after.tree.roots == {**before.tree.roots, "sources": folder}
    assert folder.is_dir()
    assert after.drafts.assets is not None
    assert after.drafts.assets.foreign == ("sources",)
    assert after.drafts.fingerprint() == before.drafts.fingerprint(), "no file is read again"
    write()
    assert settings.ingest_options().tree.roots == after.tree.roots, "its articles stay"


@pytest.mark.parametrize("taken", ["folder", "root"])
def test_a_source_takes_no_name_from_a_folder_of_articles(
    workplace: Workplace, write: Write, taken: str
) -> None:
    own = workplace.articles / "sources"
    own.mkdir()
    base = '[site]\ntitle = "x"\n'
    if taken == "root":
        base += f"[paths.articles]\nsources = '{own}'\n"
    write(base=base)
    settings = live(workplace)
    roots = settings.ingest_options().tree.roots
    with capture_logs() as logs:
        write(A, base='[site]\ntitle = "x"\n')
        assert names(settings) == []
    assert settings.ingest_options().tree.roots == roots
    (told,) = (line for line in logs if line["log_level"] == "error")
    assert "folder of sources" in told["error"] or "that of sources" in told["error"]


def test_what_needs_a_restart_is_told(workplace: Workplace, write: Write) -> None:
    settings = live(workplace)
    with capture_logs() as logs:
        write(A, "[log]", 'level = "debug"')
        assert names(settings) == ["a"]
    told = [line["tables"] for line in logs if "restart" in line["event"]]
    assert told == [["log"]]


def test_an_option_of_the_command_is_no_difference(workplace: Workplace, write: Write) -> None:
    settings = LiveSettings(workplace.settings().polling(), workplace.configuration, {})
    with capture_logs() as logs:
        write(A)
        assert names(settings) == ["a"]
    assert [line["event"] for line in logs] == ["sources read again"]


def test_a_folder_left_of_sources_gives_way_to_the_operators(workplace: Workplace) -> None:
    def watched() -> list[str]:
        return list(workplace.settings().roots())

    left = workplace.folder / "data" / "sources"
    assert watched() == ["."]
    left.mkdir(parents=True)
    assert watched() == [".", "sources"]
    (workplace.articles / "sources").mkdir()
    assert watched() == ["."]
    workplace.configure(f"[paths.articles]\nsources = '{workplace.articles}'\n", base="")
    assert workplace.settings().roots() == {"sources": workplace.articles}
