"""Whole trees of articles: every feed that is built from them is without a finding."""

from __future__ import annotations

import shutil
from pathlib import Path

import feedparser
import pytest

from benchmarks.corpus import write_corpus
from digest.site import Site
from tests.articles.attacks import VECTORS
from tests.conftest import NOW, Workplace
from tests.effort import effort
from tests.feed_validation import Finding, validate_published

ROOT = Path(__file__).parents[2]
FULL_SITE = """
[site]
title = "夜航船 <Night> & Ferry"
url = "https://ferry.example/新闻"
language = "zh-CN"
author = "desk@ferry.example"
email = "desk@ferry.example"
icon = "https://ferry.example/i.png"
logo = "https://ferry.example/l.png"
copyright = "© 2026 <Ferry>"

[articles]
workers = 1

[sanitizer]
engines = ["nh3"]
"""


def findings(workplace: Workplace, site: Site) -> list[tuple[str, Finding]]:
    """Return what all published feeds have wrong; fail where a reader stumbles over one."""
    published = workplace.published()
    for path in ("feeds/rss.xml", "feeds/atom.xml"):  # it takes its time
        assert not feedparser.parse(published[path]).bozo, path
    return validate_published(published, site, NOW)


def build(workplace: Workplace, articles: int) -> list[tuple[str, Finding]]:
    with workplace.open() as services:
        workplace.build(services)
        assert services.store.articles.counts().articles >= articles
        return findings(workplace, services.site)


@pytest.mark.parametrize("content", ["full", "summary"])
def test_the_example_articles_give_feeds_without_a_finding(
    workplace: Workplace, content: str
) -> None:
    shutil.copytree(ROOT / "examples/articles", workplace.articles, dirs_exist_ok=True)
    workplace.configure(f'\n[feeds]\ncontent = "{content}"\n', base=FULL_SITE)
    assert build(workplace, 16) == []


@pytest.mark.soak
def test_generated_articles_give_feeds_without_a_finding(workplace: Workplace) -> None:
    count = effort(100, soak=300)
    write_corpus(workplace.articles, count, paragraphs=3)
    workplace.configure("\n[feeds]\nlimit = 20\n", base=FULL_SITE)
    assert build(workplace, count) == []


def test_attacks_give_feeds_without_a_finding(workplace: Workplace) -> None:
    for name, vectors in VECTORS.items():
        for number, vector in enumerate(vectors):
            path = f"{name}/{number}.md"
            workplace.write(
                path, f"{name} {number}", body=vector.encode("utf-8", "replace").decode()
            )
    workplace.configure("\n[feeds]\nlimit = 1000\n", base=FULL_SITE)
    found = build(workplace, 100)
    # A reference to no character at all is a character lost, and said to be.
    assert {(one.rule, "\ufffd" in one.found) for _, one in found} <= {("characters-suspect", True)}
