"""Dates in other languages and with other marks, written as in English."""

# pure
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
#: Months in German, French, Spanish, Italian, Portuguese, Dutch, the languages of the north,
#: Polish, Czech, Russian, Ukrainian and Turkish, as they stand in dates.
_FOREIGN_MONTHS = {
    word: english
    for english, words in zip(
        MONTHS,
        (
            (
                "januar jänner janvier janv enero ene gennaio gen janeiro januari stycznia ledna "
                "января янв січня ocak"
            ),
            (
                "februar février fevrier févr febrero febbraio fevereiro fev februari lutego "
                "února февраля фев лютого şubat"
            ),
            "märz mär mrz mars marzo março marco maart marca března марта березня mart",
            "april avril avr abril abr aprile kwietnia dubna апреля апр квітня nisan",
            "mai mayo maggio mag maio mei maj maja května мая травня mayıs",
            "juni juin junio giugno giu junho czerwca června июня червня haziran",
            "juli juillet juil julio luglio lug julho lipca července июля липня temmuz",
            "août aout agosto ago augustus augusti sierpnia srpna августа авг серпня ağustos",
            (
                "septembre septiembre setiembre settembre set setembro września září сентября сен "
                "вересня eylül"
            ),
            (
                "oktober okt octobre octubre ottobre ott outubro out października října октября "
                "окт жовтня ekim"
            ),
            "novembre noviembre novembro listopada listopadu ноября ноя листопада kasım",
            (
                "dezember dez décembre decembre déc diciembre dic dicembre dezembro desember "
                "grudnia prosince декабря дек грудня aralık"
            ),
        ),
        strict=True,
    )
    for word in words.split()
}
#: The same in Finnish, Hungarian, Romanian, Greek, Arabic, Hebrew, Indonesian and Croatian.
_FOREIGN_MONTHS |= {
    word: english
    for english, words in zip(
        MONTHS,
        (
            "tammikuuta január ianuarie ιανουαρίου يناير ינואר siječnja",
            "helmikuuta február februarie φεβρουαρίου فبراير פברואר veljače",
            "maaliskuuta március martie μαρτίου مارس מרץ maret ožujka",
            "huhtikuuta április aprilie απριλίου أبريل ابريل אפריל travnja",
            "toukokuuta május μαΐου μαίου مايو מאי svibnja",
            "kesäkuuta június iunie ιουνίου يونيو יוני lipnja",
            "heinäkuuta július iulie ιουλίου يوليو יולי",
            "elokuuta augusztus αυγούστου أغسطس אוגוסט agustus kolovoza",
            "syyskuuta szeptember septembrie σεπτεμβρίου سبتمبر ספטמבר rujna",
            "lokakuuta október octombrie οκτωβρίου أكتوبر אוקטובר",
            "marraskuuta noiembrie νοεμβρίου نوفمبر נובמבר studenoga",
            "joulukuuta decembrie δεκεμβρίου ديسمبر דצמבר",
        ),
        strict=True,
    )
    for word in words.split()
}
_WORD = re.compile(r"([^\W\d_]{3,})\.?")
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "民國": 1911, "民国": 1911}
_ERA = re.compile(rf"({'|'.join(_ERAS)})\s?([0-9]{{1,3}}|元)\s?年")
_SLASHED = re.compile(r"\A([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})(?![0-9])")
_DAY = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_WEEKDAYS = "(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}|mo|di|mi|do|fr|sa|so"
_ISO_WEEK = re.compile(r"([0-9]{4})-?w([0-9]{2})-?([1-7])")
_DAY_OF_YEAR = re.compile(r"([0-9]{4})-([0-9]{3})")
#: The year first, and the month in English: 2024. July 1.
_YEAR_FIRST = re.compile(r"\A([0-9]{4})[.,]?\s+([a-z]{3,9})\.?\s+([0-9]{1,2})\.?(?=\s|,|\Z)")
#: Marks and words of other languages, and what says the same here.
_FOREIGN: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\A[<\[(]+([^<>\[\]()]*)[>\])]+\Z"), r"\1"),  # of Org and Obsidian
    (re.compile(r"\A[a-z ]{2,20}:\s+(?=[0-9a-z])"), ""),  # a label
    (re.compile(r"\A(?:ngày )?([0-9]{1,2}) tháng ([0-9]{1,2}) năm ([0-9]{4})"), r"\3-\2-\1"),
    (re.compile("[월화수목금토일]요일"), ""),
    (re.compile("년"), "年"),
    (re.compile("월"), "月"),
    (re.compile("일"), "日"),
    (re.compile("오전"), "上午"),
    (re.compile("오후"), "下午"),
    (re.compile(r"\A([0-9]{4})\.\s*([0-9]{1,2})\.\s*([0-9]{1,2})\.?(?=\s|\Z)"), r"\1-\2-\3"),
    (re.compile(r"\([^()0-9]{1,9}\)"), ""),
    # The first of a month, in Romance languages: 1er, 1º.
    (re.compile(r"\b1\.?(?:er|re|ro|o|°)(?=\s)"), "1"),
    # An hour alone, in English, and as the French write it: 10am, 10h30.
    (re.compile(r"(?<![0-9:.])([0-9]{1,2})\s?([ap])\.?m\b"), r"\1:00 \2m"),
    (re.compile(r"\b([0-9]{1,2})\s?h\s?([0-9]{2})\b"), r"\1:\2"),
    (re.compile(r"\b([0-9]{1,2})\s?h\b"), r"\1:00"),
    # A day of the week.
    (re.compile(r"\A[^\W\d_]{2,12}[.,]*\s+(?=[0-9]{1,2}\.?\s+[^\W\d_])"), ""),
    (re.compile(r"\b(?:de|del|den|le|el|г|року|of)\b\.?\s*"), ""),
    (re.compile(r"\b(?:at|um|à|às|kl|pukul|в)\b\.?\s+(?=[0-9])"), ""),
    (re.compile(r"(?<=[0-9])\s+uhr\b"), ""),
    (re.compile(r"\A([0-9]{1,2})\.\s*(?=[^\W\d_])"), r"\1 "),
    (re.compile(r"\A([0-9]{4})-([a-z]{3,9})-([0-9]{1,2})"), r"\3 \2 \1"),
    (re.compile(r"\A([a-z]{3,9})-([0-9]{1,2})-([0-9]{4})"), r"\2 \1 \3"),
    # The year of a century: 1-Jul-24, 1.7.24.
    (re.compile(r"\A([0-9]{1,2})-([a-z]{3})-([0-4][0-9])(?=\s|\Z)"), r"\1 \2 20\3"),
    (re.compile(r"\A([0-9]{1,2})\.\s?([0-9]{1,2})\.\s?([0-4][0-9])(?=\s|\Z)"), r"\1.\2.20\3"),
    # The clock of names of files, an hour alone, and one with a dot.
    (
        re.compile(rf"\A({_DAY})[-_t ]([0-9]{{2}})-([0-9]{{2}})(?:-([0-9]{{2}}))?\Z"),
        lambda clock: f"{clock[1]} {clock[2]}:{clock[3]}:{clock[4] or '00'}",
    ),
    (re.compile(rf"\A({_DAY})[t ]([0-9]{{1,2}})(z?)\Z"), r"\1 \2:00\3"),
    (
        re.compile(r"(?:(?<=[0-9]{4}\s)|(?<=-[0-9]{2}\s))([0-9]{1,2})\.([0-9]{2})(?=\s|\Z)"),
        r"\1:\2",
    ),
    (re.compile(rf"\A({_DAY})\s+(?:{_WEEKDAYS})\b\.?"), r"\1"),
    (re.compile(r"(?<=\S)\s+,"), ","),
)


def in_english(text: str) -> str:
    """Return a date in the words of another language, or with marks of its own, as in English."""
    text = text.lower().replace("\u2013", "-").replace("\u2014", "-")
    if not text.isascii():  # digits of other scripts
        text = "".join(str(unicodedata.decimal(char, char)) for char in text)
    text = _by_week_or_day(text)
    for pattern, replacement in _FOREIGN:
        text = pattern.sub(replacement, text)
    text = _ERA.sub(lambda era: f"{_ERAS[era[1]] + int(era[2].replace('元', '1'))}年", text)
    text = _SLASHED.sub(_unambiguous, text)
    text = _WORD.sub(_english, text).strip()
    return _YEAR_FIRST.sub(r"\3 \2 \1", text)


def _english(word: re.Match[str]) -> str:
    """Return the month that a word is, in English, maybe behind the Hebrew "in"; else the word."""
    return _FOREIGN_MONTHS.get(word[1]) or _FOREIGN_MONTHS.get(word[1].removeprefix("ב"), word[0])


def _by_week_or_day(text: str) -> str:
    """Return a date of ISO 8601 by the week, or by the day of the year, as usual."""
    try:
        if week := _ISO_WEEK.fullmatch(text):
            return date.fromisocalendar(int(week[1]), int(week[2]), int(week[3])).isoformat()
        if day := _DAY_OF_YEAR.fullmatch(text):
            moment = date(int(day[1]), 1, 1) + timedelta(days=int(day[2]) - 1)
            return moment.isoformat() if moment.year == int(day[1]) else text
    except ValueError:  # of no such week or day
        pass
    return text


def _unambiguous(numbers: re.Match[str]) -> str:
    """Return a date without its year first, where one of its numbers can only be the day."""
    first, second, year = int(numbers[1]), int(numbers[2]), numbers[3]
    if first > 12:
        return f"{year}-{second}-{first}"
    return f"{year}-{first}-{second}" if second > 12 else numbers[0]
