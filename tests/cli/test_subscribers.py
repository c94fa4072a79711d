"""`digest subscribers`."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from digest.cli.subscribers import format_categories, parse_categories
from digest.editions.delivery import DeliveryState
from tests import stores
from tests.cli.conftest import Program
from tests.conftest import Workplace


def add(program: Program, address: str, *options: str) -> str:
    ended = program("subscribers", "add", address, "--digest", "daily", *options)
    assert ended.code == 0, ended.err
    return ended.out


def listed(program: Program) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(program("subscribers", "list", "--json").out)
    return rows


def test_add_list_remove(program: Program) -> None:
    assert program("subscribers", "list").out == "No subscribers.\n"
    out = add(
        program,
        "a@example.org",
        "--name",
        "李雷",
        "--categories",
        "金融/市场, Notes",
        "--language",
        "zh-CN",
        "--timezone",
        "Asia/Tokyo",
    )
    assert out == "a@example.org: added\n"
    (row,) = listed(program)
    assert row | {"created_at": "", "changed_at": ""} == {
        "address": "a@example.org",
        "digest": "daily",
        "name": "李雷",
        "categories": "金融/市场, Notes",
        "language": "zh-CN",
        "timezone": "Asia/Tokyo",
        "state": "active",
        "paused_until": "",
        "created_at": "",
        "changed_at": "",
        "reason": "",
    }
    assert "a@example.org" in program("subscribers", "list", "--digest", "daily").out
    assert program("subscribers", "remove", "A@example.org").code == 0
    assert listed(program) == []
    gone = program("subscribers", "remove", "a@example.org")
    assert gone.code == 1
    assert "is not subscribed" in gone.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["no address", "--digest", "daily"], "address"),
        (["a@example.org", "--digest", "dayly"], "did you mean 'daily'?"),
        (["a@example.org", "--digest", "daily", "--language", "中文"], "language tag"),
        (["a@example.org", "--digest", "daily", "--categories", "A//B"], "category"),
        (["a@example.org", "--digest", "daily", "--name", "a\nBcc: b"], "one line"),
    ],
)
def test_what_cannot_be_added_is_told(program: Program, options: list[str], told: str) -> None:
    ended = program("subscribers", "add", *options)
    assert ended.code == 2
    assert told in ended.err
    assert listed(program) == []


def test_categories_read_back() -> None:
    text = "金融/市场, Notes"
    assert format_categories(parse_categories(text)) == text
    assert parse_categories(" , ") == ()


def test_a_suppressed_address_is_shown_with_the_reason_and_can_be_restored(
    program: Program, workplace: Workplace
) -> None:
    program("subscribers", "add", "a@example.org", "--digest", "daily")
    workplace.write("new.md", "新闻")
    program("build")
    with workplace.open() as services:
        deliveries, now = services.store.deliveries, services.clock()
        assert services.store.editions.open_edition(services.digests["daily"], now, now, latest=1)
        (delivery,) = deliveries.claim(1, now, timedelta(minutes=5), {})
        error = "550 5.1.1 no such user"
        stores.settle(
            services.store, delivery.id, DeliveryState.FAILED, now, error=error, bounced=True
        )
    (row,) = listed(program)
    assert (row["state"], row["reason"]) == ("suppressed", error)
    assert row["changed_at"].startswith("2026-11-23T08:00:00")
    program("subscribers", "add", "a@example.org", "--digest", "daily")
    assert listed(program)[0]["state"] == "suppressed"
    assert program("subscribers", "restore", "a@example.org", "--digest", "notes").code == 1
    assert "active again" in program("subscribers", "restore", "A@example.org").out
    (row,) = listed(program)
    assert (row["state"], row["reason"]) == ("active", "")
    assert program("subscribers", "restore", "a@example.org").code == 1


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (("--timezone", "Asia/Tokyo"), {"name": "Kay", "categories": "News", "language": "de"}),
        (("--name", "K."), {"name": "K.", "categories": "News", "language": "de"}),
        (("--categories", ""), {"name": "Kay", "categories": "", "language": "de"}),
        (("--language", ""), {"name": "Kay", "categories": "News", "language": ""}),
        ((), {"name": "Kay", "categories": "News", "language": "de"}),
        (("--consent", "by phone"), {"name": "Kay", "categories": "News", "language": "de"}),
    ],
)
def test_adding_somebody_again_changes_only_what_is_given(
    program: Program, options: tuple[str, ...], left: dict[str, str]
) -> None:
    add(program, "k@example.org", "--name", "Kay", "--categories", "News", "--language", "de")
    add(program, "k@example.org", *options)
    (row,) = listed(program)
    assert {name: row[name] for name in left} == left


def leave(workplace: Workplace, address: str) -> None:
    with workplace.open() as services:
        (one,) = services.store.subscribers.of_address(address)
        services.store.subscribers.unsubscribe(one.id, services.clock(), "by a mail")


def test_who_left_is_not_revived_without_being_told_to(
    program: Program, workplace: Workplace
) -> None:
    add(program, "a@example.org")
    leave(workplace, "a@example.org")
    refused = program("subscribers", "add", "a@example.org", "--digest", "daily", "--name", "A")
    assert refused.code == 1
    assert "is unsubscribed since 2026-11-23 08:00 UTC" in refused.err
    assert "--again" in refused.err
    assert listed(program)[0]["state"] == "unsubscribed"
    assert add(program, "a@example.org", "--again") == "a@example.org: resubscribed\n"
    shown = program("subscribers", "show", "A@example.org").out
    assert [line.split("UTC  ")[1] for line in shown.splitlines() if "UTC  " in line] == [
        "active",
        "unsubscribed (by a mail)",
        "active",
    ]
    (told,) = json.loads(program("subscribers", "show", "a@example.org", "--json").out)
    assert [one["state"] for one in told["history"]] == ["active", "unsubscribed"]


def test_show_tells_what_each_mail_came_to(program: Program, workplace: Workplace) -> None:
    add(program, "a@example.org", "--name", "Ada", "--consent", "by a form")
    workplace.write("new.md", "新闻")
    program("build")
    with workplace.open() as services:
        deliveries, now = services.store.deliveries, services.clock()
        assert services.store.editions.open_edition(services.digests["daily"], now, now, latest=1)
        (delivery,) = deliveries.claim(1, now, timedelta(minutes=5), {})
        stores.settle(services.store, delivery.id, DeliveryState.FAILED, now, error="552 too big")
    shown = program("subscribers", "show", "a@example.org").out
    assert "2026-11-23 08:00 UTC  No. 1 failed: 552 too big" in shown
    assert "by a form" in shown
    (told,) = json.loads(program("subscribers", "show", "a@example.org", "--json").out)
    (mail,) = told["deliveries"]
    assert (mail["number"], mail["state"], mail["answer"]) == (1, "failed", "552 too big")
    assert program("subscribers", "show", "b@example.org").code == 1


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ("News/Locl", "did you mean 'News/Local'?"),
        ("Local", "did you mean 'News/Local'?"),
        ("Nonexistent/Cat", "no article is in the category Nonexistent/Cat so far\n"),
        ("news/local", "did you mean 'News/Local'?"),
        ("News, Newz", "the category Newz"),
        (",".join(f"Other {number}" for number in range(102)), "nor in 2 more of the categories"),
        ("News/Local", ""),
        ("News", ""),
    ],
)
def test_categories_that_no_article_is_in_are_told(
    program: Program, workplace: Workplace, chosen: str, told: str
) -> None:
    workplace.write("News/Local/a.md", "新闻", categories=("News", "Local"))
    program("build")
    ended = program(
        "subscribers", "add", "a@example.org", "--digest", "daily", "--categories", chosen
    )
    assert ended.code == 0
    assert told in " ".join(ended.err.split()) + "\n"
    assert bool(ended.err) == bool(told)


def test_what_is_wrong_is_told_with_its_value(program: Program) -> None:
    added = program("subscribers", "add", "quay", "--digest", "daily")
    assert (added.code, "'quay': an address has one @" in added.err) == (2, True)
    sent = program("send", "daily", "--to", "quay")
    assert (sent.code, "'quay': an address has one @" in sent.err) == (2, True)
    written = program("subscribers", "export", "nowhere/list.csv")
    assert (written.code, written.err) == (
        1,
        "error: nowhere/list.csv: No such file or directory\n",
    )
