"""Logs: what comes from outside never acts on a terminal, nor forges a line."""

from __future__ import annotations

import io
import json
import logging
from typing import Literal

import pytest
import structlog

from digest.app.logs import configure_logs

HOSTILE = "\x1b[2J\x9b31m\nERROR forged\u202e\U000e0041"


def fail() -> None:
    raise ValueError(HOSTILE)


def logged(style: Literal["text", "json"]) -> str:
    """Return what is logged of a hostile name, in a field, an event, an error and a library's."""
    stream = io.StringIO()
    configure_logs("info", style, stream)
    log = structlog.get_logger("test")
    log.info("files taken", path=HOSTILE, paths=[HOSTILE])
    try:
        fail()
    except ValueError:
        log.exception("failed")
    logging.getLogger("library").warning("lost: %s", HOSTILE)
    return stream.getvalue()


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_hostile_name_does_nothing_to_whoever_reads_the_log(
    style: Literal["text", "json"],
) -> None:
    lines = logged(style)
    assert not set(lines) & set(HOSTILE.replace("\n", "")) - set(map(chr, range(32, 127)))
    assert "\\u001b[2J" in lines
    assert "Traceback" in lines


def test_a_machine_reads_the_very_name() -> None:
    taken, failed, library = map(json.loads, logged("json").splitlines())
    assert taken["path"] == HOSTILE
    assert taken["paths"] == [HOSTILE]
    assert failed["exception"].endswith(f"ValueError: {HOSTILE}")
    assert library["event"] == f"lost: {HOSTILE}"


def test_a_person_reads_one_line_for_each_event() -> None:
    lines = logged("text").splitlines()
    assert sum("files taken" in line for line in lines) == 1
    assert not any(line.startswith("ERROR forged") for line in lines[:1])
    assert "lost: \\u001b" in lines[-1]
