"""Whatever is sent to whichever route, nothing fails: no 500, no header that a client sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from digest.app.daemon import Daemon
from digest.app.metrics import DaemonMetrics, metrics_application
from digest.app.web_application import make_application
from digest.articles.model import CategoryPath
from digest.subscribers.model import NewSubscriber
from digest.subscribers.signup import Signup, SignupLimits
from digest.subscribers.tokens import (
    approval_token,
    confirmation_token,
    form_token,
    unsubscribe_token,
)
from digest.urls import PREFERENCES_QUERY
from digest.web import routing, sample_pages
from digest.web.app import Probes
from digest.web.render_queue import RenderQueue
from tests import stores
from tests.conftest import Workplace
from tests.effort import SOAK, effort
from tests.store.samples import reading
from tests.web.desk import Desk

pytestmark = pytest.mark.full_speed  # the tests of each package cover what this repeats

READER = NewSubscriber(address="reader@example.net", digest="daily", person="a" * 16)
#: What may stand anywhere: in a path, as a value of a query, a field or a header.
HOSTILE = st.sampled_from(
    (
        *("", "0", "-1", "9" * 25, "..", "../../etc/passwd", ".", "\0", "\r\nSet-Cookie: a=b", "%"),
        *("%00", "é", "金融", "\ud800", "a" * 3_000, "'\"><script>", "{{ 7*7 }}", "; DROP TABLE x"),
        *("2026-12-01", "9999-12-31", "0000-00-00", "\u202e", "٣", "null", "*", "a=b&c=d", " "),
    )
) | st.text(max_size=20)
METHODS = st.sampled_from(("GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "x"))
#: An address of each kind there is, with the query without which another route answers.
PATHS = (
    *("", "index.html", "healthz", "readyz", "status", "metrics", "robots.txt", "nothing/here"),
    *("sitemap.xml", "sitemap-1.xml", "favicon.ico", "assets/style.css", "feeds/"),
    *("feeds/rss.xml", "feeds/atom.xml", "feeds/opml.xml", "feeds/feed.css", "feeds/金融/"),
    *("feeds/金融/rss.xml", "feeds/archive.d/1/atom.xml", "feeds/@authors/林海/", "{article}"),
    *("search/", "search/rss.xml", "digests/", "digests/daily/", "digests/daily/1/"),
    *("digests/daily/atom.xml", "digests/daily/sample/", "subscribe/", "approve/{approve}"),
    *("confirm/{confirm}", "confirm/{form}", "unsubscribe/{unsubscribe}"),
    "unsubscribe/{unsubscribe}?all",
)
#: What is answered by 404.
NOWHERE = frozenset({"nothing/here", "confirm/{form}"})
QUERY = ("q", "before", "after", "all", "digest", "category", "language", "address", "x")
FIELDS = {
    "action": (
        *("save daily", "save local", "resume daily", "unsubscribe *", "resubscribe daily"),
        *("move", "erase", "download", "confirm", "approve", "cancel", "unsubscribe"),
    ),
    "address": ("new@example.net", "reader@exаmple.net"),
    "digest": ("daily", "notes"),
    "language": ("de", "ar"),
    "timezone": ("Asia/Tokyo", "Asia"),
    "paused_until": ("2026-12-01",),
    "sure": ("yes",),
    **dict.fromkeys(("category", "website", "token", "List-Unsubscribe"), ()),
}
URLENCODED = ("content-type", "application/x-www-form-urlencoded")
HEADERS = {
    "accept": ("text/html", "application/atom+xml;q=0.1", "*/*;q=x"),
    "accept-encoding": ("gzip", "br;q=1, *;q=0", "identity;q=0", "zstd"),
    "accept-language": ("de", "ar;q=0.5, *", "x" * 500),
    "content-type": (
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-99",
        "multipart/form-data; boundary=",
    ),
    "range": ("bytes=0-", "bytes=-1", "bytes=5-1,7-", "lines=1"),
    "if-none-match": ("*", '"x"', 'W/"x'),
    "if-modified-since": ("Thu, 32 Nov 2026 99:00:00 GMT", "Thu, 26 Nov 2099 09:00:00 GMT"),
    "a-im": ("feed", "feed;q=x"),
    "x-forwarded-for": ("198.51.100.7", "::ffff:1.2.3.4, ", "999.1.1.1"),
    "sec-fetch-site": ("same-origin", "cross-site"),
    "origin": ("null", "https://[", "http://127.0.0.1:8000"),
    "host": ("127.0.0.1:8000", "[::1", ""),
    "content-length": ("0", "-1"),
}


@dataclass
class SignupDecision:
    """What an ASGI application sent."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    complete: bool = False


@dataclass
class Target:
    """A whole site, with links of each purpose, that requests are sent to."""

    app: Any
    metrics: Any  #: the application at a port of its own
    links: dict[str, str]  #: what stands in braces in PATHS
    restore: Callable[[], object]
    runner: asyncio.Runner

    def path(self, template: str) -> tuple[str, bytes]:
        """Return a path of PATHS, and its query."""
        path, _, query = template.format(**self.links).partition("?")
        return path, query.encode()

    async def _send(self, scope: dict[str, Any], body: bytes) -> SignupDecision:
        answer = SignupDecision()
        received = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            return next(received, {"type": "http.disconnect"})

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], list(message["headers"])
            else:
                answer.body += message.get("body", b"")
                answer.complete = not message.get("more_body", False)

        app = self.metrics if scope["path"].startswith("/metrics") else self.app
        await app(scope, receive, send)
        return answer

    def send(self, scope: dict[str, Any], body: bytes) -> SignupDecision:
        return self.runner.run(self._send(scope, body))


@pytest.fixture(scope="module", name="target")
def _target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    workplace = Workplace(tmp_path_factory.mktemp("routes"))
    workplace.articles.mkdir()
    workplace.configure("[feeds]\nauthors = true\nlimit = 2\narchives = true\n")
    text = workplace.configuration.read_text()
    text += '[digests.local]\ntitle = "x"\nschedule = "0 7 * * *"\ntimezone = "subscriber"\n'
    workplace.configuration.write_text(text.replace("[web]", "[web]\nsubscribe = true"))
    with workplace.open() as services, asyncio.Runner() as runner:
        store, now, key = services.store, services.clock(), services.token_keys[0]
        store.editions.start_digests(services.digests, now)
        paths = [CategoryPath(("金融", "市场"))]
        store.articles.record(
            [reading(f"{number}.md", title=f"{number}", categories=paths) for number in range(5)],
            now,
        )
        store.editions.open_edition(services.digests["daily"], now, now)
        services.publish()
        signup = Signup(
            identifier="b" * 16,
            address="other@example.net",
            digests=("daily",),
            categories=(),
            language="en",
            network="",
            wording="",
            requested_at=now,
        )
        daemon, queue = Daemon(services), RenderQueue()
        metrics = DaemonMetrics(
            services,
            publish_loop=daemon._publish_loop,
            delivery=daemon._delivery,
            sources=daemon._sources,
            queue=queue,
            unready=daemon._unready,
        )

        def restore() -> None:
            store.subscribers.add(READER, now, again=True)
            asked = store.signups.find(signup.identifier)
            if asked is None or asked.confirmed_at is not None:
                store.subscribers.remove(signup.address, None)
                store.signups.request(signup, SignupLimits(network=99_999, total=99_999))

        restore()
        due_at = sample_pages.sample_proposals()[0].edition.due_at
        yield Target(
            app=make_application(
                services,
                approvals=Desk(),
                probes=Probes(last_scan_at=lambda: now, unready=daemon._unready),
                queue=queue,
            ),
            metrics=metrics_application(metrics),
            links={
                "article": stores.since(store)[0].folder,
                "unsubscribe": unsubscribe_token(key, READER.person or "", "daily"),
                "confirm": confirmation_token(key, signup.identifier, signup.expires_at),
                "approve": approval_token(key, 1, "daily", due_at),
                "form": form_token(key, now),
            },
            restore=restore,
            runner=runner,
        )


def pairs(known: dict[str, tuple[str, ...]]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Return lists of names, each with a value that is known for it or hostile."""

    def values(name: str) -> st.SearchStrategy[str]:
        return st.sampled_from(known[name]) | HOSTILE if known[name] else HOSTILE

    names = st.sampled_from(sorted(known))
    return st.lists(names.flatmap(lambda name: st.tuples(st.just(name), values(name))), max_size=5)


def written(given: list[tuple[str, str]]) -> bytes:
    return urlencode(given, errors="surrogatepass").encode()


def request(path: str, query: bytes) -> dict[str, Any]:
    """Return the scope of a GET."""
    raw = quote(path, safe="/%@", errors="surrogatepass").encode()
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/" + unquote(raw.decode(), errors="replace"),
        "raw_path": b"/" + raw,
        "query_string": query,
        "root_path": "",
        "headers": [],
        "client": ("198.51.100.7", 1234),
        "server": ("127.0.0.1", 8000),
    }


@pytest.mark.parametrize("template", PATHS)
def test_each_address_leads_somewhere(target: Target, template: str) -> None:
    target.restore()
    answer = target.send(request(*target.path(template)), b"")
    missing = {503} if template == "readyz" else {404} if template in NOWHERE else {200, 301, 308}
    assert answer.status in missing, (answer.status, answer.body)


def test_every_route_has_an_address_here(target: Target) -> None:
    paths = ["/" + target.path(template)[0] for template in PATHS]
    inner = target.app
    while not isinstance(inner, Starlette):
        inner = getattr(inner, "_app", None) or inner._inner
    routes = [*inner.routes, *target.metrics.routes]
    assert len(routes) > 6
    for route in routes:
        assert any(route.path_regex.match(path) for path in paths), route.path
    assert {path.split("/")[1] for path in paths} >= routing._TOPS
    assert any(PREFERENCES_QUERY in target.path(template)[1].decode() for template in PATHS)


@pytest.mark.timeout(900 if SOAK else 300)
@settings(max_examples=effort(4, 120), suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("template", PATHS)
@given(data=st.data())
def test_nothing_that_is_sent_fails(target: Target, template: str, data: st.DataObject) -> None:
    target.restore()
    path, needed = target.path(template)
    change = data.draw(st.sampled_from(("none", "none", "none", "add", "cut", "other")))
    if change == "add":
        path += quote(data.draw(HOSTILE), errors="surrogatepass")
    elif change == "cut":
        path = path[: data.draw(st.integers(0, len(path)))]
    elif change == "other":
        path = "/".join(data.draw(st.lists(HOSTILE, max_size=4)))
    query = written(data.draw(pairs(dict.fromkeys(QUERY, ("reader", "daily")))))
    query = b"&".join(filter(None, (needed, query)))
    fields = data.draw(pairs(FIELDS))
    body = data.draw(st.just(written(fields)) | st.binary(max_size=200) | st.just(b"a" * 20_000))
    given_headers = data.draw(pairs(HEADERS))
    if data.draw(st.booleans()):
        given_headers.append(URLENCODED)
    scope = request(path, query) | {
        "method": data.draw(METHODS),
        "headers": [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in given_headers
        ],
    }
    check(target.send(scope, body))


@pytest.mark.timeout(900 if SOAK else 300)
@settings(  # what fails once may not fail again: each button changes what is stored
    max_examples=effort(3, 60),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
@pytest.mark.parametrize("template", [path for path in PATHS if "{" in path])
@given(data=st.data())
def test_no_button_fails_whatever_else_is_sent(
    target: Target, template: str, data: st.DataObject
) -> None:
    for action in FIELDS["action"]:
        target.restore()
        fields = dict(data.draw(pairs(FIELDS))) | {"action": action}
        fields = {"address": "new@example.net", "sure": "yes"} | fields
        headers = [(name.encode(), value.encode()) for name, value in [URLENCODED]]
        scope = request(*target.path(template)) | {"method": "POST", "headers": headers}
        check(target.send(scope, written(list(fields.items()))))


def check(answer: SignupDecision) -> None:
    assert answer.complete
    assert answer.status < 500 or answer.status == 503, (answer.status, answer.body)
    for name, value in answer.headers:
        assert name == name.lower()
        assert not set(b"\r\n\0") & set(value), (name, value)
        assert name != b"set-cookie"
