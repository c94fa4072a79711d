"""Pauses, why a subscriber's state changed, and which editions were reported."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; editions that are over by now are not reported any more."""
    op.create_table(
        "pause",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("probe_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_pause"),
    )
    pending = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_delivery_pending",
        "delivery",
        ["edition"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    op.add_column("subscriber", sa.Column("reason", sa.Text()))
    op.add_column("edition", sa.Column("reported_at", sa.BigInteger()))
    op.execute("UPDATE edition SET reported_at = created_at WHERE state <> 'open'")
