"""Pauses, changes of address, and addresses that are not to come back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns and a table, empty."""
    op.add_column("subscriber", sa.Column("paused_until", sa.BigInteger()))
    op.add_column("signup", sa.Column("person", sa.Text()))
    op.create_table(
        "erased_address",
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name="pk_erased_address"),
    )
