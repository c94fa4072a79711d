"""Publishing what changed leads to what publishing everything does, whatever happens."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.revision import IngestPolicy
from digest.feeds.catalog import CustomFeed
from digest.feeds.model import ATOM
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.publish.publisher import Publisher
from digest.store.database import Store, open_store
from tests.defaults import default_plan, default_policy
from tests.feeds.samples import SITE
from tests.store.samples import MINUTE, NOW
from tests.store.steps import STEPS, Step, take


class Seconds:
    """A clock of output folders on which a second passes at each look."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000_000

    def __call__(self) -> int:
        self.now += 1_000_000_000
        return self.now


def publisher(store: Store, output: Path, policy: IngestPolicy, clock: Seconds) -> Publisher:
    """Return a publisher that has looked at its folder."""
    found = Publisher(
        store=store.feeds,
        folder=OutputFolder(output, time_ns=clock),
        feed_plan=default_plan(
            site=SITE,
            limit=2,
            formats=(ATOM,),
            authors=True,
            languages=True,
            custom=tuple(CustomFeed(name=article_filter.name) for article_filter in policy.filters),
        ),
        style_sheet=b"a {}",
        fingerprint=repr(policy),
    )
    found.start()
    return found


def tree(root: Path) -> dict[str, bytes]:
    """Return the files that readers see; what each version held is a matter of its history."""
    files = (path for path in root.rglob("[!.]*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@settings(max_examples=5, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=5))
def test_a_folder_that_followed_every_change_is_like_a_new_one(steps: list[Step]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with open_store(f"sqlite:///{folder}/digest.db") as store:
            store.authority(SITE.authority)
            policy, clock = default_policy(language=SITE.language), Seconds()
            one = publisher(store, folder / "followed", policy, clock)
            one.publish()
            for number, step in enumerate(steps):
                before = policy
                policy, _ = take(store, step, policy, NOW + number * MINUTE)
                if policy != before:  # the configuration is read at the start of a program
                    one = publisher(store, folder / "followed", policy, clock)
                assert one.publish().wait is None
            publisher(store, folder / "new", policy, clock).publish()
        assert tree(folder / "followed") == tree(folder / "new")
