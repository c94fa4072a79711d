"""Articles and files, subscribers, editions and deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    _make_articles()
    _make_mail()


def _make_articles() -> None:
    op.create_table(
        "article",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("by_path", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text()),
        sa.Column("link", sa.Text()),
        sa.Column("image", sa.Text()),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_article"),
        sa.UniqueConstraint("key", name="uq_article_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_article_published_at_id", "article", ["published_at", "id"])
    op.create_table(
        "category",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_category"),
        sa.UniqueConstraint("key", name="uq_category_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "membership",
        sa.Column("article", NUMBER, nullable=False),
        sa.Column("category", NUMBER, nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_membership_article", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["category"], ["category.id"], name="fk_membership_category", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article", "category", name="pk_membership"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_membership_category_published_at_article",
        "membership",
        ["category", "published_at", "article"],
    )
    op.create_table(
        "file",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("missing_at", sa.BigInteger()),
        sa.Column("article", NUMBER),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_file_article", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("key", name="pk_file"),
    )
    op.create_index("ix_file_article", "file", ["article"])
    op.create_index(
        "ix_file_missing_content",
        "file",
        ["content"],
        sqlite_where=sa.text("missing_at IS NOT NULL"),
        postgresql_where=sa.text("missing_at IS NOT NULL"),
    )
    op.create_table(
        "problem",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["file"], ["file.key"], name="fk_problem_file", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("file", name="pk_problem"),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )


def _make_mail() -> None:
    op.create_table(
        "subscriber",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("language", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscriber"),
        sa.UniqueConstraint("digest", "folded", name="uq_subscriber_digest_folded"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "digest",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_digest"),
    )
    op.create_table(
        "edition",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_edition"),
        sa.UniqueConstraint("digest", "due_at", name="uq_edition_digest_due_at"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_edition_open",
        "edition",
        ["id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "uq_edition_digest_number",
        "edition",
        ["digest", "number"],
        unique=True,
        sqlite_where=sa.text("number > 0"),
        postgresql_where=sa.text("number > 0"),
    )
    op.create_table(
        "edition_article",
        sa.Column("edition", NUMBER, nullable=False),
        sa.Column("article", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_edition_article_article", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["edition"], ["edition.id"], name="fk_edition_article_edition", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("edition", "article", name="pk_edition_article"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("edition", NUMBER, nullable=False),
        sa.Column("subscriber", NUMBER),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(
            ["edition"], ["edition.id"], name="fk_delivery_edition", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber"], ["subscriber.id"], name="fk_delivery_subscriber", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("edition", "subscriber", name="uq_delivery_edition_subscriber"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["due_at", "id"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_delivery_subscriber", "delivery", ["subscriber"])
