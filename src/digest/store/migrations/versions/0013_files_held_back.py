"""Files that hold their article back, or let it be read up to a date only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns; until its file is read again no article is held back."""
    op.add_column("file", sa.Column("expires_at", sa.BigInteger()))
    op.add_column(
        "file", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    expires = sa.text("expires_at IS NOT NULL")
    op.create_index(
        "ix_file_expires_at",
        "file",
        ["expires_at"],
        sqlite_where=expires,
        postgresql_where=expires,
    )
    op.create_index(
        "ix_file_held",
        "file",
        ["article"],
        sqlite_where=sa.text("held = 1"),
        postgresql_where=sa.text("held"),
    )
