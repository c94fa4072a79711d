"""Who may see an article is written down in one module."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy.dialects import sqlite

from digest import store
from digest.store.schema import article_state
from digest.store.visibility import visible, visible_state

#: SQL conditions on the column that tells whether an article is hidden.
_CONDITION = re.compile(r"\.c\.hidden(?:\s*[=!<>]=|\.(?:in_|not_in|is_|bitwise))")


def test_no_other_module_writes_the_condition_out() -> None:
    folder = Path(*store.__path__)
    conditions = {
        path.name for path in folder.rglob("*.py") if _CONDITION.search(path.read_text("utf-8"))
    }
    assert conditions == {"visibility.py", "schema.py"}, "schema.py has an index of hidden articles"


def test_the_condition_of_a_joined_row_is_the_same() -> None:
    def sql(condition: object) -> str:
        return str(condition.compile(dialect=sqlite.dialect()))  # type: ignore[attr-defined]

    assert sql(visible_state()) in sql(visible())
    assert sql(visible_state(article_state.alias("state"))) == "state.hidden = ?"
    assert sql(~visible_state()) == "article_state.hidden != ?", "as its index has it"
