"""Notices to former addresses that another one took their place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column: no request is a notice."""
    op.add_column(
        "signup", sa.Column("notice", sa.Boolean(), nullable=False, server_default=sa.false())
    )
