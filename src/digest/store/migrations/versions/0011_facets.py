"""The names that the tables of facets have had since: facet, facet_article."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename tables, column, index, and (where they can be) constraints; no row changes but one."""
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
