"""What each file of an article said, likenesses, withdrawals, embargoes, notes."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Extend the tables of files and problems, and add those that are new."""
    _extend_files()
    _extend_problems()
    op.create_table(
        "likeness",
        sa.Column("article", NUMBER, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("exact", sa.Text(), nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_likeness_article", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article", name="pk_likeness"),
    )
    op.create_index("ix_likeness_exact", "likeness", ["exact"])
    op.create_index("ix_likeness_title_article", "likeness", ["title", "article"])
    op.create_table(
        "withdrawal",
        sa.Column("article", NUMBER, nullable=False),
        sa.Column("at", sa.BigInteger()),
        sa.Column("word", sa.Text()),
        sa.ForeignKeyConstraint(
            ["article"], ["article.id"], name="fk_withdrawal_article", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article", name="pk_withdrawal"),
    )
    _index_where_there_is("ix_withdrawal_at", "withdrawal", ["at", "article"], "at")


def _extend_files() -> None:
    op.add_column(
        "file", sa.Column("leads", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("file", sa.Column("fingerprint", sa.Text()))
    op.add_column("file", sa.Column("categories", sa.Text()))
    op.add_column("file", sa.Column("embargo_at", sa.BigInteger()))
    _index_where_there_is("ix_file_embargo_at", "file", ["embargo_at"], "embargo_at")
    connection = op.get_bind()
    connection.execute(
        sa.text("UPDATE file SET leads = :yes WHERE article IS NOT NULL").bindparams(
            sa.bindparam("yes", value=True, type_=sa.Boolean())
        )
    )
    # Until now an article had the categories of the file that was read last.
    found: dict[int, list[list[str]]] = {}
    for article, names in connection.execute(
        sa.text(
            "SELECT m.article, c.names FROM membership m JOIN category c ON c.id = m.category "
            "WHERE m.position IS NOT NULL ORDER BY m.article, m.position"
        )
    ):
        found.setdefault(article, []).append(json.loads(names))
    statement = sa.text("UPDATE file SET categories = :categories WHERE article = :article")
    for article, paths in found.items():
        categories = json.dumps(paths, ensure_ascii=False)
        connection.execute(statement, {"article": article, "categories": categories})


def _extend_problems() -> None:
    columns = ("file", "line", "cause", "seen_at")
    kept = [
        dict(zip(columns, row, strict=True))
        for row in op.get_bind().execute(sa.text("SELECT file, line, cause, seen_at FROM problem"))
    ]
    op.drop_table("problem")
    problem = op.create_table(
        "problem",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["file"], ["file.key"], name="fk_problem_file", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("file", "position", name="pk_problem"),
    )
    op.bulk_insert(problem, [{**row, "position": 0, "severity": "failed"} for row in kept])


def _index_where_there_is(name: str, table: str, columns: list[str], there: str) -> None:
    condition = sa.text(f"{there} IS NOT NULL")
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
