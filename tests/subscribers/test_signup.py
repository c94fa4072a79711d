from __future__ import annotations

from datetime import datetime
from ipaddress import ip_network

import pytest

from digest.subscribers.signup import (
    Signup,
    SignupDecision,
    SignupLimits,
    client_address,
    client_network,
    is_disposable,
    network_of,
    verdict,
)

PROXIES = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "192.0.2.1", "198.51.100.7"),
        ("127.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("127.0.0.1", "192.0.2.1, unknown", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("", "192.0.2.1", ""),
    ],
)
def test_a_forwarded_address_is_believed_from_proxies_alone(
    peer: str, forwarded: str, client: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


def test_a_chain_of_proxies_is_not_followed_without_end() -> None:
    assert client_address("127.0.0.1", "192.0.2.1," + "127.0.0.1," * 9_999, PROXIES) == "127.0.0.1"


def test_an_address_that_is_longer_than_any_is_none() -> None:
    zone = "x" * 60_000
    assert client_address("127.0.0.1", f"fe80::1%{zone}", PROXIES) == "127.0.0.1"
    assert client_address("127.0.0.1", f"fe80::1%{zone[:15]}", PROXIES) == "fe80::1%" + zone[:15]


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("198.51.100.7", "", "198.51.100.0/24"),
        ("127.0.0.1", "192.0.2.1", "192.0.2.0/24"),
        ("127.0.0.1", "", ""),
        ("", "", ""),
    ],
)
def test_a_client_behind_a_proxy_that_names_none_is_not_known(
    peer: str, forwarded: str, network: str
) -> None:
    assert client_network(peer, forwarded, PROXIES) == network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "unknown"),
        ("192.0.2.77\r\nx", "unknown"),
    ],
)
def test_addresses_are_kept_as_networks(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("address", "disposable"),
    [
        ("a@mailinator.com", True),
        ("a@eu.MailInator.com", True),
        ("a@notmailinator.com", False),
        ("a@bücher.example", True),
        ("a@localhost", False),
    ],
)
def test_disposable_domains_count_with_all_below_them(address: str, disposable: bool) -> None:
    assert is_disposable(address, ("xn--bcher-kva.example",)) is disposable


def test_each_limit_has_its_answer() -> None:
    limits = SignupLimits(network=2, total=5, waiting=3)

    def told(
        repeated: bool = False, network: int = 0, total: int = 0, waiting: int = 0
    ) -> SignupDecision:
        return verdict(limits, repeated=repeated, network=network, total=total, waiting=waiting)

    assert told(network=1, total=4, waiting=2) is SignupDecision.TAKEN
    assert told(repeated=True, network=2) is SignupDecision.REPEATED
    assert told(network=2, total=5) is SignupDecision.LIMITED
    assert told(total=5) is told(waiting=3) is SignupDecision.FULL


def test_a_request_has_a_moment_in_utc() -> None:
    with pytest.raises(ValueError, match="requested_at must be aware UTC"):
        Signup(
            identifier="a" * 16,
            address="a@example.org",
            digests=("daily",),
            categories=(),
            language="en",
            network="unknown",
            wording="",
            requested_at=datetime(2026, 1, 1),  # noqa: DTZ001 - without a zone
        )
