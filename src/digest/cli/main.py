"""The program `digest`: its global options, its commands, its exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from digest import __version__
from digest.cli import (
    articles,
    build,
    check,
    editions,
    init,
    mail,
    run,
    sources,
    status,
    subscriber_lists,
    subscribers,
    templates,
    unsubscribe,
)
from digest.cli.context import Context
from digest.cli.terminal import FAILED, MISUSED, complain
from digest.errors import ConfigurationError, DigestError, TemplateError

app = typer.Typer(
    name="digest",
    help="Turn a folder of articles into RSS, Atom and JSON feeds and a daily mail digest.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"digest {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Configuration file. Default: $DIGEST_CONFIG, ./digest.toml, config/digest.toml.",
            show_default=False,
        ),
    ] = None,
    _version_wanted: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Take the global options."""
    context.obj = Context(config)


parts = (init, check, run, build, status, mail)
for part in (*(module.app for module in parts), build.output_commands):
    app.registered_commands += part.registered_commands
app.add_typer(articles.app, name="articles")
app.add_typer(editions.delivery_commands, name="deliveries")
app.add_typer(editions.app, name="editions")
app.add_typer(sources.app, name="sources")
subscribers.app.registered_commands += subscriber_lists.app.registered_commands
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(templates.app, name="templates")
app.add_typer(unsubscribe.app, name="unsubscribe")


def main() -> None:
    """Run the program and leave with 0 (fine), 1 (the work had failures) or 2 (misuse).

    Nothing that it writes may be changed by another user, whatever the umask.
    """
    os.umask(os.umask(0o077) | 0o022)
    try:
        app(prog_name="digest")
    except (ConfigurationError, TemplateError) as error:
        complain(str(error))
        sys.exit(MISUSED)
    except ExceptionGroup as group:
        sys.exit(_explain(group))
    except (DigestError, OSError) as error:
        complain(_told(error))
        sys.exit(FAILED)


def _told(error: Exception) -> str:
    """Return an error for a person; one of the system without its number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _explain(group: ExceptionGroup) -> int:
    """Print each error of a group; return 2 if the configuration has one, else 1."""
    known, unknown = group.split((DigestError, OSError))
    if unknown:
        raise unknown
    errors = known.exceptions if known else ()
    for error in errors:
        complain(_told(error))
    misused = any(isinstance(error, ConfigurationError | TemplateError) for error in errors)
    return MISUSED if misused else FAILED
