"""Where articles were taken from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column that no article has a value in: all files are read again anyway."""
    op.add_column("article", sa.Column("credit", sa.Text()))
