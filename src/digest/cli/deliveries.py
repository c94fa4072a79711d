"""`digest deliveries`: to whom an edition went, and how servers answered."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import services_of
from digest.cli.terminal import Json, print_json, print_table, say
from digest.editions.delivery import DeliveryState

if TYPE_CHECKING:
    from digest.editions.progress import DeliveryRecord

app = typer.Typer(help="List the mails of an edition.", no_args_is_help=True)

_COLUMNS = ("Address", "State", "Attempts", "Changed", "Next", "Server")


@app.callback()
def _group() -> None:
    """Have `list` be a command of its own."""


@app.command("list")
def list_(
    context: typer.Context,
    edition: Annotated[
        int,
        typer.Option(help="Its id, as `digest editions list` tells it.", min=1, max=2**63 - 1),
    ],
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List the deliveries of an edition, the last changed first, with the server's answer."""
    with services_of(context, log=False) as services:
        if services.store.reports.standing(edition) is None:
            raise typer.BadParameter(f"there is no edition {edition}; see `digest editions list`")
        deliveries = services.store.reports.deliveries(edition, state, limit)
    if as_json:
        print_json([asdict(delivery) for delivery in deliveries])
    elif deliveries:
        print_table(_COLUMNS, map(_row, deliveries))
    else:
        say("No deliveries.")


def _row(delivery: DeliveryRecord) -> tuple[str, ...]:
    return (
        delivery.address or "(removed)",
        delivery.state,
        str(delivery.attempts),
        f"{delivery.changed_at:%Y-%m-%d %H:%M}",
        f"{delivery.due_at:%Y-%m-%d %H:%M}" if delivery.due_at else "",
        delivery.error or "",
    )
