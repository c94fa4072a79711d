"""A process that forks daemons: each does all that `digest run` does until it is killed.

It reads lines ``SECONDS``, by which the daemon's clock is ahead, and answers with the daemon's
process id, then with ``ended`` when it is gone. Everything is imported once, so that a daemon
starts at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

from digest.app.daemon import Daemon
from digest.app.logs import configure_logs
from digest.app.wiring import open_services
from digest.settings import Settings, load
from digest.times import utc_now


def serve(settings: Settings, ahead: timedelta) -> None:
    """Run a daemon."""
    with open_services(settings, lambda: utc_now() + ahead) as services:
        asyncio.run(Daemon(services).run())


def main() -> None:
    """Fork a daemon for every line."""
    settings = load(Path(sys.argv[1]), {})
    configure_logs("critical", "json")
    for line in sys.stdin:
        daemon = os.fork()
        if not daemon:
            try:
                serve(settings, timedelta(seconds=float(line)))
            finally:
                os._exit(1)
        sys.stdout.write(f"{daemon}\n")
        sys.stdout.flush()
        os.waitpid(daemon, 0)
        sys.stdout.write("ended\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
