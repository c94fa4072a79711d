"""Settings: the whole configuration, and the values that services are given."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from digest import resources
from digest.articles.categories import renamed, renames
from digest.articles.cleaning.rules import Rule
from digest.articles.draft_options import AssetOptions, DraftOptions, LinkOptions
from digest.articles.filters import ArticleFilter, Criteria
from digest.articles.ingest.tree import TOP
from digest.articles.model import CategoryPath
from digest.articles.revision import IngestPolicy
from digest.assets import ASSETS
from digest.editions.model import Approval, Digest
from digest.errors import ConfigurationError
from digest.feeds.catalog import CustomFeed, FeedPlan
from digest.feeds.model import ATOM, JSON, RSS
from digest.languages import cased
from digest.mail.delivery.rate_limit import Limits
from digest.mail.style import MailStyle
from digest.mail.transports.model import Sender, SendmailCommand, SmtpServer
from digest.settings.addresses import mailbox
from digest.settings.exposure import secret_paths
from digest.settings.options import (
    ArticlesTable,
    CriteriaTable,
    DatabaseTable,
    DigestTable,
    FeedsTable,
    FetchingTable,
    LogTable,
    MailTable,
    MetricsTable,
    PathsTable,
    RuleTable,
    SanitizerTable,
    SiteTable,
    SourceTable,
    WebTable,
    at,
)
from digest.settings.types import SUBSCRIBER, Name
from digest.site import Site, is_loopback
from digest.sources.model import Source
from digest.spelling import alternatives, closest
from digest.subscribers.signup import SignupLimits, SignupPolicy

#: The date in tag URIs where none is configured (RFC 4151 section 2.1).
_FIRST_YEAR = 2026
_DATABASE_FILE = "digest.db"
#: The root of the article files of sources, and the default name of its folder.
SOURCES = "sources"
_FEED_FILES = {"rss": RSS, "atom": ATOM, "json": JSON}


class Settings(BaseSettings):
    """The configuration, checked. Made by ``load``."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        hide_input_in_errors=True,
        env_prefix="DIGEST_",
        env_prefix_target="all",
        env_nested_delimiter="__",
    )

    #: Files with secrets that no option names, such as the configuration itself.
    _secret_files: tuple[Path, ...] = PrivateAttr(default=())

    site_table: Annotated[SiteTable, Field(alias="site")] = SiteTable()
    paths: PathsTable = PathsTable()
    database: DatabaseTable = DatabaseTable()
    articles: ArticlesTable = ArticlesTable()
    fetching: FetchingTable = FetchingTable()
    sources: dict[Name, SourceTable] = {}
    rules: tuple[RuleTable, ...] = ()
    sanitizer: SanitizerTable = SanitizerTable()
    feeds: FeedsTable = FeedsTable()
    digests: dict[Name, DigestTable] = {}
    mail: MailTable = MailTable()
    web: WebTable = WebTable()
    metrics: MetricsTable = MetricsTable()
    log: LogTable = LogTable()

    @model_validator(mode="after")
    def _sources_have_a_root(self) -> Self:
        if self.sources and SOURCES in self.paths.articles:
            problem = "is the name of the folder of sources; choose another one"
            raise at(f"paths.articles.{SOURCES}", None, problem)
        return self

    @model_validator(mode="after")
    def _digests_name_categories_that_can_be(self) -> Self:
        """Refuse digests of a category that the map renames or hides: they would be empty."""
        moves = renames(tuple(self.articles.category_map.items()))
        targets = [CategoryPath(names) for names in moves.values() if names]
        for name, digest in self.digests.items():
            for category in digest.categories:
                path = CategoryPath.parse(category)
                now = renamed([path], moves)
                if now != (path,) and not any(
                    target.within(path) or path.within(target) for target in targets
                ):
                    made = f"called '{'/'.join(now[0].names)}'" if now else "hidden"
                    problem = f"is {made} by articles.category_map"
                    raise at(f"digests.{name}.categories", category, problem)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use the given values only: ``load`` has merged the environment into them."""
        return (init_settings,)

    def site(self, authority: str | None = None) -> Site:
        """Return the publisher.

        ``authority`` is the stored authority of tag URIs, if there is one: ids must not change when
        the site gets another address.
        """
        site = self.site_table
        return Site(
            title=site.title,
            url=site.url,
            language=site.language,
            timezone=site.timezone,
            author=site.author,
            email=site.email,
            authority=authority or self.authority(),
            icon=site.icon or "",
            logo=site.logo or "",
            copyright=site.copyright or "",
            hubs=self.feeds.hubs,
        )

    def authority(self) -> str:
        """Return the authority of tag URIs (RFC 4151) for a store that has none yet."""
        return self.site_table.authority or _default_authority(self.site_table.url)

    def digest(self, name: str) -> Digest:
        """Return the digest of a name; raise ConfigurationError if there is none."""
        table = self.digests.get(name)
        if table is None:
            near = closest(name, self.digests)
            known = ", ".join(self.digests) or "none"
            hint = f"did you mean {alternatives(near)}?" if near else f"known are: {known}"
            raise ConfigurationError("digests", name, f"there is no such digest; {hint}")
        return Digest(
            name=name,
            title=table.title or self.site_table.title,
            description=table.description,
            categories=tuple(map(CategoryPath.parse, table.categories)),
            subject=table.subject,
            subject_width=table.subject_width,
            template=table.template,
            content=table.content,
            max_items=table.max_items,
            language=table.language or self.site_table.language,
            timezone=self.digest_zone(name),
            expires=table.expires,
            local=self.digest_local(name),
            min_items=table.min_items,
            max_age=table.max_age,
            approval=Approval(within=table.approve_within, sends=table.unapproved == "send")
            if table.approve
            else None,
            welcome=table.welcome,
        )

    def digest_zone(self, name: str) -> str:
        """Return the time zone of a digest's schedule and dates: its own, else the site's.

        A digest sent at the hour of each subscriber's own zone has the site's zone, too.
        """
        zone = self.digests[name].timezone
        return self.site_table.timezone if zone is None or zone == SUBSCRIBER else zone

    def digest_local(self, name: str) -> bool:
        """Return whether a digest is sent at the hour of each subscriber's own zone."""
        return self.digests[name].timezone == SUBSCRIBER

    def feed_plan(self, site: Site) -> FeedPlan:
        """Return the feed plan: which feeds there are, and how they are written."""
        feeds = self.feeds
        return FeedPlan(
            site=site,
            full=feeds.content == "full",
            formats=tuple(_FEED_FILES[name] for name in feeds.formats),
            limit=feeds.limit,
            ttl=feeds.ttl,
            authors=feeds.authors,
            languages=feeds.languages,
            custom=self.custom_feeds(),
            archives=feeds.archives,
            max_bytes=feeds.max_bytes,
            max_feeds=feeds.max_feeds,
        )

    def draft_options(self) -> DraftOptions:
        """Return the options of drafts."""
        return DraftOptions(
            timezone=self.site_table.timezone,
            language=cased(self.site_table.language),
            engines=self.sanitizer.engines,
            rules=tuple(
                Rule(
                    category=CategoryPath.parse(rule.category) if rule.category else None,
                    host=rule.host,
                    path=rule.path,
                    drop=rule.drop,
                    unwrap=rule.unwrap,
                    keep=rule.keep,
                    strong=rule.strong,
                    attributes=tuple(rule.attributes.items()),
                    replace=tuple((entry.pattern, entry.with_) for entry in rule.replace),
                )
                for rule in self.rules
            ),
            summary_length=self.articles.summary_length,
            placeholder_hosts=self.articles.placeholder_hosts,
            embeds=self.articles.embeds,
            image_proxy=self.articles.image_proxy,
            referrer_policy=self.articles.referrer_policy,
            category_style=self.articles.category_style,
            category_map=tuple(self.articles.category_map.items()),
            max_feeds=self.articles.max_feeds,
            sketched=self.articles.duplicates == "fold",
            assets=AssetOptions(
                url=self.site().link(ASSETS),
                target=str(self.asset_folder()),
                roots=tuple((name, str(root)) for name, root in self.roots().items()),
                folders=tuple(map(str, self.articles.assets)),
                hidden=tuple(map(str, self._unpublished())),
                linked=self.articles.asset_types,
                max_bytes=self.articles.max_asset_bytes,
                max_folder_bytes=self.articles.max_asset_folder_bytes,
                foreign=(SOURCES,) if self._watches_sources() else (),
                links=LinkOptions(
                    site=self.site().link(""),
                    timezone=self.site_table.timezone,
                    include=self.articles.include,
                    exclude=self.articles.exclude,
                ),
            ),
        )

    def _unpublished(self) -> Iterator[Path]:
        """Yield the files and folders that no article may publish a copy of."""
        yield from (self.paths.output, self.asset_folder(), *self._secret_files)
        for key, path in secret_paths(self):
            ends = ("", "-wal", "-shm", "-journal") if key == "database.url" else ("",)
            yield from (Path(f"{path}{end}") for end in ends)

    def keeping_secret(self, *files: Path) -> Settings:
        """Return the settings with further files that are never published."""
        settings = self.model_copy()
        settings._secret_files = files  # noqa: SLF001 - one of this class
        return settings

    def roots(self) -> dict[str, Path]:
        """Return the watched folders by name, and that of sources, if there are or were any."""
        own = {SOURCES: self.source_folder()} if self._watches_sources() else {}
        return self.paths.articles | own

    def _watches_sources(self) -> bool:
        """Return whether the folder of sources is watched.

        One that is left of sources that are followed no more is, as their articles stay, unless
        the operator's own folders need its name.
        """
        roots = self.paths.articles
        left = SOURCES not in roots and self.source_folder().is_dir()
        return bool(self.sources) or (
            left and not (TOP in roots and (roots[TOP] / SOURCES).is_dir())
        )

    def following(self, sources: dict[str, SourceTable]) -> Settings:
        """Return the same settings with other sources.

        Raises ConfigurationError where their folder would take a name from one of the operator's.
        """
        settings = self.model_copy(update={"sources": sources})
        roots = self.paths.articles
        hidden = roots[TOP] / SOURCES if TOP in roots else None
        if sources and SOURCES in roots:
            problem = "is the name of the folder of sources; choose another one"
            raise ConfigurationError(f"paths.articles.{SOURCES}", None, problem)
        if sources and hidden is not None and hidden.is_dir():
            problem = "is a folder of articles; rename it, since that of sources has its name"
            raise ConfigurationError("paths.articles", str(hidden), problem)
        return settings

    def differences(self, other: Settings) -> list[str]:
        """Return the names of the tables that ``other`` has otherwise, apart from sources."""
        if self.articles.watch == "poll":  # which an option of the command may have said
            other = other.polling()
        return [
            field.alias or name
            for name, field in Settings.model_fields.items()
            if name != SOURCES and getattr(self, name) != getattr(other, name)
        ]

    def source_folder(self) -> Path:
        """Return the folder of the article files of sources."""
        return self.paths.sources or self.paths.data / SOURCES

    def source_list(self) -> list[Source]:
        """Return the sources, in the order configured."""
        return [
            Source(
                name=name,
                url=table.url,
                category=CategoryPath.parse(table.category).names if table.category else (),
                every=table.every,
                max_age=table.max_age,
                max_per_day=table.max_per_day,
                republish=table.republish,
                full_text=table.full_text,
                allow_private=table.allow_private,
            )
            for name, table in self.sources.items()
        ]

    def fetching_proxy(self) -> str:
        """Return the address of the proxy for sources; empty where there is none."""
        return self.fetching.proxy.get_secret_value() if self.fetching.proxy else ""

    def asset_folder(self) -> Path:
        """Return the folder of copies of the files that articles bring."""
        return self.paths.assets or self.paths.data / "assets"

    def polling(self) -> Settings:
        """Return the settings with polling of the articles for changes."""
        articles = self.articles.model_copy(update={"watch": "poll"})
        return self.model_copy(update={"articles": articles})

    def ingest_policy(self) -> IngestPolicy:
        """Return the rules by which files become articles, and articles are withdrawn."""
        articles = self.articles
        return IngestPolicy(
            fold=articles.duplicates == "fold",
            longest_embargo=articles.longest_embargo,
            grace=articles.grace if articles.on_delete == "withdraw" else None,
            language=cased(self.site_table.language),
            filters=tuple(
                ArticleFilter(name=name, wanted=_criteria(table), unwanted=_criteria(table.exclude))
                for name, table in self.feeds.custom.items()
            ),
            mail_only=tuple(
                f"{SOURCES}/{name}/" for name, table in self.sources.items() if not table.republish
            ),
            republished=tuple(
                f"{SOURCES}/{name}/" for name, table in self.sources.items() if table.republish
            ),
        )

    def moved_feeds(self) -> dict[str, str]:
        """Return the folders of feeds that were renamed: the new ones by the old ones."""
        return {
            f"feeds/{CategoryPath.parse(old).folder}": f"feeds/{CategoryPath.parse(new).folder}"
            for old, new in self.articles.category_map.items()
            if new
        }

    def custom_feeds(self) -> tuple[CustomFeed, ...]:
        """Return the operator's feeds, in the order configured."""
        return tuple(
            CustomFeed(
                name=name,
                title=table.title or "",
                full=None if table.content is None else table.content == "full",
                formats=table.formats and tuple(_FEED_FILES[name] for name in table.formats),
                limit=table.limit,
            )
            for name, table in self.feeds.custom.items()
        )

    def sender(self) -> Sender:
        """Return the sender of mails."""
        name, address = mailbox(self.mail.from_)
        return Sender(
            address=address,
            name=name,
            reply_to=self.mail.reply_to or None,
            unsubscribe=self.mail.unsubscribe_address or None,
            postal_address=self.mail.postal_address,
            pages=not self.unreachable(),
        )

    def unreachable(self) -> str:
        """Return why recipients of mail cannot reach the site's pages; empty if they can.

        A Maildir is for trying things out: whoever reads it is on this machine.
        """
        if self.mail.transport == "maildir":
            return ""
        if not self.web.enabled:
            return "web.enabled = false: nobody serves the pages that mails lead to"
        url = self.site_table.url
        if is_loopback(urlsplit(url).hostname or ""):
            return f"site.url = {url} leads to this machine alone, and so do all links in mails"
        return ""

    def subscribing(self) -> bool:
        """Return whether readers can subscribe on the web: as configured, else if mail is sent."""
        web, transport = self.web, self.mail.transport
        if web.subscribe is not None:
            return web.enabled and web.subscribe
        return transport != "maildir" and not self.unreachable()

    def signup_policy(self) -> SignupPolicy:
        """Return the limits and origins of requests to subscribe."""
        web, site = self.web, urlsplit(self.site_table.url)
        return SignupPolicy(
            limits=SignupLimits(network=web.signups_per_network, total=web.signups_per_day),
            origin=f"{site.scheme}://{site.netloc}",
            proxies=tuple(map(ip_network, web.proxies)),
            blocked=web.blocked_domains,
        )

    def smtp(self) -> SmtpServer:
        """Return the SMTP or LMTP server.

        Raises ConfigurationError if none is configured.
        """
        smtp = self.mail.smtp
        if smtp.host is None and smtp.socket is None:
            raise ConfigurationError("mail.smtp.host", None, "is required to send mail")
        return SmtpServer(
            host=smtp.host or "localhost",
            port=smtp.port,
            socket=smtp.socket,
            helo_name=smtp.helo_name or _helo_name(self.sender().host),
            lmtp=self.mail.transport == "lmtp",
            tls="none" if smtp.socket else smtp.tls,
            username=smtp.username,
            password=smtp.password.get_secret_value() if smtp.password else None,
            connections=smtp.connections,
            timeout=smtp.timeout,
            ca=smtp.ca_file,
            certificate=smtp.cert_file,
            key=smtp.key_file,
            verify=smtp.verify,
            messages_per_connection=smtp.messages_per_connection,
            idle=smtp.idle,
        )

    def sendmail(self) -> SendmailCommand:
        """Return the command that sends mails."""
        table = self.mail.sendmail
        return SendmailCommand(command=table.command, timeout=table.timeout)

    def mail_style(self) -> MailStyle:
        """Return the look of mails, without a logo that is a file."""
        table = self.mail.style
        return MailStyle(
            accent=table.accent,
            font=table.font,
            logo=table.logo if isinstance(table.logo, str) else "",
            logo_width=table.logo_width,
        )

    def limits(self) -> Limits:
        """Return the limits of rate, and of connections to one domain."""
        table = self.mail.limits
        return Limits(
            per_second=table.messages_per_second or None,
            per_hour=table.messages_per_hour or None,
            per_domain=table.connections_per_domain or None,
        )

    def database_url(self) -> str:
        """Return the URL of the database, which may contain a password."""
        if self.database.url is not None:
            return self.database.url.get_secret_value()
        return f"sqlite:///{self.paths.data / _DATABASE_FILE}"

    def template_folder(self) -> Path:
        """Return the folder of templates: as configured, else that of the shipped ones."""
        return self.paths.templates or resources.templates()


def _helo_name(sender_host: str) -> str:
    """Return the name for EHLO: the sender's domain, else this machine's name.

    If neither is a whole host name, return an address literal (RFC 5321 section 4.1.3).
    """
    names = (sender_host, socket.gethostname().lower())
    whole = (name for name in names if "." in name and not name.endswith(".localhost"))
    return next(whole, "[127.0.0.1]")


def _criteria(table: CriteriaTable) -> Criteria:
    return Criteria(
        categories=tuple(map(CategoryPath.parse, table.categories)),
        authors=table.authors,
        words=table.words,
        languages=table.languages,
    )


def _default_authority(url: str) -> str:
    """Return the authority of tag URIs made from the site's address (RFC 4151 section 2.1)."""
    host = re.sub(r"[^a-z0-9.-]+", "-", urlsplit(url).hostname or "").strip("-.")
    return f"{host},{_FIRST_YEAR}"
