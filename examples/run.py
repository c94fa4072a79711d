"""Start Digest on the example articles, and on a feed of somebody else that is served from here."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from digest.cli.main import main

HERE = Path(__file__).resolve().parent


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


def run() -> None:
    """Serve the feed on a free port of this machine, and run Digest until it is stopped."""
    handler = partial(_Handler, directory=str(HERE / "feed"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["DIGEST_SOURCES__QUAY__URL"] = f"http://127.0.0.1:{server.server_port}/feed.xml"
    os.environ["DIGEST_SOURCES__QUAY__ALLOW_PRIVATE"] = "true"
    configuration = HERE.parent / "config" / "digest.toml"
    sys.argv = ["digest", "--config", str(configuration), "run"]
    main()


if __name__ == "__main__":
    run()
