"""The documents: their links lead somewhere, and their commands do what they say."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tests.cli.conftest import Program
from tests.conftest import Workplace

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def commands() -> Iterator[tuple[str, str]]:
    """Yield (document, command) for every `digest …` in a code block or a table's first column."""
    for document in DOCUMENTS:
        for line in document.read_text(encoding="utf-8").splitlines():
            block = re.match(r"    (?:DIGEST_\S+ )*(digest .*)", line)
            row = re.match(r"\| `(digest [^`]*)`", line)
            if found := block or row:
                yield document.name, found[1].partition(" #")[0].strip()


@pytest.mark.parametrize(("document", "command"), sorted(set(commands())))
def test_a_documented_command_works(
    program: Program,
    workplace: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    document: str,
    command: str,
) -> None:
    monkeypatch.setattr(typer, "launch", lambda _: 0)
    for number in range(3):
        workplace.write(f"{number}.md", f"第{number}篇", categories=("Notes",))
    program("build")
    (workplace.folder / "readers.csv").write_text("address\na@example.org\n", encoding="utf-8")
    (workplace.folder / "word.txt").write_text("A word.", encoding="utf-8")
    arguments = shlex.split(command)[1:]
    if arguments in (["run"], ["unsubscribe", "receive"]):
        arguments.append("--help")
    if arguments[:2] in (["sources", "add"], ["sources", "refresh"]):  # the Internet is not here
        arguments.append("--help")
    elif arguments[:1] == ["sources"]:
        workplace.configure('[sources.port]\nurl = "https://port.example/rss"\n')
        (workplace.folder / "subscriptions.opml").write_text("<opml/>", encoding="utf-8")
    if arguments[:2] == ["subscribers", "show"]:
        program("subscribers", "add", arguments[2], "--digest", "daily")
    if "FILE" in arguments:
        arguments[arguments.index("FILE")] = str(workplace.articles / "0.md")

    if "KEY" in arguments:
        arguments[arguments.index("KEY")] = "0.md"

    ended = program(*arguments)

    assert ended.code == 0, f"{document}: {command}: {ended.err}"


def test_there_are_commands_to_try() -> None:
    assert len(set(commands())) > 10


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub("`[^`]*`", "", document.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_exist(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^    )make ([a-z]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_what_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    files = re.findall(r"`((?:src|docs|config|tests)/[\w./-]+)`", text)
    assert len(files) > 15
    assert [name for name in files if not (ROOT / name).exists()] == []
    drawn = re.findall(r"^ {4,8}([a-z]+)/ ", text, re.MULTILINE)
    packages = {path.parent.name for path in (ROOT / "src/digest").glob("*/__init__.py")}
    assert packages <= set(drawn)


def test_the_architecture_tells_the_order_of_imports() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        rule["layers"]
        for rule in rules["tool"]["importlinter"]["contracts"]
        if rule["type"] == "layers"
    )
    order = " > ".join(layers).replace("digest.__main__ > ", "").replace("digest.", "")
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert order in " ".join(text.split())
