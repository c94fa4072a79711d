"""Who claimed a delivery, and whether its recipient was refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns; refusals before this migration are not counted."""
    op.add_column("delivery", sa.Column("claimed_by", sa.Text()))
    op.add_column(
        "delivery",
        sa.Column("refused", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
