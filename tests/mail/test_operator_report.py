from __future__ import annotations

import email
import email.policy
from datetime import timedelta

import pytest

from digest.editions.delivery import DeliveryState
from digest.editions.progress import EditionResult, Progress
from digest.errors import DeliveryRefused
from digest.mail.operator_mail import report_message
from tests.mail.samples import NOW, SENDER, make_edition


def outcome(**states: int) -> EditionResult:
    counts = {state: states.get(state, 0) for state in DeliveryState}
    ended_at = NOW + timedelta(minutes=3, seconds=2, microseconds=5) if states else None
    errors = [("550 5.1.1 no such user", 2), ("451 后来 later", 1)] if "failed" in states else []
    return EditionResult(
        edition=make_edition(),
        progress=Progress(states=counts, lately=0, since=timedelta(), ended_at=ended_at),
        errors=errors,
    )


def parsed(one: EditionResult, title: str = "晨间摘要") -> tuple[str, str, bytes]:
    envelope = report_message(one, title, SENDER, "ops@例子.example", NOW)
    assert envelope.sender == "news@digest.example.org"
    assert envelope.recipient == "ops@xn--fsqu00a.example"
    assert b"\n" not in envelope.message.replace(b"\r\n", b"")
    message = email.message_from_bytes(envelope.message, policy=email.policy.default)
    assert message["Auto-Submitted"] == "auto-generated"
    ended_at = one.progress.ended_at or one.edition.created_at
    number = int(ended_at.timestamp())
    assert message["Message-ID"] == f"<daily.7.{number}.report@digest.example.org>"
    return str(message["Subject"]), message.get_content(), envelope.message


def test_it_tells_the_counts_and_what_servers_said() -> None:
    subject, text, _ = parsed(outcome(sent=1998, failed=2, expired=1))
    assert subject == "晨间摘要 12: 1,998 sent, 3 not"
    assert "after 0:03:02\n" in text
    assert "    1,998  sent\n        2  failed\n        1  expired\n" in text
    assert (
        "What servers said:\n        2  550 5.1.1 no such user\n        1  451 后来 later" in text
    )
    assert "queued" not in text


def test_the_same_report_is_the_same_message() -> None:
    assert parsed(outcome(sent=5))[2] == parsed(outcome(sent=5))[2]
    subject, text, _ = parsed(outcome())
    assert subject.endswith("0 sent")
    assert "done" not in text


def test_a_title_cannot_inject_a_field() -> None:
    subject, _, message = parsed(outcome(sent=1), title="News\r\nBcc: x@example.net")
    assert "Bcc: x@example.net" in subject
    assert b"\r\nBcc" not in message


def test_an_operator_has_an_ordinary_address() -> None:
    with pytest.raises(DeliveryRefused):
        report_message(outcome(), "News", SENDER, "李雷@example.net", NOW)
    with pytest.raises(ValueError, match="one @"):
        report_message(outcome(), "News", SENDER, "nobody", NOW)
