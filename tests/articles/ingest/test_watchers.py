"""One watch for each root, as roots go away, close and come back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from digest.articles.ingest.watchers import Watches
from tests.articles.ingest.test_watch import Heard


def test_a_root_that_is_closed_asks_for_nothing_until_it_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every look at the roots would be followed by a scan of all of them."""
    watches = Watches({".": tmp_path}, Heard())
    assert not watches.alive()
    with monkeypatch.context() as closed:
        closed.setattr(os, "access", lambda *_: False)
        assert watches.alive()
    assert not watches.alive()
    watches.renew()
    assert watches.alive()
    watches.stop()


def test_a_root_on_a_disk_that_fails_asks_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> os.stat_result:
        raise OSError(5, "Input/output error")

    watches = Watches({".": tmp_path}, Heard())
    with monkeypatch.context() as broken:
        broken.setattr(os, "stat", fail)
        watches.renew()
        assert watches.alive()
    watches.stop()


def test_each_root_has_hints_with_its_name(tmp_path: Path) -> None:
    top, blog = tmp_path / "top", tmp_path / "blog"
    top.mkdir()
    blog.mkdir()
    heard = Heard()
    watches = Watches({".": top, "blog": blog, "away": tmp_path / "away"}, heard)
    watches.renew()
    (top / "a.md").write_text("a")
    (blog / "b.md").write_text("b")
    blog.chmod(0o700)
    heard.until("a.md", "blog/b.md", "blog")
    assert watches.alive()
    (tmp_path / "away").mkdir()
    assert not watches.alive()
    watches.renew()
    (tmp_path / "away" / "c.md").write_text("c")
    heard.until("away/c.md")
    watches.stop()
