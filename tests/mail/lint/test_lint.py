"""Every rule finds what breaks it; no message that is composed breaks any."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from digest.articles.model import CategoryPath, SafeHtml
from digest.editions.model import contents
from digest.mail.composer import Composer
from digest.mail.lint.content_rules import poor
from digest.mail.lint.lint import RULES, lint
from digest.mail.lint.model import FindingSeverity
from digest.mail.message import compose
from digest.mail.render import MailContent, MailTemplates
from digest.mail.style import contrast
from digest.mail.transports.model import Sender
from tests.effort import effort
from tests.mail.samples import (
    CITY,
    FINANCE,
    KEY,
    SENDER,
    SITE,
    TEMPLATES,
    make_article,
    make_delivery,
    make_digest,
    make_edition,
    make_subscriber,
)
from tests.mail.test_message import SLIP

OWN = MailTemplates(templates=TEMPLATES, site=SITE)
PRESS = Composer(
    templates=OWN,
    site=SITE,
    sender=SENDER,
    token_key=KEY,
)
ARTICLES = [
    make_article(
        number,
        image=f"https://img.example.org/{number}.jpg",
        link=f"https://example.org/{number}",
        categories=((FINANCE, CITY)[number % 2],),
    )
    for number in range(1, 6)
]
GOOD = PRESS.envelope(make_digest(), make_edition(), ARTICLES, make_delivery()).message
POSTAL = SENDER.postal_address


def letter() -> MailContent:
    """Return the good message's letter with the link of SLIP."""
    rendition = OWN.render(
        make_digest(),
        make_edition(),
        contents(ARTICLES, (), 50),
        language="zh-CN",
        postal_address=POSTAL,
    )
    assert SLIP.unsubscribe is not None
    return rendition.content(unsubscribe=SLIP.unsubscribe, name="李雷")


LETTER = letter()


def broken(message: bytes) -> set[str]:
    return {remark.rule for remark in lint(message, postal_address=POSTAL)}


def with_html(change: Callable[[str], str]) -> bytes:
    html = change(LETTER.html)
    assert html != LETTER.html
    return compose(replace(LETTER, html=html), SLIP, SENDER).message


def with_text(change: Callable[[str], str]) -> bytes:
    return compose(replace(LETTER, text=change(LETTER.text)), SLIP, SENDER).message


def in_body(markup: str) -> bytes:
    return with_html(lambda html: html.replace("</h1>", "</h1>" + markup, 1))


def changed(old: bytes, new: bytes) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def without(field: bytes) -> bytes:
    head, _, body = GOOD.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.startswith(field + b":")]
    assert len(kept) < len(head.split(b"\r\n"))
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


#: By rule: messages that break it.
BREAKS: dict[str, list[bytes]] = {
    "line ends": [changed(b"\r\nTo:", b"\nTo:"), changed(b"\r\nTo:", b"\rTo:")],
    "ASCII fields": [changed(b"To: ", "To: 李".encode()), GOOD + b"\0"],
    "longest line": [changed(b"Feedback-ID: ", b"Feedback-ID: " + b"x" * 990)],
    "long lines": [
        changed(b"Reply-To: ", b"Reply-To: <" + b"x" * 80 + b"@example.org>, "),
        GOOD + b"x" * 90,
    ],
    "well formed": [changed(b'boundary="=_', b'boundary="=x')],
    "fields once": [
        without(b"Date"),
        changed(b"\r\nTo: ", b"\r\nSubject: again\r\nTo: "),
        changed(b"MIME-Version: 1.0", b"MIME-Version: "),
    ],
    "one sender, one recipient": [
        changed(b"<reader1@example.net>", b"<reader1@example.net>, <b@example.net>"),
        changed(b"<news@digest.example.org>", b"<news>"),
        without(b"From"),
    ],
    "Message-ID": [
        changed(b"Message-ID: <", b"Message-ID: <@ "),
        changed(b"@digest.example.org>\r\nReply-To", b"@elsewhere.example>\r\nReply-To"),
    ],
    "Date": [changed(b"Date: Mon, 23 Nov", b"Date: some day"), changed(b" +0000", b" -0000")],
    "encoded words": [
        changed(b"Subject: ", b"Subject: =?utf-8?B?" + b"eHh4" * 20 + b"?= "),
        changed(b"List-Unsubscribe: ", b"List-Unsubscribe: =?utf-8?B?eHh4?= "),
    ],
    "Subject": [changed(b"Subject: ", b"Subject: " + b"word " * 13 + b"\r\n " + b"word " * 5)],
    "two parts": [
        changed(b"multipart/alternative", b"multipart/mixed"),
        changed(b"text/plain", b"text/html"),
        changed(b"text/plain; charset=utf-8", b"text/plain; charset=gbk"),
        GOOD.replace(b"base64", b"8bit"),
    ],
    "List-Id": [without(b"List-Id"), changed(b"List-Id: <", b"List-Id: <a b")],
    "List-Unsubscribe": [
        without(b"List-Unsubscribe"),
        changed(b"List-Unsubscribe: <https:", b"List-Unsubscribe: <http:"),
        changed(b"List-Unsubscribe: <", b"List-Unsubscribe: <https://a.example/>, <"),
    ],
    "List-Unsubscribe by mail": [changed(b", <mailto:", b", <tel:")],
    "List-Unsubscribe-Post": [changed(b"=One-Click", b"=Two-Clicks")],
    "List-Help, List-Archive": [
        without(b"List-Help"),
        changed(b"List-Archive: <h", b"List-Archive: h"),
    ],
    "Feedback-ID": [without(b"Feedback-ID"), changed(b"Feedback-ID: 7:", b"Feedback-ID: ")],
    "Content-Language": [without(b"Content-Language")],
    "size of the HTML": [with_html(lambda html: html + "<!--" + "x" * 90_000 + "-->")],
    "language": [
        with_html(lambda html: html.replace('lang="zh-CN" dir', "dir", 1)),
        with_html(lambda html: html.replace('lang="zh-CN"', 'lang="en"', 1)),
    ],
    "layout tables": [in_body("<table><tr><td>1</td></tr></table>")],
    "images": [
        in_body('<img src="/relative.png" alt="" width="1">'),
        in_body('<img src="cid:1" alt="" width="10">'),
        in_body('<img src="https://img.example.org/1.png" width="10">'),
        in_body('<img src="https://img.example.org/1.png" alt="" width="100%">'),
    ],
    "images by https": [in_body('<img src="http://img.example.org/1.png" alt="" width="9">')],
    "tracking": [in_body('<img src="https://t.example.org/1.gif" alt="" width="1" height="1">')],
    "nothing active": [
        in_body("<script>1</script>"),
        in_body("<form></form>"),
        in_body('<link rel="stylesheet" href="https://example.org/a.css">'),
        in_body('<p onclick="1">x</p>'),
    ],
    "nothing remote in styles": [
        in_body("<style>@import 'a.css';</style>"),
        in_body("<style>@font-face { font-family: x; src: local(x) }</style>"),
        in_body('<p style="background: url(https://example.org/1.png)">x</p>'),
        in_body('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="" width="9">'),
        in_body('<p background="https://example.org/1.png">x</p>'),
    ],
    "links": [
        in_body('<a href="/relative">x</a>'),
        in_body('<a href="javascript:alert(1)">x</a>'),
        in_body('<a href="#nowhere">x</a>'),
    ],
    "way out": [
        with_html(lambda html: html.replace("/unsubscribe/", "/elsewhere/")),
        with_html(lambda html: html.replace("/unsubscribe/", "/elsewhere/", 1)),
        with_html(lambda html: "/elsewhere/".join(html.rsplit("/unsubscribe/", 2))),
        with_text(lambda text: text.replace("/unsubscribe/", "/elsewhere/")),
    ],
    "postal address": [
        with_html(lambda html: html.replace("1 Harbour Street", "")),
        with_text(lambda text: text.replace("Coast Review", "")),
    ],
    "preheader": [
        with_html(lambda html: html.replace("display: none", "display: block")),
        with_html(
            lambda html: html.replace('class="preheader"', "hidden").replace("none", "block")
        ),
        with_html(lambda html: html.replace("文章 1 ·", "文章" * 80, 1)),
        with_html(lambda html: re.sub(r"文章 1 ·[^<]*", "文章 1", html, count=1)),
    ],
    "styles": [
        with_html(lambda html: html.replace("style=", "data-style=")),
        with_html(lambda html: html.replace("prefers-color-scheme", "prefers-contrast")),
        with_html(lambda html: html.replace('name="color-scheme"', 'name="colour"')),
    ],
    "links with words": [
        in_body(
            '<a href="https://example.org/"><img src="https://e.org/1.png" alt="" width="9"></a>'
        ),
        in_body('<a href="https://example.org/" title=" "> </a>'),
    ],
    "buttons": [
        in_body('<a href="https://example.org/" style="padding: 9px">x</a>'),
        in_body(
            '<p style="padding:1px"><a href="https://e.org/" style="background:#000">x</a></p>'
        ),
        in_body(
            '<table role="presentation"><tr><td style="background:#000"><a href="https://e.org/" '
            'style="color:#fff">x</a></td></tr></table>'
        ),
    ],
    "width": [in_body('<table role="presentation" width="700"><tr><td>x</td></tr></table>')],
    "contrast": [
        in_body('<p style="color: #aaa">faint</p>'),
        in_body('<p style="background: #ddd; color: #777777">faint</p>'),
        in_body("<p style='color: #1d1d1b'>only by day</p>"),
    ],
    "text part": [with_text(lambda _: " \n"), with_text(lambda text: "<p>" + text)],
    "text columns": [with_text(lambda text: text + "长" * 40 + "\n")],
}


def test_a_button_whose_cell_has_the_padding_is_good() -> None:
    button = '<table role="presentation"><tr><td style="padding: 9px">{}</td></tr></table>'
    link = '<a href="https://example.org/" style="background: #000; color: #fff">Read</a>'
    told = lint(in_body(button.format(link)), postal_address=POSTAL)
    assert [str(remark) for remark in told if "button" in str(remark)] == []


def test_a_good_message_is_not_remarked_on() -> None:
    assert [str(remark) for remark in lint(GOOD, postal_address=POSTAL)] == []
    assert lint(compose(LETTER, SLIP, SENDER).message, postal_address=POSTAL) == ()


def test_a_mail_of_whole_articles_is_not_remarked_on() -> None:
    body = SafeHtml(
        '<h2>H</h2><p>Text <a href="https://e.org/">link</a> <code>x</code></p><blockquote><p>q</p>'
        "</blockquote><pre><code>code</code></pre><table><tbody><tr><th>1</th><td>2</td></tr></tbody>"
        '</table><ul><li>a</li></ul><p><img src="https://e.org/a.png" width="900"></p>'
    )
    articles = [replace(article, body=body) for article in ARTICLES]
    digest = replace(make_digest(), content="full")
    message = PRESS.envelope(digest, make_edition(edition_id=8), articles, make_delivery()).message
    assert [str(remark) for remark in lint(message, postal_address=POSTAL)] == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [(rule, message) for rule, messages in BREAKS.items() for message in messages],
    ids=[f"{rule} {n}" for rule, messages in BREAKS.items() for n in range(1, len(messages) + 1)],
)
def test_what_breaks_a_rule_is_told(rule: str, message: bytes) -> None:
    assert rule in broken(message)


def test_every_rule_is_broken_by_something_here_and_says_who_demands_it() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert set(names) == {*BREAKS, "no postal address"}
    assert all(rule.source for rule in RULES)


def test_a_missing_postal_address_is_a_warning() -> None:
    (remark,) = lint(GOOD)
    assert (remark.rule, remark.severity) == ("no postal address", FindingSeverity.WARNING)
    assert str(remark).startswith("warning: no postal address: there is none; set [mail]")


def test_errors_come_first() -> None:
    remarks = lint(without(b"List-Help").replace(b"=One-Click", b"=None"))
    severities = [remark.severity for remark in remarks]
    assert severities == sorted(severities, key=lambda one: one is not FindingSeverity.ERROR)
    assert {*severities} == {*FindingSeverity}


@pytest.mark.parametrize("message", [b"", b"x", b"\r\n\r\n", b"Content-Type: text/html\r\n\r\n<p"])
def test_what_is_no_mail_is_told_and_harms_nothing(message: bytes) -> None:
    assert "fields once" in broken(message)


@pytest.mark.full_speed
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    title=st.text(min_size=1, max_size=120),
    summary=st.text(max_size=300),
    author=st.text(max_size=60),
    category=st.text(min_size=1, max_size=60),
    name=st.text(max_size=80),
    sender=st.text(max_size=80),
    digest=st.text(min_size=1, max_size=80),
    language=st.sampled_from(["zh-CN", "zh-TW", "en", "ja", "de", "fr", "es", "tlh"]),
    pinned=st.integers(0, 1),
)
def test_no_composed_message_breaks_a_rule_whatever_it_is_made_of(
    title: str,
    summary: str,
    author: str,
    category: str,
    name: str,
    sender: str,
    digest: str,
    language: str,
    pinned: int,
) -> None:
    hostile = "</td><script>\"'&{{ 7 }}\r\nBcc: a@example.org\x00<img src=x onerror=1>"
    try:
        path = CategoryPath((category + "<b>",))
    except ValueError:
        path = CITY
    articles = [
        make_article(1, title=title + hostile, summary=summary, authors=(author,)),
        make_article(2, title=hostile + title, summary=hostile, categories=(path,), pinned=pinned),
        make_article(3, title="x" * 500, image="https://img.example.org/1.jpg?a=<b>&c='\""),
        make_article(
            4, link="javascript:alert(1)", image="data:image/gif;base64,R0lGOD", pinned=pinned
        ),
    ]
    composer = Composer(
        templates=OWN,
        site=SITE,
        sender=Sender(
            address=SENDER.address,
            name=sender,
            postal_address=POSTAL,
            unsubscribe=SENDER.unsubscribe,
        ),
        token_key=KEY,
    )
    subscriber = make_subscriber(name=name + hostile, language=language)
    message = composer.envelope(
        make_digest(title="D" + digest, subject="{{ digest.title }} · {{ lead.title }}"),
        make_edition(),
        articles,
        make_delivery(subscriber=subscriber),
    ).message
    assert [str(remark) for remark in lint(message, postal_address=POSTAL)] == []


def test_an_address_that_is_none_is_remarked_on() -> None:
    broken = GOOD.replace(b"<https://digest.example.org/u", b"<https://[digest.example.org/u")
    assert broken != GOOD
    assert "List-Unsubscribe" in {one.rule for one in lint(broken, postal_address=POSTAL)}
    letter = MailContent(
        subject="S",
        html='<a href="https://[x/">a</a><img src="http://[y">',
        text="t",
        language="en",
    )
    told = [str(one) for one in lint(compose(letter, SLIP, SENDER).message)]
    assert any("a link is not absolute" in one for one in told)
    assert any("an image has no absolute address" in one for one in told)


@settings(max_examples=effort(50, soak=150), deadline=None)
@given(junk=st.binary(min_size=1, max_size=40), place=st.integers(0, 1_500), cut=st.integers(0, 30))
def test_whatever_the_bytes_are_they_are_only_remarked_on(
    junk: bytes, place: int, cut: int
) -> None:
    lint(GOOD[:place] + junk + GOOD[place + cut :], postal_address=POSTAL)


def test_contrast_is_counted_as_the_guidelines_do() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((255, 255, 255), (255, 255, 255)) == pytest.approx(1)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_what_is_hidden_needs_no_contrast() -> None:
    page = LexborHTMLParser(
        "<style>@media (prefers-color-scheme: dark) { p { color: #fff; background: #000 } }</style>"
        "<div style='display:none;color:#fff'>hidden</div><p style='color: #fff'>seen</p>"
        "<p style='color: #fff'>seen again</p>"
    )
    assert [words for words, _ in poor(page, dark=False)] == ["seen"]
    assert list(poor(page, dark=True)) == []


@pytest.mark.parametrize("name", ["李雷", ""])
def test_a_reader_with_an_address_of_other_letters_is_no_fault(name: str) -> None:
    reader = make_subscriber(1, address="李雷@example.net", name=name)
    envelope = PRESS.envelope(
        make_digest(), make_edition(), ARTICLES, make_delivery(subscriber=reader)
    )
    assert envelope.utf8
    assert lint(envelope.message, postal_address=POSTAL) == ()
