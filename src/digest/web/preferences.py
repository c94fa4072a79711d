"""Preferences: a person's subscriptions and the data stored about them, by the link in a mail."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.editions.model import Digest, ReceivedEdition
from digest.feeds.model import CategorySummary
from digest.mail.translations import WORDS
from digest.subscribers.model import PastState, Subscriber, SubscriberState
from digest.subscribers.tokens import SubscriptionLink, read_unsubscribe_token
from digest.times import known_zone, named_zones, rfc3339
from digest.web.forms import (
    Fields,
    LinkContext,
    field,
    form_fields,
    html_response,
    require_own_page,
)
from digest.web.model import PRIVATE_HEADERS, SECURITY_HEADERS
from digest.web.render_queue import RenderQueue
from digest.web.request_headers import accepted_languages
from digest.web.subscribe_form import (
    Choice,
    PreferencesForm,
    category_id,
    offered,
    uppermost,
)
from digest.web.subscribing import SignupRequests
from digest.web.unsubscribing import Subscriptions

_REASON = "on the page of preferences"
#: The longest pause.
_LONGEST = timedelta(days=366)


class PersonSubscriptions(Subscriptions, Protocol):
    """The part of the store with a person's subscriptions. Called in threads; raises StoreError."""

    def of_address(self, address: str) -> list[Subscriber]:
        """Return the subscriptions of an address, oldest first."""

    def history(self, subscriber_id: int) -> tuple[PastState, ...]:
        """Return the states of a subscription before its present one, oldest first."""

    def received(self, subscriber_id: int) -> list[ReceivedEdition]:
        """Return the result of each delivery to a subscriber, latest last."""

    def prefer(self, chosen: Subscriber, now: datetime) -> None:
        """Store a subscriber's categories, language, zone and pause."""

    def erase(self, address: str, now: datetime, key: bytes) -> None:
        """Delete all about an address, except a keyed mark that keeps it out of imported lists."""


class _Problem(Exception):
    """A form cannot be carried out; ``words`` is the key of the text that explains why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Answers requests for the page of a person, by the token of any mail to them."""

    subscriptions: PersonSubscriptions
    context: LinkContext
    categories: Callable[[], Sequence[CategorySummary]]  #: with an article; called in a thread
    requests: SignupRequests | None  #: takes changes of address; None: it cannot be changed here
    queue: RenderQueue  #: in which pages are rendered

    async def serve(self, request: Request) -> Response:
        """Answer GET with the page, and POST by doing what its button says.

        GET changes nothing, since scanners follow links too. Raises HTTPException: 404 if the
        token is invalid or its person was removed, 403 if another site sent the form, 413 if
        the body is too large, 400 if it is not what a button of the page sends. Raises Busy if
        too many pages are requested.
        """
        link = read_unsubscribe_token(self.context.token_keys, request.path_params["token"])
        mine = await run_in_threadpool(self._mine, link)
        languages = accepted_languages(request.headers.get("accept-language", ""))
        chosen = next((subscriber.language for subscriber in mine if subscriber.language), None)
        languages[:0] = [chosen] if chosen else []
        if request.method != "POST":
            return await self._page(mine, languages)
        require_own_page(request, self.requests.policy.origin if self.requests else "")
        fields = await form_fields(request)
        action = field(fields, "action") or ""
        try:
            if action == "download":
                return await self._download(mine)
            if action == "move":
                return await self._move(request, mine, fields, languages)
            if action == "erase":
                return await self._erase(mine, fields, languages)
            await run_in_threadpool(self._change, mine, action, fields)
        except _Problem as problem:
            typed = (field(fields, "address") or "")[:400]
            return await self._page(mine, languages, problem=problem.words, address=typed)
        mine = await run_in_threadpool(self._mine, link)
        return await self._page(mine, languages, saved=True)

    async def _page(
        self, mine: Sequence[Subscriber], languages: Sequence[str], **state: Any
    ) -> Response:
        def render() -> bytes:
            listed = self.categories()
            choices = tuple(self._choice(subscriber, listed) for subscriber in mine)
            form = PreferencesForm(choices=choices, moves=self.requests is not None, **state)
            return self.context.pages.preferences(form, languages)

        body = await self.queue.run(render)
        return html_response(body, 422 if state.get("problem") else 200, PRIVATE_HEADERS)

    def _mine(self, link: SubscriptionLink | None) -> list[Subscriber]:
        """Return the subscriptions of a link's person; raise HTTPException if there are none."""
        try:
            subscriber = self.subscriptions.linked(link)[0] if link else None
        except LookupError:
            subscriber = None
        mine = self.subscriptions.of_address(subscriber.address) if subscriber else []
        if not mine:  # also where the address changes meanwhile
            raise HTTPException(404, headers=dict(PRIVATE_HEADERS))
        return mine

    def _choice(self, subscriber: Subscriber, listed: Sequence[CategorySummary]) -> Choice:
        """Return the choices of a subscription, with its present state."""
        digest = self.context.digests.get(subscriber.digest)
        if digest is None or subscriber.state is not SubscriberState.ACTIVE:
            return Choice(subscriber=subscriber, digest=digest)
        categories = offered(listed, [digest], subscriber.categories)
        zone = _zone(subscriber.timezone, digest)
        now, end = self.context.clock(), subscriber.paused_until
        today = now.astimezone(ZoneInfo(zone)).date()
        paused = end.astimezone(ZoneInfo(zone)).date() if end and end > now else None
        # A list may have brought any other end.
        ends = [today + timedelta(days=1), today + _LONGEST, *([paused] if paused else [])]
        return Choice(
            subscriber=subscriber,
            digest=digest,
            categories=tuple(categories),
            checked=frozenset(map(category_id, subscriber.categories)),
            language=self.context.pages.language([subscriber.language or "", digest.language]),
            zones=_zones(zone) if digest.local else (),
            zone=zone,
            paused_until=paused,
            earliest=min(ends),
            latest=max(ends),
        )

    def _change(self, mine: Sequence[Subscriber], action: str, fields: Fields) -> None:
        """Carry out a button's value: a verb and a digest's name, or ``*`` for all.

        Raises HTTPException 400 for any other value.
        """
        verb, _, name = action.partition(" ")
        store, now = self.subscriptions, self.context.clock()
        chosen = [subscriber for subscriber in mine if name in (subscriber.digest, "*")]
        if not chosen or (name == "*" and verb != "unsubscribe"):
            raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
        if verb in ("unsubscribe", "resubscribe"):
            change = store.unsubscribe if verb == "unsubscribe" else store.resubscribe
            for subscriber in chosen:
                change(subscriber.id, now, _REASON)
            return
        choice = self._choice(chosen[0], self.categories())
        if verb == "save" and choice.zone:
            changed = self._filled_in(choice, fields)
        elif verb == "resume" and choice.zone:
            changed = replace(choice.subscriber, paused_until=None)
        else:
            raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
        store.prefer(changed, now)

    def _filled_in(self, choice: Choice, fields: Fields) -> Subscriber:
        """Return a subscription as filled in in its form. Raises _Problem, HTTPException 400."""
        subscriber, digest = choice.subscriber, choice.digest
        assert digest is not None  # noqa: S101 who may save has one
        known = {category_id(summary.path): summary.path for summary in choice.categories}
        wanted = fields.get("category", [])
        if not known.keys() >= set(wanted):
            raise _Problem("subscribe_categories_changed")
        language = field(fields, "language") or choice.language
        timezone = field(fields, "timezone") or choice.zone
        if language not in WORDS or timezone not in (*choice.zones, choice.zone):
            raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
        same = timezone == choice.zone or not choice.zones  # a zone that none chose stays none
        timezone = choice.zone if same else timezone
        paused_until = None
        if text := field(fields, "paused_until"):
            try:
                day = date.fromisoformat(text)
            except ValueError as error:
                raise _Problem("bad_date") from error
            if not (choice.earliest and choice.latest and choice.earliest <= day <= choice.latest):
                raise _Problem("bad_date")
            if day == choice.paused_until and same:
                paused_until = subscriber.paused_until
            else:
                paused_until = datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)
        return replace(
            subscriber,
            categories=uppermost(known[key] for key in wanted),
            language=subscriber.language if language == choice.language else language,
            timezone=subscriber.timezone if same else timezone,
            paused_until=paused_until,
        )

    async def _move(
        self,
        request: Request,
        mine: Sequence[Subscriber],
        fields: Fields,
        languages: Sequence[str],
    ) -> Response:
        """Request a change to another address, which a mail asks to confirm. Raises _Problem."""
        if self.requests is None:
            raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
        address = field(fields, "address") or ""
        if problem := self.requests.address_problem(address):
            raise _Problem(problem)
        return await self.requests.ask(request, languages, address, person=mine[0].person)

    async def _erase(
        self, mine: Sequence[Subscriber], fields: Fields, languages: Sequence[str]
    ) -> Response:
        """Delete all about a person; return the page that confirms it. Raises _Problem."""
        if field(fields, "sure") != "yes":
            raise _Problem("erase_unsure")
        key, now = self.context.token_keys[0], self.context.clock()
        await run_in_threadpool(self.subscriptions.erase, mine[0].address, now, key)
        body = await run_in_threadpool(self.context.pages.erased, languages)
        return html_response(body, headers=PRIVATE_HEADERS)

    async def _download(self, mine: Sequence[Subscriber]) -> Response:
        """Return all stored data about a person as a JSON file."""

        def collected() -> dict[str, Any]:
            own = mine[0]
            asked = self.requests.of_person(own.address, own.person) if self.requests else []
            return {"subscriptions": list(map(self._fields, mine)), "requests": asked}

        data = await run_in_threadpool(collected)
        content = json.dumps(data, ensure_ascii=False, indent=2)
        headers = {"Content-Disposition": 'attachment; filename="subscriptions.json"'}
        return Response(
            content,
            headers={**SECURITY_HEADERS, **PRIVATE_HEADERS, **headers},
            media_type="application/json",
        )

    def _fields(self, subscriber: Subscriber) -> dict[str, Any]:
        return {
            "address": subscriber.address,
            "name": subscriber.name,
            "digest": subscriber.digest,
            "categories": [list(path.names) for path in subscriber.categories],
            "language": subscriber.language,
            "timezone": subscriber.timezone,
            "paused_until": subscriber.paused_until and rfc3339(subscriber.paused_until),
            "state": subscriber.state,
            "since": subscriber.since and rfc3339(subscriber.since),
            "reason": subscriber.reason,
            "consent": subscriber.consent,
            "created_at": rfc3339(subscriber.created_at),
            "person": subscriber.person,
            "history": [
                {"state": past.state, "since": rfc3339(past.since), "reason": past.reason}
                for past in self.subscriptions.history(subscriber.id)
            ],
            "mails": [
                {"edition": mail.number, "state": mail.state, "at": rfc3339(mail.changed_at)}
                for mail in self.subscriptions.received(subscriber.id)
            ],
        }


def _zone(chosen: str | None, digest: Digest) -> str:
    """Return the time zone of a reader's mail: their own, or the digest's."""
    return chosen if digest.local and chosen and known_zone(chosen) else digest.timezone


def _zones(own: str) -> tuple[str, ...]:
    """Return the time zones that a form offers, among them the reader's own."""
    return tuple(sorted({*named_zones(), own}))
