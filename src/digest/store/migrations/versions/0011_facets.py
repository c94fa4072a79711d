"""Tables of facets under their new names; categories whose folders have another name now."""

from __future__ import annotations

import json
from hashlib import blake2b

import sqlalchemy as sa
from alembic import op

from digest.articles.model import CategoryPath

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename tables, a column, an index, constraints (PostgreSQL), and rows named by folders."""
    op.rename_table("strand", "facet")
    op.rename_table("strand_article", "facet_article")
    op.execute("ALTER TABLE facet_article RENAME COLUMN strand TO facet")
    op.drop_index("ix_strand_article_strand_published_at_article", "facet_article")
    op.create_index(
        "ix_facet_article_facet_published_at_article",
        "facet_article",
        ["facet", "published_at", "article"],
    )
    op.execute("UPDATE meta SET name = 'facet_rules' WHERE name = 'woven'")
    if op.get_context().dialect.name == "postgresql":
        for table, old, new in (
            ("facet", "pk_strand", "pk_facet"),
            ("facet", "uq_strand_key", "uq_facet_key"),
            ("facet_article", "pk_strand_article", "pk_facet_article"),
            ("facet_article", "fk_strand_article_article", "fk_facet_article_article"),
            ("facet_article", "fk_strand_article_strand", "fk_facet_article_facet"),
        ):
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
    _rename_folders()


def _rename_folders() -> None:
    """Follow categories such as ``rss.xml.br``, whose dots are escaped in folders by now."""
    connection = op.get_bind()
    query = sa.text("SELECT id, folder, names FROM category")
    for number, old, names in connection.execute(query).all():
        new = CategoryPath(tuple(json.loads(names))).folder
        if new == old:
            continue
        values = {"id": number, "folder": new, "key": _hashed(new)}
        values |= {"was": _hashed(f"category:{old}"), "change": _hashed(f"category:{new}")}
        values |= {"feed_was": _hashed(f"feeds/{old}/"), "feed": _hashed(f"feeds/{new}/")}
        for statement in (
            "UPDATE category SET folder = :folder, key = :key WHERE id = :id",
            "UPDATE feed_change SET key = :change WHERE key = :was",
            "UPDATE archive SET feed = :feed WHERE feed = :feed_was",
        ):
            connection.execute(sa.text(statement), values)


def _hashed(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()
