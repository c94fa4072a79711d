from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DeliveryRefused
from digest.mail.operator_mail import operator_message
from tests.mail.samples import NOW, SENDER


def written(subject: str, text: str, to: str = "ops@example.org") -> bytes:
    envelope = operator_message(
        SENDER, to, subject=subject, text=text, reference="daily.7.note", now=NOW
    )
    assert envelope.sender == "news@digest.example.org"
    assert envelope.recipient == to
    return envelope.message


@given(st.text(), st.text())
def test_no_text_adds_a_field_or_breaks_the_message(subject: str, text: str) -> None:
    content = written(subject, text)
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message.keys() == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<daily.7.note@digest.example.org>"
    assert not message.defects


def test_it_says_what_it_is_told_and_the_same_twice() -> None:
    content = written("晨间摘要 waits", "第一行\nsecond\n")
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["Subject"] == "晨间摘要 waits"
    assert message.get_content() == "第一行\nsecond\n"
    assert content == written("晨间摘要 waits", "第一行\nsecond\n")


def test_an_operator_has_an_ordinary_address() -> None:
    with pytest.raises(DeliveryRefused):
        written("x", "y", to="李雷@example.net")
    with pytest.raises(ValueError, match="one @"):
        written("x", "y", to="nobody")
