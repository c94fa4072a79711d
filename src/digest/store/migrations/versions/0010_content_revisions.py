"""Content revisions: what changed when, which articles may be seen, what lies in output folders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Hide what is withdrawn; no output folder is known, so that everything is published anew."""
    op.create_table(
        "article_state",
        sa.Column("article", NUMBER, nullable=False),
        sa.Column("hidden", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_article_state_article", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article", name="pk_article_state"),
    )
    op.execute(
        "INSERT INTO article_state (article, hidden, revision) SELECT id, CASE WHEN id IN"
        " (SELECT article FROM withdrawal WHERE at IS NOT NULL) THEN 1 ELSE 0 END, 0 FROM article"
    )
    op.create_index("ix_article_state_revision", "article_state", ["revision"])
    hidden = sa.text("hidden != 0")
    op.create_index(
        "ix_article_state_hidden",
        "article_state",
        ["article"],
        sqlite_where=hidden,
        postgresql_where=hidden,
    )
    op.create_table(
        "content_revision",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_content_revision"),
    )
    op.create_table(
        "feed_change",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_feed_change"),
    )
    op.create_index("ix_feed_change_revision", "feed_change", ["revision"])
    op.create_table(
        "output",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger()),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_output"),
    )
    op.create_table(
        "published_file",
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["output"], ["output.token"], name="fk_published_file_output", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("output", "key", name="pk_published_file"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "unsynced_writer",
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(
            ["output"], ["output.token"], name="fk_unsynced_writer_output", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("output", "boot", "pid", name="pk_unsynced_writer"),
        sqlite_with_rowid=False,
    )
