"""Live settings: a running daemon follows changes of the sources in its configuration file."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from digest.app.builders import make_ingest_options
from digest.articles.ingest.ingest_options import IngestOptions
from digest.errors import ConfigurationError
from digest.settings import Settings, load
from digest.sources.model import Source

_log = structlog.get_logger(__name__)


class LiveSettings:
    """The settings of the start, with the present sources of the configuration file.

    Each call checks the file, and reads it if it has changed, or had a mistake. Other changes have
    an effect only after the next start, and are logged. Blocking; from any thread.
    """

    def __init__(self, settings: Settings, path: Path, environ: Mapping[str, str]) -> None:
        """``settings`` are those of the file at ``path`` when the daemon started."""
        self._first = settings
        self._path = path
        self._environ = environ
        self._lock = threading.Lock()
        self._mark: tuple[int, ...] | None = None  # of the file as it was read; None: not yet
        self._problem = ""  # with the file as it was read; mending it may leave the file as it is
        self._settings = settings
        self._options = make_ingest_options(settings)

    def sources(self) -> Sequence[Source]:
        """Return the sources; after a mistake in the file, which is logged, the former ones."""
        with self._lock:
            self._look(again=bool(self._problem))
            return self._settings.source_list()

    def ingest_options(self) -> IngestOptions:
        """Return the options of ingest, with the present sources' folders that are mail only."""
        with self._lock:
            self._look()
            return self._options

    def _look(self, *, again: bool = False) -> None:
        if (mark := self._stat()) == self._mark and not again:
            return
        self._mark = mark
        try:
            written = load(self._path, self._environ)
            if written.sources != self._settings.sources:
                settings = self._first.following(written.sources)
                self._options = make_ingest_options(settings)
                self._settings = settings
                _log.info("sources read again", sources=len(settings.sources))
        except (ConfigurationError, OSError) as error:
            if str(error) != self._problem:
                _log.error("the sources stay as they were", error=str(error))
            self._problem = str(error)
            return
        self._problem = ""
        if tables := self._first.differences(written):
            _log.warning("these tables were changed; a restart takes them up", tables=tables)

    def _stat(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError:
            return ()
        return (status.st_mtime_ns, status.st_size, status.st_ino)
