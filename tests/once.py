"""What is done once for all tests of a process, or not at all, since each would do the same."""

from __future__ import annotations

import functools
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from types import CodeType

import jinja2
import pytest
from jinja2 import nodes
from sqlalchemy.engine import make_url

from digest.app import wiring
from digest.feeds.publish import output_folder
from digest.store.connection import PATIENCE
from digest.store.database import Store, open_store


@functools.cache
def migrated() -> bytes:
    """Return a SQLite database with the newest schema and nothing in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "digest.db")
        open_store(f"sqlite:///{path}").close()
        return path.read_bytes()


def open_migrated(url: str, *, patience: timedelta = PATIENCE) -> Store:
    """Open a store; a SQLite database that is not there yet is a copy of the migrated one."""
    found = make_url(url)
    if found.drivername == "sqlite" and found.database:
        path = Path(found.database)
        if path.parent.is_dir() and not path.exists():
            path.write_bytes(migrated())
    return open_store(url, patience=patience)


def compile_once(patch: pytest.MonkeyPatch) -> None:
    """Have Jinja compile each template once, whatever environment asks for it.

    A filter of a constant may not be worked out when a template is compiled: what filters return
    is the matter of an environment.
    """
    compiled: dict[tuple[object, ...], CodeType] = {}
    compile_anew = jinja2.Environment.compile

    def compile_template(
        environment: jinja2.Environment,
        source: str,
        name: str | None = None,
        filename: str | None = None,
    ) -> CodeType:
        escapes = environment.autoescape
        key = (
            source,
            name,
            filename,
            type(environment),
            escapes(name) if callable(escapes) else escapes,
            environment.undefined,
            environment.trim_blocks,
            environment.lstrip_blocks,
            frozenset(environment.filters),
            frozenset(environment.tests),
        )
        if key not in compiled:
            compiled[key] = compile_anew(environment, source, name, filename)
        return compiled[key]

    def not_yet(*_: object) -> None:
        raise nodes.Impossible

    patch.setattr(nodes.Filter, "as_const", not_yet)
    patch.setattr(jinja2.Environment, "compile", compile_template)


def open_copies(patch: pytest.MonkeyPatch) -> None:
    """Have services open copies of one migrated database; migrations have tests of their own."""
    patch.setattr(wiring, "open_store", open_migrated)


def sync_nothing(patch: pytest.MonkeyPatch) -> None:
    """Have nothing wait for the disk: no power fails here. Tests of syncing look at the calls."""
    patch.setattr(os, "fsync", lambda _: None)
    patch.setattr(output_folder, "sync_file_system", lambda _: None)
