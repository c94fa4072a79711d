"""Strands of articles: authors, languages, the operator's feeds."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: Rows written at once.
BATCH = 1_000


def upgrade() -> None:
    """Make the tables, and file the articles that there are under their authors.

    Languages and the operator's feeds need the configuration: the first scan sees to them.
    """
    strand = op.create_table(
        "strand",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_strand"),
        sa.UniqueConstraint("key", name="uq_strand_key"),
        sqlite_autoincrement=True,
    )
    rows = op.create_table(
        "strand_article",
        sa.Column("article", NUMBER, nullable=False),
        sa.Column("strand", NUMBER, nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_strand_article_article", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["strand"], ["strand.id"], name="fk_strand_article_strand", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article", "strand", name="pk_strand_article"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_strand_article_strand_published_at_article",
        "strand_article",
        ["strand", "published_at", "article"],
    )
    _file_under_authors(strand, rows)


def _file_under_authors(strand: sa.Table, rows: sa.Table) -> None:
    connection = op.get_bind()
    articles = [
        (number, published_at, [name for name in dict.fromkeys(json.loads(names)) if name])
        for number, published_at, names in connection.execute(
            sa.text("SELECT id, published_at, authors FROM article ORDER BY id")
        )
    ]
    found = dict.fromkeys(name for _, _, names in articles for name in names)
    made = [
        {"id": number, "key": _hashed(f"author:{name}"), "kind": "author", "name": name}
        for number, name in enumerate(found, 1)
    ]
    numbers = {row["name"]: row["id"] for row in made}
    filed = [
        {"article": number, "strand": numbers[name], "published_at": published_at}
        for number, published_at, names in articles
        for name in names
    ]
    for table, all_rows in ((strand, made), (rows, filed)):
        for start in range(0, len(all_rows), BATCH):
            connection.execute(table.insert(), all_rows[start : start + BATCH])
    if made and connection.dialect.name == "postgresql":
        # Numbers that were given by hand are not counted by the column itself.
        connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence('strand', 'id'), :last)"),
            {"last": len(made)},
        )


def _hashed(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
