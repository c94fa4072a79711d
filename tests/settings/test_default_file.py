"""config/digest.toml holds every option, shows the defaults, and can be used as it is."""

import re
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from digest.articles.draft import make_draft
from digest.articles.ingest.path_patterns import PathFilter
from digest.articles.model import SourceFile
from digest.errors import SourceError
from digest.settings import load
from digest.settings.load import keys
from digest.settings.model import Settings

_ROOT = Path(__file__).parents[2]
_FILE = _ROOT / "config" / "digest.toml"
_HEADER = re.compile(r"(?:# )?\[+(?P<name>[a-z.]+)\]+")
_OPTION = re.compile(r"(?P<off># )?(?P<key>[a-z_]+) = (?P<value>.+)")


#: Tables of any name are shown with one of these.
_EXAMPLES = {"digests": ".daily", "custom": ".builds", "sources": ".harbour"}


class Line:
    """An option's line: its table, its key, and whether it is on, off, or an example."""

    def __init__(self, table: str, match: re.Match[str], *, example: bool) -> None:
        self.table = table
        self.key = match["key"]
        self.off = bool(match["off"])
        self.example = self.off and example
        self.text = f"{match['key']} = {match['value']}"


def option_lines() -> list[Line]:
    found: list[Line] = []
    table, before = "", ""
    for line in _FILE.read_text("utf-8").splitlines():
        if header := _HEADER.fullmatch(line):
            table = header["name"]
        elif (option := _OPTION.fullmatch(line)) and table:
            found.append(Line(table, option, example=before.endswith("For example:")))
        before = line
    return found


def table_models(model: type[BaseModel] = Settings, prefix: str = "") -> dict[str, type[BaseModel]]:
    """Return every table by its name; that of a NAME by the one that the file has."""
    found: dict[str, type[BaseModel]] = {}
    for name, field in keys(model).items():
        inner = [field.annotation, *get_args(field.annotation)]
        for part in inner:
            if isinstance(part, type) and issubclass(part, BaseModel):
                full = f"{prefix}{name}" + _EXAMPLES.get(name, "")
                found |= {full: part} | table_models(part, f"{full}.")
    return found


def switched_on(tmp_path: Path, *, examples: bool) -> Settings:
    """Return the settings of the file with its commented-out options taken for real."""
    # The example of a source is no source: it would be asked.
    text = _FILE.read_text("utf-8").replace("# [sources.harbour]", "[sources.harbour]")
    for line in option_lines():
        required = (line.table, line.key) == ("sources.harbour", "url")
        if line.off and (line.example <= examples or required):
            text = text.replace(f"# {line.text}\n", f"{line.text}\n", 1)
    path = tmp_path / "digest.toml"
    path.write_text(text, "utf-8")
    return load(path, {})


def test_it_loads_as_it_is_and_means_the_example_articles() -> None:
    settings = load(_FILE, {})
    assert settings.paths.articles["."].resolve() == _ROOT / "examples" / "articles"
    assert settings.paths.output.resolve() == _ROOT / "var" / "public"
    assert settings.mail.transport == "maildir"
    assert settings.mail.maildir.resolve() == _ROOT / "var" / "mail"
    assert settings.site().url == f"http://{settings.web.host}:{settings.web.port}"
    assert settings.digest("daily").timezone == "Asia/Shanghai"
    assert settings.digests["daily"].schedule == "0 7 * * *"


def test_its_articles_are_articles_but_for_the_two_that_show_what_a_problem_is() -> None:
    settings = load(_FILE, {})
    options, root = settings.draft_options(), settings.paths.articles["."].resolve()
    files = PathFilter(settings.articles.include, settings.articles.exclude)
    drafts, causes = [], set()
    for file in root.rglob("*"):
        path = file.relative_to(root).as_posix()
        if file.is_file() and files.takes(path):
            source = SourceFile(path=PurePosixPath(path), content=file.read_bytes())
            try:
                drafts.append(make_draft(source, options))
            except SourceError as error:
                causes.add(error.problem)
    assert len(drafts) >= 17
    assert {category.names[0] for draft in drafts for category in draft.categories} == {
        "科技",
        "文化",
        "Notes",
    }
    assert causes == {"the front matter has no closing --- line"}
    assert not any("责任编辑" in draft.body or "promo" in draft.body for draft in drafts)


def test_every_option_is_in_it() -> None:
    shown = {(line.table, line.key) for line in option_lines()}
    known = {
        (table, key)
        for table, model in table_models().items()
        for key, field in keys(model).items()
        if not any(
            isinstance(part, type) and issubclass(part, BaseModel)
            for part in (field.annotation, *get_args(field.annotation))
        )
    }
    assert shown == known


def test_every_option_has_a_comment() -> None:
    explained = {
        (table, key)
        for (table, key), before in comments().items()
        if before.startswith("# ") and not _OPTION.fullmatch(before)
    }
    assert explained == set(comments())


def comments() -> dict[tuple[str, str], str]:
    """Return the line above each option, where it stands first."""
    found: dict[tuple[str, str], str] = {}
    table, before = "", ""
    for line in _FILE.read_text("utf-8").splitlines():
        if header := _HEADER.fullmatch(line):
            table = header["name"]
        elif (option := _OPTION.fullmatch(line)) and table:
            found.setdefault((table, option["key"]), before)
        before = line
    return found


def test_each_commented_out_value_is_the_default(tmp_path: Path) -> None:
    settings = switched_on(tmp_path, examples=False)
    models = table_models()
    different = []
    for line in option_lines():
        if line.off and not line.example:
            field = keys(models[line.table])[line.key]
            value = value_of(settings, line)
            if value != field.default:
                different.append((line.table, line.text, field.default))
    assert different == []


def test_each_example_loads_and_stands_for_an_option_without_default(tmp_path: Path) -> None:
    settings = switched_on(tmp_path, examples=True)
    models = table_models()
    for line in option_lines():
        if line.example:
            option = keys(models[line.table])[line.key]
            assert option.is_required() or option.default is None, line.text
            assert value_of(settings, line) is not None, line.text


def value_of(settings: Settings, line: Line) -> Any:
    found: Any = settings
    for name in line.table.split("."):
        found = found[name] if isinstance(found, dict) else attribute(found, name)
        if isinstance(found, tuple):
            found = found[0]
    return attribute(found, line.key)


def attribute(table: BaseModel, key: str) -> Any:
    names = {field.alias or name: name for name, field in type(table).model_fields.items()}
    return getattr(table, names[key])


@pytest.mark.parametrize("table", sorted(table_models()))
def test_every_table_is_in_it(table: str) -> None:
    assert table in {line.table for line in option_lines()}
