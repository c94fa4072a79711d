"""The types of options: each checks a value; its error names the allowed values.

Every check takes the value as it is written and returns it in its usual form, or raises ValueError.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, TypeAdapter, ValidationError

from digest.articles.cleaning.policy import ENGINES
from digest.articles.cleaning.rules import Rule, check_pattern
from digest.articles.filters import folded
from digest.articles.ingest.path_patterns import PathFilter
from digest.articles.ingest.tree import TOP
from digest.articles.model import CategoryPath
from digest.scheduling import words
from digest.settings.addresses import (
    address,
    address_template,
    helo_name,
    host_name,
    hub_url,
    network,
    one_line,
    picture,
    sender,
    server,
    site_url,
    tag_authority,
    web_address,
)
from digest.spelling import alternatives, closest

#: BCP 47 (RFC 5646 section 2.1) without the grandfathered tags: language, script, region, variants.
_LANGUAGE = re.compile(
    r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
)
#: A name on disk has at most 255 bytes, so no name over 255 characters is ever one.
_ROOT_NAME = re.compile(r"[^./\0][^/\0]{0,254}")

#: What addresses begin with, or ``//``.
_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+:|//)")

#: In place of a digest's time zone: that of each subscriber.
SUBSCRIBER = "subscriber"
#: Units of durations, in the order in which they are written.
_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,8}})\s*{unit}\s*)?" for unit in _UNITS))
_ISO_8601 = TypeAdapter(timedelta)


def colour(text: str) -> str:
    """Check a colour; return it as ``#rrggbb`` in lower case."""
    digits = text.removeprefix("#").lower()
    if not re.fullmatch(r"#([0-9a-fA-F]{3}){1,2}", text):
        raise ValueError("must be a colour of hexadecimal digits, such as '#b3261e'")
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def search_term(text: str) -> str:
    """Check words or a name to look for."""
    term = one_line(text)
    if not folded(term):
        raise ValueError("must be something to look for, not an empty text")
    return term


def language_tag(text: str) -> str:
    """Check a language tag (BCP 47)."""
    if not _LANGUAGE.fullmatch(text):
        raise ValueError("must be a language tag (BCP 47), such as 'en', 'zh-CN' or 'zh-Hans'")
    return text


@cache  # available_timezones reads the whole database
def _zones() -> frozenset[str]:
    """Return the names of all time zones but those that mean another one on each machine."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def zone(name: str) -> str:
    """Check the name of a time zone (IANA)."""
    zones = _zones()
    if name in zones:
        return name
    cities = {known.rpartition("/")[2]: known for known in sorted(zones)}
    near = closest(name, zones) or [cities[city] for city in closest(name, cities, 3)]
    hint = f"; did you mean {alternatives(near)}?" if near else ", such as 'Asia/Shanghai' or 'UTC'"
    raise ValueError(f"must be a time zone (IANA name){hint}")


def digest_zone(name: str) -> str:
    """Check the time zone of a digest: a name, or ``subscriber``."""
    if name == SUBSCRIBER:
        return name
    if closest(name, [SUBSCRIBER]):
        raise ValueError(f"must be a time zone (IANA name) or '{SUBSCRIBER}'")
    return zone(name)


def hex_key(text: SecretStr) -> SecretStr:
    """Check a key of 32 bytes in hexadecimal digits, or empty text."""
    if not re.fullmatch(r"([0-9a-fA-F]{64})?", text.get_secret_value()):
        raise ValueError("must be 64 hexadecimal digits, such as `openssl rand -hex 32` prints")
    return text


def path(value: Path) -> Path:
    """Check a path; return it with ``~`` at its start replaced by the home folder."""
    if not one_line(str(value)) or value == Path():
        raise ValueError("must be a path")
    try:
        return value.expanduser()
    except RuntimeError:
        raise ValueError("must be a path; there is no such user") from None


def is_address(text: str) -> bool:
    """Return whether a text begins as an address does, and not as a path."""
    return _SCHEME.match(text) is not None


def picture_or_file(value: object) -> str | Path:
    """Check the http(s) address of a picture, or the path of a file."""
    if isinstance(value, str):
        return picture(value) if is_address(value) else path(Path(value))
    if isinstance(value, Path):
        return path(value)
    raise ValueError("must be the http(s) address of a picture or the path of a file, in quotes")


def roots(value: object) -> dict[str, Path]:
    """Check the folders of articles by name; a single path is the top of the tree."""
    table: dict[Any, Any] = value if isinstance(value, dict) else {TOP: value}
    if not table or not all(isinstance(folder, str | Path) for folder in table.values()):
        raise ValueError(
            "must be a path in quotes, or a table of them by name: "
            '{ "." = "/srv/articles", blog = "/srv/blog" }'
        )
    folders: dict[str, Path] = {}
    for key, folder in table.items():
        name = unicodedata.normalize("NFC", str(key))
        if name != TOP and not (_ROOT_NAME.fullmatch(name) and one_line(name) == name):
            raise ValueError(
                f"'{name}' must be the name of a folder, without '/' and no '.' in front"
            )
        if name in folders:
            raise ValueError(f"'{name}' is there twice")
        folders[name] = path(Path(folder))
    return folders


def engine_order(names: tuple[str, ...]) -> tuple[str, ...]:
    """Check the order of the sanitizers: nh3 is the security boundary, so it is the last."""
    if names not in ENGINES:
        raise ValueError('must be ["bleach", "nh3"] or ["nh3"]')
    return names


def block(text: str) -> str:
    """Check a text of several lines; return it with each line stripped."""
    return "\n".join(one_line(line) for line in text.strip().splitlines())


def schedule(value: object) -> str | tuple[str, ...]:
    """Check a schedule in words or as a line of crontab, or a list of them."""
    if isinstance(value, str):
        return words.parse(value).text
    texts = value if isinstance(value, list | tuple) else ()
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("must be a text such as 'daily 07:00', or a list of such texts")
    lines = []
    for text in texts:
        try:
            lines.append(words.parse(text).text)
        except ValueError as error:
            raise ValueError(f"'{text}': {error}") from None
    return tuple(lines)


def day_off(value: object) -> object:
    """Check a day off, or several in one text; TOML has dates of its own."""
    text = value.isoformat() if type(value) is date else value
    if isinstance(text, str):
        words.parse_days_off([text])
    return text


def category(text: str) -> str:
    """Check the path of a category, its names joined by ``/``."""
    line = one_line(text)
    try:
        return "/".join(CategoryPath.parse(line).names)
    except ValueError:
        raise ValueError(
            "must be the names of categories joined by '/', such as '科技/网络'"
        ) from None


def category_target(text: str) -> str:
    """Check the new path of a category; empty hides it."""
    return category(text) if text else text


def globs(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Check patterns of paths, relative to the articles folder."""
    for pattern in patterns:
        try:
            PathFilter((pattern,))
        except re.error:
            raise ValueError(f"'{pattern}' is no pattern of paths, such as '**/*.md'") from None
        if not pattern or pattern.startswith("/"):
            raise ValueError(f"'{pattern}' must be relative to the articles folder")
    return patterns


def selectors(values: tuple[str, ...]) -> tuple[str, ...]:
    """Check CSS selectors."""
    for value in values:
        try:
            Rule(drop=(value,))
        except ValueError:
            raise ValueError(
                f"must be CSS selectors, such as '.advertisement', but '{value}' is none"
            ) from None
    return values


def attributes(names: dict[str, str]) -> dict[str, str]:
    """Check names of attributes."""
    try:
        Rule(attributes=tuple(names.items()))
    except ValueError:
        raise ValueError("must be names of attributes, such as { data-src = 'src' }") from None
    return names


def pattern(text: str) -> str:
    """Check a regular expression."""
    try:
        check_pattern(text)
    except ValueError as error:
        raise ValueError(f"must be a regular expression: {error.__cause__}") from None
    return text


def command(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Check a command: the absolute path of a program, and its arguments."""
    if not arguments or not Path(arguments[0]).is_absolute():
        raise ValueError(
            "must be a program by its whole path and its arguments, such as "
            '["/usr/sbin/sendmail", "-i"]'
        )
    return arguments


def integer(low: int, high: int) -> object:
    """Return the bounds of a whole number, both included."""
    return Field(ge=low, le=high, description=f"a whole number from {low:,} to {high:,}")


def distinct(error: str, *, least: int = 0, most: int | None = None) -> AfterValidator:
    """Return a check for lists of ``least`` to ``most`` values, each of them once."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        count = len(values)
        if count < least or (most is not None and count > most) or len(set(values)) != count:
            raise ValueError(error)
        return values

    return AfterValidator(check)


def text(most: int, *, least: int = 0) -> object:
    """Return the bounds of a text's length in characters, both included."""
    bounds = f"{least} to {most:,}" if least else f"at most {most:,}"
    return Field(min_length=least, max_length=most, description=f"a text of {bounds} characters")


def duration(text: str) -> timedelta:
    """Return the duration written as ``90s``, ``1h30m`` or ISO 8601 (``PT10M``); never negative.

    Raises ValueError."""
    stripped = text.strip()
    if stripped[:1].upper() == "P":
        try:
            return _ISO_8601.validate_python(stripped.upper())
        except ValidationError:
            raise ValueError(f"no duration: {text!r}") from None
    match = _DURATION.fullmatch(stripped)
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


def duration_within(low: str, high: str) -> BeforeValidator:
    """Return a check for durations from ``low`` to ``high``, both included."""
    shortest, longest = duration(low), duration(high)

    def check(value: object) -> timedelta:
        try:
            read = value if isinstance(value, timedelta) else duration(str(value))
        except ValueError:
            read = None
        if read is None or not shortest <= read <= longest:
            raise ValueError(
                f"must be a duration from {low} to {high}, such as '90s', '10m' or '12h'"
            )
        return read

    return BeforeValidator(check)


Line = Annotated[str, text(500), AfterValidator(one_line)]
Title = Annotated[str, text(200, least=1), AfterValidator(one_line)]
SearchTerm = Annotated[str, text(200), AfterValidator(search_term)]
Url = Annotated[str, AfterValidator(site_url)]
WebAddress = Annotated[str, AfterValidator(web_address)]
Colour = Annotated[str, AfterValidator(colour)]
Picture = Annotated[str, AfterValidator(picture)]
PictureOrFile = Annotated[str | Path, BeforeValidator(picture_or_file)]
Language = Annotated[str, AfterValidator(language_tag)]
Zone = Annotated[str, AfterValidator(zone)]
DigestZone = Annotated[str, AfterValidator(digest_zone)]
Server = Annotated[str, AfterValidator(server)]
Network = Annotated[str, AfterValidator(network)]
Host = Annotated[str, AfterValidator(host_name)]
HeloName = Annotated[str, AfterValidator(helo_name)]
Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="a name of a-z, 0-9, '-' and '_', such as 'daily'",
    ),
]
Hub = Annotated[str, AfterValidator(hub_url)]
Authority = Annotated[str, AfterValidator(tag_authority)]
Address = Annotated[str, AfterValidator(address)]
Mailbox = Annotated[str, AfterValidator(sender)]
Block = Annotated[str, text(1_000), AfterValidator(block)]
Schedule = Annotated[str | tuple[str, ...], BeforeValidator(schedule)]
DayOff = Annotated[str, BeforeValidator(day_off)]
Category = Annotated[str, AfterValidator(category)]
CategoryTarget = Annotated[str, AfterValidator(category_target)]
FilePath = Annotated[Path, AfterValidator(path)]
Roots = Annotated[dict[str, Path], BeforeValidator(roots)]
Selectors = Annotated[tuple[str, ...], AfterValidator(selectors)]
Attributes = Annotated[dict[str, str], AfterValidator(attributes)]
Pattern = Annotated[str, text(1_000, least=1), AfterValidator(pattern)]
Replacement = Annotated[str, text(1_000)]
ReaderAddress = Annotated[str, text(500), address_template("https://reader.example/add?feed={url}")]
ImageProxy = Annotated[str, text(500), address_template("https://img.example/{url}")]
AssetType = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]{1,8}$",
        description="an extension in small letters without a dot, such as 'pdf'",
    ),
]
Globs = Annotated[tuple[str, ...], AfterValidator(globs)]
Command = Annotated[tuple[Title, ...], AfterValidator(command)]
