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

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Copy what the tables strand and strand_article hold; rename folders of categories."""
    op.create_table(
        "facet",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_facet"),
        sa.UniqueConstraint("key", name="uq_facet_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "facet_article",
        sa.Column("article", NUMBER, nullable=False),
        sa.Column("facet", NUMBER, nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_facet_article_article", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["facet"], ["facet.id"], name="fk_facet_article_facet", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article", "facet", name="pk_facet_article"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO facet (id, key, kind, name) SELECT id, key, kind, name FROM strand")
    op.execute(
        "INSERT INTO facet_article (article, facet, published_at)"
        " SELECT article, strand, published_at FROM strand_article"
    )
    op.create_index(
        "ix_facet_article_facet_published_at_article",
        "facet_article",
        ["facet", "published_at", "article"],
    )
    op.drop_table("strand_article")
    op.drop_table("strand")
    if op.get_context().dialect.name == "postgresql":
        # Numbers that were given by hand are not counted by the column itself.
        last = "SELECT coalesce(max(id), 0) + 1 FROM facet"
        op.execute(f"SELECT setval(pg_get_serial_sequence('facet', 'id'), ({last}), false)")
    op.execute("UPDATE meta SET name = 'facet_rules' WHERE name = 'woven'")
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
