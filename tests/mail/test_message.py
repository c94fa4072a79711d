from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DeliveryRefused
from digest.mail.message import Envelope, MessageFields, compose
from digest.mail.render import MailContent
from digest.mail.text_layout import one_line
from digest.mail.transports.model import Sender
from tests.mail.samples import NOW, SENDER

LETTER = MailContent(
    subject="晨间摘要 · 2026年11月23日",
    html="<!DOCTYPE html><html lang='zh-CN'><p>早安。</p></html>\n" * 40,
    text="早安。\n.\nFrom here on\n" + "长" * 600 + "\n",
    language="zh-CN",
)
SLIP = MessageFields(
    address="anna@example.net",
    name="李雷",
    digest="daily",
    reference="daily.20261123T000000Z.7.1",
    campaign="7",
    written_at=NOW,
    archive="https://digest.example.org/",
    unsubscribe="https://digest.example.org/unsubscribe/" + "A" * 32,
)


def parsed(envelope: Envelope) -> EmailMessage:
    message = message_from_bytes(envelope.message, policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def field_lines(envelope: Envelope) -> list[str]:
    return envelope.message.decode("ascii").partition("\r\n\r\n")[0].split("\r\n")


def test_a_message_says_who_what_when_once() -> None:
    message = parsed(compose(LETTER, SLIP, SENDER))
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Reply-To"):
        assert len(message.get_all(name, [])) == 1
    (sender,) = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("海岸书报", "news@digest.example.org")
    (recipient,) = message["To"].addresses
    assert (recipient.display_name, recipient.addr_spec) == ("李雷", "anna@example.net")
    assert message["Subject"] == LETTER.subject
    assert parsedate_to_datetime(str(message["Date"])) == NOW
    assert message["Message-ID"] == "<daily.20261123T000000Z.7.1@digest.example.org>"
    assert message["Reply-To"] == "editor@example.org"
    assert message["Content-Language"] == "zh-CN"
    assert message["Feedback-ID"] == "7:daily:digest:digest.example.org"


def test_the_text_comes_first_then_the_html_and_both_are_whole() -> None:
    message = parsed(compose(LETTER, SLIP, SENDER))
    assert message.get_content_type() == "multipart/alternative"
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    contents = []
    for part in parts:
        assert isinstance(part, EmailMessage)
        assert part.get_content_charset() == "utf-8"
        assert not part.defects
        contents.append(part.get_content())
    assert contents == [LETTER.text, LETTER.html]


def test_list_fields_stand_whole_on_their_lines() -> None:
    lines = field_lines(compose(LETTER, SLIP, SENDER))
    assert "List-Id: <daily.digest.example.org>" in lines
    assert "List-Archive: <https://digest.example.org/>" in lines
    assert "List-Help: <https://digest.example.org/>" in lines
    mailto = "mailto:leave@digest.example.org?subject=" + "A" * 32
    assert f"List-Unsubscribe: <{SLIP.unsubscribe}>, <{mailto}>" in lines
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines


def test_one_click_is_promised_for_https_alone() -> None:
    slip = replace(SLIP, unsubscribe="http://127.0.0.1:8000/unsubscribe/A")
    message = parsed(compose(LETTER, slip, replace(SENDER, unsubscribe=None)))
    assert message["List-Unsubscribe"] == "<http://127.0.0.1:8000/unsubscribe/A>"
    assert message["List-Unsubscribe-Post"] is None


def test_a_sample_offers_no_way_to_unsubscribe() -> None:
    message = parsed(compose(LETTER, replace(SLIP, unsubscribe=None), SENDER))
    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None


def test_the_same_arguments_give_the_same_bytes_and_another_delivery_another_boundary() -> None:
    first, second = compose(LETTER, SLIP, SENDER), compose(LETTER, SLIP, SENDER)
    assert first == second
    other = compose(LETTER, replace(SLIP, reference="daily.20261123T000000Z.7.2"), SENDER)
    assert parsed(first).get_boundary() != parsed(other).get_boundary()


def test_bytes_are_ascii_in_short_lines_that_end_in_crlf() -> None:
    message = compose(LETTER, SLIP, SENDER).message
    assert message.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", message)
    header, _, body = message.partition(b"\r\n\r\n")
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    wished = [line for line in header.split(b"\r\n") if not line.startswith(b"List-")]
    assert all(len(line) <= 78 for line in wished)
    assert all(len(line) <= 998 for line in header.split(b"\r\n"))


@given(
    subject=st.text(min_size=1, max_size=150),
    name=st.text(max_size=80),
    sender_name=st.text(max_size=80),
    text=st.text(max_size=200),
)
def test_nothing_in_a_message_makes_a_field_or_an_address(
    subject: str, name: str, sender_name: str, text: str
) -> None:
    text = text.encode("utf-8", "replace").decode("utf-8")
    letter = replace(LETTER, subject=subject, text=text)
    envelope = compose(letter, replace(SLIP, name=name), replace(SENDER, name=sender_name))
    plain = parsed(compose(LETTER, SLIP, SENDER))
    message = parsed(envelope)
    assert message.keys() == plain.keys()
    assert [a.addr_spec for a in message["To"].addresses] == ["anna@example.net"]
    assert [a.addr_spec for a in message["From"].addresses] == ["news@digest.example.org"]
    assert message["Subject"] == one_line(subject)
    (first, _) = message.iter_parts()
    assert first.get_payload(decode=True) == text.encode("utf-8")


def test_domains_of_other_letters_go_out_in_ascii() -> None:
    sender = Sender(address="news@例子.中国")
    envelope = compose(LETTER, replace(SLIP, address="anna@例子.中国"), sender)
    assert envelope.recipient == "anna@xn--fsqu00a.xn--fiqs8s"
    assert envelope.sender == "news@xn--fsqu00a.xn--fiqs8s"
    message = parsed(envelope)
    assert message["Message-ID"].endswith("@xn--fsqu00a.xn--fiqs8s>")
    assert message["List-Id"] == "<daily.xn--fsqu00a.xn--fiqs8s>"
    assert message["Reply-To"] is None


def test_a_recipient_without_an_address_is_refused() -> None:
    with pytest.raises(DeliveryRefused, match="not an address"):
        compose(LETTER, replace(SLIP, address="no address"), SENDER)


@pytest.mark.parametrize(
    "unsubscribe",
    ["https://a/b>,<c", "mailto:a@example.org", "/unsubscribe/A", "https://a.org/b c"],
)
def test_what_is_no_address_of_the_web_never_reaches_a_list_field(unsubscribe: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        compose(LETTER, replace(SLIP, unsubscribe=unsubscribe), SENDER)


@pytest.mark.parametrize("wrong", [{"address": "news"}, {"reply_to": "a@b@c"}])
def test_a_sender_with_a_bad_address_is_not_made(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"address|domain|@"):
        replace(Sender(address="news@example.org"), **wrong)  # type: ignore[arg-type]  # texts


def test_a_slip_needs_utc() -> None:
    with pytest.raises(ValueError, match="written_at"):
        replace(SLIP, written_at=NOW.replace(tzinfo=None))


def test_without_pages_that_readers_reach_nothing_leads_there() -> None:
    by_mail = parsed(compose(LETTER, SLIP, replace(SENDER, pages=False)))
    assert by_mail["List-Unsubscribe"] == (f"<mailto:leave@digest.example.org?subject={'A' * 32}>")
    for name in ("List-Unsubscribe-Post", "List-Archive", "List-Help"):
        assert by_mail[name] is None
    not_at_all = parsed(compose(LETTER, SLIP, replace(SENDER, pages=False, unsubscribe=None)))
    assert not_at_all["List-Unsubscribe"] is None
    assert not_at_all["List-Id"] is not None
