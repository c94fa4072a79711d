from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.model import Article, SafeHtml
from digest.feeds import versions as versions_module
from digest.feeds.model import Feed
from digest.feeds.versions import Deltas, content_tag, entry_marks, news, recorded
from tests.defaults import default_feed
from tests.feeds.samples import SITE, article, atom, held, rss

FEED = default_feed(site=SITE, category=None)
FORMATS = pytest.mark.parametrize("form", [rss, atom])

Form = Callable[[Feed, Sequence[Article]], bytes]


def ids(content: bytes) -> list[str]:
    parsed = feedparser.parse(content)
    assert not parsed.bozo
    return [entry.id for entry in parsed.entries]


@FORMATS
def test_news_are_the_entries_that_are_new_or_changed(form: Form) -> None:
    first = form(FEED, [article(2), article(1)])
    changed = replace(article(1), title="后来改的")
    second = form(FEED, [article(3), article(2), changed])
    log = recorded(recorded(b"", first), second)
    known = held(log, content_tag(first))
    assert known is not None
    found = news(second, known)
    assert found is not None
    assert ids(found) == [article(3).id, article(1).id]
    assert feedparser.parse(found).feed == feedparser.parse(second).feed


@FORMATS
def test_there_are_no_news_where_nothing_changed(form: Form) -> None:
    content = form(FEED, [article(1)])
    found = news(content, held(recorded(b"", content), content_tag(content)) or frozenset())
    assert found is not None
    assert ids(found) == []
    assert b"xml-stylesheet" in found


@FORMATS
def test_everything_is_news_to_who_knows_nothing(form: Form) -> None:
    content = form(FEED, [article(2), article(1)])
    found = news(content, frozenset())
    assert found is not None
    assert feedparser.parse(found).entries == feedparser.parse(content).entries


def test_a_withdrawal_is_told_once() -> None:
    tombstone = (
        '<at:deleted-entry xmlns:at="http://purl.org/atompub/tombstones/1.0" '
        'ref="tag:a" when="2024-05-20T00:00:00Z"/>'
    )
    feed = '<feed xmlns="http://www.w3.org/2005/Atom"><id>x</id>{}</feed>'
    before, after = feed.format("").encode(), feed.format(tombstone).encode()
    log = recorded(recorded(b"", before), after)
    assert b"deleted-entry" in (news(after, held(log, content_tag(before)) or frozenset()) or b"")
    later = held(log, content_tag(after))
    assert later
    assert b"deleted-entry" not in (news(after, later) or b"")


def test_a_mark_does_not_change_with_what_the_feed_declares() -> None:
    item = "<item><guid>1</guid><title>a</title></item>"
    plain = f"<rss><channel><title>x</title>{item}</channel></rss>".encode()
    other = f'<rss xmlns:new="http://x/">\n<channel>{item}\n\n</channel></rss>'.encode()
    log = recorded(b"", plain)
    assert b"<item>" not in (news(other, held(log, content_tag(plain)) or frozenset()) or b"")


@pytest.mark.parametrize("text", ["</item>", "</entry>", "<item>", "<at:deleted-entry />", "\n"])
@FORMATS
def test_an_entry_ends_where_it_ends_whatever_it_says(form: Form, text: str) -> None:
    odd = [article(2, title=text, body=SafeHtml(f"<p>{escape(text)}</p>")), article(1)]
    first, second = form(FEED, odd), form(FEED, [article(3), *odd])
    known = held(recorded(b"", first), content_tag(first))
    assert known is not None
    assert len(known) == 2
    assert ids(news(second, known)) == [article(3).id]
    assert len(ids(news(second, frozenset()))) == 3


def test_what_is_no_feed_has_no_entries() -> None:
    log = recorded(b"", b"<rss>")
    assert held(log, content_tag(b"<rss>")) == frozenset()
    assert news(b"<rss>", frozenset()) == b"<rss>"
    cut = b"<rss><item>a</item><item>b"
    assert news(cut, entry_marks(cut)) == b"<rss><item>b"


def test_a_version_is_recorded_once() -> None:
    first, second = rss(FEED, [article(1)]), rss(FEED, [article(2)])
    log = recorded(b"", first)
    assert recorded(log, first) == log
    back = recorded(recorded(log, second), first)
    assert len(back.splitlines()) == 1 + 2
    assert held(back, content_tag(first)) == held(log, content_tag(first))


def test_a_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_module, "VERSIONS", 3)
    log, versions = b"", [rss(FEED, [article(number)]) for number in range(5)]
    for version in versions:
        log = recorded(log, version)
    assert [held(log, content_tag(version)) is not None for version in versions] == [
        False, False, True, True, True,
    ]  # fmt: skip


def test_deltas_are_what_each_version_lacked() -> None:
    versions = [rss(FEED, [article(n) for n in range(count, -1, -1)]) for count in range(4)]
    log = b""
    for version in versions:
        log = recorded(log, version)
    deltas = Deltas(log, versions[-1])
    for count, version in enumerate(versions):
        delta = deltas.since(content_tag(version), lambda: versions[-1])
        assert delta is not None
        assert ids(delta) == [article(n).id for n in range(3, count, -1)]
    assert deltas.since("unknown", lambda: versions[-1]) is None
    assert deltas.since(content_tag(versions[0]), lambda: None) == deltas.since(
        content_tag(versions[0]), lambda: versions[-1]
    ), "it is at hand"
    assert Deltas(log, versions[-1]).since(content_tag(versions[0]), lambda: None) is None
    assert Deltas(b"", versions[-1]).since(content_tag(versions[0]), lambda: versions[-1]) is None


@FORMATS
def test_versions_that_lack_the_same_entries_share_a_delta(form: Form) -> None:
    first, second = form(FEED, [article(1)]), form(replace(FEED, called="x"), [article(1)])
    last = form(FEED, [article(2), article(1)])
    log = recorded(recorded(b"", first), second)
    deltas = Deltas(log, last)
    before = deltas.size
    delta = deltas.since(content_tag(first), lambda: last)
    assert delta is not None
    assert deltas.since(content_tag(second), lambda: last) is delta
    assert deltas.size == before + len(delta)


def test_deltas_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_module, "DELTAS", 5_000)
    versions = [rss(FEED, [article(n) for n in range(count + 1)]) for count in range(5)]
    log = b""
    for version in versions:
        log = recorded(log, version)
    deltas = Deltas(log, versions[-1])
    first = deltas.since(content_tag(versions[0]), lambda: versions[-1])
    for version in versions[1:]:
        deltas.since(content_tag(version), lambda: versions[-1])
    assert deltas.since(content_tag(versions[0]), lambda: versions[-1]) == first
    assert deltas.size < 5_000 + 200 * 20


@given(st.data())
def test_a_damaged_log_is_no_log(data: st.DataObject) -> None:
    content = rss(FEED, [article(1)])
    log = recorded(b"", content)
    at = data.draw(st.integers(0, len(log) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != log[at]))
    for damaged in (log[:at], log[:at] + bytes([byte]) + log[at + 1 :], log + b"\n"):
        assert held(damaged, content_tag(content)) is None
        assert recorded(damaged, content) == log
    assert held(b"", "x") is None
