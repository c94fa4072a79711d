"""A whole Digest in a temporary folder, for the tests of everything above the rooms."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import hypothesis
import pytest
import structlog
from hypothesis import strategies

from digest.app import wiring
from digest.app.wiring import Services, open_services
from digest.articles.ingest.ingest import IngestResult
from digest.articles.ingest.workers import Workers
from digest.feeds.publish.output_folder import OutputFolder
from digest.settings import Settings, load
from tests.effort import SOAK, effort
from tests.once import (
    COVERAGE_OF_PROGRAMS,
    check_pages_once,
    compile_once,
    compile_sql_once,
    draft_here,
    full_speed,
    open_copies,
    sync_nothing,
)
from tests.waiting import ThreadCalls

# What tests import and collect stays: looking through it so often costs a twentieth.
gc.set_threshold(100_000, 20, 20)

# How long an example takes says how busy the machine is; each test has its own limit.
hypothesis.settings.register_profile("digest", deadline=None, max_examples=effort(20, soak=100))
hypothesis.settings.load_profile("digest")

#: A morning; tests move on from here.
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fresh_logs() -> Iterator[None]:
    """Undo what a command configures: its handler writes to this test's standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def once() -> Iterator[None]:
    """Compile templates and migrate databases once, and do not wait for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        compile_once(patch)
        compile_sql_once(patch)
        check_pages_once(patch)
        open_copies(patch)
        sync_nothing(patch)
        draft_here(patch)
        yield


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have services make drafts in processes of their own, as the program does."""
    monkeypatch.setattr(wiring, "Workers", Workers)


#: Folders of tests that run whole programs; the tests of the rooms measure what they cover.
WHOLE_PROGRAMS = ("tests/end_to_end/", "tests/benchmarks/")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run whole programs and PostgreSQL's tests at full speed, and leave repetition to the soak.

    That is the most examples of properties, and two thirds of the parameters of ``sampled`` tests.
    """
    left: dict[pytest.Item, None] = {}
    seen: Counter[str] = Counter()
    for item in items:
        whole = item.nodeid.startswith(WHOLE_PROGRAMS)
        if whole or "postgresql" in item.name.partition("[")[2]:  # SQLite's covers the same lines
            item.add_marker(pytest.mark.full_speed)
        if hypothesis.is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.soak)
        if item.get_closest_marker("sampled") is not None:
            item.add_marker(pytest.mark.soak)
            name = item.nodeid.partition("[")[0]
            if not SOAK and seen[name] % 3:
                left[item] = None
            seen[name] += 1
    if left:
        config.hook.pytest_deselected(items=list(left))
        items[:] = [item for item in items if item not in left]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have Hypothesis look through Unicode and the program once, in ``make compile``.

    It keeps what it finds in files, which each process of the tests would take seconds to find.
    """
    if session.config.getoption("collectonly"):

        @hypothesis.settings(max_examples=1, database=None)
        @hypothesis.given(strategies.text())
        def draw(_: str) -> None:
            """Do nothing with a text."""

        draw()


@pytest.fixture
def programs_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure no coverage in programs that the test starts; in its own process it is."""
    for name in COVERAGE_OF_PROGRAMS:
        monkeypatch.delenv(name, raising=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure no coverage where a test says so: it would take twice as long."""
    if item.get_closest_marker("full_speed") is None:
        return (yield)
    with full_speed():
        return (yield)


@dataclass
class FakeClock:
    """Tells the time that a test sets."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def advance(self, **parts: float) -> None:
        """Let time pass."""
        self.now += timedelta(**parts)


def article_text(title: str, *, categories: tuple[str, ...], body: str, date: str | None) -> str:
    """Return an article file in the shape that crawlers write."""
    names = "".join(f" - {name}\n" for name in categories)
    dated = f"date: {date}\n" if date else ""
    return (
        f"\n---\ntitle: '{title}'\ncategories:\n{names}author: 记者\n{dated}---\n\n"
        f"<div>\n{body}\n</div>\n"
    )


CONFIGURATION = """\
[site]
title = "测试站"
url = "http://127.0.0.1:8000"
language = "zh-CN"
timezone = "Asia/Shanghai"

[articles]
workers = 1

[web]
port = 0

[digests.daily]
title = "每日摘要"
schedule = "0 7 * * *"

[digests.notes]
categories = ["Notes"]
schedule = "30 6 * * 1"
language = "en"
"""


@dataclass
class Workplace:
    """A folder with a configuration and articles, and what is made from them."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    builds: int = 0

    @property
    def articles(self) -> Path:
        """The watched folder."""
        return self.folder / "articles"

    @property
    def output(self) -> Path:
        """The published folder."""
        return self.folder / "public"

    @property
    def configuration(self) -> Path:
        """The configuration file."""
        return self.folder / "digest.toml"

    def configure(self, text: str = "", *, base: str = CONFIGURATION) -> None:
        """Write the configuration, with ``text`` added to it."""
        self.configuration.write_text(base + text, encoding="utf-8")

    def two_roots(self, text: str = "") -> Path:
        """Configure a second root named blog beside the articles; return it."""
        blog = self.folder / "blog"
        blog.mkdir()
        self.configure(f'[paths]\narticles = {{ "." = "articles", blog = "blog" }}\n{text}')
        return blog

    def write(
        self,
        path: str,
        title: str = "标题",
        *,
        categories: tuple[str, ...] = ("金融", "市场"),
        body: str = "<p>正文。</p>",
        date: str | None = "Fri, 27 Aug 2021 12:49:08 GMT",
    ) -> Path:
        """Write an article file, in the shape that crawlers write."""
        text = article_text(title, categories=categories, body=body, date=date)
        return self.write_text(path, text)

    def write_text(self, path: str, text: str) -> Path:
        """Write a file below the articles folder."""
        file = self.articles / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def settings(self) -> Settings:
        """Return the configuration."""
        return load(self.configuration, {})

    @contextmanager
    def open(self) -> Iterator[Services]:
        """Yield everything built from the configuration, with the fake clock."""
        with open_services(self.settings(), self.clock) as services:
            services.publisher._folder = OutputFolder(self.output, time_ns=self._time_ns)
            yield services

    def _time_ns(self) -> int:
        """Return when files are written: minutes ago, and a second later with each build."""
        return time.time_ns() + (self.builds - 600) * 1_000_000_000

    def build(self, services: Services) -> IngestResult:
        """Scan and publish once."""
        with services.workers() as workers:
            taken = services.ingest(workers).scan()
        self.builds += 1  # so that no feed has to wait for another second
        services.publish()
        return taken

    async def visit(self, services: Services, path: str, **headers: str) -> httpx.Response:
        """Return what the daemon's web server answers to a GET now."""
        from digest.app.web_application import make_application  # most tests visit nothing
        from digest.web.app import Probes

        app = make_application(services, approvals=services.approval(), probes=Probes(unready=str))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(f"/{path}", headers=named)

    def see(self, services: Services, path: str, **headers: str) -> httpx.Response:
        """Return what the web server answers, where no event loop runs."""
        return asyncio.run(self.visit(services, path, **headers))

    def look_at(self, path: str) -> httpx.Response:
        """Return what the web server answers, in a program of its own."""
        with self.open() as services:
            return self.see(services, path)

    def published(self) -> dict[str, bytes]:
        """Return every published file by its relative path; not what is hidden."""
        return {
            str(path.relative_to(self.output)): path.read_bytes()
            for path in sorted(self.output.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """Return an empty articles folder with a configuration beside it."""
    place = Workplace(tmp_path)
    place.articles.mkdir()
    place.configure()
    return place


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> ThreadCalls:
    """Return what tells when a call in a thread has ended."""
    return ThreadCalls(monkeypatch)
