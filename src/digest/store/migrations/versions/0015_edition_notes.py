"""What an editor says above an edition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the notes of editions, and those that wait for the next one."""
    op.add_column("edition", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "edition_note",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_edition_note"),
    )
