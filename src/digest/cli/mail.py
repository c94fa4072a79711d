"""`digest preview` and `digest send`: editions by hand."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import Context, services_of
from digest.cli.terminal import FAILED, complain, progress_bar, remark, say
from digest.spelling import counted

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.articles.model import Article
    from digest.editions.model import Digest, Edition
    from digest.errors import DeliveryError
    from digest.subscribers.model import Subscriber

app = typer.Typer()

#: Seconds between two looks at how far an edition has come.
_LOOK_EVERY = 1.0

#: Articles that a welcome is shown with where the digest has none.
_WELCOME = 5

Name = Annotated[str, typer.Argument(help="The digest's name in the configuration.")]
Latest = Annotated[
    int | None,
    typer.Option(min=1, help="Take the latest N articles, not those since the last edition."),
]


class PreviewFormat(StrEnum):
    """The format that `preview` writes."""

    HTML = "html"
    TEXT = "text"
    EML = "eml"


@app.command()
def preview(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="The digest's name in the configuration; with --all, a folder."),
    ] = None,
    latest: Latest = None,
    for_: Annotated[
        str | None, typer.Option("--for", help="As this subscriber would read it.")
    ] = None,
    format_: Annotated[
        PreviewFormat, typer.Option("--format", help="What to write.")
    ] = PreviewFormat.HTML,
    out: Annotated[Path | None, typer.Option(help="Default: standard output.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
    lint: Annotated[
        bool, typer.Option("--lint", help="Tell what mailbox providers would mind instead.")
    ] = False,
    welcome: Annotated[
        bool, typer.Option("--welcome", help="What a new subscriber is sent instead.")
    ] = False,
    all_: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Write every mail and page, in every language, with sample data, into a folder.",
        ),
    ] = False,
) -> None:
    """Show what the next edition of a digest would look like. Sends and stores nothing.

    With --lint the message is held to the rules of the specifications and the large providers;
    ends with 1 where it breaks one of them.
    """
    if all_:
        from digest.app.preview_folder import write_previews

        chosen: Context = context.obj
        folder = Path(name or "previews")
        written = counted(write_previews(chosen.settings(), folder), "file")
        say(f"{written}: see {folder / 'index.html'}")
        if open_:
            typer.launch((folder / "index.html").resolve().as_uri())
        return
    if name is None:
        raise typer.BadParameter("name a digest, or give --all")
    with services_of(context, log=False) as services:
        digest = services.settings.digest(name)
        subscriber = _subscriber(services, name, for_) if for_ else None
        if welcome:
            latest = latest or digest.welcome or _WELCOME
        articles = _articles(services, digest, latest)
        if latest is None and len(articles) < digest.min_items:
            remark(
                f"{name}: {len(articles)} of min_items = {digest.min_items} new articles: "
                "they wait for more"
            )
        preview = services.composer().preview(
            digest,
            articles,
            subscriber=subscriber,
            now=services.clock(),
            as_delivered=lint,
            welcome=welcome,
            note="" if welcome else services.store.editions.note(name) or "",
        )
        postal_address = services.settings.mail.postal_address
        html = preview.content.html
        if services.logo:  # seen though nothing serves it yet
            html = services.logo.inlined(html, services.site)
    if lint:
        _lint(preview.envelope.message, postal_address)
        return
    suffix, content = {
        PreviewFormat.HTML: (".html", html.encode()),
        PreviewFormat.TEXT: (".txt", preview.content.text.encode()),
        PreviewFormat.EML: (".eml", preview.envelope.message),
    }[format_]
    if open_ and out is None:
        with tempfile.NamedTemporaryFile(suffix=suffix, prefix="digest-", delete=False) as file:
            out = Path(file.name)
    if out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise typer.BadParameter(f"{out}: cannot be written: {error.strerror}") from error
    say(f"Written to {out}")
    if open_:
        typer.launch(out.resolve().as_uri())


def _lint(message: bytes, postal_address: str) -> None:
    """Print the findings on a message; exit with 1 if any is an error."""
    from digest.mail.lint.lint import RULES, lint
    from digest.mail.lint.model import FindingSeverity

    findings = lint(message, postal_address=postal_address)
    for finding in findings:
        say(str(finding))
    errors = sum(finding.severity is FindingSeverity.ERROR for finding in findings)
    warnings = counted(len(findings) - errors, "warning")
    say(f"{counted(len(RULES), 'rule')}: {counted(errors, 'error')}, {warnings}.")
    if errors:
        raise typer.Exit(FAILED)


def _articles(services: Services, digest: Digest, latest: int | None) -> list[Article]:
    """Return the articles of an edition made now; leave with 1 if there are none."""
    from digest.editions.model import fresh

    with services.store.pages.snapshot() as source:
        if latest is not None:
            articles = source.latest(digest.categories, latest, mailed=True)
        else:
            after = source.taken_upto(digest.name)
            since = [] if after is None else source.since(after, digest.categories, mailed=True)
            articles = fresh(digest, since, services.clock())
    if not articles:
        hint = "" if latest else "; --latest 10 takes the ten latest articles"
        complain(f"{digest.name}: there is nothing new{hint}")
        raise typer.Exit(FAILED)
    return articles


def _subscriber(services: Services, name: str, address: str) -> Subscriber:
    for subscriber in services.store.subscribers.list(name):
        if subscriber.address.casefold() == address.casefold():
            return subscriber
    raise typer.BadParameter(f"{address} is not subscribed to {name}")


@app.command()
def send(
    context: typer.Context,
    name: Name,
    latest: Latest = None,
    to: Annotated[
        list[str] | None,
        typer.Option(help="Only to this address, as a test; may be given several times."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be sent to how many.")
    ] = False,
) -> None:
    """Send an edition of a digest now.

    With --to nothing is remembered: the next scheduled edition holds the same articles. Ends with
    1 where a mail could not be sent (what was deferred, `digest run` tries again).
    """
    from digest.cli.subscribers import checked_address

    with services_of(context) as services:
        digest = services.settings.digest(name)
        addresses = list(map(checked_address, to or ()))
        articles = _articles(services, digest, latest)
        readers = addresses or _readers(services, digest, articles)
        held = counted(len(articles), "article")
        say(f"{digest.title}: {held} for {counted(len(readers), 'reader')}.")
        if dry_run:
            return
        if addresses:
            outcomes = asyncio.run(_send_copies(services, digest, articles, addresses))
            for address, refusal in outcomes.items():
                if refusal is None:
                    say(f"Sent to {address}.")
                else:
                    complain(f"{address}: {refusal}")
            failed = sum(refusal is not None for refusal in outcomes.values())
        else:
            failed = asyncio.run(_send_edition(services, digest, latest))
        if failed:
            raise typer.Exit(FAILED)


@app.command()
def resume(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="The digest's name. Default: whatever is paused.", show_default=False),
    ] = None,
) -> None:
    """Send again what was paused, once the cause is fixed: `digest status` tells it.

    A running daemon goes on within half a minute.
    """
    with services_of(context, log=False) as services:
        if name is not None:
            services.settings.digest(name)
        deliveries = services.store.deliveries
        meant = [pause for pause in deliveries.pauses() if name is None or pause.digest == name]
        ended = [pause for pause in meant if deliveries.resume(pause.digest)]
    for pause in ended:
        say(f"{pause.digest or 'all mail'}: goes on")
    if not ended:
        say("Nothing is paused.")


async def _send_copies(
    services: Services, digest: Digest, articles: list[Article], addresses: list[str]
) -> dict[str, DeliveryError | None]:
    from digest.app.builders import make_transport
    from digest.mail.delivery.service import send_copies

    transport = make_transport(services.settings)
    services.publish_logo()
    now = services.clock()
    return await send_copies(services.composer(), transport, digest, articles, addresses, now)


def _readers(services: Services, digest: Digest, articles: list[Article]) -> list[str]:
    from digest.editions.model import selects
    from digest.subscribers.model import SubscriberState

    return [
        subscriber.address
        for subscriber in services.store.subscribers.list(digest.name, SubscriberState.ACTIVE)
        if any(selects(subscriber.categories, article) for article in articles)
    ]


async def _watch(
    services: Services, edition: Edition, show: Callable[[int, int], None] | None
) -> None:
    """Show the progress of an edition on a terminal, until cancelled."""
    while show is not None:
        progress = await asyncio.to_thread(
            services.store.reports.progress, edition.id, services.clock()
        )
        show(progress.ended, progress.total)
        await asyncio.sleep(_LOOK_EVERY)


async def _send_edition(services: Services, digest: Digest, latest: int | None) -> int:
    """Make an edition and send it; return the number of mails that failed or were deferred.

    A running daemon may send some of them, so the result is read from the store.
    """
    from digest.editions.delivery import DeliveryState

    delivery = services.delivery()
    try:
        edition = await delivery.open_edition(digest, services.clock(), latest=latest, by_hand=True)
        if edition is None:
            return 0
        with progress_bar("Sending") as show:
            watching = asyncio.create_task(_watch(services, edition, show))
            try:
                await delivery.send_due()
            finally:
                watching.cancel()
    finally:
        await delivery.close()
    progress = services.store.reports.progress(edition.id, services.clock())
    states = progress.states
    say(f"{progress.summary() if progress.total else 'Nobody to send it to'}.")
    for pause in services.store.deliveries.pauses():
        complain(f"{pause.digest or 'all mail'} is paused: {pause.reason}")
    unsent = (DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.FAILED)
    return sum(states[state] for state in (*unsent, DeliveryState.EXPIRED))
