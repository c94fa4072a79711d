"""Loading: find the configuration file, read it, lay the environment over it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from digest.errors import ConfigurationError
from digest.settings.messages import Place, explain, keys, mentions, options, secrets, unknown
from digest.settings.model import Settings
from digest.settings.options import RuleFile, RuleTable

#: Names the configuration file; no option.
CONFIG_VARIABLE = "DIGEST_CONFIG"
#: Where the file is looked for, relative to the current folder.
PLACES = ("digest.toml", "config/digest.toml")

_PREFIX, _DELIMITER, _FILE = "DIGEST_", "__", "_FILE"
#: A secret is a line; a file of another kind was named by mistake.
_MAX_SECRET_BYTES = 65_536
_TOML_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def find(option: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the configuration file: ``--config``, ``$DIGEST_CONFIG``, or one in a known place.

    Raises ConfigurationError where there is none.
    """
    variable = environ.get(CONFIG_VARIABLE)
    for key, named in (("--config", option), (f"${CONFIG_VARIABLE}", variable)):
        if named:
            path = cwd / named
            if not path.is_file():
                raise ConfigurationError(key, str(named), "there is no such file")
            return path
    for place in PLACES:
        if (cwd / place).is_file():
            return cwd / place
    looked = ", ".join(["--config", f"${CONFIG_VARIABLE}", *(str(cwd / place) for place in PLACES)])
    raise ConfigurationError(
        "configuration file",
        None,
        f"none found, looked at: {looked}. 'digest init' writes one",
    )


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Return the configuration of a file, with the values of the environment laid over it.

    Relative paths in it start at the file's folder. Raises ConfigurationError for the first
    mistake; ``problems`` tells all.
    """
    found = _load(path, environ)
    if isinstance(found, Settings):
        return found
    raise found[0]


def problems(path: Path, environ: Mapping[str, str]) -> list[ConfigurationError]:
    """Return every mistake in a configuration; none where it can be used."""
    found = _load(path, environ)
    return [] if isinstance(found, Settings) else found


def _load(path: Path, environ: Mapping[str, str]) -> Settings | list[ConfigurationError]:
    try:
        tree = _read(path)
    except ConfigurationError as error:
        return [error]
    values, mistakes = _variables(environ)
    overlay, names = _overlay(values)
    for key in [key for key in tree if key not in keys(Settings)]:
        mistakes.append(ConfigurationError(key, None, unknown(key, Settings)))
        del tree[key]
    merged = _absolute(_merge(tree, overlay), path.absolute().parent)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        return mistakes + [explain(found, Settings, names) for found in error.errors()]
    filed, wrong = _rules(settings.articles.rule_files)
    mistakes += wrong
    return mistakes or settings.model_copy(update={"rules": filed + settings.rules})


def _rules(paths: Sequence[Path]) -> tuple[tuple[RuleTable, ...], list[ConfigurationError]]:
    """Return the rules of files, in their order, and what is wrong with them by file and key."""
    found: tuple[RuleTable, ...] = ()
    mistakes: list[ConfigurationError] = []
    for path in paths:
        try:
            found += RuleFile.model_validate(_read(path)).rules
        except ConfigurationError as error:
            mistakes.append(error)
        except ValidationError as error:
            for one in error.errors():
                told = explain(one, RuleFile, {})
                mistakes.append(ConfigurationError(f"{path}: {told.key}", told.value, told.problem))
    return found, mistakes


def _read(path: Path) -> dict[str, Any]:
    """Return what a TOML file says; raise ConfigurationError with line and column."""
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
        raise ConfigurationError(f"{path}{line_column}", None, f"no TOML: {problem}") from error


def _variables(environ: Mapping[str, str]) -> tuple[dict[str, str], list[ConfigurationError]]:
    """Return the variables that set options, by name in upper case, secrets read from their files.

    Other programs may use variables that start alike, so that only a name with ``__``, or one
    of a table, is taken for an option.
    """
    values: dict[str, str] = {}
    mistakes: list[ConfigurationError] = []
    by_file = {f"{_name(place)}{_FILE}": _name(place) for place in secrets(Settings)}
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
        elif name not in by_file:
            values[name] = value
    for given, value in sorted(environ.items()):
        secret = by_file.get(given.upper())
        if secret in values:
            mistakes.append(ConfigurationError(f"${given}", value, f"${secret} is set too"))
        elif secret is not None:
            try:
                values[secret] = _secret(Path(value))
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                mistakes.append(ConfigurationError(f"${given}", value, f"cannot be read: {reason}"))
    return values, mistakes


def _name(place: Place) -> str:
    """Return the variable of an option."""
    return _PREFIX + _DELIMITER.join(str(part) for part in place).upper()


def _secret(path: Path) -> str:
    """Return the secret that a file holds, without the line's end."""
    with path.open("rb") as file:
        content = file.read(_MAX_SECRET_BYTES + 1)
    if len(content) > _MAX_SECRET_BYTES:
        raise ValueError("too large for a secret")
    try:
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None


class _Variables(EnvSettingsSource):
    """The variables that were handed in, unfolded into tables."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {name.lower(): value for name, value in values.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return a list or table given as JSON; anything else as it is, for the checks to tell."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def _overlay(values: Mapping[str, str]) -> tuple[dict[str, Any], dict[Place, str]]:
    """Return the variables as a tree, and which variable each key came from."""
    names: dict[Place, str] = {
        tuple(name.removeprefix(_PREFIX).lower().split(_DELIMITER)): name for name in values
    }
    return _Variables(values)(), names


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return two trees as one; ``above`` wins, and tables are merged."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            merged[key] = _merge(under, value)
        else:
            merged[key] = value
    return merged


def _absolute(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the tree with every path made absolute, the default ones too."""
    for place, field in options(Settings):
        if not mentions(field.annotation, Path):
            continue
        *tables, key = place
        table: Any = tree
        for name in tables:
            table = table.setdefault(name, {}) if isinstance(table, dict) else None
        if not isinstance(table, dict):
            continue
        value = table.get(key, field.default)
        if isinstance(value, list | tuple):
            table[key] = [_from(folder, one) for one in value]
        elif isinstance(value, dict):
            table[key] = {name: _from(folder, one) for name, one in value.items()}
        else:
            table[key] = _from(folder, value)
    return tree


def _from(folder: Path, value: object) -> object:
    """Return a path made absolute; what is none, or is resolved when it is checked, as it is."""
    # A home folder is found, and an empty path refused, when the option is checked.
    if isinstance(value, Path) or (isinstance(value, str) and value and value[0] != "~"):
        # Lexically, so that what is printed is short; a folder may not be there yet.
        return os.path.normpath(folder / value)
    return value
