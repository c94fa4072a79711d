"""Mistakes: what is wrong with a configuration, as its operator should read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from digest.errors import ConfigurationError
from digest.spelling import alternatives, closest

#: A key's place in the configuration: names of tables and keys, numbers of list items.
Place = tuple[str | int, ...]

_LONGEST_VALUE = 120
#: What is allowed, where the option itself says nothing more exact.
_PROBLEMS = {
    "missing": "is required",
    "string_type": "must be a text in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "path_type": "must be a path in quotes",
    "tuple_type": 'must be a list, such as ["one", "two"]',
    "dict_type": "must be a table",
    "model_type": "must be a table",
}


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the options of a table by the names that they have in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def dotted(place: Place) -> str:
    """Return a key as people write it: ``digests.daily.schedule``, ``rules[0].drop``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def options(model: type[BaseModel], place: Place = ()) -> Iterator[tuple[Place, FieldInfo]]:
    """Yield every option that stands in plain tables, with its place."""
    for name, field in keys(model).items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from options(field.annotation, (*place, name))
        else:
            yield (*place, name), field


def secrets(model: type[BaseModel]) -> list[Place]:
    """Return the places of all secrets."""
    return [place for place, field in options(model) if mentions(field.annotation, SecretStr)]


def mentions(annotation: object, kind: type) -> bool:
    """Tell whether a type is ``kind``, or made of it."""
    return annotation is kind or any(mentions(part, kind) for part in get_args(annotation))


def explain(
    error: ErrorDetails, model: type[BaseModel], variables: Mapping[Place, str]
) -> ConfigurationError:
    """Return what an operator should read of a validation error.

    ``variables`` says which keys came from which environment variable.
    """
    context = error.get("ctx", {})
    place = tuple(part for part in error["loc"] if part != "[key]")
    value: object = error["input"]
    if error["type"] == "at_key":
        place += tuple(context["key"].split("."))
        value = context["value"]
    table, field = _find(model, place)
    if error["type"] == "missing" or any(
        secret[: len(place)] == place for secret in secrets(model)
    ):
        value = None
    if error["type"] == "extra_forbidden":
        # It may be a misspelt secret, so its value is not shown.
        value, problem = None, unknown(str(place[-1]), table)
    elif error["loc"] and error["loc"][-1] == "[key]" and error["type"] != "value_error":
        value, problem = None, "must be a name of a-z, 0-9, '-' and '_', such as 'daily'"
    elif error["type"] in ("value_error", "at_key"):
        problem = str(context.get("error", context.get("problem")))
    elif field is not None and field.description:
        problem = f"must be {field.description}"
    else:
        problem = _plain(error, value)
    variable = variables.get(place)
    if variable and error["type"] == "tuple_type":
        problem = 'must be a list in JSON, such as ["one", "two"]'
    return ConfigurationError(
        dotted(place), _shown(value), f"{problem} (from ${variable})" if variable else problem
    )


def _plain(error: ErrorDetails, value: object) -> str:
    """Return what is allowed, for errors that pydantic itself found."""
    problem = _PROBLEMS.get(error["type"]) or error["msg"].replace("Input should be", "must be")
    if error["type"] != "literal_error":
        return problem
    known = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
    near = closest(str(value), known)
    return f"{problem}; did you mean {alternatives(near)}?" if near else problem


def unknown(name: str, table: type[BaseModel] | None) -> str:
    """Return what to say of a key that is none."""
    known = list(keys(table)) if table else []
    near = closest(name, known)
    hint = f"did you mean {alternatives(near)}?" if near else f"known here: {', '.join(known)}"
    return f"no such key; {hint}"


def _shown(value: object) -> str | None:
    """Return a value as it may be printed: tables are not, long ones are cut."""
    if value is None or isinstance(value, dict):
        return None
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _find(model: type[BaseModel], place: Place) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Return the table that a place is in, and its option where there is one."""
    annotation: Any = model
    table: type[BaseModel] | None = None
    field: FieldInfo | None = None
    for part in place:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            table = annotation
            field = keys(table).get(str(part))
            annotation = field.annotation if field else None
        else:
            inner = [arg for arg in get_args(annotation) if arg not in (Ellipsis, type(None))]
            annotation, field = (inner[-1] if inner else None), None
    return table, field
