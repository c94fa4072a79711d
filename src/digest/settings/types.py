"""Values: what the options take, each checked when it is read; errors say what is allowed."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from email.utils import parseaddr
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from digest.articles.cleaning.images import check_proxy
from digest.articles.cleaning.policy import ENGINES
from digest.articles.cleaning.rules import Rule, check_pattern
from digest.articles.cleaning.uris import absolute
from digest.articles.filters import folded
from digest.articles.ingest.path_patterns import PathFilter
from digest.articles.ingest.tree import TOP
from digest.articles.model import CategoryPath
from digest.errors import DeliveryRefused
from digest.scheduling import days_off, words
from digest.settings import durations
from digest.spelling import alternatives, closest
from digest.subscribers.address import ascii_address

#: BCP 47 (RFC 5646 section 2.1) without the grandfathered tags: language, script, region, variants.
_LANGUAGE = re.compile(
    r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
)
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)
#: RFC 4151 section 2.1: a host or an address, and a date on which it was the tagger's.
_AUTHORITY = re.compile(
    r"([A-Za-z0-9._-]+@)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?,[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?"
)

#: A name on disk has at most 255 bytes, so no name over 255 characters is ever one.
_ROOT_NAME = re.compile(r"[^./\0][^/\0]{0,254}")

#: In place of a digest's time zone: that of each subscriber.
SUBSCRIBER = "subscriber"

_DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")


def one_line(text: str) -> str:
    """Return ``text`` stripped; nothing in it may break a header or a line of a log."""
    if any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text):
        raise ValueError("must be one line, without control characters")
    return text.strip()


def sought(text: str) -> str:
    """Return a word, some words or a name to look for."""
    found = one_line(text)
    if not folded(found):
        raise ValueError("must be something to look for, not an empty text")
    return found


def language_tag(text: str) -> str:
    """Check a language tag (BCP 47)."""
    if not _LANGUAGE.fullmatch(text):
        raise ValueError("must be a language tag (BCP 47), such as 'en', 'zh-CN' or 'zh-Hans'")
    return text


@cache  # it reads all of the database of zones
def _zones() -> frozenset[str]:
    """Return the names of all zones; ``localtime`` and ``Factory`` mean another on each machine."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def zone(name: str) -> str:
    """Check the name of a time zone."""
    zones = _zones()
    if name in zones:
        return name
    cities = {known.rpartition("/")[2]: known for known in sorted(zones)}
    near = closest(name, zones) or [cities[city] for city in closest(name, cities, 3)]
    hint = f"; did you mean {alternatives(near)}?" if near else ", such as 'Asia/Shanghai' or 'UTC'"
    raise ValueError(f"must be a time zone (IANA name){hint}")


def digest_zone(name: str) -> str:
    """Check the time zone of a digest: a name, or that of each subscriber."""
    if name == SUBSCRIBER:
        return name
    if closest(name, [SUBSCRIBER]):
        raise ValueError(f"must be a time zone (IANA name) or '{SUBSCRIBER}'")
    return zone(name)


def host_name(text: str) -> str:
    """Return a host's name as ASCII in lower case (RFC 3492 where it has other letters)."""
    try:
        host = text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host):
        raise ValueError("must be the name of a host, such as 'example.org'")
    return host


def server(text: str) -> str:
    """Return the name of a host in ASCII, or the address that ``text`` is."""
    try:
        return str(ip_address(text))
    except ValueError:
        return host_name(text)


def database_url(url: SecretStr) -> SecretStr:
    """Check the address of a database; what it says stays secret."""
    try:
        found = make_url(url.get_secret_value())
    except ArgumentError:
        found = None
    if found is None or found.drivername not in _DATABASES or not found.database:
        raise ValueError(
            "must be like 'sqlite:////srv/digest/digest.db' or 'postgresql://user:password@host/name'"
        )
    if found.drivername.startswith("sqlite") and not Path(found.database).is_absolute():
        raise ValueError("must name an absolute path: 'sqlite:///' and '/srv/digest/digest.db'")
    return url


def path(value: Path) -> Path:
    """Return a path, a ``~`` at its start resolved."""
    if not one_line(str(value)) or value == Path():
        raise ValueError("must be a path")
    try:
        return value.expanduser()
    except RuntimeError:
        raise ValueError("must be a path; there is no such user") from None


def roots(value: object) -> dict[str, Path]:
    """Return the folders of articles by name; a single path is the top of the tree."""
    table: dict[Any, Any] = value if isinstance(value, dict) else {TOP: value}
    if not table or not all(isinstance(folder, str | Path) for folder in table.values()):
        raise ValueError(
            "must be a path in quotes, or a table of them by name: "
            '{ "." = "/srv/articles", blog = "/srv/blog" }'
        )
    found: dict[str, Path] = {}
    for given, folder in table.items():
        name = unicodedata.normalize("NFC", str(given))
        if name != TOP and not (_ROOT_NAME.fullmatch(name) and one_line(name) == name):
            raise ValueError(
                f"'{name}' must be the name of a folder, without '/' and no '.' in front"
            )
        if name in found:
            raise ValueError(f"'{name}' is there twice")
        found[name] = path(Path(folder))
    return found


def engine_order(names: tuple[str, ...]) -> tuple[str, ...]:
    """Check the order of the sanitizers: nh3 is the security boundary, so it comes last."""
    if names not in ENGINES:
        raise ValueError('must be ["bleach", "nh3"] or ["nh3"]')
    return names


def site_url(text: str) -> str:
    """Return an absolute http(s) address as ASCII, without a slash at its end."""
    wrong = ValueError(
        "must be an address such as 'https://example.org' or 'https://example.org/news'"
    )
    try:
        parts = urlsplit(one_line(text))
        port = parts.port
        host = parts.hostname or ""
        name = f"[{host}]" if ":" in host else host_name(host)
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https"):
        raise wrong
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be an address without user, query and fragment")
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")
    return urlunsplit((parts.scheme, name if port is None else f"{name}:{port}", path, "", ""))


def picture(text: str) -> str:
    """Return the absolute http(s) address of a picture, as ASCII."""
    found = absolute(one_line(text))
    if found is None:
        raise ValueError("must be an address such as 'https://example.org/icon.png'")
    return found


def hub_url(text: str) -> str:
    """Return the http(s) address of a WebSub hub as ASCII.

    It is published in every feed, so a user and a password have no place in it.
    """
    try:
        parts = urlsplit(one_line(text))
        port = parts.port
        host = server(parts.hostname or "")
    except ValueError:
        raise ValueError("must be an address such as 'https://hub.example/'") from None
    if parts.username or parts.password or parts.fragment:
        raise ValueError("must be an address without user and fragment")
    if parts.scheme not in ("http", "https"):
        raise ValueError("must be an address such as 'https://hub.example/'")
    name = f"[{host}]" if ":" in host else host
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return urlunsplit((parts.scheme, name if port is None else f"{name}:{port}", path, query, ""))


def tag_authority(text: str) -> str:
    """Check the authority of tag URIs (RFC 4151)."""
    if not _AUTHORITY.fullmatch(text):
        raise ValueError(
            "must be a host and a year in which it was yours, such as 'example.org,2026'"
        )
    return text


def address(text: str) -> str:
    """Return a mail address, its domain in ASCII; empty stays empty."""
    try:
        return ascii_address(text) if text else text
    except (ValueError, DeliveryRefused) as error:
        raise ValueError(f"must be a mail address, such as 'news@example.org': {error}") from None


def mailbox(text: str) -> tuple[str, str]:
    """Return the name, which may be empty, and the address of a sender.

    Raises ValueError.
    """
    name, found = parseaddr(one_line(text))
    try:
        return name, ascii_address(found)
    except (ValueError, DeliveryRefused):
        raise ValueError(
            "must be like 'news@example.org' or 'Our news <news@example.org>'"
        ) from None


def sender(text: str) -> str:
    """Check a sender."""
    mailbox(text)
    return text.strip()


def block(text: str) -> str:
    """Return lines, stripped, their ends as ``\\n``."""
    return "\n".join(one_line(line) for line in text.strip().splitlines())


def schedule(value: object) -> str | tuple[str, ...]:
    """Return a schedule, in words or as five fields of cron, or several that are one."""
    if isinstance(value, str):
        return words.parse(value).text
    if not value or not isinstance(value, list | tuple) or not all(map(_is_text, value)):
        raise ValueError("must be a text such as 'daily 07:00', or a list of such texts")
    found = []
    for text in value:
        try:
            found.append(words.parse(text).text)
        except ValueError as error:
            raise ValueError(f"'{text}': {error}") from None
    return tuple(found)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def day_off(value: object) -> object:
    """Return a day or days off, as ``scheduling.days_off`` reads them; TOML has dates too."""
    text = value.isoformat() if type(value) is date else value
    if isinstance(text, str):
        days_off.parse([text])
    return text


def category(text: str) -> str:
    """Return the path of a category, its names joined by ``/``."""
    line = one_line(text)
    try:
        return "/".join(CategoryPath.parse(line).names)
    except ValueError:
        raise ValueError(
            "must be the names of categories joined by '/', such as '科技/网络'"
        ) from None


def category_target(text: str) -> str:
    """Return the path of a category, or nothing, which hides one."""
    return category(text) if text else text


def globs(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Check patterns of paths."""
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


def address_template(example: str) -> AfterValidator:
    """Return a check of addresses with one ``{url}`` in them, such as ``example``."""

    def check(text: str) -> str:
        try:
            check_proxy(text)
        except ValueError:
            raise ValueError(
                f"must be an http(s) address with one {{url}} in it, such as '{example}'"
            ) from None
        return text

    return AfterValidator(check)


def program(words: tuple[str, ...]) -> tuple[str, ...]:
    """Check a command: a program by its whole path, and its arguments."""
    if not words or not Path(words[0]).is_absolute():
        raise ValueError(
            "must be a program by its whole path and its arguments, such as "
            '["/usr/sbin/sendmail", "-i"]'
        )
    return words


def within(low: str, high: str) -> BeforeValidator:
    """Return a check that reads a duration and keeps it between two, both included."""
    shortest, longest = durations.parse(low), durations.parse(high)

    def check(value: object) -> timedelta:
        try:
            found = value if isinstance(value, timedelta) else durations.parse(str(value))
        except ValueError:
            found = None
        if found is None or not shortest <= found <= longest:
            raise ValueError(
                f"must be a duration from {low} to {high}, such as '90s', '10m' or '12h'"
            )
        return found

    return BeforeValidator(check)


def whole(low: int, high: int) -> object:
    """Return the bounds of a whole number, both included."""
    return Field(ge=low, le=high, description=f"a whole number from {low:,} to {high:,}")


def distinct(error: str, *, least: int = 0, most: int | None = None) -> AfterValidator:
    """Return a check that a list holds from ``least`` to ``most``, and nothing twice."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        count = len(values)
        if count < least or (most is not None and count > most) or len(set(values)) != count:
            raise ValueError(error)
        return values

    return AfterValidator(check)


Line = Annotated[
    str,
    Field(max_length=500, description="a text of at most 500 characters"),
    AfterValidator(one_line),
]
Title = Annotated[
    str,
    Field(min_length=1, max_length=200, description="a text of 1 to 200 characters"),
    AfterValidator(one_line),
]
Sought = Annotated[
    str,
    Field(max_length=200, description="a text of at most 200 characters"),
    AfterValidator(sought),
]
Url = Annotated[str, AfterValidator(site_url)]
Picture = Annotated[str, AfterValidator(picture)]
Language = Annotated[str, AfterValidator(language_tag)]
Zone = Annotated[str, AfterValidator(zone)]
DigestZone = Annotated[str, AfterValidator(digest_zone)]
Server = Annotated[str, AfterValidator(server)]
Host = Annotated[str, AfterValidator(host_name)]
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
Block = Annotated[
    str,
    Field(max_length=1_000, description="a text of at most 1,000 characters"),
    AfterValidator(block),
]
Schedule = Annotated[str | tuple[str, ...], BeforeValidator(schedule)]
DayOff = Annotated[str, BeforeValidator(day_off)]
Category = Annotated[str, AfterValidator(category)]
CategoryTarget = Annotated[str, AfterValidator(category_target)]
FilePath = Annotated[Path, AfterValidator(path)]
Roots = Annotated[dict[str, Path], BeforeValidator(roots)]
Selectors = Annotated[tuple[str, ...], AfterValidator(selectors)]
Attributes = Annotated[dict[str, str], AfterValidator(attributes)]
Pattern = Annotated[
    str,
    Field(min_length=1, max_length=1_000, description="a text of 1 to 1,000 characters"),
    AfterValidator(pattern),
]
Replacement = Annotated[
    str, Field(max_length=1_000, description="a text of at most 1,000 characters")
]
ReaderAddress = Annotated[
    str,
    Field(max_length=500, description="a text of at most 500 characters"),
    address_template("https://reader.example/add?feed={url}"),
]
ImageProxy = Annotated[
    str,
    Field(max_length=500, description="a text of at most 500 characters"),
    address_template("https://img.example/{url}"),
]
Globs = Annotated[tuple[str, ...], AfterValidator(globs)]
