"""Single values in rows of ``meta``, by name."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from digest.store.schema import meta
from digest.store.statements import PreparedQuery

_VALUE = PreparedQuery(select(meta.c.value).where(meta.c.name == bindparam("name")))


def meta_value(connection: Connection, name: str) -> str | None:
    """Return the value of a row; None if there is none."""
    value: str | None = _VALUE.scalar(connection, name=name)
    return value
