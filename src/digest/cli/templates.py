"""`digest templates`: which templates are overridden, and what has changed in the shipped ones."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Annotated

import typer

from digest import resources
from digest.cli.context import Context
from digest.cli.terminal import FAILED, complain, print_diff, print_table, say
from digest.cli.three_way import merge
from digest.spelling import counted

app = typer.Typer(help="Your own templates beside the shipped ones.", no_args_is_help=True)

#: In the operator's folder: the shipped versions that templates come from, merges that need a
#: hand, and what was there before a merge.
_SHIPPED, _MERGE, _BEFORE = ".shipped", ".merge", ".before"

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
    name: Annotated[
        str | None, typer.Argument(help="A template. Without it: all of your folder.")
    ] = None,
    merged: Annotated[
        bool,
        typer.Option("--merged", help="Only record that yours has what the shipped one has."),
    ] = False,
) -> None:
    """Copy a shipped template into your folder, or bring what changed in it into yours.

    Your changes and ours are merged. Where both touch the same lines, yours stays as it is, and
    the merge with both is written beside it, into `.merge`; ends with 1 then. What was there before
    a merge is kept in `.before`.
    """
    folder, shipped = _folder(context), resources.templates()
    if folder == shipped:
        raise typer.BadParameter(
            "paths.templates is not set; name a folder there, as `digest init --templates` does"
        )
    known = _names(shipped)
    if name is not None and name not in known:
        raise typer.BadParameter(f"no template of the name {name} is shipped")
    if name is not None and merged:
        _require(name, folder)
    names = [name] if name else [own for own in _names(folder) if own in known]
    if merged:
        for each in names:
            record_version(folder, each, (shipped / each).read_bytes())
            (folder / _MERGE / each).unlink(missing_ok=True)
            say(f"{each}: recorded as merged")
    elif [each for each in names if not _updated(each, folder, shipped)]:  # one stops no other
        raise typer.Exit(FAILED)


def _updated(name: str, folder: Path, shipped: Path) -> bool:
    """Bring the changes of a shipped template into the operator's; False if that needs a hand."""
    own, ours = folder / name, (shipped / name).read_bytes()
    mine = own.read_bytes() if own.is_file() else None
    base = _recorded(folder, name)
    if mine is None or mine in (base, ours):
        made, outcome = ours, "as shipped"
    elif base == ours:
        say(f"{name}: the shipped one has not changed")
        return True
    elif base is None:
        complain(
            f"{name}: which shipped version yours comes from is not known. See `digest templates "
            f"diff {name}`, merge by hand, then `digest templates update {name} --merged`"
        )
        return False
    else:
        result = merge(*(_decoded(text) for text in (base, mine, ours)))
        made = result.text.encode("utf-8", "surrogateescape")
        if 2 * mine.count(b"\r\n") > mine.count(b"\n"):  # an editor on Windows
            made = made.replace(b"\n", b"\r\n")
        if result.conflicts:
            _write(folder / _MERGE / name, made)
            places = counted(result.conflicts, "place is", "places are")
            complain(
                f"{name}: {places} changed in both; yours is as it was. Fix "
                f"{folder / _MERGE / name} between the marks, put it in the place of {name}, then "
                f"`digest templates update {name} --merged`"
            )
            return False
        outcome = f"merged; before: {_BEFORE}/{name}"
        _write(folder / _BEFORE / name, mine)
    if made != mine:
        _write(own, made)
    record_version(folder, name, ours)
    say(f"{name}: {outcome}")
    return True


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a daemon may read it now. A link stays a link."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    with contextlib.suppress(FileNotFoundError):  # a new one
        shutil.copymode(path, part)
    part.replace(path)


def _folder(context: typer.Context) -> Path:
    """Return the configured folder of templates, else that of the shipped ones."""
    chosen: Context = context.obj
    return chosen.settings().template_folder()


def _names(*folders: Path) -> list[str]:
    """Return the names of all templates in folders; hidden files and folders are left out."""
    return sorted(
        {
            path.relative_to(folder).as_posix()
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
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
    changed = _recorded(folder, name) not in (None, ours)
    return "overridden, shipped one has changed" if changed else "overridden"


def _require(name: str, *folders: Path) -> None:
    for folder in folders:
        if name not in _names(folder):
            raise typer.BadParameter(f"{folder} has no template {name}")


def _recorded(folder: Path, name: str) -> bytes | None:
    """Return the shipped version that the operator's template comes from; None if not known."""
    try:
        return (folder / _SHIPPED / name).read_bytes()
    except OSError:
        return None


def record_version(folder: Path, name: str, content: bytes) -> None:
    """Record which shipped version a template of a folder comes from."""
    _write(folder / _SHIPPED / name, content)


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def _decoded(content: bytes) -> str:
    """Return a template for a merge, in which the ends of lines make no difference."""
    return content.replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape")
