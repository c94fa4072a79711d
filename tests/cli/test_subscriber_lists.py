"""`digest subscribers export` and `import`."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cli.conftest import Program
from tests.cli.test_subscribers import add, leave, listed
from tests.conftest import Workplace

OPTED_OUT = "address,digest,name,state\nbob@example.org,daily,Bob,unsubscribed\n"


def test_export_reads_back_as_import(program: Program, workplace: Workplace) -> None:
    add(program, "a@example.org", "--name", 'Li, "Lei"', "--categories", "金融/市场")
    add(program, "b@example.org")
    with workplace.open() as services:
        (first, _), pause = services.store.subscribers.list(), timedelta(days=7)
        chosen = replace(first, paused_until=services.clock() + pause)
        services.store.subscribers.prefer(chosen, services.clock())
    assert (
        "No mail until 2026-11-30 08:00 UTC" in program("subscribers", "show", "a@example.org").out
    )
    file = workplace.folder / "list.csv"
    assert program("subscribers", "export", file).out.endswith(f" written to {file}.\n")
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


def test_a_column_that_is_not_there_changes_nothing(program: Program, workplace: Workplace) -> None:
    add(program, "a@example.org", "--name", "Ada", "--timezone", "Asia/Tokyo")
    (workplace.folder / "list.csv").write_text("address,name\na@example.org,Ada Field\n")
    ended = program("subscribers", "import", "list.csv", "--digest", "daily")
    assert ended.out == "1 updated\n"
    (row,) = listed(program)
    assert (row["name"], row["timezone"]) == ("Ada Field", "Asia/Tokyo")


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


def test_a_list_of_opt_outs_that_says_so_by_its_name_alone_is_told(
    program: Program, workplace: Workplace
) -> None:
    add(program, "bob@example.org")
    listing = workplace.folder / "cleaned_members_export.csv"
    listing.write_text("email\nbob@example.org\neve@example.org\n")
    tried = program("subscribers", "import", listing, "--digest", "daily", "--dry-run")
    assert "no column says that these readers left" in tried.err
    arguments = ("subscribers", "import", listing, "--digest", "daily", "--state")
    assert program(*arguments, "active").code == 2
    ended = program(*arguments, "suppressed")
    assert ended.err == ""
    assert {row["address"]: row["state"] for row in listed(program)} == {
        "bob@example.org": "suppressed",
        "eve@example.org": "suppressed",
    }


def test_an_opt_out_counts_whatever_else_its_line_says(
    program: Program, workplace: Workplace
) -> None:
    add(program, "bob@example.org", "--language", "de")
    (workplace.folder / "out.csv").write_text(
        "email,status,language,timezone\nbob@example.org,unsubscribed,Deutsch!,Ulm Time\n"
        "nobody,unsubscribed,de,\n"
    )
    ended = program("subscribers", "import", "out.csv", "--digest", "daily")
    assert ended.out == "1 ended: unsubscribed or suppressed in the list\n1 bad line\n"
    (row,) = listed(program)
    assert (row["state"], row["language"]) == ("unsubscribed", "de")


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


def test_values_that_may_be_an_opt_out_are_told(program: Program, workplace: Workplace) -> None:
    states = ["Da verificare", "Da verificare", "Iscritto", "Disiscritto", "x" * 99]
    rows = [f"r{number}@example.org,{state}" for number, state in enumerate(states)]
    (workplace.folder / "list.csv").write_text("\n".join(["email,Stato", *rows]), "utf-8")
    ended = program("subscribers", "import", "list.csv", "--digest", "daily", "--dry-run")
    assert ended.code == 0
    assert "'Stato' is 'Da verificare' 2 times: no state that is known" in ended.err
    assert f"'Stato' is '{'x' * 40}' 1 time: " in ended.err
    assert "scritto" not in ended.err


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
        "1 bad line",
    ]
    assert [(row["name"], row["state"]) for row in listed(program)] == [
        ("Änne Groß", "active"),
        ("Bob", "suppressed"),
    ]


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ("Box=address", 0),
        ("box=address", 0),
        ("Box=-", 2),
        ("Bix=address", 2),
        ("Box=adress", 2),
        ("Box", 2),
    ],
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
