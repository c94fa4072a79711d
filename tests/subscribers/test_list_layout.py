"""Lists of any layout: titles above the header, other delimiters, headers in other languages."""

from __future__ import annotations

import pytest

from digest.subscribers.lists import BadRow, ListedSubscriber, read_list
from digest.subscribers.model import SubscriberState

ACTIVE, UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED


def read(content: str) -> list[tuple[str, SubscriberState | None]]:
    rows = []
    for row in read_list(content.encode(), {}).rows():
        assert isinstance(row, ListedSubscriber), row
        rows.append((row.fields["address"], row.state))
    return rows


#: Each holds a reader and one who left, in this order.
LISTS = {
    "a title": "Readers of 2026\n\nemail,status\na@x.example,active\nb@x.example,unsubscribed\n",
    "a title of columns": (
        "Readers,,\nemail,status,city\na@x.example,active,\nb@x.example,unsubscribed,\n"
    ),
    "spaces before quotes": (
        '"email", "name", "status"\n"a@x.example", "Lee, Ann", "active"\n'
        '"b@x.example", "Ray, Bob", "unsubscribed"\n'
    ),
    "a comma within a name": (
        "E-Mail (work, first);Status\na@x.example;aktiv\nb@x.example;abgemeldet\n"
    ),
    "single quotes": "'email','status'\n'a@x.example','active'\n'b@x.example','unsubscribed'\n",
    "formulas": 'email,status\n="a@x.example",="active"\n="b@x.example",="unsubscribed"\n',
    "colons": "email:status\na@x.example:active\nb@x.example:unsubscribed\n",
    "carets": "email^status\na@x.example^active\nb@x.example^unsubscribed\n",
    "full-width commas": "邮箱，状态\na@x.example，已订阅\nb@x.example，已退订\n",
    "an unknown language": ("Cím;Állapot\na@x.example;Feliratkozott\nb@x.example;Leiratkozott\n"),
    "an unknown language below a title": (
        "Lista\n\nAdres;Stan\na@x.example;Zapisany\nb@x.example;Wypisany\n"
    ),
    "no header": "a@x.example,active\nb@x.example,unsubscribed\n",
    "no header, names first": "Ann;a@x.example;\nBob;b@x.example;unsubscribed\n",
    "no header below a title": "Our readers\na@x.example,\nb@x.example,unsubscribed\n",
    "a quotation mark alone": 'email,size,status\na@x.example,5",\nb@x.example,,unsubscribed\n',
    "a postal address": (
        "Name,Address,City,State,Email,Status\nAnn,1 High St,Reno,NV,a@x.example,Subscribed\n"
        "Bob,,Salem,OR,b@x.example,Unsubscribed\n"
    ),
    "a postal address alone": (
        "Email,City,State\na@x.example,Reno,NO\nb@x.example,Salem,Unsubscribed\n"
    ),
    "status and state": "Status,State,Email\nactive,CA,a@x.example\nunsubscribed,NY,b@x.example\n",
}


@pytest.mark.parametrize("layout", LISTS)
def test_lists_are_read_whatever_their_layout(layout: str) -> None:
    assert read(LISTS[layout]) == [("a@x.example", ACTIVE), ("b@x.example", UNSUBSCRIBED)]


@pytest.mark.parametrize(
    "content",
    [
        "Postbox;Other\na@x.example;b@x.example\n",  # which of the two?
        "Postbox;Other\na@x.example;\n;b@x.example\n",
        'Postbox\n"a"b@x.example\n',
        "Email: of 2026\nname\nAnn\n",
    ],
)
def test_where_the_addresses_are_is_not_guessed(content: str) -> None:
    with pytest.raises(ValueError, match="has no column of addresses"):
        read_list(content.encode(), {})


def test_lines_are_counted_from_the_start_of_the_file() -> None:
    good, bad = read_list(b"A list\n\nemail,name\na@x.example,Ann\nb@x.example,B,more\n", {}).rows()
    assert isinstance(good, ListedSubscriber)
    assert good.line == 4
    assert bad == BadRow(line=5, problem="has more values than the header has names")


def test_a_quotation_mark_in_the_wrong_place_costs_its_own_line_alone() -> None:
    content = 'email,name\na@x.example,"Ann" Lee\nb@x.example,Bob\nc@x.example,"Cy\n'
    first, second, third = read_list(content.encode(), {}).rows()
    assert isinstance(first, BadRow)
    assert first.line == 2
    assert "is no CSV" in first.problem
    assert isinstance(second, ListedSubscriber)
    assert second.fields["address"] == "b@x.example"
    assert isinstance(third, BadRow)


def test_lines_within_a_value_that_is_no_csv_make_no_subscribers() -> None:
    content = 'email,name\na@x.example,"Ann\nevil@x.example,Eve\n" Lee\nb@x.example,Bob\n'
    bad, good = read_list(content.encode(), {}).rows()
    assert isinstance(bad, BadRow)
    assert isinstance(good, ListedSubscriber)
    assert good.fields["address"] == "b@x.example"


@pytest.mark.parametrize(("filler", "state"), [(10, "unsubscribed"), (300, "active")])
def test_the_name_of_a_column_is_looked_at_up_to_a_length(filler: int, state: str) -> None:
    content = f"Email,{'x' * filler}donotmail\nann@example.org,yes\n"
    (row,) = read_list(content.encode(), {}).rows()
    assert isinstance(row, ListedSubscriber)
    assert row.state == state
