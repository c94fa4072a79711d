"""Files and their owners: what Digest may read, and who may read what it writes."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from digest.app.wiring import Services, open_services
from digest.articles.ingest.workers import Workers
from digest.articles.model import SourceFile
from tests.conftest import CONFIGURATION, Workplace
from tests.pattern_attacks import modules
from tests.waiting import ThreadCalls

NOBODY = 65_534
ROOT = os.geteuid() == 0
ENVIRONMENT = {name: value for name, value in os.environ.items() if "COV" not in name}


def digest(place: Workplace, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of the program in the workplace."""
    return subprocess.run(
        [sys.executable, "-m", "digest", *arguments],
        cwd=place.folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def modes(folder: Path) -> dict[str, int]:
    """Return the permissions of everything in a folder, and of the folder itself."""
    paths = [folder, *folder.rglob("*")]
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}


@pytest.mark.sampled
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
def test_secrets_are_the_owners_alone_and_nobody_else_writes_what_is_published(
    workplace: Workplace, umask: int
) -> None:
    workplace.write("a.md")
    workplace.configure('[mail]\ntransport = "maildir"\nmaildir = "post/box"\n')
    (workplace.folder / "readers.csv").write_text("address,digest\na@example.org,daily\n")
    for arguments in (
        ("check",),
        ("build",),
        ("subscribers", "import", "readers.csv", "--welcome"),
        ("subscribers", "export", "out.csv"),
    ):
        ended = digest(workplace, *arguments, umask=umask)
        assert ended.returncode == 0, ended.stderr

    secret = modes(workplace.folder / "data") | modes(workplace.folder / "post" / "box")
    assert {"data", "digest.db", "token.key", "box", "tmp", "new", "cur"} <= secret.keys()
    folders = {"data", "box", "tmp", "new", "cur"}
    for name, mode in secret.items():
        assert mode == (0o700 if name in folders else 0o600), name
    assert stat.S_IMODE((workplace.folder / "out.csv").stat().st_mode) == 0o600

    published = modes(workplace.output)
    assert published["rss.xml"] & 0o044 == 0o044
    assert published["public"] & 0o055 == 0o055 & ~umask
    assert [name for name, mode in published.items() if mode & 0o022] == []


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    """Have this process the rights of another user; nobody but root can choose."""
    before = os.geteuid()
    if ROOT:
        os.seteuid(user)
    try:
        yield
    finally:
        if ROOT:
            os.seteuid(before)


@dataclass(frozen=True)
class Unprivileged:
    """Services that run without rights, over articles in a sticky folder."""

    place: Workplace
    services: Services
    workers: Workers

    def write(self, path: str, title: str, mode: int) -> Path:
        """Have another user, where there is one, put an article into the folder at once."""
        with acting_as(0):
            file = self.place.write(f"../{title}", title)
            file.chmod(mode)
            target = self.place.articles / path
            target.parent.mkdir(exist_ok=True)
            return file.rename(target)

    def feed(self) -> str:
        """Return the feed of everything."""
        file = self.place.output / "feeds" / "rss.xml"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def problems(self) -> dict[str, str]:
        """Return what is wrong, by path."""
        return {problem.path: problem.cause for problem in self.services.store.articles.problems()}


@pytest.fixture
def unprivileged(workplace: Workplace) -> Iterator[Unprivileged]:
    # Nothing that is needed may be loaded later: it may lie where only root may read.
    for _ in modules():
        pass
    workplace.write("a.md")
    with workplace.open() as services:
        workplace.build(services)
    with tempfile.TemporaryDirectory(prefix="digest-nobody-") as name:
        place = Workplace(Path(name))
        place.articles.mkdir()
        place.articles.chmod(0o1777)
        # Of files of other users nobody can tell whether they are being written.
        place.configure(base=CONFIGURATION.replace("workers = 1", 'workers = 1\nsettle = "0s"'))
        if ROOT:
            os.chown(name, NOBODY, NOBODY)
        settings = place.settings()
        limit = settings.articles.timeout
        with Workers(settings.draft_options(), count=1, timeout=limit) as workers:
            source = SourceFile(path=PurePosixPath("a.md"), content=b"---\ntitle: a\n---\n")
            workers.results_of(workers.submit([source]))
            with acting_as(NOBODY), open_services(settings, place.clock) as services:
                yield Unprivileged(place, services, workers)


def test_files_of_others_are_published_where_they_may_be_read_and_told_where_not(
    unprivileged: Unprivileged,
) -> None:
    unprivileged.write("readable.md", "别人的", 0o644)
    unprivileged.write("unreadable.md", "不给看的", 0)
    secret = unprivileged.write("../secret.md", "另一个人的秘密", 0)
    with acting_as(0):
        (unprivileged.place.articles / "hard link.md").hardlink_to(secret)
    folder = unprivileged.write("closed/inner.md", "关着的", 0o644).parent
    with acting_as(0):
        folder.chmod(0)

    unprivileged.services.ingest(unprivileged.workers).scan()
    unprivileged.services.publish()

    denied = "Permission denied"
    closed = {"unreadable.md": denied, "hard link.md": denied, "closed": denied}
    assert unprivileged.problems() == closed
    assert "别人的" in unprivileged.feed()
    assert not any(text in unprivileged.feed() for text in ("不给看的", "秘密", "关着的"))
    with acting_as(0):
        folder.chmod(0o755)


@pytest.mark.skipif(not ROOT, reason="only root has a file of another user to link to")
def test_a_hard_link_to_a_secret_of_another_user_cannot_even_be_made(
    unprivileged: Unprivileged,
) -> None:
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() != "1":
        pytest.skip("fs.protected_hardlinks is off")
    secret = unprivileged.write("../secret.md", "秘密", 0o600)
    with pytest.raises(PermissionError):
        (unprivileged.place.articles / "a.md").hardlink_to(secret)


async def test_without_rights_a_file_is_published_once_it_may_be_read(
    unprivileged: Unprivileged, calls: ThreadCalls
) -> None:
    services = unprivileged.services
    services.publisher.start()
    loop = services.publish_loop(unprivileged.workers)
    await loop.first_scan()
    task = asyncio.create_task(loop.run())
    file = unprivileged.write("a.md", "先不给看", 0)
    await calls.until(lambda: unprivileged.problems() == {"a.md": "Permission denied"})
    with acting_as(0):
        file.chmod(0o644)
    await calls.until(lambda: "先不给看" in unprivileged.feed())
    assert unprivileged.problems() == {}
    loop.stop()
    await task
