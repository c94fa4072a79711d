"""The archives of feeds, and what each of them holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "archive",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_archive"),
        sa.UniqueConstraint("feed", "number", name="uq_archive_feed_number"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "archive_entry",
        sa.Column("archive", NUMBER, nullable=False),
        sa.Column("article", NUMBER, nullable=False),
        sa.Column("changed_at", sa.BigInteger()),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["archive"], ["archive.id"], name="fk_archive_entry_archive", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_archive_entry_article", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("archive", "article", name="pk_archive_entry"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_archive_entry_article", "archive_entry", ["article"])
