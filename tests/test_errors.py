"""Errors carry what they are about, say it in one line, and survive the way between processes."""

from __future__ import annotations

import pickle
from pathlib import PurePosixPath

import pytest

from digest.errors import (
    AccessDenied,
    AddressRefused,
    ConfigurationError,
    DeliveryDeferred,
    DeliveryError,
    DeliveryRefused,
    DigestError,
    OutputError,
    SenderBlocked,
    SourceError,
    StoreError,
    TemplateError,
)

EXAMPLES: list[tuple[DigestError, str]] = [
    (SourceError(PurePosixPath("a/b.md"), 3, "no title"), "a/b.md:3: no title"),
    (SourceError(PurePosixPath("a/b.md"), None, "it is empty"), "a/b.md: it is empty"),
    (
        ConfigurationError("web.port", "99999", "at most 65535"),
        "web.port = 99999: at most 65535",
    ),
    (
        ConfigurationError("site.url", '"https://me:p/w:1@x.example/"', "no"),
        'site.url = "https://…@x.example/": no',
    ),
    (
        ConfigurationError("site.url", '"ftp://x.example/@me"', "no"),
        'site.url = "ftp://x.example/@me": no',
    ),
    (ConfigurationError("mail.smtp.password", None, "missing"), "mail.smtp.password: missing"),
    (
        TemplateError("mail/digest.html", 7, "unknown name"),
        "template mail/digest.html:7: unknown name",
    ),
    (TemplateError("mail/digest.html", None, "not found"), "template mail/digest.html: not found"),
    (
        OutputError(PurePosixPath("public/rss.xml"), "no space"),
        "cannot write public/rss.xml: no space",
    ),
    (StoreError("locked"), "database: locked"),
    (DeliveryError(None, "no answer"), "no answer"),
    (DeliveryDeferred(451, "try later"), "451 try later"),
    (DeliveryRefused(550, "no such user"), "550 no such user"),
    (AccessDenied(535, "wrong password"), "535 wrong password"),
    (AddressRefused(550, "no such user"), "550 no such user"),
    (SenderBlocked(550, "5.7.1 no"), "550 5.7.1 no"),
]


@pytest.mark.parametrize(("error", "text"), EXAMPLES)
def test_an_error_says_where_and_why_in_one_line(error: DigestError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES])
def test_an_error_comes_back_whole_from_a_worker_process(error: DigestError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert back.__dict__ == error.__dict__
    assert back.args == error.args


def test_deferred_and_refused_are_told_apart_and_both_are_delivery_errors() -> None:
    assert issubclass(DeliveryDeferred, DeliveryError)
    assert issubclass(DeliveryRefused, DeliveryError)
    assert not issubclass(DeliveryRefused, DeliveryDeferred)
