"""What a file said: so that one that is written again and says the same is not cleaned again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns; until its file is read again nothing is known of its text."""
    op.add_column("file", sa.Column("text_hash", sa.Text()))
    op.add_column("file", sa.Column("raw_hash", sa.Text()))
