"""Copies of assets that no file refers to, and since when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table, empty, and the index that tells whether a copy is referred to."""
    op.create_table(
        "unused_asset",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_unused_asset"),
    )
    op.create_index("ix_file_asset_name", "file_asset", ["name"])
