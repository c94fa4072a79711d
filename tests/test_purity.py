"""Modules that say ``# pure`` take values and return values: they import no adapter."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "digest"
ADAPTERS = {
    "asyncio", "logging", "structlog", "sqlalchemy", "watchdog", "apscheduler", "aiosmtplib",
    "httpx", "uvicorn", "threading", "socket", "random", "secrets",
}  # fmt: skip


def pure_modules() -> list[Path]:
    return [
        path for path in SOURCE.rglob("*.py") if "\n# pure\n" in path.read_text(encoding="utf-8")
    ]


def imported(path: Path) -> set[str]:
    """Return the top-level names of all that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def test_pure_modules_import_no_adapter() -> None:
    modules = pure_modules()
    assert len(modules) > 60
    assert {
        str(path.relative_to(SOURCE)): imported(path) & ADAPTERS
        for path in modules
        if imported(path) & ADAPTERS
    } == {}


def test_pure_modules_read_no_clock() -> None:
    calls = ("datetime.now(", "time.time(", "monotonic(", "utcnow(", "utc_now(")
    assert [
        f"{path.relative_to(SOURCE)}: {call}"
        for path in pure_modules()
        for call in calls
        if call in path.read_text(encoding="utf-8")
    ] == []
