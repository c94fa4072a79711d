from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest

from digest.articles.model import CategoryPath
from digest.editions.model import Digest
from digest.errors import DeliveryRefused
from digest.mail import composer as composer_module
from digest.mail.composer import Composer, NoArticles
from digest.mail.render import MailTemplates, RenderedEdition
from digest.subscribers.model import Subscriber
from digest.subscribers.tokens import read_unsubscribe_token
from tests.mail.samples import (
    CITY,
    FINANCE,
    KEY,
    NOW,
    SENDER,
    SITE,
    TEMPLATES,
    make_article,
    make_delivery,
    make_digest,
    make_edition,
    make_person,
    make_subscriber,
)

ARTICLES = [make_article(1), make_article(2, categories=(CITY,))]


class CountingTemplates(MailTemplates):
    rendered = 0

    def render(self, *args: object, **options: object) -> RenderedEdition:
        self.rendered += 1
        return super().render(*args, **options)  # type: ignore[arg-type]  # handed on as they came


@pytest.fixture
def templates() -> CountingTemplates:
    return CountingTemplates(templates=TEMPLATES, site=SITE)


@pytest.fixture
def composer(templates: CountingTemplates) -> Composer:
    return Composer(templates=templates, site=SITE, sender=SENDER, token_key=KEY)


def test_a_segment_is_rendered_once_and_addressed_to_each(
    composer: Composer, templates: CountingTemplates
) -> None:
    envelopes = [
        composer.envelope(make_digest(), make_edition(), ARTICLES, make_delivery(number))
        for number in range(1, 6)
    ]
    assert templates.rendered == 1
    for number, envelope in enumerate(envelopes, 1):
        message = message_from_bytes(envelope.message, policy=default)
        assert envelope.recipient == f"reader{number}@example.net"
        address, mailto = message["List-Unsubscribe"].strip("<>").split(">, <")
        link = read_unsubscribe_token([KEY], address.rpartition("/")[2])
        assert link is not None
        assert link.person == make_person(number)
        assert link.names("daily")
        assert address.startswith("https://digest.example.org/unsubscribe/")
        assert mailto == f"mailto:leave@digest.example.org?subject={address.rpartition('/')[2]}"
        html = message.get_body(("html",))
        assert html is not None
        assert address in html.get_content()
        assert message["Message-ID"] == (f"<daily.20261123T000000Z.7.{number}@digest.example.org>")


def test_the_link_to_unsubscribe_writes_a_mail_where_no_page_can_be_reached(
    templates: CountingTemplates,
) -> None:
    sender = replace(SENDER, pages=False)
    composer = Composer(templates=templates, site=SITE, sender=sender, token_key=KEY)
    envelope = composer.envelope(make_digest(), make_edition(), ARTICLES, make_delivery(1))
    message = message_from_bytes(envelope.message, policy=default)
    mailto = message["List-Unsubscribe"].strip("<>")
    assert mailto.startswith("mailto:leave@digest.example.org?subject=")
    for kind in ("html", "plain"):
        part = message.get_body((kind,))
        assert part is not None
        assert mailto in part.get_content()
        assert "?all" not in part.get_content()
        assert "/unsubscribe/" not in part.get_content()


def test_every_attempt_has_the_same_bytes(composer: Composer) -> None:
    first = composer.envelope(make_digest(), make_edition(), ARTICLES, make_delivery())
    composer.forget()
    again = composer.envelope(make_digest(), make_edition(), ARTICLES, make_delivery(attempts=3))
    assert first == again


def test_segments_differ_by_categories_and_language(
    composer: Composer, templates: CountingTemplates
) -> None:
    subscribers = [
        make_subscriber(1),
        make_subscriber(2, language="zh-CN"),  # the digest's own
        make_subscriber(3, language="en"),
        make_subscriber(4, categories=(CITY,)),
    ]
    texts = []
    for subscriber in subscribers:
        delivery = make_delivery(subscriber.id, subscriber=subscriber)
        envelope = composer.envelope(make_digest(), make_edition(), ARTICLES, delivery)
        text = message_from_bytes(envelope.message, policy=default).get_body(("plain",))
        assert text is not None
        texts.append(text.get_content())
    assert templates.rendered == 3
    assert "Unsubscribe" in texts[2]
    assert "文章 2" in texts[3]
    assert "文章 1" not in texts[3]


def test_a_subscriber_reads_nothing_outside_the_digest(composer: Composer) -> None:
    digest = make_digest(categories=(FINANCE,))
    delivery = make_delivery(subscriber=make_subscriber(categories=(CITY,)))
    with pytest.raises(NoArticles, match="no article of this edition"):
        composer.envelope(digest, make_edition(), ARTICLES, delivery)


def test_only_so_many_renditions_are_kept(
    composer: Composer, templates: CountingTemplates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composer_module, "_CACHED", 2)
    wishes: list[tuple[CategoryPath, ...]] = [(), (FINANCE,), (), (CITY,), (), (FINANCE,)]
    for categories in wishes:
        delivery = make_delivery(subscriber=make_subscriber(categories=categories))
        composer.envelope(make_digest(), make_edition(), ARTICLES, delivery)
    assert templates.rendered == 4  # all but the two repeats of the first


def test_a_preview_needs_no_rows_and_unsubscribes_nobody(composer: Composer) -> None:
    preview = composer.preview(make_digest(), ARTICLES, now=NOW)
    message = message_from_bytes(preview.envelope.message, policy=default)
    assert preview.envelope.recipient == SENDER.address
    assert message["List-Unsubscribe"] is None
    assert "https://digest.example.org/unsubscribe/preview" in preview.content.html
    assert read_unsubscribe_token([KEY], "preview") is None
    assert "第 0 期" not in preview.content.text
    assert "1 Harbour Street" in preview.content.html


def test_a_preview_can_say_what_a_delivery_says(composer: Composer) -> None:
    preview = composer.preview(make_digest(), ARTICLES, now=NOW, as_delivered=True)
    message = message_from_bytes(preview.envelope.message, policy=default)
    assert "<https://digest.example.org/unsubscribe/preview>" in message["List-Unsubscribe"]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_preview_can_be_for_a_subscriber_or_an_address(composer: Composer) -> None:
    subscriber = make_subscriber(categories=(CITY,), language="en", name="Anna")
    preview = composer.preview(make_digest(), ARTICLES, subscriber=subscriber, now=NOW)
    assert preview.envelope.recipient == subscriber.address
    assert "Hello Anna" in preview.content.text
    assert "文章 1" not in preview.content.text
    other = composer.preview(make_digest(), ARTICLES, address="bo@example.net", now=NOW)
    assert other.envelope.recipient == "bo@example.net"
    assert b"preview-" in other.envelope.message


def test_a_preview_shows_what_it_is_given_each_time(composer: Composer) -> None:
    first = composer.preview(make_digest(), [make_article(1, title="eins")], now=NOW)
    second = composer.preview(make_digest(), [make_article(1, title="zwei")], now=NOW)
    assert "eins" in first.content.text
    assert "zwei" in second.content.text


def test_a_preview_of_nothing_or_to_nobody_is_refused(composer: Composer) -> None:
    with pytest.raises(NoArticles):
        composer.preview(make_digest(), [], now=NOW)
    with pytest.raises(DeliveryRefused):
        composer.preview(make_digest(), ARTICLES, address="no address", now=NOW)
    bad = replace(make_subscriber(), address="no address")
    with pytest.raises(DeliveryRefused):
        composer.envelope(make_digest(), make_edition(), ARTICLES, make_delivery(subscriber=bad))


@pytest.mark.parametrize(
    ("made_at", "day"),
    [
        (NOW, "November 22, 2026"),  # by hand: it comes at once, at 16:00 in Los Angeles
        (NOW - timedelta(hours=20), "November 23, 2026"),  # at 08:00 there, as in Shanghai
    ],
)
def test_a_mail_at_the_readers_hour_has_the_readers_date(made_at: datetime, day: str) -> None:
    digest = replace(make_digest(language="en"), local=True)
    edition = replace(make_edition(), created_at=made_at)
    reader = replace(make_subscriber(), timezone="America/Los_Angeles")
    composer = Composer(
        templates=MailTemplates(templates=TEMPLATES, site=SITE),
        site=SITE,
        sender=SENDER,
        token_key=KEY,
    )

    def subject(digest: Digest, reader: Subscriber) -> str:
        compiled = composer.compile(digest, edition, [make_article(1)], reader)
        return compiled.rendered.subject

    assert day in subject(digest, reader)
    assert "November 23" in subject(replace(digest, local=False), reader)
    assert "November 23" in subject(digest, replace(reader, timezone="No/Where"))
    composer.cache(composer.compile(digest, edition, [make_article(1)], reader))
    assert composer.has_compiled(digest, edition, reader)
    assert not composer.has_compiled(digest, edition, replace(reader, timezone="Asia/Tokyo"))
