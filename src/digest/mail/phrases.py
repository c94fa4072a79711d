"""The mail's own words in the reader's language, with its plurals and its dates."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_decimal

from digest.languages import locales
from digest.mail.translations import WORDS, Words

_FALLBACK = "en"
_TRADITIONAL = Locale("zh", script="Hant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasebook:
    """The mail's own phrases in one language."""

    language: str  #: BCP 47, as a mail declares it
    locale: Locale  #: of dates, numbers and plurals
    zone: ZoneInfo
    words: Words

    def say(self, key: str, /, count: int | None = None, **values: object) -> str:
        """Return a phrase, in the plural form for ``count`` if it has forms.

        Raises KeyError where there is no such phrase.
        """
        phrase = self.words[key]
        if not isinstance(phrase, str):
            form = str(self.locale.plural_form(count or 0))
            phrase = phrase.get(form, phrase["other"])
        return phrase.format(count=format_decimal(count or 0, locale=self.locale), **values)

    def date(self, moment: datetime) -> str:
        """Return a day in words, such as ``November 23, 2026`` or ``2026年11月23日``."""
        return format_date(moment.astimezone(self.zone), "long", locale=self.locale)

    def weekday(self, moment: datetime) -> str:
        """Return the day with its weekday, such as ``Monday, November 23, 2026``."""
        return format_date(moment.astimezone(self.zone), "full", locale=self.locale)

    def moment(self, moment: datetime, near: datetime) -> str:
        """Return day and time, with the year only if it differs from that of ``near``."""
        local = moment.astimezone(self.zone)
        same = local.year == near.astimezone(self.zone).year
        day = format_skeleton("MMMd" if same else "yMMMd", local, locale=self.locale)
        return f"{day} {format_time(local, 'HH:mm', locale=self.locale)}"


def phrasebook(language: str, timezone: str) -> Phrasebook:
    """Return the phrasebook for a language (BCP 47) and a zone (IANA); English where unknown.

    Raises zoneinfo.ZoneInfoNotFoundError where there is no such zone.
    """
    zone = ZoneInfo(timezone)
    # Babel reads zh-Hant-SG as the script that Singapore mostly writes; the tag says otherwise.
    traditional = "hant" in language.lower().split("-")
    for known, locale in locales(language):
        if locale.language == "zh" and (traditional or locale.script == "Hant"):
            words, locale = WORDS["zh-Hant"], _TRADITIONAL if traditional else locale
        elif locale.language in WORDS:
            words = WORDS[locale.language]
        else:
            continue
        return Phrasebook(language=known, locale=locale, zone=zone, words=words)
    return Phrasebook(
        language=_FALLBACK, locale=Locale(_FALLBACK), zone=zone, words=WORDS[_FALLBACK]
    )
