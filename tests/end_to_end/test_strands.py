"""Publishing what changed leads to what publishing everything does, whatever happens."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from digest import shipped
from digest.articles.revision import Terms
from digest.feeds.plan import CustomFeed
from digest.feeds.publish.publisher import Publisher
from digest.feeds.selection import ATOM
from digest.store.database import Store, open_store
from digest.web.pages import WebPages
from tests.feeds.samples import SITE
from tests.store.samples import MINUTE, NOW
from tests.store.steps import STEPS, Step, take


def publisher(store: Store, output: Path, terms: Terms) -> Publisher:
    return Publisher(
        source=store.articles,
        pages=WebPages(templates=shipped.templates(), site=SITE, formats=(ATOM,), authors=True),
        site=SITE,
        output=output,
        limit=2,
        full=True,
        formats=(ATOM,),
        authors=True,
        languages=True,
        custom=tuple(CustomFeed(name=sieve.name) for sieve in terms.sieves),
    )


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
            terms = Terms(language=SITE.language)
            one = publisher(store, folder / "followed", terms)
            one.publish_all()
            for number, step in enumerate(steps):
                before = terms
                terms, changes = take(store, step, terms, NOW + number * MINUTE)
                if terms != before:  # the configuration is read at the start of a program
                    one = publisher(store, folder / "followed", terms)
                    one.publish_all()
                one.publish(changes)
            publisher(store, folder / "new", terms).publish_all()
        assert tree(folder / "followed") == tree(folder / "new")
