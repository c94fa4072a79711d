"""A process that forks senders: each works off the outbox of a configuration until it is killed.

It reads lines ``SECONDS``, by which the sender's clock is ahead, and answers with the sender's
process id, then with ``ended`` when it is gone. Everything is imported once, so that a sender
starts at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

from digest.assembly import open_services
from digest.logs import configure_logs
from digest.settings import Settings, load
from digest.times import utc_now


def send(settings: Settings, ahead: timedelta) -> None:
    """Send what is due and becomes due."""
    with open_services(settings, lambda: utc_now() + ahead) as services:
        asyncio.run(services.mailing().run(asyncio.Event()))


def main() -> None:
    """Fork a sender for every line."""
    settings = load(Path(sys.argv[1]), {})
    configure_logs("critical", "json")
    for line in sys.stdin:
        sender = os.fork()
        if not sender:
            try:
                send(settings, timedelta(seconds=float(line)))
            finally:
                os._exit(1)
        sys.stdout.write(f"{sender}\n")
        sys.stdout.flush()
        os.waitpid(sender, 0)
        sys.stdout.write("ended\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
