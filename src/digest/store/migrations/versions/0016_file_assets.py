"""Files that articles refer to: when one changes, its articles are read again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table; it is filled as files are read again."""
    op.create_table(
        "file_asset",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file"], ["file.key"], name="fk_file_asset_file", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file", "key", name="pk_file_asset"),
    )
    op.create_index("ix_file_asset_key", "file_asset", ["key"])
