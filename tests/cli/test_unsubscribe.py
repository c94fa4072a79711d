"""`digest unsubscribe receive`: what a mail to the unsubscribe address does."""

from __future__ import annotations

import io
import sys
import time
from email.message import EmailMessage
from types import SimpleNamespace

import pytest

from digest.subscribers.model import NewSubscriber, SubscriberState
from digest.subscribers.tokens import approval_token, unsubscribe_token
from tests.cli.conftest import Program, Result
from tests.conftest import Workplace


@pytest.fixture
def token(workplace: Workplace) -> str:
    """Give the token of a subscriber."""
    with workplace.open() as services:
        new = NewSubscriber(address="reader@example.org", digest="daily")
        subscriber, _ = services.store.subscribers.add(new, services.clock())
        return unsubscribe_token(services.token_keys[0], subscriber.person, "daily")


def state(workplace: Workplace) -> SubscriberState:
    with workplace.open() as services:
        (subscriber,) = services.store.subscribers.list()
        return subscriber.state


def receive(program: Program, monkeypatch: pytest.MonkeyPatch, message: bytes) -> Result:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(message)))
    return program("unsubscribe", "receive")


def mail(subject: str = "", text: str = "", to: str = "leave@example.org") -> bytes:
    message = EmailMessage()
    message["From"] = "reader@example.org"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    return message.as_bytes()


#: Messages with the token where TOKEN stands.
MESSAGES = {
    "subject": mail("TOKEN"),
    "subject with words": mail("Re: unsubscribe TOKEN please"),
    "subject with punctuation": mail("<TOKEN>."),
    "address": mail(to="leave+TOKEN@example.org"),
    "text": mail("unsubscribe", "Hello,\n\nTOKEN\n"),
    "link in the text": mail("", "https://digest.example.org/unsubscribe/TOKEN\n"),
    "folded subject": b"Subject: unsubscribe\r\n TOKEN\r\n\r\n",
    "encoded subject": b"Subject: =?utf-8?q?TOKEN?=\r\n\r\n",
    "hidden behind wrong ones": mail("A" * 48, "b" * 48 + " TOKEN"),
    "html": b"Content-Type: text/html\r\n\r\n<p>TOKEN</p>",
    "a text of an unknown charset": (
        b"Subject: hi\r\nContent-Type: text/plain; charset=odd\r\n\r\nTOKEN"
    ),
    "second of two parts": (
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: text/html\r\n\r\n<p>Hello\r\n--b\r\n\r\nTOKEN\r\n--b--\r\n"
    ),
    "broken encoding": b"Subject: TOKEN\r\nContent-Type: text/plain; charset=odd\r\n\r\n\xff",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_mail_with_the_token_unsubscribes(
    program: Program, workplace: Workplace, monkeypatch: pytest.MonkeyPatch, token: str, name: str
) -> None:
    ended = receive(program, monkeypatch, MESSAGES[name].replace(b"TOKEN", token.encode()))
    assert (ended.code, ended.out) == (0, "r…@example.org: unsubscribed (daily)\n")
    assert state(workplace) is SubscriberState.UNSUBSCRIBED
    again = receive(program, monkeypatch, MESSAGES[name].replace(b"TOKEN", token.encode()))
    assert (again.code, again.out) == (0, "r…@example.org: was unsubscribed already (daily)\n")


#: Messages that unsubscribe nobody.
OTHERS = {
    "nothing": b"",
    "no token": mail("unsubscribe", "please"),
    "another key's": mail("OTHER"),
    "an operator's": mail("APPROVAL"),
    "quoted": mail("Re: Daily", "Thanks!\n\n> https://digest.example.org/unsubscribe/TOKEN\n"),
    "far below": mail("Fwd", "\n" * 30 + "TOKEN"),
    "automatic": b"Auto-Submitted: auto-replied\r\nSubject: Away: TOKEN\r\n\r\n",
    "an answer of a program": b"X-Autoreply: yes\r\nSubject: TOKEN\r\n\r\n",
    "an answer by precedence": b"Precedence: auto_reply\r\n\r\nTOKEN",
    "a bounce of Exim": b"X-Failed-Recipients: reader@example.org\r\n\r\nTOKEN",
    "a bounce": (
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\n"
        b"No room for this mail:\r\nList-Unsubscribe: TOKEN\r\n--b--\r\n"
    ),
    "no mail at all": bytes(range(256)) * 20,
    "no text": b"Content-Type: image/png\r\n\r\nTOKEN",
    "a mail attached, as to a bounce": (
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nnot delivered\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Daily\r\n\r\nTOKEN\r\n--b--\r\n"
    ),
    "an unknown number": mail("oc_79MFWQB1qZwKeis20ka8AUUxfGRIo"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_mails_unsubscribe_nobody(
    program: Program, workplace: Workplace, monkeypatch: pytest.MonkeyPatch, token: str, name: str
) -> None:
    with workplace.open() as services:
        approval = approval_token(services.token_keys[0], 1, "daily", services.clock())
    message = OTHERS[name].replace(b"TOKEN", token.encode())
    message = message.replace(b"OTHER", unsubscribe_token(b"o" * 32, "a" * 16, "daily").encode())
    ended = receive(program, monkeypatch, message.replace(b"APPROVAL", approval.encode()))
    assert ended.code == 1
    assert state(workplace) is SubscriberState.ACTIVE


def test_a_mail_of_a_removed_reader_is_answered(
    program: Program, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    program("subscribers", "remove", "reader@example.org")
    ended = receive(program, monkeypatch, mail(token))
    assert (ended.code, ended.out) == (
        0,
        "the subscription of this token was removed: no mail is sent\n",
    )


#: Messages made to hold up or crash whoever parses them.
HOSTILE = {
    "comments": b"To: " + b"(" * 100_000,
    "at signs": b"To: " + b"@," * 100_000,
    "dots": b"To: " + b"." * 300_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 60_000,
    "a word that is none": b"Subject: =?utf-8?b?a?= =?\xff?q?=FF?=",
    "folds": b"Subject: " + b"a\n " * 300_000,
    "many fields": b"To: a@b\n" * 100_000,
    "parameters": b"Content-Type: " + b";a=" * 300_000,
    "quotes": b'Content-Type: text/plain; a="' + b'\\";' * 300_000,
    "dispositions": b"Content-Disposition: " + b";" * 300_000,
    "a charset": b"Content-Type: text/plain; charset=punycode\n\na-" + b"z" * 500_000,
    "parts in parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth)
        for depth in range(3_000)
    ),
    "mails in mails": b"Content-Type: message/rfc822\n\n" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_costs_little_and_is_told_of(
    program: Program, monkeypatch: pytest.MonkeyPatch, token: str, name: str
) -> None:
    del token  # there is a subscriber
    began = time.process_time()
    ended = receive(program, monkeypatch, HOSTILE[name])
    assert (ended.code, ended.err) == (
        1,
        "error: there is no token of a subscription in this message\n",
    )
    assert time.process_time() - began < 5
    assert sys.stdin.buffer.read() == b""
