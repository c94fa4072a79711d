"""Logs: constant text plus fields, for people on a terminal, for machines elsewhere."""

from __future__ import annotations

import logging
import sys
from typing import Literal, TextIO

import structlog

#: Libraries whose own news is of interest only when something is wrong.
_QUIET = ("alembic", "apscheduler", "asyncio", "httpcore", "httpx", "pebble", "uvicorn", "watchdog")


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
        [
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                # The default shows local variables: addresses, tokens and passwords among them.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
        if as_text
        else [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
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
