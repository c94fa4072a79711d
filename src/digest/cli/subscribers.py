"""`digest subscribers`: who reads which digest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import services_of
from digest.cli.terminal import FAILED, Json, complain, print_json, print_table, remark, say
from digest.times import format_utc

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.articles.model import CategoryPath
    from digest.subscribers.model import NewSubscriber, Subscriber

app = typer.Typer(help="Add, remove, list, import and export subscribers.", no_args_is_help=True)

#: Categories that are reported one by one.
_MAX_CATEGORIES = 100
_LISTED = (
    "address",
    "digest",
    "name",
    "categories",
    "language",
    "timezone",
    "state",
    "paused_until",
    "created_at",
    "changed_at",
    "reason",
)

Address = Annotated[str, typer.Argument(help="An e-mail address.")]


def parse_categories(text: str) -> tuple[CategoryPath, ...]:
    """Return the categories of ``"A/B, C"``; raise ValueError if a name is empty."""
    from digest.articles.model import CategoryPath

    return tuple(CategoryPath.parse(path) for path in text.split(",") if path.strip())


def format_categories(categories: tuple[CategoryPath, ...]) -> str:
    """Return categories as text for ``parse_categories``."""
    return ", ".join("/".join(path.names) for path in categories)


def checked_address(address: str) -> str:
    """Return an address in its usual form; raise BadParameter, which names it."""
    from digest.subscribers.address import check_address

    try:
        return check_address(address)
    except ValueError as error:
        raise typer.BadParameter(f"{address!r}: {error}") from error


def new_subscriber(
    services: Services,
    address: str,
    digest: str,
    *,
    name: str | None = None,
    categories: str | None = None,
    language: str | None = None,
    timezone: str | None = None,
    consent: str | None = None,
) -> NewSubscriber:
    """Return a checked subscription; None stands for a value that is not given.

    Raises ValueError for an invalid address, name, category, language or zone, ConfigurationError
    for a digest that is not configured.
    """
    from digest.settings import language_tag, zone
    from digest.subscribers.address import check_address
    from digest.subscribers.model import NewSubscriber

    if any(ord(char) < 32 for char in name or ""):
        raise ValueError("a name must be one line, without control characters")
    return NewSubscriber(
        address=check_address(address),
        digest=services.settings.digest(digest).name,
        name=None if name is None else name.strip(),
        categories=None if categories is None else parse_categories(categories),
        language=language_tag(language.replace("_", "-")) if language else language,
        timezone=zone(timezone) if timezone else timezone,
        consent=consent,
    )


@app.command()
def add(
    context: typer.Context,
    address: Address,
    digest: Annotated[str, typer.Option(help="The digest's name in the configuration.")],
    name: Annotated[str | None, typer.Option(help="The person's name.")] = None,
    categories: Annotated[
        str | None,
        typer.Option(help='Only these, such as "金融/新浪财经, Notes". Default: all.'),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Of the mail's own words, such as zh-CN.")
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Of a digest that is sent by each reader's clock, such as Asia/Tokyo."),
    ] = None,
    consent: Annotated[
        str | None, typer.Option(help="How and when the person agreed, for the record.")
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Also somebody who unsubscribed or had everything erased."),
    ] = False,
) -> None:
    """Subscribe an address to a digest, or change its subscription.

    What is not given stays as it is; "" empties it. Somebody who unsubscribed stays so without
    --again, and whoever had everything erased is not added. A new subscriber of a digest with
    `welcome` is sent the latest articles at once.
    """
    from digest.subscribers.model import AddressErased, Outcome

    with services_of(context, log=False) as services:
        checked_address(address)
        try:
            new = new_subscriber(
                services,
                address,
                digest,
                name=name,
                categories=categories,
                language=language,
                timezone=timezone,
                consent=consent,
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        report_unknown_categories(services, new.categories or ())
        try:
            subscriber, outcome = services.store.subscribers.add(
                new, services.clock(), again=again, keys=services.token_keys
            )
        except AddressErased as error:
            complain(f"{new.address}: {error}")
            raise typer.Exit(FAILED) from error
    if outcome is Outcome.NOT_REVIVED:
        since = f" since {format_utc(subscriber.since)}" if subscriber.since else ""
        left = subscriber.state == "unsubscribed"
        hint = "--again subscribes them again" if left else "see `digest subscribers restore`"
        complain(f"{new.address}: is {subscriber.state}{since}, and stays so; {hint}")
        raise typer.Exit(FAILED)
    say(f"{new.address}: {outcome}")


def report_unknown_categories(services: Services, categories: Sequence[CategoryPath]) -> None:
    """Report categories without articles, each with the nearest that has some."""
    if not categories:
        return
    with services.store.pages.snapshot() as source:
        known = {summary.path for summary in source.categories(None)}
    unknown = [path for path in categories if known and path not in known]
    for path in unknown[:_MAX_CATEGORIES]:
        name = format_categories((path,))
        remark(f"no article is in the category {name} so far{nearest(path, known)}")
    if len(unknown) > _MAX_CATEGORIES:
        remark(f"nor in {len(unknown) - _MAX_CATEGORIES:,} more of the categories")


def nearest(path: CategoryPath, known: Collection[CategoryPath]) -> str:
    """Return a question that suggests similar categories; empty if there are none."""
    from digest.spelling import alternatives, closest

    names = {format_categories((category,)) for category in known}
    near = closest(format_categories((path,)), names)
    if not near:
        ends = {name.rpartition("/")[2]: name for name in sorted(names)}
        near = [ends[end] for end in closest(path.name, ends)]
    return f"; did you mean {alternatives(near)}?" if near else ""


@app.command()
def remove(
    context: typer.Context,
    address: Address,
    digest: Annotated[
        str | None, typer.Option(help="Only from this digest. Default: from all.")
    ] = None,
) -> None:
    """Forget an address. (People who unsubscribe themselves are remembered as such.)"""
    with services_of(context, log=False) as services:
        removed = services.store.subscribers.remove(address, digest)
    if not removed:
        complain(f"{address}: is not subscribed")
        raise typer.Exit(FAILED)
    say(f"{address}: removed from {removed} digest{'s' if removed > 1 else ''}")


@app.command()
def restore(
    context: typer.Context,
    address: Address,
    digest: Annotated[str | None, typer.Option(help="Only of this digest. Default: all.")] = None,
) -> None:
    """Write again to an address that a server said does not exist (`suppressed` in the list)."""
    with services_of(context, log=False) as services:
        restored = services.store.subscribers.restore(address, digest, services.clock())
    if not restored:
        complain(f"{address}: is not suppressed")
        raise typer.Exit(FAILED)
    say(f"{address}: active again in {restored} digest{'s' if restored > 1 else ''}")


def _row(subscriber: Subscriber) -> dict[str, str]:
    return {
        "address": subscriber.address,
        "digest": subscriber.digest,
        "name": subscriber.name,
        "categories": format_categories(subscriber.categories),
        "language": subscriber.language or "",
        "timezone": subscriber.timezone or "",
        "state": str(subscriber.state),
        "paused_until": subscriber.paused_until.isoformat() if subscriber.paused_until else "",
        "created_at": subscriber.created_at.isoformat(),
        "changed_at": subscriber.changed_at.isoformat() if subscriber.changed_at else "",
        "reason": subscriber.reason or "",
    }


@app.command("list")
def list_(
    context: typer.Context,
    digest: Annotated[str | None, typer.Option(help="Only of this digest.")] = None,
    as_json: Json = False,
) -> None:
    """List the subscribers."""
    with services_of(context, log=False) as services:
        if digest is not None:
            services.settings.digest(digest)
        rows = [_row(subscriber) for subscriber in services.store.subscribers.list(digest)]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(
            [column.capitalize() for column in _LISTED], (tuple(row.values()) for row in rows)
        )
    else:
        say("No subscribers.")


@app.command()
def show(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Show the subscriptions of an address: their states, and what each mail came to."""
    with services_of(context, log=False) as services:
        store = services.store
        subscriptions = [
            (
                subscriber,
                store.subscribers.history(subscriber.id),
                store.subscribers.received(subscriber.id),
            )
            for subscriber in store.subscribers.of_address(address)
        ]
    if not subscriptions:
        complain(f"{address}: is not subscribed")
        raise typer.Exit(FAILED)
    if as_json:
        print_json(
            [
                _row(subscriber)
                | {
                    "since": subscriber.since,
                    "consent": subscriber.consent,
                    "history": [
                        {"state": past.state, "since": past.since, "reason": past.reason}
                        for past in history
                    ],
                    "deliveries": [
                        {
                            "edition": mail.edition_id,
                            "number": mail.number,
                            "state": mail.state,
                            "at": mail.changed_at,
                            "attempts": mail.attempts,
                            "answer": mail.error or "",
                        }
                        for mail in mails
                    ],
                }
                for subscriber, history, mails in subscriptions
            ]
        )
        return
    for subscriber, history, mails in subscriptions:
        say(f"{subscriber.address}: {subscriber.digest}")
        for label, text in (
            ("Name", subscriber.name),
            ("Categories", format_categories(subscriber.categories)),
            ("Language", subscriber.language),
            ("Time zone", subscriber.timezone),
            ("Consent", subscriber.consent),
            (
                "No mail until",
                format_utc(subscriber.paused_until) if subscriber.paused_until else "",
            ),
        ):
            if text:
                say(f"  {label:<13} {text}")
        present = (
            subscriber.state,
            subscriber.since or subscriber.created_at,
            subscriber.reason or "",
        )
        for state, since, reason in (
            *((past.state, past.since, past.reason) for past in history),
            present,
        ):
            say(f"  {format_utc(since)}  {state}{f' ({reason})' if reason else ''}")
        for mail in mails:
            edition = f"No. {mail.number}" if mail.number else "welcome"
            answer = f": {mail.error}" if mail.error else ""
            say(f"  {format_utc(mail.changed_at)}  {edition} {mail.state}{answer}")
        if not mails:
            say("  No mail so far.")
