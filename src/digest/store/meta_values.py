"""Single values in rows of ``meta``, by name."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from digest.store.schema import meta
from digest.store.statements import PreparedQuery, put

_VALUE = PreparedQuery(select(meta.c.value).where(meta.c.name == bindparam("name")))


def meta_value(connection: Connection, name: str) -> str | None:
    """Return the value of a row; None if there is none."""
    value: str | None = _VALUE.scalar(connection, name=name)
    return value


def put_meta_value(connection: Connection, name: str, value: str) -> None:
    """Store the value of a row, instead of the one that is there."""
    put(connection, meta, [{"name": name, "value": value}], key="name")
