"""Messages: format a mistake in a configuration for the operator, with key, value and remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from digest.errors import ConfigurationError
from digest.spelling import alternatives, closest

#: The path of an option: names of tables and keys, indexes of lists.
KeyPath = tuple[str | int, ...]

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
    """Return the options of a table by their names in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def dotted(key: KeyPath) -> str:
    """Return a key in its usual form: ``digests.daily.schedule``, ``rules[0].drop``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")


def options(model: type[BaseModel], table: KeyPath = ()) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Yield every option of plain tables, with its key; not those of lists and named tables."""
    for name, field in keys(model).items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from options(field.annotation, (*table, name))
        else:
            yield (*table, name), field


def secrets(model: type[BaseModel]) -> list[KeyPath]:
    """Return the keys of all secrets."""
    return [key for key, field in options(model) if mentions(field.annotation, SecretStr)]


def mentions(annotation: object, kind: type) -> bool:
    """Return whether a type is ``kind``, or contains it as a type argument."""
    return annotation is kind or any(mentions(part, kind) for part in get_args(annotation))


def explain(
    error: ErrorDetails, model: type[BaseModel], variables: Mapping[KeyPath, str]
) -> ConfigurationError:
    """Return a validation error as ConfigurationError with a message for the operator.

    ``variables`` names the environment variable of each key that comes from one.
    """
    context = error.get("ctx", {})
    key = tuple(part for part in error["loc"] if part != "[key]")
    value: object = error["input"]
    if error["type"] == "at_key":
        key += tuple(context["key"].split("."))
        value = context["value"]
    table, field = _find(model, key)
    if error["type"] == "missing" or any(secret[: len(key)] == key for secret in secrets(model)):
        value = None
    if error["type"] == "extra_forbidden":
        # It may be a misspelt secret, so its value is not shown.
        value, problem = None, unknown(str(key[-1]), table)
    elif error["loc"] and error["loc"][-1] == "[key]" and error["type"] != "value_error":
        value, problem = None, "must be a name of a-z, 0-9, '-' and '_', such as 'daily'"
    elif error["type"] in ("value_error", "at_key"):
        problem = str(context.get("error", context.get("problem")))
    elif field is not None and field.description:
        problem = f"must be {field.description}"
    else:
        problem = _plain(error, value)
    variable = variables.get(key)
    if variable and error["type"] == "tuple_type":
        problem = 'must be a list in JSON, such as ["one", "two"]'
    return ConfigurationError(
        dotted(key), _shown(value), f"{problem} (from ${variable})" if variable else problem
    )


def _plain(error: ErrorDetails, value: object) -> str:
    """Return the problem of an error that pydantic itself raises."""
    problem = _PROBLEMS.get(error["type"]) or error["msg"].replace("Input should be", "must be")
    if error["type"] != "literal_error":
        return problem
    known = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
    near = closest(str(value), known)
    return f"{problem}; did you mean {alternatives(near)}?" if near else problem


def unknown(name: str, table: type[BaseModel] | None) -> str:
    """Return the problem of an unknown key, with the nearest known ones."""
    known = list(keys(table)) if table else []
    near = closest(name, known)
    hint = f"did you mean {alternatives(near)}?" if near else f"known here: {', '.join(known)}"
    return f"no such key; {hint}"


def _shown(value: object) -> str | None:
    """Return a value as a message shows it: a long one is cut, a table is not shown."""
    if value is None or isinstance(value, dict):
        return None
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _find(model: type[BaseModel], key: KeyPath) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Return the table of a key, and its option if there is one."""
    annotation: Any = model
    table: type[BaseModel] | None = None
    field: FieldInfo | None = None
    for part in key:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            table = annotation
            field = keys(table).get(str(part))
            annotation = field.annotation if field else None
        else:
            inner = [arg for arg in get_args(annotation) if arg not in (Ellipsis, type(None))]
            annotation, field = (inner[-1] if inner else None), None
    return table, field
