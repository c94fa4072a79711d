"""Schedules are told to readers in words."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from babel import Locale

from digest.scheduling.schedule import Schedule
from digest.web.template_functions import in_words

WORDS = tomllib.loads((Path(__file__).parents[2] / "templates/web/words.toml").read_text())


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("daily 07:00 18:30", "Every day at 07:00 and 18:30 (Asia/Tokyo)"),
        ("30 7 * * mon-fri", "Monday to Friday at 07:30 (Asia/Tokyo)"),
        ("weekly thu,sun,mon 07:00", "Monday, Thursday, and Sunday at 07:00 (Asia/Tokyo)"),
        ("monthly 1,last 07:00", "On day 1 and the last of the month at 07:00 (Asia/Tokyo)"),
        ("0 7 1,31 * *", "On day 1 and 31 of the month at 07:00 (Asia/Tokyo)"),
        (
            ("weekly mon-fri 07:00", "weekly sat 09:30"),
            "Monday to Friday at 07:00 · Saturday at 09:30 (Asia/Tokyo)",
        ),
        ("0 7 * 1-6 *", ""),
        ("0 7 1 * mon", ""),
        ("*/10 * * * *", ""),
        (("daily 07:00", "0 7 * 1 *"), ""),
    ],
)
def test_a_schedule_is_told_in_a_line_or_not_at_all(when: str | tuple[str, ...], told: str) -> None:
    schedule = Schedule(when, "Asia/Tokyo")
    assert in_words(schedule, WORDS["en"], Locale("en")) == told


def test_it_is_told_in_other_languages_and_by_the_readers_clock() -> None:
    schedule = Schedule("weekly mon,thu 07:00", "Asia/Tokyo", local=True)
    told = {name: in_words(schedule, WORDS[name], Locale.parse(name)) for name in ("zh", "de")}
    assert told == {
        "zh": "每逢星期一和星期四 07:00 (按您当地的时间)",
        "de": "Montag und Donnerstag um 07:00 (nach Ihrer Uhr)",
    }
