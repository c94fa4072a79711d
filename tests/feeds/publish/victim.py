"""A process that forks publishers, each of which ends itself by a given step, or goes on and on.

It reads a line of JSON for each: ``database`` and ``output``; ``step``, the number of the renaming,
removal or commit before which the publisher is gone without a word (0: none); ``told``, a file that
takes a line for each path that hubs are told of; ``follow``, a file while which is there the
publisher publishes again and again, or ``stay``: it waits for the end of its input. It answers with
the publisher's process id, and with the number of steps when it has ended, -1 where it was ended.
Everything is imported once, so that a publisher starts at once.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from sqlalchemy import event

from digest.feeds.publish import output_folder
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.publish.publisher import Publisher
from digest.store.database import Store, open_store
from tests.feeds.publish.conftest import KILL_PLAN, SECOND, hurry

KILLED = 9


class Steps:
    """Counts steps, and ends the process before one of them."""

    def __init__(self, last: int) -> None:
        self.done = 0
        self._last = last

    def step(self, *_: object) -> None:
        """Count a step."""
        self.done += 1
        if self.done == self._last:
            os._exit(KILLED)

    def before(self, owner: Any, name: str) -> None:
        """Count each call of a method."""
        real: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **more: Any) -> Any:
            self.step()
            return real(*args, **more)

        setattr(owner, name, counted)


def publish(task: dict[str, Any], store: Store, steps: Steps) -> None:
    """Do all that a command does, or what a daemon does."""

    def tell(paths: Collection[str]) -> None:
        with Path(task["told"]).open("a", encoding="utf-8") as file:
            file.writelines(f"{path}\n" for path in paths)
        steps.step()

    seconds = itertools.count(1_700_000_000)
    publisher = Publisher(
        store=store.feeds,
        folder=OutputFolder(Path(task["output"]), time_ns=lambda: next(seconds) * SECOND),
        feed_plan=KILL_PLAN,
        style_sheet=b"feed {}",
        fingerprint=task["fingerprint"],
        changed=tell,
    )
    publisher.start()
    publisher.publish()
    while task.get("follow") and Path(task["follow"]).exists():
        publisher.publish()
        publisher.pack()
    publisher.pack()
    if task.get("stay"):
        print("stays", flush=True)  # noqa: T201 - the answer
        sys.stdin.read()
    publisher.close()


def main() -> None:
    """Fork a publisher for every line."""
    for line in iter(sys.stdin.readline, ""):
        task = json.loads(line)
        counts, told = os.pipe()
        child = os.fork()
        if not child:
            try:
                steps = Steps(task["step"])
                for name in ("replace", "unlink", "rmdir"):
                    steps.before(Path, name)
                vars(output_folder)["sync_file_system"] = lambda _: None
                with open_store(task["database"]) as store:
                    hurry(store)
                    event.listen(store._database.engine, "commit", steps.step)
                    publish(task, store, steps)
                os.write(told, str(steps.done).encode())
                os._exit(0)
            except BaseException as error:
                os.write(2, f"{error!r}\n".encode())
                raise
            finally:
                os._exit(1)
        os.close(told)
        print(child, flush=True)  # noqa: T201 - the answer
        _, status = os.waitpid(child, 0)
        with os.fdopen(counts) as file:
            count = file.read()
        killed = os.waitstatus_to_exitcode(status) in (KILLED, -KILLED)
        print("-1" if killed else count, flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
