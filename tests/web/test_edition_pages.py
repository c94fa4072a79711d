"""Editions stand on the web as they went out, and follow what becomes of their articles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from selectolax.lexbor import LexborHTMLParser

from digest.app.wiring import Services
from digest.articles.model import CategoryPath, Draft
from digest.editions.delivery import DeliveryState
from digest.editions.model import Edition, contents
from digest.mail.phrases import phrasebook
from digest.mail.translations import WORDS
from digest.subscribers.model import NewSubscriber
from digest.web import sample_pages as samples
from tests import stores
from tests.conftest import CONFIGURATION, Workplace
from tests.defaults import default_policy
from tests.feed_validation import Severity, validate
from tests.store.samples import reading

FOLDER = "digests/daily/"


@dataclass
class Site:
    """A site with a digest; what is asked of it is answered as by the daemon."""

    workplace: Workplace
    services: Services

    def tell(
        self,
        path: str,
        title: str,
        *,
        categories: tuple[str, ...] = ("金融",),
        pinned: int = 0,
    ) -> None:
        """Take an article in, without the processes that read files."""
        paths = [CategoryPath(categories)]
        one = reading(path, title=title, categories=paths, body=f"<p>{path}</p>")
        assert isinstance(one.outcome, Draft)
        one = replace(one, outcome=replace(one.outcome, pinned=pinned))
        self.services.store.articles.record([one], self.services.clock())

    def issue(self, name: str = "daily") -> Edition:
        """Make the edition that is due an hour later."""
        self.workplace.clock.advance(hours=1)
        now = self.services.clock()
        digest = self.services.digests[name]
        edition = self.services.store.editions.open_edition(digest, now, now)
        assert edition is not None
        return edition

    def content(self, path: str) -> bytes:
        answer = self.workplace.see(self.services, path)
        assert answer.status_code == 200, path
        return answer.content

    def page(self, path: str) -> LexborHTMLParser:
        return LexborHTMLParser(self.content(path))

    def titles(self, path: str) -> list[str]:
        return [title.text().strip() for title in self.page(path).css(".entry h3")]

    def status(self, path: str, **headers: str) -> int:
        return self.workplace.see(self.services, path, **headers).status_code

    def tag(self, path: str) -> str:
        return str(self.workplace.see(self.services, path).headers["etag"])


@contextmanager
def opened(workplace: Workplace) -> Iterator[Site]:
    """Open a site whose digests have begun."""
    with workplace.open() as services:
        services.store.editions.start_digests(["daily", "notes"], services.clock())
        yield Site(workplace, services)


@pytest.fixture
def site(workplace: Workplace) -> Iterator[Site]:
    """Give a site whose digests have begun."""
    with opened(workplace) as site:
        yield site


def test_an_edition_has_a_page_with_its_neighbours(site: Site) -> None:
    for number in (1, 2, 3):
        site.tell(f"{number}.md", f"文章{number}")
        site.issue()
    assert [site.titles(f"{FOLDER}{number}/") for number in (1, 2, 3)] == [
        ["文章1"],
        ["文章2"],
        ["文章3"],
    ]
    middle = site.page(f"{FOLDER}2/")
    neighbours = {
        link.attributes["rel"]: link.attributes["href"] for link in middle.css(".turn a[rel]")
    }
    assert neighbours == {"prev": "/digests/daily/1/", "next": "/digests/daily/3/"}
    assert not site.page(f"{FOLDER}1/").css("a[rel=prev]")
    assert not site.page(f"{FOLDER}3/").css("a[rel=next]")
    listed = site.page(FOLDER).css(".entry h3 a")
    assert [link.attributes["href"] for link in listed] == [
        f"/digests/daily/{number}/" for number in (3, 2, 1)
    ]


def test_digests_are_listed_with_when_they_come_and_what_came_last(workplace: Workplace) -> None:
    text = CONFIGURATION.replace('title = "每日摘要"', 'title = "每日"\ndescription = "<早晨>"')
    workplace.configure(base=text.replace("[web]", "[web]\nsubscribe = true"))
    with opened(workplace) as site:
        site.tell("1.md", "甲")
        site.tell("2.md", "乙", categories=("Notes",))
        before = site.tag("digests/")
        site.issue()
        assert site.tag("digests/") != before
        shown = [" ".join(one.text().split()) for one in site.page("digests/").css(".entry")]
        assert shown == [
            "每日 每天 07:00 (Asia/Shanghai) <早晨> 最新一期 2026年11月23日 乙",
            "测试站 每逢星期一 06:30 (Asia/Shanghai)",
        ]
        head = site.page(FOLDER).css_first("header.section")
        assert head is not None
        assert "<早晨>" in head.text()
        assert head.css("a[href='/subscribe/?digest=daily']")
        assert [link.attributes["href"] for link in site.page("").css(".digests a")] == [
            "/digests/daily/",
            "/digests/notes/",
        ]
        assert "/digests/</loc>" in site.content("sitemap-1.xml").decode()


def test_an_edition_of_articles_for_mails_alone_says_so(site: Site) -> None:
    site.tell("kept/1.md", "甲")
    now, policy = site.services.clock(), default_policy(mail_only=("kept/",))
    site.services.store.articles.update_withdrawals(now, None, policy)
    site.issue()
    shown = site.page(f"{FOLDER}1/").css_first(".edition")
    assert shown is not None
    assert "甲" not in shown.text()
    assert [part.text() for part in shown.css(".empty")] == [WORDS["zh"]["mail_only"]]
    assert len(shown.css(".facts span")) == 2, "no count of articles"
    assert len(site.page(FOLDER).css(".entry .facts span")) == 1


@pytest.mark.parametrize("language", WORDS)
def test_an_empty_edition_says_so_in_the_readers_language(site: Site, language: str) -> None:
    digest = replace(site.services.digests["daily"], language=language)
    pages, edition = site.services.pages, samples.sample_edition()
    empty = LexborHTMLParser(pages.edition(digest, edition, contents((), (), 1)))
    assert [part.text() for part in empty.css(".empty")] == [WORDS[language]["mail_only"]]
    sample = LexborHTMLParser(
        pages.edition(digest, replace(edition, number=0), contents((), (), 1))
    )
    assert len(sample.css(".empty")) == 1
    assert str(WORDS[language]["mail_only"]) not in sample.text()


def test_a_page_has_no_personal_link_and_escapes_what_articles_say(site: Site) -> None:
    site.tell("1.md", "<script>alert(1)</script> & {{ 7 * 7 }}", categories=("<b>甲",))
    site.tell("2.md", "另一篇")
    site.issue()
    shown = site.page(f"{FOLDER}1/")
    assert not shown.css("script, .entry b")
    assert "unsubscribe" not in (shown.html or "")
    assert "<script>alert(1)</script> & {{ 7 * 7 }}" in site.titles(f"{FOLDER}1/")
    assert len(shown.css(".chips a")) == 2  # several sections have a table of contents


def test_the_lead_and_the_others_name_their_section_alike(site: Site) -> None:
    for number in (1, 2):
        site.tell(f"{number}.md", f"Article {number}", categories=("Notes", "Harbour"))
    site.issue()
    shown = site.page(f"{FOLDER}1/")
    assert [head.text() for head in shown.css("h2.label")] == ["Notes / Harbour"] * 2
    assert len(shown.css("section[aria-labelledby]")) == 1


def test_the_feed_of_editions_is_valid_and_leads_to_them(site: Site) -> None:
    for number in (1, 2):
        site.tell(f"{number}.md", f"<b>文章{number}</b>")
        site.issue()
    content = site.content(f"{FOLDER}atom.xml")
    found = validate(
        content, address=site.services.site.link(f"{FOLDER}atom.xml"), now=site.services.clock()
    )
    assert [str(one) for one in found if one.severity is Severity.ERROR] == []
    text = content.decode()
    assert text.index("/digests/daily/2/") < text.index("/digests/daily/1/")
    assert "第 2 期" in text
    assert "&lt;a href=" in text
    assert "&lt;b&gt;" not in text.replace("&amp;lt;b&amp;gt;", "")


def test_what_is_pinned_stands_first_on_the_page_and_in_the_feed_of_editions(
    site: Site,
) -> None:
    site.tell("1.md", "甲", pinned=1)
    site.tell("2.md", "乙", pinned=100)
    site.workplace.clock.advance(minutes=1)
    site.tell("3.md", "丙")
    sample = site.titles(f"{FOLDER}sample/")
    site.issue()
    feed = site.content(f"{FOLDER}atom.xml").decode()
    assert site.titles(f"{FOLDER}1/") == ["乙", "甲", "丙"]
    shown = site.page(f"{FOLDER}1/")
    assert [title.text() for title in shown.css(".latest h2")] == ["置顶", "金融"]
    assert [link.text() for link in shown.css(".chips a")] == ["置顶 2", "金融 1"]
    assert sample == ["乙", "甲", "丙"]
    assert feed.index("乙") < feed.index("置顶") < feed.index("甲") < feed.index("丙")


def test_a_digest_shows_its_own_articles_in_its_own_language(site: Site) -> None:
    site.tell("1.md", "Moss", categories=("Notes",))
    site.tell("2.md", "别处")
    site.issue("notes")
    assert site.titles("digests/notes/1/") == ["Moss"]
    shown = site.page("digests/notes/1/").css_first("main > div")
    assert shown is not None
    assert shown.attributes["lang"] == "en"
    assert "1 article" in shown.text()
    assert "There is no issue yet." not in site.page("digests/notes/").html  # type: ignore[operator]


def test_a_digest_without_editions_has_a_list_all_the_same(site: Site) -> None:
    content = site.content(f"{FOLDER}atom.xml")
    found = validate(content, address=None, now=site.services.clock())
    assert not [one for one in found if one.severity is Severity.ERROR]
    assert "还没有出过刊" in site.page(FOLDER).css(".empty")[0].text()


def test_a_pin_that_comes_later_moves_the_article_in_its_edition(site: Site) -> None:
    site.tell("1.md", "甲")
    site.workplace.clock.advance(minutes=1)
    site.tell("2.md", "乙")
    site.issue()
    before = site.tag(f"{FOLDER}1/")
    site.tell("1.md", "甲", pinned=1)
    assert site.titles(f"{FOLDER}1/") == ["甲", "乙"]
    assert site.tag(f"{FOLDER}1/") != before


def test_what_is_withdrawn_leaves_the_page_and_comes_back(site: Site) -> None:
    site.tell("1.md", "留下")
    site.tell("2.md", "拿走")
    site.issue()
    withdrawals, now = site.services.store.withdrawals, site.services.clock()
    (gone,) = withdrawals.find("2.md")
    pages = (f"{FOLDER}1/", FOLDER, f"{FOLDER}atom.xml")
    before = [site.tag(path) for path in pages]
    withdrawals.withdraw([gone.article.key], now)
    assert site.titles(f"{FOLDER}1/") == ["留下"]
    assert "1 篇文章" in site.page(FOLDER).css(".entry .meta")[0].text()
    assert "拿走" not in site.content(f"{FOLDER}atom.xml").decode()
    assert not set(before) & {site.tag(path) for path in pages}
    withdrawals.restore([gone.article.key], now)
    assert sorted(site.titles(f"{FOLDER}1/")) == ["拿走", "留下"]


def test_an_edition_keeps_its_tag_while_other_articles_come(site: Site) -> None:
    for number in (1, 2, 3):
        site.tell(f"{number}.md", f"文章{number}")
        site.issue()
    paths = (f"{FOLDER}1/", f"{FOLDER}3/", FOLDER)
    tags = [site.tag(path) for path in paths]
    site.tell("4.md", "文章4")
    for path, tag in zip(paths, tags, strict=True):
        assert site.status(path, if_none_match=tag) == 304
    site.issue()
    statuses = [site.status(path, if_none_match=tag) for path, tag in zip(paths, tags, strict=True)]
    assert statuses == [304, 200, 200]  # the third has a neighbour now


def test_a_draft_and_what_nobody_got_have_no_page(workplace: Workplace) -> None:
    base = workplace.configuration.read_text("utf-8")
    workplace.configure(base=base.replace("[digests.daily]", "[digests.daily]\napprove = true"))
    with opened(workplace) as site:
        decisions, digest = site.services.store.editions, site.services.digests["daily"]
        site.services.store.subscribers.add(
            NewSubscriber(address="a@example.org", digest="daily"), site.services.clock()
        )
        drafts = []
        for number in (1, 2, 3):
            site.tell(f"{number}.md", f"文章{number}")
            drafts.append(site.issue())
            assert site.status(f"{FOLDER}{number}/") == 404
        for place in (2, 0, 1):
            assert decisions.approve(drafts[place].id, digest, site.services.clock())
        links = site.page(f"{FOLDER}2/").css(".turn a[rel]")
        assert [link.attributes["href"] for link in links] == [
            "/digests/daily/1/",
            "/digests/daily/3/",
        ]
        deliveries = site.services.store.deliveries
        (first,) = deliveries.claim(1, site.services.clock(), timedelta(minutes=5), {})
        stores.settle(site.services.store, first.id, DeliveryState.SENT, site.services.clock())
        gone = next(one for one in drafts if one.id != first.edition_id)
        assert decisions.cancel(gone.id, site.services.clock())
        assert site.status(f"{FOLDER}{gone.number}/") == 404
        sent = next(one for one in drafts if one.id == first.edition_id)
        assert site.status(f"{FOLDER}{sent.number}/") == 200
        listed = site.page(FOLDER).css(".entry h3 a")
        assert f"/digests/daily/{gone.number}/" not in [one.attributes["href"] for one in listed]


def test_a_sample_shows_what_the_next_edition_would_hold(workplace: Workplace) -> None:
    with workplace.open() as services:
        site = Site(workplace, services)
        site.tell("1.md", "旧的")
        services.store.editions.start_digests(["daily"], services.clock())
        assert site.titles(f"{FOLDER}sample/") == ["旧的"]  # nothing is new
        answer = workplace.see(services, f"{FOLDER}sample/")
        assert answer.headers["x-robots-tag"] == "noindex"
        assert "last-modified" not in answer.headers
        shown = LexborHTMLParser(answer.content)
        assert shown.css('meta[name="robots"][content="noindex"]')
        tag = answer.headers["etag"]
        assert site.status(f"{FOLDER}sample/", if_none_match=tag) == 304
        workplace.clock.advance(seconds=31)
        assert site.status(f"{FOLDER}sample/", if_none_match=tag) == 200
        site.tell("2.md", "新的")
        assert site.titles(f"{FOLDER}sample/") == ["新的"]
        assert site.status(f"{FOLDER}1/") == 404


@pytest.mark.parametrize(
    "path",
    [
        "digests/nobody/",
        "digests/nobody/atom.xml",
        "digests/nobody/sample/",
        "digests/daily/0/",
        "digests/daily/01/",
        "digests/daily/-1/",
        "digests/daily/%E2%85%A0/",
        "digests/daily/99999999999999999999999/",
        "digests/daily/1/2/",
        "digests/daily/1/atom.xml",
        "digests/daily/rss.xml",
        "digests/Daily/",
    ],
)
def test_nothing_is_where_no_edition_is(site: Site, path: str) -> None:
    site.tell("1.md", "甲")
    site.issue()
    assert site.status(path) == 404


def test_an_edition_names_its_digest_and_day_and_its_lead_stands_first(site: Site) -> None:
    site.tell("1.md", "先来的", categories=("科技", "最新"))
    site.tell("2.md", "头条", categories=("体育", "最新"), pinned=1)
    site.tell("3.md", "后来的", categories=("体育", "最新"))
    site.issue()
    page = site.page(f"{FOLDER}1/")
    heading, lead = page.css_first("h1"), page.css_first(".entry.lead h3")
    assert heading is not None
    assert lead is not None
    day = phrasebook("zh-CN", "Asia/Shanghai").date(site.services.clock())
    assert heading.text().strip().endswith(f" · {day}")
    assert lead.text().strip() == "头条"
    assert site.titles(f"{FOLDER}1/").count("头条") == 1
    chips = [" ".join(chip.text().split()) for chip in page.css(".chips a")]
    assert chips == ["置顶 1", "体育 / 最新 1", "科技 / 最新 1"]
    for chip in page.css(".chips a"):
        assert page.css_first(chip.attributes["href"] or "") is not None


def test_the_list_of_editions_names_what_leads_them(site: Site) -> None:
    site.tell("1.md", "一")
    site.tell("2.md", "二")
    site.tell("3.md", "置顶的", pinned=2)
    site.issue()
    site.tell("4.md", "四")
    site.issue()
    assert [link.text() for link in site.page(FOLDER).css(".entry h3 a")] == ["四", "置顶的"]
