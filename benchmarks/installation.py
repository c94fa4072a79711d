"""An installation of Digest that is measured: by its command line and its addresses alone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from benchmarks.corpus import Sample, sample
from benchmarks.http_load import get
from benchmarks.processes import Failure, Usage, free_port, measure, program

CONFIGURATION = """\
[site]
title = "海岸书报"
url = "http://127.0.0.1:{port}"
language = "zh-CN"
[paths]
articles = "articles"
output = "public"
data = "data"
[sanitizer]
engines = {engines}
[web]
port = {port}
[log]
level = "warning"
"""
NH3 = ("nh3",)
DEFAULT = ("bleach", "nh3")
#: Numbers of articles from here on are those that no tree has to begin with.
_FIRST = 10_000_000
#: Seconds in which a daemon must be there and have seen all files, at the very latest.
_PATIENCE = 1_800
#: Seconds between two looks whether it is.
_LOOK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A daemon that runs."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def session(self) -> int:
        """What its processes are known by."""
        return self.process.pid


class Installation:
    """A folder with articles, a configuration, and what Digest makes of them."""

    def __init__(self, folder: Path, corpus: Path, engines: Sequence[str]) -> None:
        """Lay it out; the articles are those of ``corpus``, hard links to the same files."""
        self.folder = folder
        self.articles = folder / "articles"
        self.output = folder / "public"
        self.log = folder / "log"
        self._numbers = count(_FIRST)
        folder.mkdir(parents=True)
        shutil.copytree(corpus, self.articles, copy_function=os.link)
        self.port = free_port()
        (folder / "digest.toml").write_text(
            CONFIGURATION.format(port=self.port, engines=json.dumps(engines)), encoding="utf-8"
        )

    def command(self, *arguments: str) -> list[str]:
        """Return a command of Digest's in full."""
        return [sys.executable, "-m", "digest", "--config", "digest.toml", *arguments]

    def measure(self, *arguments: str) -> Usage:
        """Run a command to its end."""
        return measure(self.command(*arguments), folder=self.folder, log=self.log)

    def ask(self, *arguments: str) -> Any:
        """Return what a command says in JSON."""
        said = subprocess.run(
            self.command(*arguments, "--json"), cwd=self.folder, capture_output=True, check=True
        )
        return json.loads(said.stdout)

    def feeds(self) -> dict[str, list[Path]]:
        """Return each feed's files: of categories by ``A / B``, of the site under ``""``.

        Those of authors and the like go by their kind and name.
        """
        return {
            feed["category"] or (f"{feed['kind']} {feed['name']}" if feed["name"] else ""): [
                self.output / unquote(self._path(address)[1:]) for address in feed["feeds"]
            ]
            for feed in self.ask("feeds")
        }

    def pages(self) -> list[str]:
        """Return the paths of all articles' pages, percent-encoded."""
        listed = self.ask("articles", "list", "--limit", "1000000")
        return [self._path(article["page"]) for article in listed]

    def _path(self, address: str) -> str:
        return "/" + address.partition(f":{self.port}/")[2]

    def write(self, article: Sample) -> Path:
        """Put an article into the tree, at once and whole, in place of the one that was there."""
        path = self.articles / article.path
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = self.folder / "waiting.md"
        waiting.write_text(article.text, encoding="utf-8")
        waiting.replace(path)  # never into the file: others may hold a link to it
        return path

    def news(self) -> Sample:
        """Return an article that was never there, whose date will be that of its first sight."""
        return sample(next(self._numbers), dated=False)

    def files(self) -> dict[Path, os.stat_result]:
        """Return every file of the output folder, hidden ones too, with its state."""
        return {path: path.stat() for path in self.output.rglob("*") if path.is_file()}

    @contextlib.contextmanager
    def daemon(self) -> Iterator[Daemon]:
        """Run `digest run` until done; it has seen every file, and hears of new ones."""
        with program(self.command("run"), folder=self.folder, log=self.log) as process:
            daemon = Daemon(process=process, port=self.port)
            end = time.monotonic() + _PATIENCE
            while not self._healthy(daemon):
                self._check(daemon, end)
                time.sleep(_LOOK)
            self.settle(daemon)  # what comes now is read after the first scan
            yield daemon
            self._check(daemon, time.monotonic() + 1)

    def settle(self, daemon: Daemon) -> None:
        """Write one more article, and wait until it is in the site's feeds: all before it is."""
        end = time.monotonic() + _PATIENCE
        article = self.news()
        feeds = self.feeds()[""]
        self.write(article)
        while not all(article.mark in path.read_text(encoding="utf-8") for path in feeds):
            self._check(daemon, end)
            time.sleep(_LOOK)

    @staticmethod
    def _healthy(daemon: Daemon) -> bool:
        try:
            return get(daemon.port, "/healthz", {})[0] == HTTPStatus.OK
        except OSError:
            return False

    def _check(self, daemon: Daemon, end: float) -> None:
        """Raise Failure where the daemon has ended, or the time is over."""
        if daemon.process.poll() is not None or time.monotonic() > end:
            said = self.log.read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise Failure(f"the daemon ended or did not do its work:\n{said}")
