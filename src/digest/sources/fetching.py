"""Fetching: one polite, bounded request for a document on a foreign server."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import unquote, urlsplit
from weakref import WeakValueDictionary

import brotli
import httpcore

from digest import __version__
from digest.articles.cleaning.uris import absolute
from digest.errors import DigestError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: Seconds: for a connection, between two pieces, and for the whole exchange with its redirects.
_CONNECT, _READ, _WHOLE = 10.0, 20.0, 60.0
#: Bytes of a document, as sent and unpacked.
MAX_BYTES = 16 * 1024 * 1024
#: Bytes unpacked at once.
_CHUNK = 65_536
#: RFC 9659: no frame of zstd needs a larger window, which would be memory of ours.
_WINDOW: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: RFC 9110 section 15.4: those that are to be remembered.
PERMANENT = frozenset({301, 308})
#: Ends of names that are of no public host (RFC 6761, RFC 6762, RFC 8375 and ICANN's reservation).
_PRIVATE_LABELS = frozenset({"localhost", "local", "internal", "arpa", "lan", "home", "test"})
#: Connections at the same time, and seconds for which one is kept for the next request.
_CONNECTIONS, _KEEP_ALIVE = 16, 5.0
_UNICAST = ipaddress.IPv6Network("2000::/3")
#: RFC 9637; Python knows only the older one.
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")
#: IPv4 through a translator (RFC 6052).
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, text/html;q=0.5, */*;q=0.1"
)


_HEADERS = {
    "Accept": _ACCEPT,
    "Accept-Encoding": "zstd, br, gzip",
    "User-Agent": f"Digest/{__version__} (feed reader)",
}


#: Unpacks pieces of a body, and tells whether it has come to its end.
_Unpacker = tuple[Callable[[bytes], Iterable[bytes]], Callable[[], bool]]


class FetchError(DigestError):
    """A document could not be fetched; the text is the reason, for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The final answer of a server, after redirects."""

    status: int
    url: str  #: where the answer came from, after redirects
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)  #: names in lower case
    #: Where permanent redirects alone led, from the first on; empty where there were none.
    moved_to: str = ""


class _Guard(httpcore.AnyIOBackend):
    """Connects only to public IP addresses, which are checked when connecting.

    A name is resolved once and the connection goes to the address that was checked, so that a
    name whose answer changes (DNS rebinding) is no way around the check.
    """

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no address of {host} in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} has no address: {error}") from error
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        for address in addresses:
            if not is_public(address):
                at = "" if host == address else f" is at {address}, which"
                problem = f"{host}{at} is no public address; a source may be there by allow_private"
                raise httpcore.ConnectError(problem)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def is_public(address: str) -> bool:
    """Return whether an IP address is of the public Internet (RFC 6890), IPv4 in IPv6 too.

    Of IPv6 that is global unicast alone (RFC 4291 section 2.4): other ranges lead into networks of
    their own, such as fec0::/10 (RFC 3879) and translators at 64:ff9b:1::/48 (RFC 8215).
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
        if ip not in _UNICAST or ip in _DOCUMENTATION:
            return False
    return ip.is_global and not ip.is_multicast


class Fetcher:
    """Fetches documents: one request to a host at a time, verified, bounded."""

    def __init__(self, *, trust: ssl.SSLContext | None = None, proxy: str = "") -> None:
        """``trust`` verifies servers' certificates; by default by the system's authorities.

        A ``proxy`` (an http or https address) is used for all but private hosts.
        """
        self._context = trust or ssl.create_default_context()
        self._proxied = bool(proxy)
        self._guarded = self._pool(None, proxy) if proxy else self._pool(_Guard())
        self._open = self._pool(None)
        self._hosts: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def _pool(
        self, backend: httpcore.AsyncNetworkBackend | None, proxy: str = ""
    ) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            proxy=_proxy(proxy) if proxy else None,
            ssl_context=self._context,
            http2=True,
            max_connections=_CONNECTIONS,
            keepalive_expiry=_KEEP_ALIVE,
            network_backend=backend,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._guarded.aclose()
        await self._open.aclose()

    async def fetch(
        self, url: str, *, headers: Mapping[str, str] = MappingProxyType({}), private: bool = False
    ) -> Answer:
        """Return the answer to a GET, after at most five redirects.

        ``private`` allows addresses that are not public, as long as the host is that of ``url``.
        Raises FetchError if there is no complete answer in time and within ``MAX_BYTES``.
        """
        moved_to, permanent, left = "", True, _WHOLE
        first = urlsplit(url).hostname or ""
        for _ in range(MAX_REDIRECTS + 1):
            host = urlsplit(url).hostname or ""
            pool = self._open if private and host == first else self._guarded
            if self._proxied and pool is self._guarded:
                _check_named(host)
            lock = self._hosts.setdefault(host, asyncio.Lock())
            async with lock:  # waiting for one's turn is not the server's time
                begun = time.monotonic()
                try:
                    answer = await _answer(pool, url, headers, left)
                except _StaleConnection:
                    answer = await _answer(pool, url, headers, left + begun - time.monotonic())
                left -= time.monotonic() - begun
            if answer.status not in _REDIRECTS:
                return replace(answer, moved_to=moved_to)
            target = absolute(answer.headers.get("location", ""), url)
            if target is None:
                raise FetchError(f"is redirected to no web address ({answer.status})")
            permanent = permanent and answer.status in PERMANENT
            moved_to = target if permanent else moved_to
            url = target
        raise FetchError(f"is redirected more than {MAX_REDIRECTS} times")


def _proxy(url: str) -> httpcore.Proxy:
    parts = urlsplit(url)
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return httpcore.Proxy(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), auth)


def _check_named(host: str) -> None:
    """Raise FetchError for a host whose name alone shows that it is not public.

    Behind a proxy only the name is checked, since the proxy resolves it.
    """
    try:
        ipaddress.ip_address(host.partition("%")[0])
        public = is_public(host)
    except ValueError:
        label = host.rstrip(".").rpartition(".")[2].lower()
        public = "." in host.rstrip(".") and not label[:1].isdigit()
        public = public and label not in _PRIVATE_LABELS
    if not public:
        raise FetchError(f"{host} is no public host")


class _StaleConnection(FetchError):
    """A kept connection was closed by the server before it answered (RFC 9112 section 9.3.1)."""


async def _answer(
    pool: httpcore.AsyncConnectionPool, url: str, headers: Mapping[str, str], seconds: float
) -> Answer:
    """Return the answer to one request; raise FetchError, or its subclass _StaleConnection."""
    limits = {"connect": _CONNECT, "read": _READ, "write": _READ, "pool": _WHOLE}
    connected = answered = False

    async def trace(event: str, _info: Mapping[str, object]) -> None:
        nonlocal connected
        connected = connected or event.startswith("connection.connect_tcp")

    try:
        async with (
            asyncio.timeout(max(seconds, 0)),
            pool.stream(
                "GET",
                url.partition("#")[0],
                # An entity tag goes back as it came, bytes beyond ASCII too (RFC 9110 section 5.5).
                headers=[
                    (name.encode(), value.encode("latin-1", "replace"))
                    for name, value in {**_HEADERS, **headers}.items()
                ],
                extensions={"timeout": limits, "trace": trace},
            ) as response,
        ):
            answered = True
            received = {
                name.decode("ascii", "replace").lower(): value.decode("latin-1").strip()
                for name, value in response.headers
            }
            whole = response.status in (200, 226)
            content = await _content(response, received) if whole else b""
            return Answer(status=response.status, url=url, content=content, headers=received)
    except TimeoutError as error:
        raise FetchError(f"no whole answer within {_WHOLE:g} s") from error
    except httpcore.TimeoutException as error:
        raise FetchError("no answer in time") from error
    except (
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        ssl.SSLError,
    ) as error:
        kind = FetchError if connected or answered else _StaleConnection
        raise kind(str(error) or type(error).__name__) from error
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise FetchError(f"the answer is packed wrongly: {error}") from error
    except (TypeError, ValueError) as error:  # of an address that a library does not take
        raise FetchError(f"cannot be asked: {error}") from error


async def _content(response: httpcore.Response, headers: Mapping[str, str]) -> bytes:
    """Return a body, unpacked in pieces, so that its limit holds against packed bombs, too."""
    unpack, is_whole = _unpacker(headers.get("content-encoding", ""))
    parts: list[bytes] = []
    size = sent = 0
    async for raw in response.aiter_stream():
        sent += len(raw)
        for piece in unpack(raw):
            size += len(piece)
            if max(size, sent) > MAX_BYTES:
                raise FetchError(f"has more than {MAX_BYTES:,} bytes")
            parts.append(piece)
    if sent and not is_whole():  # a server that tells no length has broken off
        raise FetchError("the answer is not whole")
    return b"".join(parts)


def _unpacker(encoding: str) -> _Unpacker:
    """Return a function that unpacks pieces of a body, each into pieces of bounded size."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return (lambda raw: (raw,)), (lambda: True)
    if name == "br":
        decoder = brotli.Decompressor()

        def unbrotli(raw: bytes) -> Iterator[bytes]:
            yield decoder.process(raw, output_buffer_limit=_CHUNK)
            while not decoder.can_accept_more_data():
                yield decoder.process(b"", output_buffer_limit=_CHUNK)

        return unbrotli, decoder.is_finished
    if name == "zstd":
        return _unpack_zstd()
    if name in ("gzip", "x-gzip"):
        return _unpack_gzip()
    raise FetchError(f"the answer is packed in a way that was not asked for: {name[:40]}")


def _unpack_gzip() -> _Unpacker:
    """Return a function that unpacks a gzip body of one or more members (RFC 1952 section 2.2)."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def unpack(raw: bytes) -> Iterator[bytes]:
        nonlocal inflater
        while raw:
            if inflater.eof:
                if not raw.startswith(b"\x1f"):  # padding, which browsers ignore too
                    return
                inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
            yield inflater.decompress(raw, _CHUNK)
            raw = inflater.unused_data if inflater.eof else inflater.unconsumed_tail

    return unpack, lambda: inflater.eof


def _unpack_zstd() -> _Unpacker:
    """Return a function that unpacks a zstd body of one or more frames (RFC 8878 section 3.1)."""
    decoder = zstd.ZstdDecompressor(options=_WINDOW)

    def unpack(raw: bytes) -> Iterator[bytes]:
        nonlocal decoder
        while True:
            if decoder.eof:
                raw = decoder.unused_data + raw
                decoder = zstd.ZstdDecompressor(options=_WINDOW)
            yield decoder.decompress(raw, _CHUNK)
            raw = b""
            if decoder.needs_input or (decoder.eof and not decoder.unused_data):
                return

    return unpack, lambda: decoder.eof
