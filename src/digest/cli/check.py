"""`digest check`: check that a configuration works."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from digest.cli.context import Context
from digest.cli.terminal import FAILED, MISUSED, OK, out, remark, say
from digest.errors import ConfigurationError, DigestError, OutputError, TemplateError
from digest.spelling import counted

if TYPE_CHECKING:
    from digest.articles.model import CategoryPath
    from digest.settings import Settings

app = typer.Typer()


@app.command()
def check(
    context: typer.Context,
    forget_lost_keys: Annotated[
        bool,
        typer.Option(
            "--forget-lost-keys", help="Accept that links signed with a lost key are dead."
        ),
    ] = False,
) -> None:
    """Return whether `digest run` would work: configuration, templates, folders, database, mail.

    Ends with 2 where the configuration or a template is wrong, 1 where something else is.
    """
    from digest.app.builders import other_port, unreachable_pages
    from digest.mail.style import LEAST_CONTRAST
    from digest.settings import exposed_secrets, problems
    from digest.settings.exposure import changeable_by_all

    chosen: Context = context.obj
    path = chosen.path()
    mistakes = problems(path, os.environ)
    for mistake in mistakes:
        named = mistake.key.startswith(str(path))
        _report("configuration" if named else f"configuration {path}", mistake)
    if mistakes:
        raise typer.Exit(MISUSED)
    _report(f"configuration {path}", None)
    settings = chosen.settings()
    worst = OK
    if forget_lost_keys:
        _forget_lost_keys(settings)
    for what, attempt in _checks(settings):
        try:
            attempt()
        except (ConfigurationError, TemplateError) as error:
            _report(what, error)
            worst = MISUSED
        except (DigestError, OSError) as error:
            _report(what, error)
            worst = max(worst, FAILED)
        else:
            _report(what, None)
    for key in exposed_secrets(path, os.environ):
        where = "its file" if key.startswith("$") else str(path)
        remark(f"{key}: everybody on this machine may read the password in {where}; chmod o-r it")
    if changeable_by_all(settings.paths.data):
        remark(
            f"paths.data: everybody on this machine may replace the database in "
            f"{settings.paths.data}; chmod 700 it"
        )
    for name, table in settings.digests.items():
        if table.approve and not settings.mail.report_to:
            remark(
                f"digests.{name}.approve: nobody is told of an edition that waits, as "
                "mail.report_to is empty; `digest editions list` shows it"
            )
    for message in _unreachable(settings):
        remark(message)
    for message in filter(None, (unreachable_pages(settings), other_port(settings))):
        remark(message)
    style = settings.mail_style()
    if style.contrast < LEAST_CONTRAST:
        remark(
            f"mail.style.accent: {style.accent} is too pale for links on white: their contrast is "
            f"{style.contrast:.1f}:1, legible is {LEAST_CONTRAST}:1 (WCAG 1.4.3)"
        )
    if not settings.web.enabled:
        pageless = _pageless(settings)
        linkless = counted(
            pageless, "article has no other address", "articles have no other address"
        )
        without = f", though {linkless}" if pageless else ""
        remark(
            "web.enabled = false: nobody serves the pages that feeds and mails lead to, nor "
            f"archives{without}; `digest export DIR` writes them as files"
        )
    if worst:
        raise typer.Exit(worst)


def _forget_lost_keys(settings: Settings) -> None:
    from digest.app.token_keys import fingerprint, load_keys
    from digest.store.database import open_store

    with open_store(settings.database_url()) as store:
        store.keys.forget(list(map(fingerprint, load_keys(settings))))


def _unreachable(settings: Settings) -> list[str]:
    """Return the readers who can never get mail, with the reason; none without a database."""
    from digest.cli.subscribers import format_categories, nearest
    from digest.store.database import open_store
    from digest.subscribers.model import SubscriberState, may_read

    try:
        with open_store(settings.database_url()) as store:
            with store.pages.snapshot() as source:
                known = {summary.path for summary in source.categories(None)}
            readers = store.subscribers.list(state=SubscriberState.ACTIVE)
    except DigestError:
        return []
    lost: dict[str, set[CategoryPath]] = {}
    counts: Counter[str] = Counter()
    for reader in readers if known else ():
        if reader.digest in settings.digests:
            selected = settings.digest(reader.digest).categories
            if not may_read(reader.categories, selected, known):
                counts[reader.digest] += 1
                lost.setdefault(reader.digest, set()).update(reader.categories)
    return [
        f"{counted(counts[digest], 'reader')} of {digest} can get no mail: no article that it "
        f"selects is in the categories they chose: {format_categories(tuple(sorted(paths)))}"
        + "".join(sorted({nearest(path, known - paths) for path in paths}))
        for digest, paths in lost.items()
    ]


def _pageless(settings: Settings) -> int:
    """Return the number of articles without a readable address; 0 without a database."""
    from digest.store.database import open_store

    try:
        with open_store(settings.database_url()) as store:
            return store.articles.without_link()
    except DigestError:
        return 0


def _report(what: str, error: Exception | None) -> None:
    if error is None:
        out.print("[green]ok[/green]      ", end="")
        say(what)
    else:
        out.print("[red]failed[/red]  ", end="")
        say(f"{what}: {error}")


def _checks(settings: Settings) -> list[tuple[str, Callable[[], object]]]:
    """Return the checks in order: a name, and the function that raises an error."""
    from digest.app.builders import (
        check_roots,
        make_mail_templates,
        make_pages,
        make_schedules,
        make_transport,
        make_tree,
    )
    from digest.app.lock_file import daemon_runs, listen
    from digest.app.mail_logo import read_logo
    from digest.app.token_keys import fingerprint, load_keys, lost_keys_problem
    from digest.site import is_loopback
    from digest.store.database import open_store

    templates, site = settings.template_folder(), settings.site()
    digests = {name: settings.digest(name) for name in settings.digests}

    def pages() -> None:
        make_pages(settings, site, digests, make_schedules(settings)).check()

    def mails() -> None:
        mail_templates = make_mail_templates(settings, site, read_logo(settings))
        for digest in digests.values():
            mail_templates.check(digest)

    def database() -> None:
        with open_store(settings.database_url()) as store:
            store.check()

    def keys() -> None:
        present = list(map(fingerprint, load_keys(settings)))
        with open_store(settings.database_url()) as store:
            if lost := store.keys.lost(present):
                raise DigestError(lost_keys_problem(lost))

    def subscribers() -> None:
        with open_store(settings.database_url()) as store:
            lost = store.subscribers.count().keys() - settings.digests.keys()
        if lost:
            name = min(lost)
            raise ConfigurationError(
                f"digests.{name}",
                None,
                "has subscribers but is not configured: nobody would write to them; give the "
                "digest its old name again, or remove them with `digest subscribers remove`",
            )

    def hubs() -> None:
        here = is_loopback(urlsplit(site.url).hostname or "")
        if here and any(not is_loopback(urlsplit(hub).hostname or "") for hub in site.hubs):
            raise ConfigurationError(
                "site.url",
                site.url,
                "leads to this machine: the hubs of feeds.hubs could not fetch the feeds; set the "
                "address that readers use",
            )

    paths, mail = settings.paths, settings.mail
    listening = [
        (f"{host}:{port}", lambda at=(host, port, option): listen(*at).close())
        for enabled, host, port, option in (
            (settings.web.enabled, settings.web.host, settings.web.port, "web.port"),
            (True, settings.metrics.host, settings.metrics.port, "metrics.port"),
        )
        # A daemon that runs listens there already.
        if enabled and port is not None and not daemon_runs(paths.data)
    ]
    carrier = {
        "smtp": lambda: f"log in to the SMTP server {settings.smtp().address}",
        "lmtp": lambda: f"log in to the LMTP server {settings.smtp().address}",
        "sendmail": lambda: f"find the command {mail.sendmail.command[0]}",
        "maildir": lambda: f"write to the Maildir {mail.maildir}",
    }[mail.transport]()
    return [
        (
            f"read the articles in {', '.join(map(str, settings.roots().values()))}",
            lambda: check_roots(make_tree(settings)),
        ),
        ("make the rules", settings.draft_options),
        (f"render the page templates in {templates}", pages),
        (f"render the mail templates in {templates}", mails),
        (f"write to the output folder {paths.output}", lambda: _write_probe(paths.output)),
        (f"write to the data folder {paths.data}", lambda: load_keys(settings)),
        *((f"listen at {where}", attempt) for where, attempt in listening),
        ("use the database", database),
        ("find the keys of links already sent", keys),
        ("find the digest of every subscriber", subscribers),
        *([("find the feeds from a hub's side", hubs)] if site.hubs else []),
        (carrier, lambda: asyncio.run(make_transport(settings).check())),
    ]


def _write_probe(folder: Path) -> None:
    """Raise OutputError where a file cannot be made in a folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"probe")
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(folder, f"{reason}; paths.output names this folder") from error
