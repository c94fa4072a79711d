"""Templates are rendered in a sandbox; what is wrong in one is told with its file and line."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from digest.errors import TemplateError
from digest.templates import environment, explained


def fault(folder: Path, source: str) -> TemplateError:
    """Return what is told of a template that cannot be rendered."""
    (folder / "whole.html").write_text(source, encoding="utf-8")
    templates = environment(folder, autoescape=True)
    with pytest.raises((jinja2.TemplateError, ArithmeticError)) as caught:
        templates.get_template("whole.html").render(names=["a"])
    return explained(caught.value, "whole.html", folder)


@pytest.mark.parametrize(
    ("source", "line", "problem"),
    [
        ("\n{% if %}", 2, "Expected an expression"),
        ("\n\n{{ nothing }}", 3, "'nothing' is undefined"),
        ("{{ 1 / 0 }}", 1, "division by zero"),
        ("{{ ''.__class__ }}", 1, "unsafe"),
        ("{{ names.append('b') }}", 1, "unsafe"),
        ("{% include 'absent.html' %}", None, "there is no file absent.html"),
    ],
)
def test_a_fault_is_told_with_its_line(
    tmp_path: Path, source: str, line: int | None, problem: str
) -> None:
    told = fault(tmp_path, source)
    assert (told.template, told.line) == ("whole.html", line)
    assert problem in told.problem


def test_a_template_is_taken_from_the_first_folder_that_has_it(tmp_path: Path) -> None:
    own, brought = tmp_path / "own", tmp_path / "brought"
    for folder, name, source in (
        (own, "a", "own a{% include 'b' %}"),
        (brought, "a", "brought a"),
        (brought, "b", " brought b"),
        (brought, "c", "\n{{ nothing }}"),
    ):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(source, encoding="utf-8")
    templates = environment(own, brought, autoescape=False)
    assert templates.get_template("a").render() == "own a brought b"
    with pytest.raises(jinja2.UndefinedError) as caught:
        templates.get_template("c").render()
    told = explained(caught.value, "c", own, brought)
    assert (told.template, told.line) == ("c", 2)


def test_a_fault_in_a_part_is_told_of_the_part(tmp_path: Path) -> None:
    (tmp_path / "part.html").write_text("\n{{ nothing }}", encoding="utf-8")
    told = fault(tmp_path, "{% include 'part.html' %}")
    assert (told.template, told.line) == ("part.html", 2)


def test_a_fault_in_a_template_given_as_text_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        environment(tmp_path, autoescape=False).from_string("\n{{ 1 / 0 }}").render()
    told = explained(caught.value, "digests.daily.subject", tmp_path)
    assert (told.template, told.line) == ("digests.daily.subject", 2)


def test_an_error_without_words_is_told_by_its_kind(tmp_path: Path) -> None:
    assert explained(KeyError(), "whole.html", tmp_path).problem == "KeyError"


def test_what_a_sandbox_remembers_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.templates._MOST_KNOWN", 3)
    names = ("real", "imag", "numerator", "denominator", "real")
    source = "".join(f"{{{{ value.{name} }}}}" for name in names)
    (tmp_path / "a").write_text(source, encoding="utf-8")
    templates = environment(tmp_path, autoescape=False)
    assert templates.get_template("a").render(value=1) == "10111"
    assert len(vars(templates)["_known"]) <= 3
    (tmp_path / "b").write_text("{{ value.__class__ }}", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(jinja2.exceptions.SecurityError):
            templates.get_template("b").render(value=1)


def test_a_template_gets_the_values_of_its_environment_and_its_own(tmp_path: Path) -> None:
    (tmp_path / "part.html").write_text("{{ site }}{{ own | default('-') }}", encoding="utf-8")
    whole = "{% import 'part.html' as part %}{{ part }}{{ site }}{{ own }}"
    (tmp_path / "whole.html").write_text(whole, encoding="utf-8")
    templates = environment(tmp_path, autoescape=True)
    templates.globals["site"] = "a"
    assert templates.get_template("part.html").render() == "a-"
    assert templates.get_template("whole.html", globals={"own": "b"}).render() == "abab"
    assert "own" not in templates.globals
