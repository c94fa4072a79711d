"""The articles in the search index, which is made by the program and can be made again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add a table; it is filled after the first start."""
    op.create_table(
        "search_document",
        sa.Column("id", NUMBER, sa.Identity(), primary_key=True),
        sa.Column("article", NUMBER, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_search_document_article", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("article", name="uq_search_document_article"),
        sqlite_autoincrement=True,
    )
