from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from digest.subscribers.model import NewSubscriber
from tests.mail.samples import make_subscriber


def test_a_subscriber_needs_utc() -> None:
    with pytest.raises(ValueError, match="created_at"):
        replace(make_subscriber(), created_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_new_subscriber_reads_all_in_the_digests_language() -> None:
    new = NewSubscriber(address="a@example.org", digest="daily")
    assert (new.name, new.categories, new.language) == ("", (), None)
