"""`digest subscribers`."""

from __future__ import annotations

import csv
import io
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


def test_export_reads_back_as_import(program: Program, workplace: Workplace) -> None:
    add(program, "a@example.org", "--name", 'Li, "Lei"', "--categories", "金融/市场")
    add(program, "b@example.org")
    file = workplace.folder / "list.csv"
    program("subscribers", "export", file)
    before = listed(program)
    for address in ("a@example.org", "b@example.org"):
        program("subscribers", "remove", address)

    imported = program("subscribers", "import", file)

    assert imported.code == 0
    assert "2 added" in imported.out
    fresh = {"created_at": "", "changed_at": ""}
    assert [row | fresh for row in listed(program)] == [row | fresh for row in before]
    shown = program("subscribers", "export", "--digest", "daily").out
    assert len(list(csv.DictReader(io.StringIO(shown)))) == 2


CSV = """\
Address,digest,name,categories,language,state
good@example.org,daily,,,,
"multi
line",daily,,,,
no address,daily,,,,
left@example.org,daily,,,,unsubscribed
other@example.org,weekly,,,,
lang@example.org,daily,,,中文,
more@example.org,daily,,,,,surplus
"""


def test_bad_lines_are_told_by_number_and_the_rest_imported(
    program: Program, workplace: Workplace
) -> None:
    file = workplace.folder / "list.csv"
    file.write_text(CSV, encoding="utf-8-sig")

    imported = program("subscribers", "import", file)

    assert imported.code == 1
    assert [(row["address"], row["state"]) for row in listed(program)] == [
        ("good@example.org", "active"),
        ("left@example.org", "unsubscribed"),
    ]
    told = [line for line in imported.err.splitlines() if "list.csv:" in line]
    assert [line.split("list.csv:")[1].split(":")[0] for line in told] == ["4", "5", "7", "8", "9"]
    assert "1 added" in imported.out
    assert "1 added as unsubscribed" in imported.out


def test_strict_imports_all_or_nothing(program: Program, workplace: Workplace) -> None:
    file = workplace.folder / "list.csv"
    file.write_text(CSV, encoding="utf-8")
    assert program("subscribers", "import", "--strict", file).code == 1
    assert listed(program) == []


def test_lines_without_a_digest_take_the_one_given(program: Program, workplace: Workplace) -> None:
    file = workplace.folder / "list.csv"
    file.write_text("address\na@example.org\n", encoding="utf-8")
    assert program("subscribers", "import", file).code == 1
    assert program("subscribers", "import", file, "--digest", "notes").code == 0
    assert [row["digest"] for row in listed(program)] == ["notes"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"name\nx\n", "has no column of addresses"),
        (b"\n", "the file is empty"),
        (b"", "the file is empty"),
        (b"name;city\nx;y\n", "name, city"),
        (bytes(range(256)), "is binary, not text"),
    ],
)
def test_a_file_that_is_no_list_ends_with_2(
    program: Program, workplace: Workplace, content: bytes, told: str
) -> None:
    file = workplace.folder / "list.csv"
    file.write_bytes(content)
    ended = program("subscribers", "import", file)
    assert ended.code == 2
    assert told in " ".join(ended.err.replace("│", " ").split())


def test_a_file_that_is_not_there_ends_with_2(program: Program) -> None:
    ended = program("subscribers", "import", "gone.csv")
    assert ended.code == 2
    assert "gone.csv" in ended.err


def test_quotes_that_never_close_are_told(program: Program, workplace: Workplace) -> None:
    file = workplace.folder / "list.csv"
    file.write_text('address,digest\na@example.org,"daily\n', encoding="utf-8")
    assert program("subscribers", "import", file).code == 1


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
        outbox, now = services.store.outbox, services.clock()
        assert outbox.open_edition(services.digests["daily"], now, now, latest=1)
        (delivery,) = outbox.claim(1, now, timedelta(minutes=5), {})
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


def test_a_column_that_is_not_there_changes_nothing(program: Program, workplace: Workplace) -> None:
    add(program, "a@example.org", "--name", "Ada", "--timezone", "Asia/Tokyo")
    (workplace.folder / "list.csv").write_text("address,name\na@example.org,Ada Field\n")
    ended = program("subscribers", "import", "list.csv", "--digest", "daily")
    assert ended.out == "1 updated\n"
    (row,) = listed(program)
    assert (row["name"], row["timezone"]) == ("Ada Field", "Asia/Tokyo")
