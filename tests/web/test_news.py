"""A client that asks for news alone: `A-IM: feed` (RFC 3229)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import feedparser
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.model import Article
from digest.feeds import versions
from digest.feeds.model import ATOM, RSS, Feed
from digest.feeds.publish.output_folder import OutputFolder
from digest.web import feed_files, file_cache
from tests.defaults import default_feed
from tests.effort import effort
from tests.feeds.samples import SITE, article, atom, rss
from tests.web.test_feed_files import connect

FEED = default_feed(site=SITE, category=None)
NEWS = {"A-IM": "feed", "Accept-Encoding": "gzip, br, identity;q=0.1"}
FORMATS = pytest.mark.parametrize(("name", "form"), [(RSS, rss), (ATOM, atom)])

Form = Callable[[Feed, Sequence[Article]], bytes]


def publish(output: Path, articles: Sequence[Article], name: str = RSS, form: Form = rss) -> None:
    folder = OutputFolder(output)
    written = folder.write(f"feeds/{name}", form(FEED, articles))
    folder.pack(f"feeds/{name}")
    if written.previous is not None:
        folder.record(f"feeds/{name}", written.previous)


def entries(response: httpx.Response) -> list[tuple[str, str]]:
    parsed = feedparser.parse(response.content)
    assert not parsed.bozo
    # RSS parts what a reader would take for markup by a word joiner.
    return [(entry.id, entry.title.replace("\u2060", "")) for entry in parsed.entries]


@FORMATS
async def test_only_what_is_new_or_changed_is_sent(tmp_path: Path, name: str, form: Form) -> None:
    old = [article(2), article(1)]
    publish(tmp_path, old, name, form)
    async with connect(tmp_path) as client:
        first = await client.get(f"/feeds/{name}", headers=NEWS)
        assert first.status_code == 200
        assert first.headers["content-encoding"] == "br"
        changed = replace(article(1), title="后来改的")
        publish(tmp_path, [article(3), article(2), changed], name, form)
        asked = {**NEWS, "If-None-Match": first.headers["etag"]}
        response = await client.get(f"/feeds/{name}", headers=asked)
        assert response.status_code == 226
        assert entries(response) == [(article(3).id, article(3).title), (changed.id, "后来改的")]
        assert response.headers["im"] == "feed"
        assert response.headers["cache-control"] == "no-store, im"
        assert set(response.headers["vary"].split(", ")) >= {"A-IM", "If-None-Match"}
        assert response.headers["delta-base"] == first.headers["etag"]
        assert "content-encoding" not in response.headers
        assert "accept-ranges" not in response.headers
        whole = await client.get(f"/feeds/{name}")
        assert response.headers["etag"] == whole.headers["etag"], "the whole feed's, to go on from"
        assert response.headers["content-type"] == whole.headers["content-type"]
        again = {**NEWS, "If-None-Match": response.headers["etag"]}
        assert (await client.get(f"/feeds/{name}", headers=again)).status_code == 304
        head = await client.head(f"/feeds/{name}", headers=asked)
        assert (head.status_code, head.content) == (226, b"")
        # A date is told only when the second in which the file was written is over.
        lasting = {"last-modified": ""}
        assert {**head.headers, **lasting} == {**response.headers, **lasting}


def test_the_tag_of_a_file_is_the_one_in_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, [article(2), article(1)])
    content = (tmp_path / "feeds" / RSS).read_bytes()
    for block in (7, len(content), 1024 * 1024):
        monkeypatch.setattr(file_cache, "_BLOCK", block)
        file = file_cache.load_file(tmp_path, f"feeds/{RSS}", None)
        assert file is not None
        assert file.facts.tag == versions.content_tag(content)
        log = versions.recorded(b"", content)
        assert versions.Deltas(log, content).marks(file.facts.tag) is not None


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        (RSS, {}),
        (RSS, {"A-IM": "vcdiff"}),
        (RSS, {"A-IM": "feed;q=0"}),
        (RSS, {"A-IM": "feed", "Accept-Encoding": "gzip, identity;q=0"}),
        (RSS, {"A-IM": "feed", "If-None-Match": '"unknown"'}),
        (RSS, {"A-IM": "feed", "If-None-Match": ""}),
        ("feed.json", {"A-IM": "feed"}),
    ],
)
async def test_everything_is_sent_to_who_cannot_have_news(
    tmp_path: Path, name: str, headers: dict[str, str]
) -> None:
    publish(tmp_path, [article(1)], name)
    async with connect(tmp_path) as client:
        tag = (await client.get(f"/feeds/{name}")).headers["etag"]
        publish(tmp_path, [article(2), article(1)], name)
        response = await client.get(f"/feeds/{name}", headers={"If-None-Match": tag, **headers})
    assert response.status_code == 200
    assert "im" not in response.headers
    assert len(entries(response)) == 2


async def test_a_feed_whose_history_is_lost_is_sent_whole(tmp_path: Path) -> None:
    publish(tmp_path, [article(1)])
    async with connect(tmp_path) as client:
        tag = (await client.get("/feeds/rss.xml")).headers["etag"]
        publish(tmp_path, [article(2), article(1)])
        (tmp_path / "feeds/.rss.xml.history").unlink()
        response = await client.get("/feeds/rss.xml", headers={**NEWS, "If-None-Match": tag})
        assert response.status_code == 200


async def test_of_several_versions_a_known_one_will_do(tmp_path: Path) -> None:
    publish(tmp_path, [article(1)])
    async with connect(tmp_path) as client:
        tag = (await client.get("/feeds/rss.xml")).headers["etag"]
        for number in range(2, 40):  # more bases than are kept at hand
            publish(tmp_path, [article(number), article(1)])
            known = {**NEWS, "If-None-Match": f'"x", W/{tag}, "y"'}
            response = await client.get("/feeds/rss.xml", headers=known)
            assert response.status_code == 226
            assert [one for one, _ in entries(response)] == [article(number).id]


async def test_news_for_many_versions_are_told_apart(tmp_path: Path) -> None:
    tags = []
    async with connect(tmp_path) as client:
        for number in range(20):
            publish(tmp_path, [article(one) for one in range(number, -1, -1)])
            tags.append((await client.get("/feeds/rss.xml")).headers["etag"])
        for count, tag in enumerate(tags[:-1]):
            for _ in range(2):
                known = {**NEWS, "If-None-Match": tag}
                response = await client.get("/feeds/rss.xml", headers=known)
                assert len(entries(response)) == 19 - count


async def test_an_attack_with_tags_costs_no_more_than_one_honest_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = 0
    real = versions.entry_marks

    def count(content: bytes) -> frozenset[str]:
        nonlocal parsed
        parsed += 1
        return real(content)

    publish(tmp_path, [article(1)])
    async with connect(tmp_path) as client:
        tag = (await client.get("/feeds/rss.xml")).headers["etag"]
        publish(tmp_path, [article(2), article(1)])
        monkeypatch.setattr(versions, "entry_marks", count)
        unknown = [f'"{number:032x}"' for number in range(1200)]
        attacks = [{**NEWS, "If-None-Match": ", ".join(unknown)} for _ in range(60)]
        answers = await asyncio.gather(
            *(client.get("/feeds/rss.xml", headers=attack) for attack in attacks)
        )
        assert {answer.status_code for answer in answers} == {200}
        assert parsed == 1
        for before, status in ((15, 226), (16, 200)):
            known = ", ".join([*unknown[:before], tag, *unknown])
            response = await client.get("/feeds/rss.xml", headers={**NEWS, "If-None-Match": known})
            assert response.status_code == status
        assert parsed == 1


async def test_a_feed_that_is_too_large_is_not_searched_for_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, [article(1)])
    async with connect(tmp_path) as client:
        tag = (await client.get("/feeds/rss.xml")).headers["etag"]
        publish(tmp_path, [article(2), article(1)])
        monkeypatch.setattr(feed_files, "LARGEST", 100)
        known = {**NEWS, "If-None-Match": tag}
        assert (await client.get("/feeds/rss.xml", headers=known)).status_code == 200


async def test_news_come_with_the_links_of_their_feed(tmp_path: Path) -> None:
    publish(tmp_path, [article(1)])
    async with connect(tmp_path, links=lambda path: f"<{path}>") as client:
        tag = (await client.get("/feeds/rss.xml")).headers["etag"]
        publish(tmp_path, [article(2), article(1)])
        known = {**NEWS, "If-None-Match": tag}
        response = await client.get("/feeds/rss.xml", headers=known)
        assert (response.status_code, response.headers["link"]) == (226, "<feeds/rss.xml>")


@dataclass
class Reader:
    """A client that keeps what it got, and asks for no more than it must."""

    tag: str = ""
    got: list[tuple[str, str]] = field(default_factory=list)

    async def ask(self, client: httpx.AsyncClient, name: str, accepted: str) -> httpx.Response:
        headers = {"A-IM": "feed", "Accept-Encoding": accepted}
        if self.tag:
            headers["If-None-Match"] = self.tag
        response = await client.get(f"/feeds/{name}", headers=headers)
        if response.status_code != 304:
            self.tag = response.headers["etag"]
            self.got += entries(response)
        return response


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.just(0)),
        st.tuples(st.just("change"), st.integers(0, 9)),
        st.tuples(st.just("ask"), st.sampled_from([0, 1])),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.soak
@settings(max_examples=effort(30, soak=120), deadline=None)
@given(steps=STEPS, which=st.sampled_from([(RSS, rss), (ATOM, atom)]))
def test_a_client_that_follows_sees_everything_once(
    steps: list[tuple[str, int]], which: tuple[str, Form]
) -> None:
    asyncio.run(follow(steps, *which))


async def follow(steps: list[tuple[str, int]], name: str, form: Form) -> None:
    with tempfile.TemporaryDirectory() as folder:
        output, articles = Path(folder), [article(0)]
        readers, said = (Reader(), Reader()), [(article(0).id, article(0).title)]
        publish(output, articles, name, form)
        client = connect(output)
        seen_by = [await reader.ask(client, name, "br") for reader in readers]
        assert [response.status_code for response in seen_by] == [200, 200]
        for step, number in [*steps, ("ask", 0), ("ask", 1)]:
            if step == "ask":
                response = await readers[number].ask(client, name, ("identity", "gzip")[number])
                assert response.status_code in (226, 304)
                latest = dict(readers[number].got)
                assert latest == {one.id: one.title for one in articles}
                continue
            if step == "restart":
                await client.aclose()
                client = connect(output)
                continue
            if step == "add":
                articles.insert(0, article(len(articles)))
                said.append((articles[0].id, articles[0].title))
            else:
                at = number % len(articles)
                articles[at] = replace(articles[at], title=f"{articles[at].title}′")
                said.append((articles[at].id, articles[at].title))
            publish(output, articles, name, form)
        for reader in readers:
            assert len(reader.got) == len(set(reader.got)), "something was sent twice"
            assert set(reader.got) <= set(said)
        await client.aclose()
