"""Which copies of assets are in use, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.articles.ingest.records import Reading
from digest.articles.model import AssetState, Draft
from digest.articles.reading.enclosures import Enclosure
from digest.articles.revision import IngestPolicy
from digest.assets import NO_ROOM, asset_name
from digest.store import file_assets
from digest.store.database import Store
from tests.store.samples import NOW, draft, file_record

DAY = timedelta(days=1)
NAMES = [asset_name(f"{number:032x}", "png") for number in range(6)]


def taken(store: Store, path: str, result: Draft, *names: str) -> None:
    assets = tuple(
        AssetState(path=f"/srv/{path}{number}", size=1, mtime_ns=1, name=name)
        for number, name in enumerate(names)
    )
    read = Reading(record=file_record(path, result.title), outcome=replace(result, assets=assets))
    store.articles.record([read], NOW, IngestPolicy())


def go_on() -> None:
    pass


def test_a_copy_is_unused_since_no_file_refers_to_it(store: Store) -> None:
    taken(store, "a.md", draft("a"), NAMES[0])
    unused = store.assets.unused
    assert unused(NAMES[:2], NOW, NOW - DAY) == set()
    assert unused(NAMES[:2], NOW + DAY, NOW) == {NAMES[1]}
    taken(store, "a.md", draft("a", title="二"), NAMES[1])
    assert unused(NAMES[:2], NOW + DAY, NOW) == set()  # the other is new
    assert unused(NAMES[:2], NOW + 2 * DAY, NOW + DAY) == {NAMES[0]}
    assert unused(NAMES[:1], NOW + 2 * DAY, NOW) == set()
    store.assets.forget(NAMES[:1])
    assert unused(NAMES[:1], NOW + 2 * DAY, NOW + DAY) == set()
    assert unused(NAMES[2:3], NOW, NOW) == {NAMES[2]}  # nothing is kept


def test_what_stored_articles_show_is_in_use(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_assets, "_ARTICLES", 2)
    link = "https://news.example/assets/"
    taken(store, "a.md", draft("a", body=f'<p><img src="{link}{NAMES[0]}"></p>'))
    proxied = f"https://img.example/https%3a%2f%2fnews.example%2fassets%2f{NAMES[1]}"
    taken(store, "b.md", draft("b", title="二", image=proxied))
    sound = Enclosure(url=link + NAMES[2], length=3, media_type="audio/mpeg")
    taken(store, "c.md", replace(draft("c", title="三"), enclosure=sound))
    same = NAMES[0].replace("png", "zip")
    assert store.assets.in_texts({*NAMES, same}, go_on) == {*NAMES[:3], same}


def test_what_a_hidden_article_shows_is_in_use(store: Store) -> None:
    taken(store, "a.md", draft("a", body=f"<p>assets/{NAMES[0]}</p>"))
    with store.pages.snapshot() as snapshot:
        (article,) = snapshot.newest(None, 1)
    store.withdrawals.withdraw([article.key], NOW)
    assert store.assets.in_texts({NAMES[0]}, go_on) == {NAMES[0]}


def test_an_export_has_what_visible_articles_show_whatever_their_files_refer_to_now(
    store: Store,
) -> None:
    def names() -> set[str]:
        with store.pages.snapshot() as snapshot:
            return snapshot.asset_names(set(NAMES))

    shown = f'<p><img src="https://news.example/assets/{NAMES[1]}"></p>'
    taken(store, "a.md", draft("a", body=shown), NAMES[0])
    taken(store, "b.md", draft("b", title="二", body=f"<p>assets/{NAMES[2]}</p>"))
    assert names() == set(NAMES[:3])
    with store.pages.snapshot() as snapshot:
        hidden = next(one for one in snapshot.newest(None, 2) if one.title == "二")
    store.withdrawals.withdraw([hidden.key], NOW)
    assert names() == set(NAMES[:2])


def test_files_whose_assets_had_no_room_are_read_again(store: Store) -> None:
    assert store.assets.left_out() == 0
    taken(store, "a.md", draft("a"), NAMES[0], NO_ROOM, NO_ROOM)
    assert store.assets.left_out() == 1
    with store.pages.snapshot() as snapshot:
        assert snapshot.asset_names(set(NAMES)) == {NAMES[0]}
    store.assets.retry()
    assert sorted(state.size for _, state in store.scans.assets()) == [-1, -1, 1]


def test_when_unused_copies_were_looked_for_is_stored(store: Store) -> None:
    assert store.assets.looked_at() is None
    store.assets.looked(NOW)
    assert store.assets.looked_at() == NOW
