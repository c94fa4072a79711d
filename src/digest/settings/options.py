"""Options: the tables of the configuration, with defaults and bounds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from digest.articles.categories import Misplaced, renames
from digest.articles.cleaning.embeds import HOSTS
from digest.articles.cleaning.policy import NO_REFERRER, ReferrerPolicy
from digest.articles.cleaning.rules import check_replacement
from digest.articles.ingest.tree import TOP
from digest.editions.delivery import EXPIRES
from digest.mail.style import Font, MailStyle
from digest.mail.transports.model import Tls
from digest.scheduling import words
from digest.settings.addresses import database_url, proxy_address
from digest.settings.types import (
    Address,
    AssetType,
    Attributes,
    Authority,
    Block,
    Category,
    CategoryTarget,
    Colour,
    Command,
    DayOff,
    DigestZone,
    FilePath,
    Globs,
    HeloName,
    Host,
    Hub,
    ImageProxy,
    Language,
    Line,
    Mailbox,
    Name,
    Network,
    Pattern,
    Picture,
    PictureOrFile,
    ReaderAddress,
    Replacement,
    Roots,
    Schedule,
    SearchTerm,
    Selectors,
    Server,
    Title,
    Url,
    WebAddress,
    Zone,
    distinct,
    duration_within,
    engine_order,
    hex_key,
    integer,
)
from digest.site import is_loopback

#: Where a password may travel unencrypted: it does not leave the machine.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: A first run needs no address; a mail server would not take this one.
_FIRST_SENDER = "Digest <digest@localhost>"
_STYLE = MailStyle()


Content = Literal["full", "summary"]
Formats = Annotated[
    tuple[Literal["rss", "atom", "json"], ...],
    distinct("must name one or more of 'rss', 'atom', 'json', each once", least=1),
]


def at(key: str, value: object, problem: str) -> PydanticCustomError:
    """Return the error of a key that does not fit another key of its table."""
    context = {"key": key, "value": value, "problem": problem}
    return PydanticCustomError("at_key", "{problem}", context)


class Table(BaseModel):
    """One table of the configuration; an unknown key is a mistake."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True
    )


class SiteTable(Table):
    """``[site]``: who publishes."""

    title: Title = "Digest"
    url: Url = "http://127.0.0.1:8000"
    language: Language = "en"
    timezone: Zone = "UTC"
    author: Line = ""
    email: Address = ""
    authority: Authority | None = None
    icon: Picture | None = None
    logo: Picture | None = None
    copyright: Line | None = None


class PathsTable(Table):
    """``[paths]``: absolute after loading."""

    articles: Roots = {TOP: Path("articles")}
    output: FilePath = Path("public")
    data: FilePath = Path("data")
    assets: FilePath | None = None  #: None: ``assets`` in the data folder
    sources: FilePath | None = None  #: None: ``sources`` in the data folder
    templates: FilePath | None = None

    @model_validator(mode="after")
    def _folders_are_apart(self) -> Self:
        """Refuse an output folder that contains, or lies in, a private folder."""
        roots = {
            "articles" if name == TOP else f"articles.{name}": root
            for name, root in self.articles.items()
        }
        for key, root in roots.items():
            own_folders = {"output": self.output, "data": self.data}
            for own in ("assets", "sources"):
                if (folder := getattr(self, own)) is not None:
                    own_folders[own] = folder
            for own, folder in own_folders.items():
                if root.is_relative_to(folder):
                    raise at(own, str(folder), f"must not hold the folder of paths.{key}")
                if folder.is_relative_to(root):
                    raise at(own, str(folder), f"must not lie in the folder of paths.{key}")
            for other, folder in roots.items():
                if other != key and root.is_relative_to(folder):
                    raise at(key, str(root), f"must not lie in the folder of paths.{other}")
        for own in ("data", "sources"):
            if (folder := getattr(self, own)) and folder.is_relative_to(self.output):
                raise at("output", str(self.output), f"must not hold the folder of paths.{own}")
        return self


class DatabaseTable(Table):
    """``[database]``."""

    url: Annotated[SecretStr, AfterValidator(database_url)] | None = None


class ArticlesTable(Table):
    """``[articles]``: which files are read, and how."""

    include: Annotated[Globs, distinct("must name at least one pattern", least=1)] = (
        "**/*.md",
        "**/*.markdown",
        "**/*.html",
        "**/*.htm",
        "**/*.txt",
    )
    exclude: Globs = ("**/.*", "**/*~", "**/*.tmp", "**/*.swp", "**/#*#", "**/node_modules")
    max_bytes: Annotated[int, integer(1_024, 1_073_741_824)] = 4_194_304
    summary_length: Annotated[int, integer(20, 5_000)] = 200
    placeholder_hosts: tuple[Host, ...] = ("picsum.photos",)
    embeds: tuple[Host, ...] = HOSTS
    image_proxy: ImageProxy | None = None
    referrer_policy: ReferrerPolicy = NO_REFERRER
    watch: Literal["events", "poll"] = "events"
    poll_every: Annotated[timedelta, duration_within("5s", "7d")] = timedelta(seconds=10)
    scan_every: Annotated[timedelta, duration_within("5s", "7d")] = timedelta(minutes=10)
    settle: Annotated[timedelta, duration_within("0s", "10m")] = timedelta(seconds=3)
    timeout: Annotated[timedelta, duration_within("1s", "10m")] = timedelta(seconds=2)
    workers: Annotated[int, integer(0, 256)] = 0
    rule_files: tuple[FilePath, ...] = ()
    duplicates: Literal["keep", "fold"] = "keep"
    on_delete: Literal["keep", "withdraw"] = "keep"
    grace: Annotated[timedelta, duration_within("0s", "365d")] = timedelta(days=1)
    assets: tuple[FilePath, ...] = ()
    asset_types: Annotated[tuple[AssetType, ...], distinct("must name each extension once")] = (
        "pdf",
        "epub",
        "zip",
        "csv",
        "mp3",
        "m4a",
        "ogg",
        "opus",
        "mp4",
        "webm",
    )
    max_asset_bytes: Annotated[int, integer(1_024, 1_073_741_824)] = 20_971_520
    max_asset_folder_bytes: Annotated[int, integer(1_048_576, 2**50)] = 10_737_418_240
    keep_unused_assets: Annotated[timedelta, duration_within("0s", "3650d")] = timedelta(days=90)
    longest_embargo: Annotated[timedelta, duration_within("0s", "3650d")] = timedelta(days=365)
    category_style: Literal["path", "flat"] = "path"
    max_feeds: Annotated[int, integer(2, 1_000)] = 64
    category_map: dict[Category, CategoryTarget] = {}

    @model_validator(mode="after")
    def _map_agrees_with_itself(self) -> Self:
        try:
            renames(tuple(self.category_map.items()))
        except Misplaced as error:
            raise at(f"category_map.{error.key}", error.value, error.problem) from None
        return self


class FetchingTable(Table):
    """``[fetching]``: how the feeds of sources, and their pages, are asked for."""

    proxy: Annotated[SecretStr, AfterValidator(proxy_address)] | None = None


class SourceTable(Table):
    """``[sources.NAME]``: an upstream feed that is followed."""

    url: WebAddress
    category: Category | None = None
    every: Annotated[timedelta, duration_within("10m", "2d")] | None = None
    max_age: Annotated[timedelta, duration_within("1h", "3650d")] | None = None
    max_per_day: Annotated[int, integer(1, 10_000)] = 200
    full_text: bool = False
    republish: bool = True
    allow_private: bool = False


class ReplaceTable(Table):
    """``[[rules.replace]]``: a pattern and its replacement."""

    pattern: Pattern
    with_: Annotated[Replacement, Field(alias="with")] = ""

    @model_validator(mode="after")
    def _groups_are_there(self) -> Self:
        try:
            check_replacement(self.pattern, self.with_)
        except ValueError as error:
            raise at("with", self.with_, f"must fit the pattern: {error.__cause__}") from None
        return self


class RuleTable(Table):
    """``[[rules]]``: corrections of the articles of one source."""

    category: Category | None = None
    host: Title | None = None
    path: Title | None = None
    drop: Selectors = ()
    unwrap: Selectors = ()
    keep: Selectors = ()
    strong: Selectors = ()
    attributes: Attributes = {}
    replace: tuple[ReplaceTable, ...] = ()


class RuleFile(Table):
    """A file of rules, named in ``articles.rule_files``."""

    rules: tuple[RuleTable, ...] = ()


class SanitizerTable(Table):
    """``[sanitizer]``."""

    engines: Annotated[tuple[str, ...], AfterValidator(engine_order)] = ("bleach", "nh3")


class CriteriaTable(Table):
    """Criteria of articles: ``[feeds.custom.NAME.exclude]``."""

    categories: tuple[Category, ...] = ()
    authors: tuple[SearchTerm, ...] = ()
    words: tuple[SearchTerm, ...] = ()
    languages: tuple[Language, ...] = ()


class CustomFeedTable(CriteriaTable):
    """``[feeds.custom.NAME]``: a feed of the operator's."""

    title: Title | None = None
    exclude: CriteriaTable = CriteriaTable()
    limit: Annotated[int | None, integer(1, 1_000)] = None
    content: Content | None = None
    formats: Formats | None = None

    @model_validator(mode="after")
    def _takes_not_everything(self) -> Self:
        criteria = CriteriaTable.model_fields
        if not any(getattr(table, key) for table in (self, self.exclude) for key in criteria):
            raise ValueError(f"must tell what it takes: {', '.join(criteria)} or exclude")
        return self


class FeedsTable(Table):
    """``[feeds]``."""

    limit: Annotated[int, integer(1, 1_000)] = 50
    content: Content = "full"
    formats: Formats = ("rss", "atom", "json")
    authors: bool = True
    languages: bool = True
    archives: bool = True
    max_bytes: Annotated[int, integer(100_000, 100_000_000)] = 8_000_000
    max_feeds: Annotated[int, integer(1, 1_000_000)] = 20_000
    ttl: Annotated[timedelta, duration_within("1m", "7d")] = timedelta(hours=1)
    readers: dict[Title, ReaderAddress] | None = None
    hubs: Annotated[
        tuple[Hub, ...], distinct("must name at most five hubs, each once", most=5)
    ] = ()
    hubs_over_http: bool = False
    custom: dict[Name, CustomFeedTable] = {}

    @model_validator(mode="after")
    def _hubs_are_safe(self) -> Self:
        """Refuse hubs over http elsewhere, where others could answer, unless that is allowed."""
        for hub in self.hubs:
            parts = urlsplit(hub)
            here = is_loopback(parts.hostname or "")
            if parts.scheme == "http" and not here and not self.hubs_over_http:
                raise at("hubs", hub, "must be an https address, unless hubs_over_http = true")
        return self


class DigestTable(Table):
    """``[digests.NAME]``: one newsletter."""

    title: Title | None = None
    description: Line = ""
    schedule: Schedule = "0 7 * * *"
    skip: tuple[DayOff, ...] = ()
    timezone: DigestZone | None = None
    categories: tuple[Category, ...] = ()
    subject: Title = "{{ digest.title }} · {{ date }}"
    subject_width: Annotated[int, integer(20, 250)] = 78
    template: Name = "digest"
    content: Literal["summary", "full", "lead"] = "summary"
    max_items: Annotated[int, integer(1, 1_000)] = 50
    min_items: Annotated[int, integer(1, 1_000)] = 1
    max_age: Annotated[timedelta, duration_within("1h", "365d")] | None = None
    approve: bool = False
    approve_within: Annotated[timedelta, duration_within("5m", "30d")] = timedelta(hours=6)
    unapproved: Literal["send", "drop"] = "drop"
    welcome: Annotated[int, integer(0, 100)] = 0
    language: Language | None = None
    expires: Annotated[timedelta, duration_within("1h", "30d")] = EXPIRES
    catch_up: Annotated[timedelta, duration_within("0s", "30d")] = timedelta(hours=12)
    enabled: bool = True

    @model_validator(mode="after")
    def _comes_on_some_day(self) -> Self:
        lines = (self.schedule,) if isinstance(self.schedule, str) else self.schedule
        if not words.parse_days_off(self.skip).leave(map(words.parse, lines)):
            raise at("skip", self.skip, f"leaves no run of '{', '.join(lines)}'")
        return self


class SmtpTable(Table):
    """``[mail.smtp]``: the server that takes the mail."""

    host: Server | None = None
    port: Annotated[int, integer(1, 65_535)] = 587
    socket: FilePath | None = None
    tls: Tls = "starttls"
    verify: bool = True
    username: Line | None = None
    password: SecretStr | None = None
    connections: Annotated[int, integer(1, 50)] = 10
    timeout: Annotated[timedelta, duration_within("1s", "10m")] = timedelta(seconds=30)
    messages_per_connection: Annotated[int, integer(1, 10_000)] = 100
    idle: Annotated[timedelta, duration_within("1s", "5m")] = timedelta(seconds=20)
    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    helo_name: HeloName | None = None

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise at("cert_file", None, "is required where there is a key_file")
        return self

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        if self.password is not None and not self.username:
            raise at("username", None, "is required where there is a password")
        if self.username and self.password is None:
            raise at("password", None, "is required where there is a username")
        local = self.host in _LOOPBACK or self.socket is not None
        if self.password is not None and self.tls in ("none", "opportunistic") and not local:
            raise at("tls", self.tls, "must be 'starttls' or 'tls' where there is a password")
        return self


class SendmailTable(Table):
    """``[mail.sendmail]``: the command that takes the mail."""

    command: Command = ("/usr/sbin/sendmail", "-i")
    timeout: Annotated[timedelta, duration_within("1s", "2m")] = timedelta(seconds=60)


class StyleTable(Table):
    """``[mail.style]``: the look of the shipped themes."""

    accent: Colour = _STYLE.accent
    font: Font = _STYLE.font
    logo: PictureOrFile | None = None
    logo_width: Annotated[int, integer(16, 600)] = _STYLE.logo_width


class LimitsTable(Table):
    """``[mail.limits]``: limits of the mail servers; 0 is no limit."""

    messages_per_second: Annotated[int, integer(0, 10_000)] = 0
    messages_per_hour: Annotated[int, integer(0, 1_000_000)] = 0
    connections_per_domain: Annotated[int, integer(0, 50)] = 0


class MailTable(Table):
    """``[mail]``: who sends, and how."""

    transport: Literal["maildir", "smtp", "lmtp", "sendmail"] = "maildir"
    from_: Annotated[Mailbox, Field(alias="from")] = _FIRST_SENDER
    reply_to: Address = ""
    unsubscribe_address: Address = ""
    postal_address: Block = ""
    maildir: FilePath = Path("mail")
    report_to: Address = ""
    token_key: Annotated[SecretStr, AfterValidator(hex_key)] = SecretStr("")
    token_keys: tuple[FilePath, ...] = ()
    smtp: SmtpTable = SmtpTable()
    sendmail: SendmailTable = SendmailTable()
    limits: LimitsTable = LimitsTable()
    style: StyleTable = StyleTable()

    @model_validator(mode="after")
    def _check_smtp(self) -> Self:
        if self.transport != "maildir" and "from_" not in self.model_fields_set:
            raise at("from", None, f"is required with transport = '{self.transport}'")
        if (
            self.transport in ("smtp", "lmtp")
            and self.smtp.host is None
            and self.smtp.socket is None
        ):
            raise at("smtp.host", None, f"is required with transport = '{self.transport}'")
        return self


class WebTable(Table):
    """``[web]``: the built-in web server."""

    host: Server = "127.0.0.1"
    port: Annotated[int, integer(0, 65_535)] = 8000
    enabled: bool = True
    status: bool = True
    search: bool = True
    subscribe: bool | None = None
    signups_per_day: Annotated[int, integer(1, 1_000_000)] = 500
    signups_per_network: Annotated[int, integer(1, 1_000_000)] = 20
    blocked_domains: tuple[Host, ...] = ()
    proxies: tuple[Network, ...] = ("127.0.0.0/8", "::1/128")


class MetricsTable(Table):
    """``[metrics]``: off without a port."""

    host: Server = "127.0.0.1"
    port: Annotated[int | None, integer(0, 65_535)] = None


class LogTable(Table):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json", "auto"] = "auto"
