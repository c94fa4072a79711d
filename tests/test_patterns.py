"""No regular expression takes longer than the text that it is given."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.effort import SOAK
from tests.pattern_attacks import SIZE, attacks, cost, grows

pytestmark = pytest.mark.full_speed

#: Patterns that grow, and why they may.
BOUNDED = {
    "digest.articles.cleaning.limits._ATTRIBUTES[0]": "it goes through what _TOKEN took for "
    "attributes, so that each match begins where the last one ended",
    **{
        f"digest.articles.reading.time_zones.{name}[0]": "a date is cut at 80 characters"
        for name in ("_MONOTONIC", "_IANA", "_COMMENT", "_LETTERS", "_OFFSET")
    },
    "digest.articles.cleaning.images._STAND_IN[0]": "a name is cut at 255 characters",
    **{
        f"digest.articles.reading.generator_tags.{name}[0]": "it is to match a whole value"
        for name in ("_SOUND", "_FILM")
    },
    "digest.articles.reading.enclosures._LINES[0]": "its text has no two spaces in a row",
    **{
        f"digest.subscribers.list_words._HINTS[{number}]": "a name is cut at 200 characters"
        for number in (5, 7)
    },
    "digest.mail.delivery.retry._VARIABLE[0]": "an answer is cut when it is read",
}


@pytest.mark.soak
def test_no_pattern_grows_faster_than_what_it_reads() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.pattern_attacks"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    *slow, number = ended.stdout.splitlines()
    assert int(number) > 150
    growing = {line.partition(" ")[0] for line in slow}
    assert growing <= BOUNDED.keys(), "\n".join(slow)
    if SOAK:  # the gate tries a sixth of the attacks
        assert growing == BOUNDED.keys()


def test_the_attacks_catch_what_grows() -> None:
    for source in (r"[^\s@]+@", r"(?:a|aa)+$", r"x(?:b*)*y"):
        pattern = re.compile(source)
        assert any(grows(pattern, True, text) for text in attacks(pattern)), source
    assert cost(re.compile("[a-z]+"), True, "a" * SIZE) < 0.1
