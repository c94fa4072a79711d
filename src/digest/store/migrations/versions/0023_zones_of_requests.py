"""The time zones of those who ask to subscribe."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column, empty."""
    op.add_column("signup", sa.Column("timezone", sa.Text()))
