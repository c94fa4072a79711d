"""Persons with subscriptions, the history of states, and the numbers in links already sent."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from digest.subscribers.address import address_key

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS = "digest, name, categories, language, timezone, state, reason, created_at, changed_at"


def upgrade() -> None:
    """Give each address a person, and keep which number in a link stood for whom."""
    connection = op.get_bind()
    _make_persons()
    rows = connection.execute(sa.text("SELECT * FROM subscriber ORDER BY id"))
    old = [dict(row) for row in rows.mappings()]
    persons = _persons(old)
    kept = _kept(old)
    _insert(
        "person",
        ("id", "identifier", "address", "folded"),
        [
            {
                "id": number,
                "identifier": b32encode(secrets.token_bytes(10)).decode().lower(),
                "address": address,
                "folded": folded,
            }
            for folded, (number, address) in persons.items()
        ],
    )
    _insert(
        "person_alias",
        ("identifier", "person", "digest"),
        [
            {
                "identifier": str(row["id"]),
                "person": persons[address_key(row["address"])][0],
                "digest": row["digest"],
            }
            for row in old
        ],
    )
    if old:  # up to it numbers in links are of somebody, who may have been removed since
        _insert("meta", ("name", "value"), [{"name": "old_links", "value": str(old[-1]["id"])}])
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:  # dropping the table there would empty this column of deliveries
        op.execute("CREATE TEMPORARY TABLE receiver (id INTEGER PRIMARY KEY, subscriber INTEGER)")
        op.execute(
            "INSERT INTO receiver SELECT id, subscriber FROM delivery WHERE subscriber IS NOT NULL"
        )
    else:
        op.drop_constraint("fk_delivery_subscriber", "delivery", type_="foreignkey")
    op.drop_index("ix_subscriber_welcome", "subscriber")
    op.drop_table("subscriber")
    _make_subscribers()
    _insert(
        "subscriber",
        (*_COLUMNS.split(", "), "id", "welcome", "person", "since", "consent"),
        [
            {
                **row,
                "person": persons[address_key(row["address"])][0],
                "since": row["changed_at"] if row["state"] != "active" else row["created_at"],
                "consent": "",
            }
            for row in kept
        ],
    )
    if sqlite:
        op.execute(
            "UPDATE delivery SET subscriber = (SELECT subscriber FROM receiver"
            " WHERE receiver.id = delivery.id AND subscriber IN (SELECT id FROM subscriber))"
            " WHERE id IN (SELECT id FROM receiver)"
        )
        op.execute("DROP TABLE receiver")
    else:
        op.execute(
            "UPDATE delivery SET subscriber = NULL"
            " WHERE subscriber NOT IN (SELECT id FROM subscriber)"
        )
        op.create_foreign_key(
            "fk_delivery_subscriber",
            "delivery",
            "subscriber",
            ["subscriber"],
            ["id"],
            ondelete="SET NULL",
        )
        for table in ("person", "subscriber"):
            op.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"  # noqa: S608 our own names
                f" GREATEST((SELECT MAX(id) FROM {table}), {len(old) and old[-1]['id']}, 1))"
            )


def _persons(rows: Iterable[dict[str, Any]]) -> dict[str, tuple[int, str]]:
    """Return the number and the first spelling of each address, by its key."""
    persons: dict[str, tuple[int, str]] = {}
    for row in rows:
        persons.setdefault(address_key(row["address"]), (len(persons) + 1, row["address"]))
    return persons


def _kept(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each person and digest: of two, the one that gets no mail."""
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = row["digest"], address_key(row["address"])
        if key not in kept or kept[key]["state"] == "active" != row["state"]:
            kept[key] = row
    return list(kept.values())


def _insert(table: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    if rows:
        into = sa.table(table, *map(sa.column, columns))
        op.get_bind().execute(
            into.insert(), [{name: row[name] for name in columns} for row in rows]
        )


def _make_persons() -> None:
    op.create_table(
        "person",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("identifier", name="uq_person_identifier"),
        sa.UniqueConstraint("folded", name="uq_person_folded"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "person_alias",
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("person", NUMBER),
        sa.Column("digest", sa.Text()),
        sa.ForeignKeyConstraint(
            ["person"], ["person.id"], name="fk_person_alias_person", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("identifier", name="pk_person_alias"),
    )
    op.create_index("ix_person_alias_person", "person_alias", ["person"])


def _make_subscribers() -> None:
    op.create_table(
        "subscriber",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("person", NUMBER, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("language", sa.Text()),
        sa.Column("timezone", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("consent", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("welcome", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.ForeignKeyConstraint(
            ["person"], ["person.id"], name="fk_subscriber_person", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_subscriber"),
        sa.UniqueConstraint("digest", "person", name="uq_subscriber_digest_person"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subscriber_person", "subscriber", ["person"])
    op.create_index(
        "ix_subscriber_welcome",
        "subscriber",
        ["digest"],
        sqlite_where=sa.text("welcome = 1"),
        postgresql_where=sa.text("welcome"),
    )
    op.create_table(
        "past_state",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("subscriber", NUMBER, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscriber.id"], name="fk_past_state_subscriber", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_past_state"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_past_state_subscriber", "past_state", ["subscriber"])
