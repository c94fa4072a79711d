"""Names are the field's: no private word that a newcomer would have to learn comes back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "digest"
PRIVATE = frozenset(
    {"press", "plate", "stencil", "slip", "ledger", "herald", "desk", "strand", "sieve", "weaving"}
    | {"twin", "habit", "blank", "rhythm", "memo", "claims", "shipped", "terms", "recipe"}
    | {"courier", "outbox", "engrave", "settlement", "intake", "agenda", "timetable", "editorial"}
    | {"rendition", "bleaching", "legibility", "nesting", "manuscript", "likeness"}
)
#: What has one of these words in its name for a reason: searching has terms.
ALLOWED = frozenset(
    {
        "articles/search_terms.py: search_terms",
        "articles/search_terms.py: index_terms",
    }
)


def words(name: str) -> set[str]:
    """Return the words of a name in lower case, without a plural's end."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return {form for part in parts for form in (part.lower(), part.lower().removesuffix("s"))}


def named() -> Iterator[tuple[Path, str]]:
    """Yield the modules, classes and functions of the program; migrations are history."""
    for path in sorted(SOURCE.rglob("*.py")):
        if "versions" in path.parts:
            continue
        file = path.relative_to(SOURCE)
        yield file, path.parent.name if path.stem == "__init__" else path.stem
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield file, node.name


def test_no_module_class_or_function_has_a_private_word() -> None:
    private = {f"{file}: {name}" for file, name in named() if words(name) & PRIVATE}
    assert private == ALLOWED


def test_words_are_recognized_in_every_form_of_a_name() -> None:
    for name in ("Press", "PressRoom", "_pressed_plates", "DESK", "strands", "MailOutbox"):
        assert words(name) & PRIVATE, name
    assert not words("compress") & PRIVATE


def test_variables_are_named_after_what_they_hold() -> None:
    unnamed = {
        str(path.relative_to(SOURCE))
        for path in sorted(SOURCE.rglob("*.py"))
        if "versions" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if getattr(node, "id", getattr(node, "arg", None)) in {"one", "found", "some"}
    }
    assert not unnamed, "call a variable neither one nor found nor some"
