"""Editions stand on the web as they went out, and follow what becomes of their articles."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from digest.feeds.writing import Published
from selectolax.lexbor import LexborHTMLParser

from digest.articles.model import CategoryPath, Draft
from digest.assembly import Services
from digest.errors import OutputError
from digest.feeds.publish.output_folder import OutputFolder
from digest.mail.edition import Edition
from digest.mail.subscriber import NewSubscriber
from tests.conftest import Workplace
from tests.feed_validation import Severity, validate
from tests.store.samples import reading

FOLDER = "digests/daily/"


def tell(
    services: Services,
    path: str,
    title: str,
    *,
    categories: tuple[str, ...] = ("金融",),
    pinned: int = 0,
) -> None:
    """Take an article in, without the processes that read files."""
    one = reading(path, title=title, categories=[CategoryPath(categories)], body=f"<p>{path}</p>")
    assert isinstance(one.outcome, Draft)
    one = replace(one, outcome=replace(one.outcome, pinned=pinned))
    services.publisher.publish(services.store.articles.record([one], services.clock()))


def issue(workplace: Workplace, services: Services, *, name: str = "daily") -> Edition:
    """Make the edition that is due an hour later."""
    workplace.clock.advance(hours=1)
    now = services.clock()
    edition = services.store.outbox.open_edition(services.digests[name], now, now)
    assert edition is not None
    services.web_editions.publish_new(name)
    return edition


def begin(workplace: Workplace, services: Services) -> None:
    """Publish what there is: what comes from here on is news."""
    services.publisher.publish_all()
    services.store.outbox.start_digests(["daily", "notes"], services.clock())


def page(workplace: Workplace, path: str) -> LexborHTMLParser:
    return LexborHTMLParser((workplace.output / path / "index.html").read_bytes())


def titles(workplace: Workplace, path: str) -> list[str]:
    return [title.text().strip() for title in page(workplace, path).css(".entry h3")]


def test_an_edition_has_a_page_with_its_neighbours(workplace: Workplace) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        for number in (1, 2, 3):
            tell(services, f"{number}.md", f"文章{number}")
            issue(workplace, services)
    assert [titles(workplace, f"{FOLDER}{number}") for number in (1, 2, 3)] == [
        ["文章1"],
        ["文章2"],
        ["文章3"],
    ]
    middle = page(workplace, f"{FOLDER}2")
    neighbours = {
        link.attributes["rel"]: link.attributes["href"] for link in middle.css(".turn a[rel]")
    }
    assert neighbours == {"prev": "/digests/daily/1/", "next": "/digests/daily/3/"}
    assert not page(workplace, f"{FOLDER}1").css("a[rel=prev]")
    assert not page(workplace, f"{FOLDER}3").css("a[rel=next]")
    listed = page(workplace, FOLDER).css(".entry h2 a")
    assert [link.attributes["href"] for link in listed] == [
        f"/digests/daily/{number}/" for number in (3, 2, 1)
    ]


def test_a_page_has_no_personal_link_and_escapes_what_articles_say(workplace: Workplace) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        tell(services, "1.md", "<script>alert(1)</script> & {{ 7 * 7 }}", categories=("<b>甲",))
        tell(services, "2.md", "另一篇")
        issue(workplace, services)
    shown = page(workplace, f"{FOLDER}1")
    assert not shown.css("script, .entry b")
    assert "unsubscribe" not in (shown.html or "")
    assert "<script>alert(1)</script> & {{ 7 * 7 }}" in titles(workplace, f"{FOLDER}1")
    assert len(shown.css(".chips a")) == 2  # several sections have a table of contents


def test_the_feed_of_editions_is_valid_and_leads_to_them(workplace: Workplace) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        for number in (1, 2):
            tell(services, f"{number}.md", f"<b>文章{number}</b>")
            issue(workplace, services)
        content = (workplace.output / FOLDER / "atom.xml").read_bytes()
        found = validate(
            content, address=services.site.link(f"{FOLDER}atom.xml"), now=services.clock()
        )
    assert [str(one) for one in found if one.severity is Severity.ERROR] == []
    text = content.decode()
    assert text.index("/digests/daily/2/") < text.index("/digests/daily/1/")
    assert "第 2 期" in text
    assert "&lt;a href=" in text
    assert "&lt;b&gt;" not in text.replace("&amp;lt;b&amp;gt;", "")


def test_what_is_pinned_stands_first_on_the_page_and_in_the_feed_of_editions(
    workplace: Workplace,
) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        tell(services, "1.md", "甲", pinned=1)
        tell(services, "2.md", "乙", pinned=100)
        workplace.clock.advance(minutes=1)
        tell(services, "3.md", "丙")
        sample = services.web_editions.sample("daily")
        issue(workplace, services)
        feed = (workplace.output / FOLDER / "atom.xml").read_text("utf-8")
    assert titles(workplace, f"{FOLDER}1") == ["乙", "甲", "丙"]
    shown = page(workplace, f"{FOLDER}1")
    assert [title.text() for title in shown.css(".latest h2")] == ["置顶", "金融"]
    assert [link.text() for link in shown.css(".chips a")] == ["置顶 2", "金融 1"]
    assert sample is not None
    assert [title.text() for title in LexborHTMLParser(sample).css(".entry h3")] == [
        "乙",
        "甲",
        "丙",
    ]
    assert feed.index("乙") < feed.index("置顶") < feed.index("甲") < feed.index("丙")


def test_a_pin_that_comes_later_moves_the_article_in_its_edition_and_in_no_feed(
    workplace: Workplace,
) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        tell(services, "1.md", "甲")
        workplace.clock.advance(minutes=1)
        tell(services, "2.md", "乙")
        issue(workplace, services)
        before = workplace.published()
        tell(services, "1.md", "甲", pinned=1)
        after = workplace.published()
    assert titles(workplace, f"{FOLDER}1") == ["甲", "乙"]
    written = {path for path in before | after if before.get(path) != after.get(path)}
    assert written == {f"{FOLDER}1/index.html", f"{FOLDER}atom.xml"}


def test_what_is_withdrawn_leaves_the_page_and_comes_back(workplace: Workplace) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        tell(services, "1.md", "留下")
        tell(services, "2.md", "拿走")
        issue(workplace, services)
        (gone,) = services.store.withdrawals.find("2.md")
        keys = [gone.article.key]
        services.publisher.publish(services.store.withdrawals.withdraw(keys, services.clock()))
        assert titles(workplace, f"{FOLDER}1") == ["留下"]
        assert "1 篇文章" in page(workplace, FOLDER).css(".meta")[0].text()
        services.publisher.publish(services.store.withdrawals.restore(keys, services.clock()))
        assert sorted(titles(workplace, f"{FOLDER}1")) == ["拿走", "留下"]


def test_a_build_restores_every_page_and_sweeps_what_nothing_stands_behind(
    workplace: Workplace,
) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        for number in range(1, 4):
            tell(services, f"{number}.md", f"文章{number}")
            issue(workplace, services)
        services.publisher.publish_all()
        before = workplace.published()
        for path in before:
            if path.startswith("digests/"):
                (workplace.output / path).unlink()
        stray = workplace.output / "digests/former/1/index.html"
        stray.parent.mkdir(parents=True)
        stray.write_text("x")
        published = services.publisher.publish_all()
        assert workplace.published() == before
        assert published.removed == 1
        assert services.publisher.publish_all().written == 0


def test_a_digest_shows_its_own_articles_in_its_own_language(workplace: Workplace) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        tell(services, "1.md", "Moss", categories=("Notes",))
        tell(services, "2.md", "别处")
        issue(workplace, services, name="notes")
    assert titles(workplace, "digests/notes/1") == ["Moss"]
    shown = page(workplace, "digests/notes/1").css_first("main > div")
    assert shown is not None
    assert shown.attributes["lang"] == "en"
    assert "1 article" in shown.text()
    assert "There is no issue yet." not in page(workplace, "digests/notes").html  # type: ignore[operator]


def test_a_digest_without_editions_has_a_list_all_the_same(workplace: Workplace) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        content = (workplace.output / FOLDER / "atom.xml").read_bytes()
        found = validate(content, address=None, now=services.clock())
    assert not [one for one in found if one.severity is Severity.ERROR]
    assert "还没有出过刊" in page(workplace, FOLDER).css(".empty")[0].text()


def test_a_sample_shows_what_the_next_edition_would_hold(workplace: Workplace) -> None:
    with workplace.open() as services:
        assert services.web_editions.sample("nobody") is None
        tell(services, "1.md", "旧的")
        begin(workplace, services)
        first = LexborHTMLParser(services.web_editions.sample("daily") or b"")
        assert [title.text() for title in first.css(".entry h3")] == ["旧的"]  # nothing is new
        assert first.css('meta[name="robots"][content="noindex"]')
        tell(services, "2.md", "新的")
        workplace.clock.advance(seconds=31)
        again = LexborHTMLParser(services.web_editions.sample("daily") or b"")
        assert [title.text() for title in again.css(".entry h3")] == ["新的"]
        assert services.store.issued.of("daily") == []


def test_a_sample_is_made_once_in_a_while(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        first = services.web_editions.sample("daily")
        monkeypatch.setattr(services.pages, "edition", None)  # would fail if it were asked
        assert services.web_editions.sample("daily") is first
        workplace.clock.now -= timedelta(days=1)  # a clock set back does not keep it for a day
        with pytest.raises(TypeError):
            services.web_editions.sample("daily")


def test_only_pages_that_change_are_written(workplace: Workplace) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        for number in (1, 2):
            tell(services, f"{number}.md", f"文章{number}")
            issue(workplace, services)
        one = services.store.articles.latest((CategoryPath(("金融",)),), 1)[0]
        published = services.web_editions.publish([one.key])
        assert (published.written, published.removed) == (0, 0)
        assert published.unchanged == 3  # its edition's page, the list, the feed
        assert services.web_editions.publish([]).unchanged == 0


def test_a_folder_that_cannot_be_written_is_told(workplace: Workplace) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        list_page = workplace.output / FOLDER / "index.html"
        list_page.unlink()
        list_page.mkdir()
        with pytest.raises(OutputError):
            services.web_editions.publish_new("daily")
        list_page.rmdir()
        services.web_editions.publish([])
        assert list_page.is_file()  # what was owed is made up for


def test_an_edition_that_appears_late_or_goes_changes_its_neighbours(workplace: Workplace) -> None:
    base = workplace.configuration.read_text("utf-8")
    workplace.configure(base=base.replace("[digests.daily]", "[digests.daily]\napprove = true"))
    with workplace.open() as services:
        begin(workplace, services)
        drafts = []
        for number in (1, 2, 3):
            tell(services, f"{number}.md", f"文章{number}")
            drafts.append(issue(workplace, services))
        assert not (workplace.output / f"{FOLDER}1").exists()
        decisions, digest = services.store.decisions, services.digests["daily"]
        for place in (2, 0, 1):
            assert decisions.approve(drafts[place].id, digest, services.clock())
            services.web_editions.publish_around(drafts[place])
        before = workplace.published()
        assert services.publisher.publish_all().written == 0  # all is as a build makes it
        links = page(workplace, f"{FOLDER}2").css(".turn a[rel]")
        assert [link.attributes["href"] for link in links] == [
            "/digests/daily/1/",
            "/digests/daily/3/",
        ]
        assert workplace.published() == before


def test_a_page_that_could_not_be_removed_is_removed_later(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: OutputFolder, path: str) -> bool:
        raise OutputError(workplace.output / path, "read-only")

    with workplace.open() as services:
        begin(workplace, services)
        services.store.subscribers.add(
            NewSubscriber(address="a@example.org", digest="daily"), services.clock()
        )
        tell(services, "1.md", "文章1")
        edition = issue(workplace, services)
        assert services.store.decisions.cancel(edition.id, services.clock())
        with monkeypatch.context() as broken:
            broken.setattr(OutputFolder, "remove", fail)
            with pytest.raises(OutputError):
                services.web_editions.publish_around(edition)
        assert titles(workplace, f"{FOLDER}1") == ["文章1"]
        assert services.web_editions.publish([]).removed == 1
        assert not (workplace.output / f"{FOLDER}1").exists()


def test_an_edition_of_no_configured_digest_has_no_pages(workplace: Workplace) -> None:
    with workplace.open() as services:
        begin(workplace, services)
        tell(services, "1.md", "文章1")
        edition = issue(workplace, services)
        for other in (replace(edition, digest="former"), replace(edition, number=0)):
            assert services.web_editions.publish_around(other) == Published()
