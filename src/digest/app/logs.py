"""Logs: constant text plus fields; for people on a terminal, else as JSON lines.

Fields may come from a file or a server, so control characters in them are escaped.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Literal, TextIO

import structlog

from digest.articles.characters import escaped

#: Libraries of which only warnings and errors are logged.
_QUIET = ("alembic", "apscheduler", "asyncio", "httpcore", "httpx", "uvicorn", "watchdog")


def configure_logs(
    level: str, style: Literal["text", "json", "auto"], stream: TextIO | None = None
) -> None:
    """Send all logs, of libraries too, to ``stream`` (standard error by default).

    ``auto`` writes text for a terminal and JSON lines for anything else.
    """
    stream = stream or sys.stderr
    as_text = style == "text" or (style == "auto" and stream.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.types.Processor] = (
        # Plain: the default shows local variables: addresses, tokens and passwords among them.
        [
            _escape_fields,
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
        if as_text
        else [structlog.processors.JSONRenderer(_escaped_json, ensure_ascii=False)]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                *last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _escape_fields(
    _: object, __: str, fields: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Escape every text; tracebacks keep their lines."""
    for key, value in fields.items():
        if isinstance(value, str):
            lines = value.split("\n") if key in ("exception", "stack") else (value,)
            fields[key] = "\n".join(map(escaped, lines))
    return fields


def _escaped_json(fields: object, **options: Any) -> str:
    """Return JSON with control characters escaped that JSON allows."""
    return escaped(json.dumps(fields, **options))
