"""Loading: find the configuration file, read it, override it by the environment."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from digest.errors import ConfigurationError
from digest.settings.exposure import published_secrets, readable_by_all
from digest.settings.model import Settings
from digest.settings.options import RuleFile, RuleTable
from digest.settings.types import is_address
from digest.spelling import alternatives, closest

#: The environment variable that names the configuration file.
CONFIG_VARIABLE = "DIGEST_CONFIG"
#: The names of a configuration file that is not given, relative to the current folder.
FILE_NAMES = ("digest.toml", "config/digest.toml")

_PREFIX, _DELIMITER, _FILE = "DIGEST_", "__", "_FILE"
#: A secret is one line: a larger file was named by mistake.
_MAX_SECRET_BYTES = 65_536
_TOML_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
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


def find(option: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the configuration file: ``--config``, ``$DIGEST_CONFIG``, or the first of FILE_NAMES.

    Raises ConfigurationError if there is none.
    """
    variable = environ.get(CONFIG_VARIABLE)
    for key, name in (("--config", option), (f"${CONFIG_VARIABLE}", variable)):
        if name:
            path = cwd / name
            if not path.is_file():
                raise ConfigurationError(key, str(name), "there is no such file")
            return path
    paths = [cwd / name for name in FILE_NAMES]
    for path in paths:
        if path.is_file():
            return path
    looked = ", ".join(["--config", f"${CONFIG_VARIABLE}", *map(str, paths)])
    raise ConfigurationError(
        "configuration file",
        None,
        f"none found, looked at: {looked}. 'digest init' writes one",
    )


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Return the configuration of a file, overridden by the environment.

    Relative paths are relative to the file's folder. Raises ConfigurationError for the first
    mistake; ``problems`` returns all.
    """
    settings, mistakes = _load(path, environ)
    if settings is None:
        raise mistakes[0]
    return settings


def problems(path: Path, environ: Mapping[str, str]) -> list[ConfigurationError]:
    """Return every mistake in a configuration; an empty list if it can be used."""
    _, mistakes = _load(path, environ)
    return mistakes


def _load(
    path: Path, environ: Mapping[str, str]
) -> tuple[Settings | None, list[ConfigurationError]]:
    """Return the settings, or None and the mistakes."""
    try:
        tree = _read(path)
    except ConfigurationError as error:
        return None, [error]
    secret_files = _secret_files(environ)
    values, mistakes = _variables(environ, secret_files)
    overlay, names = _overlay(values)
    for key in [key for key in tree if key not in keys(Settings)]:
        mistakes.append(ConfigurationError(key, None, unknown(key, Settings)))
        del tree[key]
    merged = _absolute(_merge(tree, overlay), path.absolute().parent)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        mistakes += [explain(details, Settings, names) for details in error.errors()]
        return None, mistakes
    rules, wrong = _rules(settings.articles.rule_files)
    mistakes += wrong
    secrets_by_name = {f"${name}": Path(environ[name]) for name in secret_files}
    mistakes += published_secrets(settings, path, secrets_by_name)
    if mistakes:
        return None, mistakes
    settings = settings.model_copy(update={"rules": rules + settings.rules})
    return settings.keeping_secret(path, *secrets_by_name.values()), []


def _rules(paths: Sequence[Path]) -> tuple[tuple[RuleTable, ...], list[ConfigurationError]]:
    """Return the rules of files, in order, and the mistakes in them by file and key."""
    rules: tuple[RuleTable, ...] = ()
    mistakes: list[ConfigurationError] = []
    for path in paths:
        try:
            rules += RuleFile.model_validate(_read(path)).rules
        except ConfigurationError as error:
            mistakes.append(error)
        except ValidationError as error:
            for details in error.errors():
                mistake = explain(details, RuleFile, {})
                key = f"{path}: {mistake.key}"
                mistakes.append(ConfigurationError(key, mistake.value, mistake.problem))
    return rules, mistakes


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file; raise ConfigurationError with line and column."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n"))
    except OSError as error:
        raise ConfigurationError(str(path), None, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}", None, "must be written in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        text = str(error)
        where = _TOML_WHERE.search(text)
        line_column = f":{where[1]}:{where[2]}" if where and where[1] else ""
        problem = _TOML_WHERE.sub(" at the end of the file" if not line_column else "", text)
        if problem == "Invalid value":
            problem += "; texts stand in quotes"
        raise ConfigurationError(f"{path}{line_column}", None, f"no TOML: {problem}") from error
    except (RecursionError, ValueError) as error:  # thousands of brackets or digits
        raise ConfigurationError(str(path), None, f"no TOML that can be read: {error}") from error


def exposed_secrets(path: Path, environ: Mapping[str, str]) -> list[str]:
    """Return the places of passwords that every user of this machine can read.

    That is an option in the configuration file, or a variable that names a file.
    """
    exposed = [
        f"${name}" for name in _secret_files(environ) if readable_by_all(Path(environ[name]))
    ]
    tree = _read(path) if readable_by_all(path) else {}
    for key in secrets(Settings):
        value: Any = tree
        for part in key:
            value = value.get(part) if isinstance(value, dict) else None
        is_url = isinstance(value, str) and "://" in value
        if value and (not is_url or urlsplit(value).password):
            exposed.append(dotted(key))
    return exposed


def _secret_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that name a file, each with the variable of its secret."""
    variables = {f"{_name(key)}{_FILE}": _name(key) for key in secrets(Settings)}
    return {name: variables[name.upper()] for name in environ if name.upper() in variables}


def _variables(
    environ: Mapping[str, str], secret_files: Mapping[str, str]
) -> tuple[dict[str, str], list[ConfigurationError]]:
    """Return the variables that set options, by name in upper case, secrets read from their files.

    Other programs may use variables that start alike: only the name of a table, or a name with
    ``__``, is taken for an option.
    """
    values: dict[str, str] = {}
    mistakes: list[ConfigurationError] = []
    known = {name.upper() for name in keys(Settings)}
    for given, value in sorted(environ.items()):
        name = given.upper()
        if not name.startswith(_PREFIX) or name == CONFIG_VARIABLE:
            continue
        table, nested, _ = name.removeprefix(_PREFIX).partition(_DELIMITER)
        if table not in known:
            if nested:
                mistakes.append(
                    ConfigurationError(f"${given}", None, unknown(table.lower(), Settings))
                )
        elif given not in secret_files:
            values[name] = value
    for given, secret in sorted(secret_files.items()):
        value = environ[given]
        if secret in values:
            mistakes.append(ConfigurationError(f"${given}", value, f"${secret} is set too"))
            continue
        try:
            values[secret] = _secret(Path(value))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            mistakes.append(ConfigurationError(f"${given}", value, f"cannot be read: {reason}"))
    return values, mistakes


def _name(key: KeyPath) -> str:
    """Return the variable of an option."""
    return _PREFIX + _DELIMITER.join(map(str, key)).upper()


def _secret(path: Path) -> str:
    """Return the secret in a file, without its line end. Raises OSError, ValueError."""
    with path.open("rb") as file:
        content = file.read(_MAX_SECRET_BYTES + 1)
    if len(content) > _MAX_SECRET_BYTES:
        raise ValueError("too large for a secret")
    try:
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None


class _Variables(EnvSettingsSource):
    """The given variables, arranged in tables."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {name.lower(): value for name, value in values.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return a list or a table given as JSON; leave anything else to the checks."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def _overlay(values: Mapping[str, str]) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    """Return the variables as a tree, and the variable of each key."""
    names: dict[KeyPath, str] = {
        tuple(name.removeprefix(_PREFIX).lower().split(_DELIMITER)): name for name in values
    }
    return _Variables(values)(), names


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return two trees merged, table by table; ``above`` wins."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            merged[key] = _merge(under, value)
        else:
            merged[key] = value
    return merged


def _absolute(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the tree with every path made absolute, default ones too."""
    for key_path, field in options(Settings):
        if not mentions(field.annotation, Path):
            continue
        *tables, key = key_path
        table: Any = tree
        for name in tables:
            table = table.setdefault(name, {}) if isinstance(table, dict) else None
        if not isinstance(table, dict):
            continue
        value = table.get(key, field.default)
        if isinstance(value, list | tuple):
            table[key] = [_from(folder, item) for item in value]
        elif isinstance(value, dict):
            table[key] = {name: _from(folder, item) for name, item in value.items()}
        elif mentions(field.annotation, str) and isinstance(value, str) and is_address(value):
            pass  # such an option takes either
        else:
            table[key] = _from(folder, value)
    return tree


def _from(folder: Path, value: object) -> object:
    """Return a path made absolute, any other value unchanged."""
    # `~` is replaced, and an empty path refused, when the option is checked.
    if isinstance(value, Path) or (isinstance(value, str) and value and value[0] != "~"):
        # Lexically, so that what is printed is short; a folder may not be there yet.
        return os.path.normpath(folder / value)
    return value


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
        secret = (*key[:-1], str(key[-1]).removesuffix(_FILE.lower()))
        if secret != key and secret in secrets(Settings):
            problem = f"no such key; the file of a secret is named by ${_name(secret)}{_FILE}"
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
    """Return the problem of an unknown key, with the nearest known ones, here or elsewhere."""
    known = list(keys(table)) if table else []
    near = closest(name, known)
    others = _of_this_name(name)
    if not near and len(others) == 1:
        return f"no such key; did you mean {others[0]}?"
    hint = f"did you mean {alternatives(near)}?" if near else f"known here: {', '.join(known)}"
    return f"no such key; {hint}"


def _of_this_name(name: str) -> list[str]:
    """Return the options of all tables that have a name, dotted."""
    named = [dotted(key) for key, _ in options(Settings) if key[-1] == name]
    for table, field in keys(Settings).items():
        if get_origin(field.annotation) is dict:
            inner = get_args(field.annotation)[1]
            if name in keys(inner):
                named.append(f"{table}.NAME.{name}")
    return named


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
