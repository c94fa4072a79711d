"""Schedules in words, in the languages of pages."""

# pure
from __future__ import annotations

from collections.abc import Mapping

from babel import Locale
from babel.dates import format_time, get_day_names
from babel.lists import format_list

from digest.scheduling.cron import Cron
from digest.scheduling.schedule import Schedule
from digest.scheduling.words import Recurrence

#: Times of day that are listed.
_MAX_TIMES = 4
_WORKDAYS = (1, 2, 3, 4, 5)
_WEEKDAYS, _DAYS, _MONTHS = 7, 31, 12


def in_words(schedule: Schedule, words: Mapping[str, str], locale: Locale) -> str:
    """Return a schedule in words; empty if that takes more than a line."""
    texts = [_plan_in_words(plan, words, locale) for plan in schedule.plans]
    if not all(texts):
        return ""
    zone = words["schedule_local"] if schedule.local else schedule.timezone
    return f"{' · '.join(texts)} ({zone})"


def _plan_in_words(plan: Cron | Recurrence, words: Mapping[str, str], locale: Locale) -> str:
    narrow = len(plan.weekdays) < _WEEKDAYS, len(plan.days) < _DAYS
    odd = isinstance(plan, Cron) and len(plan.months) < _MONTHS
    if odd or all(narrow) or len(plan.times) > _MAX_TIMES:
        return ""
    days = ""
    key = "schedule_daily"
    if plan.weekdays == _WORKDAYS:
        key = "schedule_workdays"
    elif narrow[0]:
        names = get_day_names("wide", "format", locale)
        # Monday comes first, here as in Babel.
        key = "schedule_weekly"
        days = _listed(
            [names[day] for day in sorted((day - 1) % 7 for day in plan.weekdays)], locale
        )
    elif narrow[1]:
        last = isinstance(plan, Recurrence)  # whose 31 is the last day of any month
        key = "schedule_monthly"
        named = [words["schedule_last"] if last and day == _DAYS else str(day) for day in plan.days]
        days = _listed(named, locale)
    times = _listed([format_time(at, "HH:mm", locale=locale) for at in plan.times], locale)
    return words[key].replace("{days}", days).replace("{times}", times)


def _listed(texts: list[str], locale: Locale) -> str:
    text: str = format_list(texts, locale=locale)
    return text
