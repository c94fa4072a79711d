"""How much a test repeats: a little in the gate, as much as was asked for in ``make soak``."""

from __future__ import annotations

import os

import pytest

#: The size of a soak, as ``make soak SOAK=10`` says it; 0: this is the gate.
SOAK = int(os.environ.get("SOAK_SIZE", "0"))
#: For a test that takes long however small it is.
SOAK_ALONE = pytest.mark.skipif(not SOAK, reason="takes long: make soak")


def effort(gate: int, soak: int) -> int:
    """Return how often to repeat something: ``gate`` times, or ``soak`` times the soak's size."""
    return soak * SOAK if SOAK else gate
