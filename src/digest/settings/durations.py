"""Durations: ``90s``, ``10m``, ``12h``, ``1d``, ``1h30m``, or ISO 8601 (``PT10M``)."""

# pure
from __future__ import annotations

import re
from datetime import timedelta

from pydantic import BeforeValidator, TypeAdapter, ValidationError

#: In the order in which they are written.
_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_TEXT = re.compile("".join(rf"(?:([0-9]{{1,8}})\s*{unit}\s*)?" for unit in _UNITS))
_ISO_8601 = TypeAdapter(timedelta)


def parse(text: str) -> timedelta:
    """Return the duration that ``text`` says, never negative. Raises ValueError."""
    stripped = text.strip()
    if stripped[:1].upper() == "P":
        try:
            return _ISO_8601.validate_python(stripped.upper())
        except ValidationError:
            raise ValueError(f"no duration: {text!r}") from None
    match = _TEXT.fullmatch(stripped)
    if match is None or not stripped:
        raise ValueError(f"no duration: {text!r}")
    return sum(
        (
            int(count) * unit
            for count, unit in zip(match.groups(), _UNITS.values(), strict=True)
            if count
        ),
        timedelta(),
    )


def within(low: str, high: str) -> BeforeValidator:
    """Return a check for durations from ``low`` to ``high``, both included."""
    shortest, longest = parse(low), parse(high)

    def check(value: object) -> timedelta:
        try:
            duration = value if isinstance(value, timedelta) else parse(str(value))
        except ValueError:
            duration = None
        if duration is None or not shortest <= duration <= longest:
            raise ValueError(
                f"must be a duration from {low} to {high}, such as '90s', '10m' or '12h'"
            )
        return duration

    return BeforeValidator(check)
