"""The generated corpus is as wild as it says, always the same, and builds without a problem."""

from __future__ import annotations

import re

import pytest

from benchmarks.corpus import sample, samples, write_corpus
from tests import as_read
from tests.conftest import Workplace
from tests.effort import effort


@pytest.mark.soak
def test_hundreds_of_generated_articles_build_without_a_problem(workplace: Workplace) -> None:
    count = effort(150, soak=400)
    workplace.configure('\n[sanitizer]\nengines = ["nh3"]\n')
    write_corpus(workplace.articles, count, paragraphs=3)
    with workplace.open() as services:
        taken = workplace.build(services)
        assert services.store.articles.counts().problems == 0
        assert (taken.files, taken.changes.new) == (count, count)
        articles = as_read.newest(services.store, None, count)
    assert {article.title for article in articles} == {
        " ".join(one.title.split()) for one in samples(count)
    }
    assert {article.categories[0].names for article in articles} == {
        one.categories for one in samples(count)
    }
    for article in articles:
        assert not re.search("style|<!--|picsum|data-original|&#123;|<p></p>|　", article.body)


def test_the_same_number_and_seed_make_the_same_article() -> None:
    assert sample(7, 3) == sample(7, 3)
    assert sample(7, 3).text != sample(7, 4).text
    assert len({one.path for one in samples(300)}) == 300


def test_the_corpus_holds_every_shape() -> None:
    texts = [one.text for one in samples(300, paragraphs=6)]
    for shape in (
        r"\A\n---\n",
        r"date: Invalid Date",
        r"date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT",
        r"date: [\d-]{10} [\d:]{8}\n",
        r"picsum\.photos",
        r"title: '.*[^']'[^'\n].*'\n",
        r"title: '\d+'",
        r"<!-- ",
        r"<p></p>",
        "<p[^>]*>　　",
        'data-original-src="//',
        r"&#123;",
        r"<style>",
        r" - '— ",
    ):
        assert any(re.search(shape, text) for text in texts), shape
    assert not any("{" in text for text in texts)
    assert all(8_000 < len(one.text.encode()) < 20_000 for one in samples(20))


def test_a_crawler_that_comes_again_changes_the_picture_and_the_date_alone() -> None:
    dates = 0
    for number in range(60):
        first, again, third = (sample(number, visit=visit).text for visit in range(3))
        assert first != again != third
        changed = [
            {line.partition(":")[0] for line in pair}
            for pair in zip(again.splitlines(), third.splitlines(), strict=True)
            if pair[0] != pair[1]
        ]
        assert {"headimg"} in changed
        assert all(keys <= {"headimg", "thumbnail", "date"} for keys in changed)
        dates += {"date"} in changed
    assert dates > 30


def test_news_are_a_paragraph_in_the_same_article() -> None:
    article = sample(4)
    changed = article.with_news("Something new")
    assert (changed.path, changed.title) == (article.path, article.title)
    assert changed.text.replace("<p>Something new</p>", "") == article.text
