"""`digest templates`: which templates are overridden, and what has changed in the shipped ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from digest import resources
from digest.cli.context import Context
from digest.cli.terminal import FAILED, complain, print_diff, print_table, say

app = typer.Typer(help="Your own templates beside the shipped ones.", no_args_is_help=True)

#: In the folder of overriding templates: the hash of the shipped version that each comes from.
_RECORD = ".shipped.json"

Name = Annotated[str, typer.Argument(help="A template, such as mail/digest.html.")]


@app.callback()
def group() -> None:
    """Your own templates beside the shipped ones."""


@app.command("list")
def list_(context: typer.Context) -> None:
    """List all templates: shipped, overridden, or overridden while the shipped one has changed."""
    folder, shipped = _folder(context), resources.templates()
    rows = [(name, _state(name, folder, shipped)) for name in _names(shipped, folder)]
    print_table(("template", "state"), rows)


@app.command()
def diff(context: typer.Context, name: Name) -> None:
    """Show how your template differs from the shipped one."""
    folder, shipped = _folder(context), resources.templates()
    _require(name, shipped, folder)
    print_diff(_text(shipped / name), _text(folder / name), f"shipped/{name}", f"own/{name}")


@app.command()
def update(
    context: typer.Context,
    name: Name,
    merged: Annotated[
        bool,
        typer.Option("--merged", help="Only record that yours has what the shipped one has."),
    ] = False,
) -> None:
    """Copy a shipped template into your folder, to change it or to follow its changes.

    A template of yours that you have changed is not overwritten: merge the changes by hand, then
    record that with --merged.
    """
    folder, shipped = _folder(context), resources.templates()
    if folder == shipped:
        raise typer.BadParameter("paths.templates is not set: there is no folder of your own")
    if not (shipped / name).is_file() or name not in _names(shipped):
        raise typer.BadParameter(f"no template of the name {name} is shipped")
    ours, own, record = (shipped / name).read_bytes(), folder / name, _record(folder)
    if merged:
        _require(name, folder)
    elif own.is_file() and _hash(own.read_bytes()) not in (_hash(ours), record.get(name)):
        complain(f"{name} has changes of yours: see `digest templates diff {name}`, merge them")
        raise typer.Exit(FAILED)
    if not merged:
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_bytes(ours)
    record[name] = _hash(ours)
    (folder / _RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")
    say(f"{name}: as shipped" if not merged else f"{name}: recorded as merged")


def _folder(context: typer.Context) -> Path:
    """Return the configured folder of templates, else that of the shipped ones."""
    chosen: Context = context.obj
    return chosen.settings().template_folder()


def _names(*folders: Path) -> list[str]:
    """Return the names of all templates in folders, hidden files left out."""
    return sorted(
        {
            path.relative_to(folder).as_posix()
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
    )


def _state(name: str, folder: Path, shipped: Path) -> str:
    if folder == shipped or not (folder / name).is_file():
        return "shipped"
    if not (shipped / name).is_file():
        return "own"
    ours = (shipped / name).read_bytes()
    if (folder / name).read_bytes() == ours:
        return "overridden, same as shipped"
    known = _record(folder).get(name)
    if known is None:
        return "overridden"
    return "overridden" if known == _hash(ours) else "overridden, shipped one has changed"


def _require(name: str, *folders: Path) -> None:
    for folder in folders:
        if name not in _names(folder):
            raise typer.BadParameter(f"{folder} has no template {name}")


def _record(folder: Path) -> dict[str, str]:
    try:
        record = json.loads((folder / _RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
