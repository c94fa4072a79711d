"""The backlog: bursts wait for their end, failures for their time, news for nobody."""

from __future__ import annotations

from math import inf

from digest.articles.model import ArticleKey, CategoryPath, Changes
from digest.backlog import LAST_RETRY, LONGEST_UNPUBLISHED, Backlog, Work


def change(key: str) -> Changes:
    return Changes(
        articles=frozenset({ArticleKey(key)}), categories=frozenset({CategoryPath((key,))}), new=1
    )


def keys(work: Work | None) -> set[str]:
    assert work is not None
    return set(work.changes.articles)


def test_nothing_waits_for_ever() -> None:
    backlog = Backlog()
    backlog.add(Changes(unchanged=3), 0.0)
    assert backlog.wait(0.0) == inf
    assert backlog.next(0.0, more_coming=False) is None


def test_a_burst_is_published_once_when_it_is_over() -> None:
    backlog = Backlog()
    backlog.add(change("a"), 100.0)
    assert backlog.next(100.1, more_coming=True) is None
    backlog.add(change("b"), 100.2)
    assert backlog.wait(100.2) == 0

    work = backlog.next(100.3, more_coming=False)

    assert keys(work) == {"a", "b"}
    assert work is not None
    backlog.done(work)
    assert backlog.next(100.4, more_coming=False) is None


def test_a_burst_that_does_not_end_is_published_all_the_same() -> None:
    backlog = Backlog()
    backlog.add(change("a"), 100.0)
    late = 100.1 + LONGEST_UNPUBLISHED
    backlog.add(change("b"), late - 1)
    assert keys(backlog.next(late, more_coming=True)) == {"a", "b"}


def test_what_failed_is_tried_again_later_and_later() -> None:
    backlog = Backlog()
    backlog.add(change("a"), 0.0)
    now, waits = 0.0, []
    for _ in range(9):
        work = backlog.next(now, more_coming=False)
        assert keys(work) == {"a"}
        assert work is not None
        waits.append(backlog.failed(work, now))
        assert backlog.next(now, more_coming=False) is None
        now += backlog.wait(now)
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == LAST_RETRY


def test_news_does_not_wait_for_what_failed() -> None:
    backlog = Backlog(everything=True)
    work = backlog.next(0.0, more_coming=False)
    assert work is not None
    assert work.everything
    backlog.failed(work, 0.0)

    backlog.add(change("b"), 0.1)
    news = backlog.next(0.2, more_coming=False)

    assert keys(news) == {"b"}
    assert news is not None
    assert not news.everything
    backlog.done(news)
    again = backlog.next(1.0, more_coming=False)
    assert again is not None
    assert again.everything
    backlog.done(again)
    assert backlog.wait(1.0) == inf


def test_news_that_fails_joins_what_failed_and_keeps_its_time() -> None:
    backlog = Backlog()
    for key in ("a", "b"):
        backlog.add(change(key), 0.0)
        work = backlog.next(0.0, more_coming=False)
        assert work is not None
        assert backlog.failed(work, 0.0) == 1.0
    assert keys(backlog.next(1.0, more_coming=False)) == {"a", "b"}
