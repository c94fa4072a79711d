"""The mail's own words in the reader's language, with its plurals and its dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time

from digest.languages import locales

#: By language: what is said, by key. What depends on a number is kept by its plural category
#: (Unicode Technical Standard 35), with ``{count}`` where the number stands.
PHRASES: dict[str, dict[str, str | dict[str, str]]] = {
    "en": {
        "greeting": "Hello {name},",
        "greeting_nobody": "Hello,",
        "intro": {
            "one": "here is {count} new article.",
            "other": "here are {count} new articles.",
        },
        "number": "No. {number}",
        "articles": {"one": "{count} article", "other": "{count} articles"},
        "read": "Read the article",
        "online": "Read online",
        "more": {"one": "and {count} more article", "other": "and {count} more articles"},
        "uncategorised": "Other articles",
        "reason": "You receive this mail because you subscribed to “{title}”.",
        "unsubscribe": "Unsubscribe",
        "separator": ", ",
    },
    "zh": {
        "greeting": "{name}，您好：",
        "greeting_nobody": "您好：",
        "intro": {"other": "为您送上 {count} 篇新文章。"},
        "number": "第 {number} 期",
        "articles": {"other": "{count} 篇文章"},
        "read": "阅读全文",
        "online": "在线阅读",
        "more": {"other": "还有 {count} 篇文章"},
        "uncategorised": "其他文章",
        "reason": "您收到这封邮件，是因为您订阅了“{title}”。",
        "unsubscribe": "退订",
        "separator": "、",
    },
}
_FALLBACK = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasebook:
    """What the mail says of its own in one language."""

    language: str  #: BCP 47, as a mail declares it
    locale: Locale
    zone: ZoneInfo

    def say(self, key: str, /, count: int | None = None, **values: object) -> str:
        """Return a phrase, in the plural form of ``count`` where it has forms.

        Raises KeyError where there is no such phrase.
        """
        phrase = PHRASES[self.locale.language][key]
        if isinstance(phrase, dict):
            form = str(self.locale.plural_form(count or 0))
            phrase = phrase.get(form, phrase["other"])
        return phrase.format(count=count, **values)

    def date(self, moment: datetime) -> str:
        """Return a day in words, such as ``November 23, 2026`` or ``2026年11月23日``."""
        return format_date(moment.astimezone(self.zone), "long", locale=self.locale)

    def weekday(self, moment: datetime) -> str:
        """Return the day with its weekday, such as ``Monday, November 23, 2026``."""
        return format_date(moment.astimezone(self.zone), "full", locale=self.locale)

    def moment(self, moment: datetime, near: datetime) -> str:
        """Return day and time, with the year only where it is another than that of ``near``."""
        local = moment.astimezone(self.zone)
        same = local.year == near.astimezone(self.zone).year
        day = format_skeleton("MMMd" if same else "yMMMd", local, locale=self.locale)
        return f"{day} {format_time(local, 'HH:mm', locale=self.locale)}"


def phrasebook(language: str, timezone: str) -> Phrasebook:
    """Return the phrasebook for a language (BCP 47) and a zone (IANA); English where unknown.

    Raises zoneinfo.ZoneInfoNotFoundError where there is no such zone.
    """
    zone = ZoneInfo(timezone)
    for known, locale in locales(language):
        if locale.language in PHRASES:
            return Phrasebook(language=known, locale=locale, zone=zone)
    return Phrasebook(language=_FALLBACK, locale=Locale(_FALLBACK), zone=zone)
