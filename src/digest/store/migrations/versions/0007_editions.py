"""Drafts, cancelled editions and welcomes; the zones of subscribers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; nobody who is subscribed by now is owed a welcome."""
    op.add_column("edition", sa.Column("announced_at", sa.BigInteger()))
    op.add_column("edition", sa.Column("cancelled_at", sa.BigInteger()))
    op.add_column("subscriber", sa.Column("timezone", sa.Text()))
    for table in ("edition", "subscriber"):
        op.add_column(
            table,
            sa.Column("welcome", sa.Boolean(), nullable=False, server_default=sa.false()),
        )
    by_hand = sa.false()
    op.add_column(
        "edition", sa.Column("by_hand", sa.Boolean(), nullable=False, server_default=by_hand)
    )
    drafts = sa.text("state = 'draft'")
    op.create_index(
        "ix_edition_draft", "edition", ["id"], sqlite_where=drafts, postgresql_where=drafts
    )
    op.create_index(
        "ix_subscriber_welcome",
        "subscriber",
        ["digest"],
        sqlite_where=sa.text("welcome = 1"),
        postgresql_where=sa.text("welcome"),
    )
