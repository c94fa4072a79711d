from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.editions.model import Approval, EditionState
from digest.mail.operator_mail import MAX_TITLES, ApprovalRequest, approval_message
from digest.mail.text_layout import display_width
from tests.mail.samples import NOW, SENDER, make_article, make_digest, make_edition

LINK = "https://digest.example.org/approve/abc"
DRAFT = replace(make_edition(), state=EditionState.DRAFT)
ASKING = Approval(within=timedelta(hours=6), sends=False)


def proposal(
    titles: tuple[str, ...] = ("早", "晚"),
    *,
    approval: Approval | None = ASKING,
    title: str = "晨间摘要",
    readers: int = 1234,
) -> ApprovalRequest:
    return ApprovalRequest(
        edition=DRAFT,
        digest=replace(make_digest(title=title), approval=approval),
        configured=True,
        articles=[make_article(number, title=one) for number, one in enumerate(titles)],
        readers=readers,
    )


def read(one: ApprovalRequest, link: str | None = LINK) -> tuple[str, str]:
    """Return subject and text of the mail about a proposal."""
    envelope = approval_message(one, SENDER, "ops@example.org", NOW, link=link)
    message = email.message_from_bytes(envelope.message, policy=email.policy.default)
    assert message["Message-ID"] == "<daily.7.request@digest.example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    return str(message["Subject"]), message.get_content()


def test_it_says_all_that_one_decides_by() -> None:
    subject, text = read(proposal())
    assert subject == "晨间摘要 12 waits for your approval"
    lines = text.splitlines()
    assert "2 articles for 1,234 readers" in lines
    assert "due Mon 23 Nov 2026 08:00 Asia/Shanghai" in lines
    assert "dropped without you Mon 23 Nov 2026 14:00 Asia/Shanghai" in lines
    assert LINK in lines
    assert "digest editions approve 7" in lines
    assert "digest editions cancel 7" in lines
    assert lines[-2:] == ["  - 早", "  - 晚"]


def test_it_says_what_happens_by_itself() -> None:
    sends = Approval(within=timedelta(days=1), sends=True)
    assert "sent without you Tue 24 Nov" in read(proposal(approval=sends))[1]
    one = proposal(approval=None)
    assert one.decided_at is None
    assert "without you" not in read(one)[1]
    assert not one.sends
    assert replace(proposal(), configured=False).decided_at is None


def test_what_was_decided_has_no_deadline() -> None:
    for state in (EditionState.OPEN, EditionState.CANCELLED):
        one = replace(proposal(), edition=replace(DRAFT, state=state))
        assert (one.waits, one.decided_at) == (False, None)


def test_without_a_link_there_is_the_command() -> None:
    _, text = read(proposal(("one",), readers=1), link=None)
    assert "https://" not in text
    assert "1 article for 1 reader\n" in text
    assert "On the machine:\ndigest editions approve 7\n" in text


@pytest.mark.parametrize(
    "title",
    [
        "Look\r\nhttps://digest.example.org/approve/evil",
        "\u202eevil\u202c",
        "x" * 5000,
        "宽" * 5000,
        "\ud800",
        "",
    ],
)
def test_a_hostile_title_stays_in_its_line(title: str) -> None:
    one = proposal(("next", title), title=f"News{title}")
    subject, text = read(one)
    assert "\n" not in subject
    body = text.splitlines()
    named = body[body.index("What is in it:") + 2 :]
    assert named[0] == "  - next"
    assert named[1].startswith("  -")
    assert all(line.startswith("    ") for line in named[2:])
    assert all(display_width(line) <= 72 or "://" in line for line in named)
    assert [line for line in body if line.startswith("https:")] == [LINK]
    assert "\u202e" not in text


def test_a_long_edition_is_counted() -> None:
    _, text = read(proposal(tuple(f"t{number}" for number in range(MAX_TITLES + 2))))
    assert text.count("\n  - t") == MAX_TITLES
    assert text.endswith("  and 2 more\n")
