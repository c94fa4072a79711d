"""A WebSub hub with a subscriber, both real servers on loopback (https://www.w3.org/TR/websub/)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from lxml import etree

from tests.waiting import PATIENCE

ATOM_LINK = "{http://www.w3.org/2005/Atom}link"
_HEADER_LINK = re.compile(r'<([^>]*)>;\s*rel="?([a-z]+)"?')


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a hub is told to answer for once."""

    status: int = 202
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    until: threading.Event | None = None  #: it is slow: the answer waits for this


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients may go away."""


class Told:
    """What came, for a test to wait for."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.at: list[float] = []  #: seconds of the monotonic clock
        self._changed = threading.Condition()

    def add(self, what: str) -> None:
        with self._changed:
            self.all.append(what)
            self.at.append(time.monotonic())
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Block until something came and a condition holds."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), self.all


class Subscriber:
    """Takes what a hub pushes, if it is signed with the secret of the subscription."""

    def __init__(self) -> None:
        self.secret = secrets.token_hex(16)
        self.asked: list[str] = []  #: topics whose subscription it was asked to confirm
        self.pushed = Told()  #: bodies
        self.forged = 0
        self.links: list[dict[str, list[str]]] = []  #: that came with each body
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                subscriber.asked += query["hub.topic"]
                _answer(self, 200, {}, query["hub.challenge"][0].encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signed = hmac.new(subscriber.secret.encode(), body, "sha256").hexdigest()
                if self.headers["X-Hub-Signature"] == f"sha256={signed}":
                    subscriber.links.append(header_links(self.headers["Link"]))
                    subscriber.pushed.add(body.decode())
                else:
                    subscriber.forged += 1
                _answer(self, 200, {}, b"")

        self.server = _Server(("127.0.0.1", 0), Handler)

    @property
    def callback(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/callback"


class Hub:
    """A hub that does as the Recommendation says, unless a test wants it to fail.

    When it is told of a topic it fetches it, checks that header and document name this hub and
    the topic, and distributes what is new to those who subscribed.
    """

    def __init__(self, port: int = 0, *, fetches: bool = True) -> None:
        self._fetches = fetches
        self.told = Told()  #: topics, in order
        self.taken = Told()  #: those answered by a success
        self.verified = Told()  #: topics of which a subscriber said that it meant them
        self.requests: list[list[str]] = []  #: topics of each request
        self.agents: set[str] = set()
        self.connections: set[int] = set()  #: ports that the publisher called from
        self.complaints: list[str] = []  #: what was wrong with topics
        self.failures: list[str] = []  #: what could not be fetched: a daemon may have stopped
        self.replies: deque[Reply] = deque()  #: to be given instead of 202, one after another
        self.always: Reply | None = None
        self._subscriptions: dict[str, tuple[str, str]] = {}  #: callback and secret by topic
        self._seen: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._fetching = 0
        self._idle = threading.Condition(self._lock)
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                form = parse_qs(body.decode("ascii"), strict_parsing=True)
                hub.agents.add(self.headers["User-Agent"])
                hub.connections.add(self.client_address[1])
                reply = hub._take(form)
                if reply.until is not None:
                    reply.until.wait(PATIENCE)
                _answer(self, reply.status, reply.headers, reply.body)

        self.server = _Server(("127.0.0.1", port), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"

    def _take(self, form: dict[str, list[str]]) -> Reply:
        (mode,) = form["hub.mode"]
        if mode == "subscribe":
            threading.Thread(target=self._verify, args=[form]).start()
            return Reply()
        assert mode == "publish"
        assert form["hub.url"] == form["hub.topic"]
        with self._lock:
            self.requests.append(form["hub.url"])
            reply = self.always or (self.replies.popleft() if self.replies else Reply())
        if self._fetches and 200 <= reply.status < 300:
            with self._lock:
                self._fetching += 1
            threading.Thread(target=self._distribute, args=[form["hub.url"]]).start()
        for topic in form["hub.url"]:
            self.told.add(topic)
            if 200 <= reply.status < 300:
                self.taken.add(topic)
        return reply

    def _verify(self, form: dict[str, list[str]]) -> None:
        """Ask the subscriber whether it meant that (section 5.3)."""
        (topic,), (callback,), (secret,) = (
            form[f"hub.{name}"] for name in ("topic", "callback", "secret")
        )
        challenge = secrets.token_hex(16)
        query = {"hub.mode": "subscribe", "hub.topic": topic, "hub.challenge": challenge}
        with httpx.Client(trust_env=False) as client:
            answer = client.get(f"{callback}?{urlencode(query)}")
        if answer.status_code == 200 and answer.text == challenge:
            with self._lock:
                self._subscriptions[topic] = callback, secret
            self.verified.add(topic)

    def wait_until_idle(self) -> None:
        """Block until the hub neither fetches nor distributes anything."""
        with self._idle:
            assert self._idle.wait_for(lambda: self._fetching == 0, PATIENCE)

    def _distribute(self, topics: list[str]) -> None:
        try:
            self._distribute_each(topics)
        except httpx.HTTPError as error:
            self.failures.append(f"{topics}: {error!r}")
        finally:
            with self._idle:
                self._fetching -= 1
                self._idle.notify_all()

    def _distribute_each(self, topics: list[str]) -> None:
        for topic in topics:
            with httpx.Client(trust_env=False) as client:
                fetched = client.get(topic)
                self._check(topic, fetched)
                with self._lock:
                    known = self._seen.get(topic) == fetched.content
                    self._seen[topic] = fetched.content
                    subscription = self._subscriptions.get(topic)
                if subscription is None or known:
                    continue
                callback, secret = subscription
                signature = hmac.new(secret.encode(), fetched.content, hashlib.sha256).hexdigest()
                client.post(
                    callback,
                    content=fetched.content,
                    headers={
                        "Content-Type": fetched.headers["Content-Type"],
                        "Link": f'<{self.address}>; rel="hub", <{topic}>; rel="self"',
                        "X-Hub-Signature": f"sha256={signature}",
                    },
                )

    def _check(self, topic: str, fetched: httpx.Response) -> None:
        """Note what a subscriber would stumble over when it discovers the hub (section 4)."""
        if fetched.status_code != 200:
            self.complaints.append(f"{topic}: {fetched.status_code}")
            return
        expected = {"hub": [self.address], "self": [topic]}
        for where, found in (
            ("header", header_links(", ".join(fetched.headers.get_list("Link")))),
            ("document", document_links(fetched)),
        ):
            if found != expected:
                self.complaints.append(f"{topic}: its {where} says {found}")


def header_links(header: str) -> dict[str, list[str]]:
    """Return the addresses in a Link header, by relation."""
    found: dict[str, list[str]] = {}
    for address, relation in _HEADER_LINK.findall(header):
        found.setdefault(relation, []).append(address)
    return found


def document_links(fetched: httpx.Response) -> dict[str, list[str]]:
    """Return the hubs that a feed names and its own addresses."""
    if "json" in fetched.headers["Content-Type"]:
        document = json.loads(fetched.content)
        hubs = [hub["url"] for hub in document["hubs"] if hub["type"] == "WebSub"]
        return {"hub": hubs, "self": [document["feed_url"]]}
    root = etree.fromstring(fetched.content)
    channel = root.find("channel")
    links = (root if channel is None else channel).findall(ATOM_LINK)
    return {
        relation: [str(link.get("href")) for link in links if link.get("rel") == relation]
        for relation in ("hub", "self")
    }


def _answer(
    handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """Have a server answer until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
