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


def test_export_reads_back_as_import(program: Program, workplace: Workplace) -> None:
    add(program, "a@example.org", "--name", 'Li, "Lei"', "--categories", "金融/市场")
    add(program, "b@example.org")
    with workplace.open() as services:
        (first, _), pause = services.store.subscribers.list(), timedelta(days=7)
        services.store.subscribers.prefer(
            first.id,
            services.clock(),
            categories=first.categories,
            language=None,
            timezone=None,
            paused_until=services.clock() + pause,
        )
    assert (
        "No mail until 2026-11-30 08:00 UTC" in program("subscribers", "show", "a@example.org").out
    )
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


def test_of_many_bad_lines_the_first_are_told(program: Program, workplace: Workplace) -> None:
    file = workplace.folder / "list.csv"
    file.write_text("address,digest\n" + "nobody,daily\n" * 250, encoding="utf-8")
    imported = program("subscribers", "import", file)
    assert imported.code == 1
    assert imported.err.count("list.csv:") == 101
    assert "150 more bad lines" in imported.err


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
        deliveries, now = services.store.deliveries, services.clock()
        assert deliveries.open_edition(services.digests["daily"], now, now, latest=1)
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


def test_a_column_that_is_not_there_changes_nothing(program: Program, workplace: Workplace) -> None:
    add(program, "a@example.org", "--name", "Ada", "--timezone", "Asia/Tokyo")
    (workplace.folder / "list.csv").write_text("address,name\na@example.org,Ada Field\n")
    ended = program("subscribers", "import", "list.csv", "--digest", "daily")
    assert ended.out == "1 updated\n"
    (row,) = listed(program)
    assert (row["name"], row["timezone"]) == ("Ada Field", "Asia/Tokyo")


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
        assert deliveries.open_edition(services.digests["daily"], now, now, latest=1)
        (delivery,) = deliveries.claim(1, now, timedelta(minutes=5), {})
        stores.settle(services.store, delivery.id, DeliveryState.FAILED, now, error="552 too big")
    shown = program("subscribers", "show", "a@example.org").out
    assert "2026-11-23 08:00 UTC  No. 1 failed: 552 too big" in shown
    assert "by a form" in shown
    (told,) = json.loads(program("subscribers", "show", "a@example.org", "--json").out)
    (mail,) = told["deliveries"]
    assert (mail["number"], mail["state"], mail["answer"]) == (1, "failed", "552 too big")
    assert program("subscribers", "show", "b@example.org").code == 1


def test_who_had_everything_erased_is_in_no_list_again(
    program: Program, workplace: Workplace
) -> None:
    with workplace.open() as services:
        key = services.token_keys[0]
        services.store.subscribers.erase("a@example.org", services.clock(), key)
    (workplace.folder / "old.csv").write_text("address\na@example.org\n")
    imported = program("subscribers", "import", "old.csv", "--digest", "daily")
    assert imported.out == "1 left out: erased at their own wish\n"
    refused = program("subscribers", "add", "a@example.org", "--digest", "daily")
    assert (refused.code, "had everything erased" in refused.err) == (1, True)
    assert add(program, "a@example.org", "--again") == "a@example.org: added\n"


OPTED_OUT = "address,digest,name,state\nbob@example.org,daily,Bob,unsubscribed\n"


def test_an_opt_out_is_kept_and_wins_over_an_old_list(
    program: Program, workplace: Workplace
) -> None:
    (workplace.folder / "out.csv").write_text(OPTED_OUT)
    (workplace.folder / "old.csv").write_text("address\nbob@example.org\n")
    assert program("subscribers", "import", "out.csv").out == (
        "1 added as unsubscribed or suppressed\n"
    )
    ended = program("subscribers", "import", "old.csv", "--digest", "daily")
    assert ended.out == "1 not revived: unsubscribed or suppressed here\n"
    assert listed(program)[0]["state"] == "unsubscribed"


def test_an_opt_out_in_a_list_ends_an_active_subscription(
    program: Program, workplace: Workplace
) -> None:
    add(program, "BOB@example.org")
    (workplace.folder / "out.csv").write_text(OPTED_OUT)
    tried = program("subscribers", "import", "out.csv", "--dry-run")
    assert "It would be:\n1 ended" in tried.out
    assert listed(program)[0]["state"] == "active"
    assert program("subscribers", "import", "out.csv").out.startswith("1 ended")
    assert listed(program)[0]["state"] == "unsubscribed"


def test_a_move_to_another_database_keeps_everything_and_every_link(
    program: Program, workplace: Workplace
) -> None:
    add(program, "a@example.org", "--name", "Ada")
    add(program, "b@example.org", "--consent", "by a form")
    leave(workplace, "a@example.org")
    program("subscribers", "export", "list.csv")
    before = (workplace.folder / "list.csv").read_text("utf-8")
    with workplace.open() as services:
        persons = {one.address: one.person for one in services.store.subscribers.list()}
    (workplace.settings().paths.data / "digest.db").unlink()
    add(program, "z@example.org")  # other rows have the first numbers
    imported = program("subscribers", "import", "list.csv")
    assert imported.out == "1 added\n1 added as unsubscribed or suppressed\n"
    program("subscribers", "remove", "z@example.org")
    program("subscribers", "export", "after.csv")
    assert (workplace.folder / "after.csv").read_text("utf-8") == before
    with workplace.open() as services:
        after = {one.address: one.person for one in services.store.subscribers.list()}
    assert after == persons


def test_lists_of_other_programs_are_imported(program: Program, workplace: Workplace) -> None:
    (workplace.folder / "list.csv").write_bytes(
        "\ufeffE-Mail;Vorname;Nachname;Status;Ort\r\n"
        "a@example.org;Änne;Groß;subscribed;Ulm\r\n"
        "b@example.org;Bob;;bounced;Ulm\r\n"
        "c@example.org;Cy;;unconfirmed;Ulm\r\n"
        "d@example.org;Dee;;dancing;Ulm\r\n".encode("utf-16")
    )
    ended = program("subscribers", "import", "list.csv", "--digest", "daily")
    assert ended.code == 1
    assert "columns that are not read: Ort" in ended.err
    assert "list.csv:5: has the state 'dancing'" in ended.err
    assert ended.out.splitlines() == [
        "1 added",
        "1 added as unsubscribed or suppressed",
        "1 left out: never confirmed",
        "1 bad lines",
    ]
    assert [(row["name"], row["state"]) for row in listed(program)] == [
        ("Änne Groß", "active"),
        ("Bob", "suppressed"),
    ]


@pytest.mark.parametrize(
    ("pair", "code"),
    [("Box=address", 0), ("box=address", 0), ("Bix=address", 2), ("Box=adress", 2), ("Box", 2)],
)
def test_a_column_can_be_named(
    program: Program, workplace: Workplace, pair: str, code: int
) -> None:
    (workplace.folder / "list.csv").write_text("Box\na@example.org\n")
    ended = program("subscribers", "import", "list.csv", "--digest", "daily", "--map", pair)
    assert ended.code == code
    assert len(listed(program)) == (not code)


@pytest.mark.parametrize(
    ("person", "old", "history"),
    [("x", "", ""), ("", "x", ""), ("", "", "x"), ("A" * 16, "", ""), ("", "1 -2", "")],
)
def test_identifiers_that_are_none_are_bad_lines(
    program: Program, workplace: Workplace, person: str, old: str, history: str
) -> None:
    (workplace.folder / "list.csv").write_text(
        f"address,digest,person,old_ids,history\na@example.org,daily,{person},{old},{history}\n"
    )
    ended = program("subscribers", "import", "list.csv")
    assert ended.code == 1
    assert "list.csv:2:" in ended.err
    assert listed(program) == []


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
