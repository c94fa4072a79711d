"""Which articles are pinned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column; until its file is read again no article is pinned."""
    op.add_column("article", sa.Column("pinned", sa.Integer(), nullable=False, server_default="0"))
