"""Files that name the id of an article that says something else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column; until such a file is read again nothing is known of it."""
    op.add_column("file", sa.Column("rival", sa.Text()))
