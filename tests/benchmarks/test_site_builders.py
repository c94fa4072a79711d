"""The references for building get the whole corpus, and build what they are said to build."""

from __future__ import annotations

import shutil
from pathlib import Path

import feedparser
import pytest

from benchmarks.corpus import samples
from benchmarks.site_builders import hugo, pelican


@pytest.mark.skipif(shutil.which("hugo") is None, reason="no Hugo: apt-get install hugo")
def test_hugo_writes_a_page_for_each_article_and_a_feed_for_each_category(tmp_path: Path) -> None:
    articles = list(samples(60))
    assert hugo(tmp_path / "site", articles) is not None
    public = tmp_path / "site" / "public"
    levels = {article.categories[:level] for article in articles for level in (1, 2, 3)}
    feeds = list(public.rglob("index.xml"))
    authors = {article.author for article in articles}
    assert len(feeds) == len(levels) + len(authors) + 2  # the authors' list, and the site
    pages = len(list(public.rglob("index.html")))
    assert pages == len(articles) + len(feeds)
    read = feedparser.parse((public / "index.xml").read_bytes())
    assert len(read.entries) == 50
    assert {entry.title for entry in read.entries} <= {article.title for article in articles}
    newest = max(articles, key=lambda article: article.date)
    assert any(newest.mark in path.read_text("utf-8") for path in public.rglob("index.html"))


@pytest.mark.parametrize("build", [hugo, pelican])
def test_a_builder_that_is_missing_builds_nothing(
    build: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(build)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert build(tmp_path / "site", samples(1)) is None
    assert list(tmp_path.iterdir()) == []
