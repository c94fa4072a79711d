"""Builders: check parts of the configuration, and make single parts of the program from it.

What only some commands need (pages, mail) is imported by the function that makes it: a build that
finds nothing changed needs none of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from digest import __version__, resources
from digest.articles.ingest.ingest_options import IngestOptions
from digest.articles.ingest.path_patterns import PathFilter
from digest.articles.ingest.tree import TOP, Tree
from digest.editions.model import Digest
from digest.errors import ConfigurationError, TemplateError
from digest.feeds.catalog import FeedPlan
from digest.private_files import make_private_folder
from digest.scheduling.schedule import Schedule
from digest.settings import Settings
from digest.settings.exposure import private_paths
from digest.site import Site, is_local_network, is_loopback

if TYPE_CHECKING:
    from digest.app.mail_logo import LogoFile
    from digest.mail.render import MailTemplates
    from digest.mail.transports.maildir import MaildirTransport
    from digest.mail.transports.sendmail import SendmailTransport
    from digest.mail.transports.smtp.pool import SmtpTransport
    from digest.web.pages import WebPages

#: The template of the style sheet of feeds.
_FEED_STYLE = "feed.css"
#: To be raised when the folders of feeds get other names.
_FOLDER_RULES = "2"


def make_tree(settings: Settings) -> Tree:
    """Return the tree of article files.

    Raises ConfigurationError if there is no folder to watch; one of several may be missing.
    """
    roots = settings.roots()
    if settings.sources:
        make_private_folder(settings.source_folder())
    if not any(root.is_dir() for root in roots.values()):
        shown = ", ".join(map(str, roots.values()))
        raise ConfigurationError("paths.articles", shown, "is no folder; expected one to watch")
    return Tree(
        roots=roots,  # as they are: where a link leads may change
        files=PathFilter(settings.articles.include, settings.articles.exclude),
        max_bytes=settings.articles.max_bytes,
        settle=settings.articles.settle,
    )


def make_ingest_options(settings: Settings) -> IngestOptions:
    """Return the options of ingest. Raises ConfigurationError, OSError."""
    return IngestOptions(
        tree=make_tree(settings),
        drafts=settings.draft_options(),
        policy=settings.ingest_policy(),
    )


def make_schedules(settings: Settings) -> dict[str, Schedule]:
    """Return the schedules of the enabled digests, by name."""
    return {
        name: Schedule(
            table.schedule,
            settings.digest_zone(name),
            skip=table.skip,
            local=settings.digest_local(name),
        )
        for name, table in settings.digests.items()
        if table.enabled
    }


def make_transport(settings: Settings) -> SmtpTransport | SendmailTransport | MaildirTransport:
    """Return the transport that is configured."""
    if settings.mail.transport in ("smtp", "lmtp"):
        from digest.mail.transports.smtp.pool import SmtpTransport

        return SmtpTransport(settings.smtp())
    if settings.mail.transport == "sendmail":
        from digest.mail.transports.sendmail import SendmailTransport

        return SendmailTransport(settings.sendmail())
    from digest.mail.transports.maildir import MaildirTransport

    return MaildirTransport(settings.mail.maildir)


def template_folders(settings: Settings) -> tuple[Path, Path]:
    """Return the folder of templates, and that of the default ones for files that it lacks.

    Raises ConfigurationError if the configured folder does not exist.
    """
    folder, default_templates = settings.template_folder(), resources.templates()
    if not folder.is_dir():
        problem = "is no folder; expected one with templates"
        raise ConfigurationError("paths.templates", str(folder), problem)
    return folder, default_templates


def feed_style_sheet(*folders: Path) -> bytes:
    """Return the style sheet of feeds for browsers, of the first folder that has it.

    Raises TemplateError if none has it, or it cannot be read.
    """
    files = [folder / _FEED_STYLE for folder in folders]
    try:
        return next((file for file in files if file.exists()), files[0]).read_bytes()
    except OSError as error:
        raise TemplateError(_FEED_STYLE, None, error.strerror or str(error)) from error


def feed_fingerprint(plan: FeedPlan, style_sheet: bytes) -> str:
    """Return a hash that differs whenever feeds of the same articles would differ."""
    libraries = resources.library_versions("feedgen", "lxml", "Brotli")
    inputs = "\n".join((__version__, _FOLDER_RULES, *libraries, repr(plan)))
    return hashlib.blake2b(inputs.encode() + style_sheet, digest_size=16).hexdigest()


def make_pages(
    settings: Settings,
    site: Site,
    digests: Mapping[str, Digest],
    scheduled: Mapping[str, Schedule],
    *,
    search: bool = False,
    subscribe: bool = False,
) -> WebPages:
    """Return the renderer of a site's pages; ``scheduled`` has the digests' schedules, by name.

    With ``search`` pages link to the search, with ``subscribe`` to the form to subscribe. Raises
    TemplateError if a template cannot be read.
    """
    from digest.web.pages import WebPages
    from digest.web.subscribe_links import READERS

    templates, default_templates = template_folders(settings)
    readers = settings.feeds.readers
    return WebPages(
        templates=templates,
        plan=settings.feed_plan(site),
        readers=READERS if readers is None else readers,
        digests=[digests[name] for name in scheduled],
        schedules=scheduled,
        default_templates=default_templates,
        search=search,
        subscribe=subscribe,
    )


def make_mail_templates(
    settings: Settings, site: Site, logo: LogoFile | None = None
) -> MailTemplates:
    """Return the renderer of mails; ``logo`` is the one that ``read_logo`` returns.

    Raises TemplateError if a template cannot be read.
    """
    from digest.mail.render import MailTemplates

    templates, default_templates = template_folders(settings)
    style = settings.mail_style()
    if logo:
        style = replace(style, logo=logo.url(site))
    return MailTemplates(
        templates=templates, site=site, default_templates=default_templates, style=style
    )


def check_roots(tree: Tree) -> None:
    """Check that every root can be read, and that none hides another on disk.

    Raises ConfigurationError, and OSError for a root that cannot be read.
    """
    real = {name: root.resolve() for name, root in tree.roots.items()}
    for name, root in real.items():
        key = "paths.articles" if name == TOP else f"paths.articles.{name}"
        next(root.iterdir(), None)
        for other, folder in real.items():
            if other != name and root.is_relative_to(folder):
                raise ConfigurationError(key, str(root), f"must not lie in the folder {folder}")
        if name != TOP and TOP in real and (hidden := real[TOP] / name).is_dir():
            raise ConfigurationError(
                key, str(root), f"hides the folder {hidden} with its articles; choose another name"
            )


def check_export_folder(settings: Settings, folder: Path) -> None:
    """Raise ConfigurationError if the folder is, holds or lies in another that Digest uses."""
    paths = settings.paths
    others = {"paths.output": paths.output, **dict(private_paths(settings))}
    if paths.templates is not None:
        others["paths.templates"] = paths.templates
    own = folder.resolve()
    for key, other in others.items():
        real = other.resolve()
        if own == real or own.is_relative_to(real) or real.is_relative_to(own):
            where = "is" if own == real else "lies in" if own.is_relative_to(real) else "holds"
            problem = f"{where} the folder of {key} ({other}); expected one apart from it"
            raise ConfigurationError("export to", str(folder), problem)


def other_port(settings: Settings) -> str:
    """Return a warning if ``site.url`` is on this machine at a port that nobody listens at."""
    web, url = settings.web, urlsplit(settings.site_table.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    if not web.enabled or web.port in (0, port) or not is_loopback(url.hostname or ""):
        return ""
    return (
        f"web.port = {web.port}, but site.url = {settings.site_table.url} leads to port {port}: so "
        "do the addresses in feeds and mails, unless another server there passes them on"
    )


def unreachable_pages(settings: Settings) -> str:
    """Return a warning if mails link to pages that readers cannot reach, else an empty text."""
    reason = settings.unreachable()
    if not settings.digests:
        return ""
    if not reason:
        url = settings.site_table.url
        if settings.mail.transport == "maildir" or not is_local_network(
            urlsplit(url).hostname or ""
        ):
            return ""
        told = f"site.url = {url} leads into a local network: readers elsewhere can follow no link"
        if settings.mail.unsubscribe_address:
            return f"{told} in mails, and unsubscribe by mail to mail.unsubscribe_address only"
        return f"{told} in mails, nor unsubscribe"
    if settings.mail.unsubscribe_address:
        return f"{reason}; readers can unsubscribe by mail to mail.unsubscribe_address only"
    return (
        f"{reason}: readers cannot unsubscribe. Set mail.unsubscribe_address, so that they can by "
        "mail, or have the pages served at an address of site.url that readers reach"
    )
