from __future__ import annotations

import asyncio
import email
import email.policy
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from digest.app.signup_mailer import SignupMailer
from digest.editions.model import Digest
from digest.errors import (
    DeliveryDeferred,
    DeliveryError,
    RecipientRefused,
    SenderBlocked,
    ServerUnavailable,
    StoreError,
)
from digest.mail.message import Envelope
from digest.mail.phrases import phrasebook
from digest.mail.render import MailTemplates
from digest.mail.translations import WORDS
from digest.mail.transports.model import Sender
from digest.subscribers.signup import Signup
from digest.web import sample_pages as samples
from tests.conftest import FakeClock
from tests.feeds.samples import SITE
from tests.waiting import PATIENCE

TEMPLATES = Path(__file__).parents[2] / "templates"
DIGESTS = {
    "daily": Digest(name="daily", title="The Daily\r\nBcc: x@example.org", language="de"),
    "weekly": Digest(name="weekly", title="Weekly"),
}


class Requests:
    """Requests in memory; marking fails as often as told."""

    def __init__(self, *requests: Signup, failures: int = 0) -> None:
        self.requests = list(requests)
        self.failures = failures

    def waiting(self, now: datetime) -> list[Signup]:
        return list(self.requests)

    def mark_sent(self, identifier: str, now: datetime) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("locked")
        self.requests = [one for one in self.requests if one.identifier != identifier]


class Server:
    """Takes mail, or answers with the next error."""

    def __init__(self, *errors: DeliveryError | None) -> None:
        self.errors = list(errors)
        self.taken: list[Envelope] = []
        self.arrived = asyncio.Semaphore(0)

    async def send(self, message: Envelope) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.taken.append(message)
        self.arrived.release()

    @property
    def recipients(self) -> list[str]:
        return [message.recipient for message in self.taken]


def request(name: str, **changes: object) -> Signup:
    return replace(
        samples.sample_signup(),
        identifier=name * 16,
        address=f"{name}@example.net",
        **changes,  # type: ignore[arg-type]
    )


def mailer(requests: Requests, server: Server, clock: FakeClock) -> SignupMailer:
    return SignupMailer(
        requests=requests,
        templates=MailTemplates(templates=TEMPLATES, site=SITE),
        digests=DIGESTS,
        sender=Sender(address="news@example.org", name="News"),
        send=server.send,
        link=lambda signup: f"https://x/confirm/{signup.identifier}",
        clock=clock,
    )


async def test_the_mail_says_what_is_asked_in_the_readers_language() -> None:
    server = Server()
    asked = request("a", digests=("daily", "gone", "weekly"), language="de")
    requests = Requests(asked)
    await mailer(requests, server, FakeClock())._send_waiting()
    assert requests.requests == []
    (envelope,) = server.taken
    message = email.message_from_bytes(envelope.message, policy=email.policy.default)
    assert message["to"] == "a@example.net"
    assert message["bcc"] is None
    assert message["auto-submitted"] == "auto-generated"
    assert message["subject"].startswith("Bitte bestätigen: The Daily Bcc: x@example.org, Weekly")
    text = message.get_content()
    assert f"https://x/confirm/{'a' * 16}\n" in text
    assert "* Weekly" in text


def notice(**changes: object) -> Signup:
    return request("a", person="p" * 16, notice=True, **changes)


@pytest.mark.parametrize("language", WORDS)
async def test_the_former_address_is_told_in_the_readers_language(language: str) -> None:
    server, requests = Server(), Requests(notice(language=language))
    await mailer(requests, server, FakeClock())._send_waiting()
    assert requests.requests == []
    (envelope,) = server.taken
    message = email.message_from_bytes(envelope.message, policy=email.policy.default)
    words = phrasebook(language, "UTC").words
    assert (message["to"], message["auto-submitted"]) == ("a@example.net", "auto-generated")
    assert message["subject"] == words["moved_subject"]
    text = message.get_content()
    assert f"\nhttps://x/confirm/{'a' * 16}\n" in text
    flowed = "".join(text.split())
    for key in ("moved_tell", "moved_undo", "moved_ignore"):
        assert "".join(str(words[key]).format(site=SITE.title).split()) in flowed
    assert "The Daily" not in text


@pytest.mark.parametrize(
    ("digests", "language"), [(("daily",), "de"), ((), SITE.language), (("gone",), SITE.language)]
)
async def test_a_notice_to_who_chose_no_language_speaks_the_digests(
    digests: tuple[str, ...], language: str
) -> None:
    server = Server()
    told = notice(digests=digests, language="")
    await mailer(Requests(told), server, FakeClock())._send_waiting()
    (envelope,) = server.taken
    message = email.message_from_bytes(envelope.message, policy=email.policy.default)
    assert message["subject"] == phrasebook(language, "UTC").say("moved_subject")


async def test_letters_beyond_ascii_need_a_server_that_takes_them() -> None:
    server = Server()
    await mailer(
        Requests(replace(request("a"), address="ü@bücher.example")), server, FakeClock()
    )._send_waiting()
    (envelope,) = server.taken
    assert envelope.utf8
    assert envelope.recipient == "ü@xn--bcher-kva.example"
    assert "To: ü@xn--bcher-kva.example\r\n".encode() in envelope.message


async def test_a_bad_recipient_holds_up_no_other() -> None:
    clock, requests = FakeClock(), Requests(request("a"), request("b"), request("c"))
    server = Server(RecipientRefused(550, "no such user"), SenderBlocked(450, "greylisted"))
    service = mailer(requests, server, clock)
    await service._send_waiting()
    assert server.recipients == ["c@example.net"]
    assert [one.address for one in requests.requests] == ["b@example.net"]
    await service._send_waiting()
    assert server.recipients == ["c@example.net"]
    clock.advance(minutes=10)
    await service._send_waiting()
    assert server.recipients == ["c@example.net", "b@example.net"]


async def test_while_the_server_is_away_everything_waits() -> None:
    requests, server = Requests(request("a"), request("b")), Server(ServerUnavailable(None, "away"))
    service = mailer(requests, server, FakeClock())
    with pytest.raises(DeliveryDeferred):
        await service._send_waiting()
    assert len(requests.requests) == 2
    assert server.taken == []


async def test_a_mail_at_which_the_server_goes_away_holds_up_no_other() -> None:
    away = ServerUnavailable(421, "closing connection")
    requests, server = Requests(request("a"), request("b"), request("c")), Server(away)
    clock = FakeClock()
    service = mailer(requests, server, clock)
    with pytest.raises(ServerUnavailable):
        await service._send_waiting()
    server.errors = [None, None, away]
    await service._send_waiting()
    assert server.recipients == ["b@example.net", "c@example.net"]
    assert [one.address for one in requests.requests] == ["a@example.net"]
    await service._send_waiting()
    assert len(server.recipients) == 2, "it waits for its turn"
    clock.advance(minutes=10)
    await service._send_waiting()
    assert server.recipients[2:] == ["a@example.net"]


async def test_a_mail_that_cannot_be_marked_is_not_sent_again() -> None:
    requests, server = Requests(request("a"), failures=1), Server()
    service = mailer(requests, server, FakeClock())
    with pytest.raises(StoreError):
        await service._send_waiting()
    await service._send_waiting()
    assert server.recipients == ["a@example.net"]
    assert requests.requests == []


async def test_a_request_for_digests_that_are_gone_is_dropped() -> None:
    requests, server = Requests(request("a", digests=("gone",))), Server()
    await mailer(requests, server, FakeClock())._send_waiting()
    assert requests.requests == []
    assert server.taken == []


async def test_it_runs_on_when_woken_survives_errors_and_stops() -> None:
    requests, server = Requests(request("a")), Server(ServerUnavailable(None, "away"))
    service = mailer(requests, server, FakeClock())
    service._backoff.first = 0.0
    task = asyncio.create_task(service.run())
    async with asyncio.timeout(PATIENCE):
        await server.arrived.acquire()
        requests.requests.append(request("b"))
        service.wake()
        await server.arrived.acquire()
        service.stop()
        await task
    assert server.recipients == ["a@example.net", "b@example.net"]
