"""Upstream feeds that are followed, and their entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables, and whether editions take an article when it is new."""
    op.create_table(
        "source",
        sa.Column("name", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("url", "moved_to", "redirect_to", "entity_tag", "last_modified")
        ),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("health", "answer", "title", "home")
        ),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("redirects", "failures")),
        *(sa.Column(name, sa.BigInteger()) for name in ("asked_at", "changed_at", "next_at")),
        sa.Column("interval", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_source"),
    )
    op.create_table(
        "source_entry",
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("source", "key", "alias", "path", "content", "written")
        ),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", name="pk_source_entry"),
        sqlite_with_rowid=False,
    )
    op.add_column(
        "article_state",
        sa.Column("announced", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.create_index("ix_source_entry_source_alias", "source_entry", ["source", "alias"])
    op.create_index("ix_source_entry_source_taken_at", "source_entry", ["source", "taken_at"])
