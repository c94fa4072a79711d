"""Lists of subscribers: what other programs export is understood, our own comes back whole."""

from __future__ import annotations

from datetime import UTC, datetime
from time import process_time, tzset

import pytest

from digest.subscribers.list_row_state import moment
from digest.subscribers.lists import (
    BadRow,
    ListedSubscriber,
    check_history,
    check_old_ids,
    check_person,
    read_list,
    write_list,
)
from digest.subscribers.model import NewSubscriber, PastState, SubscriberState

ACTIVE, UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED
SUPPRESSED = SubscriberState.SUPPRESSED
#: The header and a row for each state of exports: address -> state; None: never confirmed.
EXPORTS: dict[str, tuple[str, dict[str, SubscriberState | None]]] = {
    "listmonk": (
        (
            "uuid,email,name,attributes,status,created_at,updated_at\n"
            '5ab1,a@x.example,Ann,"{""city"": ""Ulm""}",enabled,2021-05-01 10:00:00,2021-05-02\n'
            "5ab2,b@x.example,Bob,{},disabled,2021-05-01,2021-05-02\n"
            "5ab3,c@x.example,Cy,{},blocklisted,2021-05-01,2021-05-02\n"
        ),
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": SUPPRESSED},
    ),
    "mailchimp subscribed": (
        (
            '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP\n'
            'a@x.example,Ann,Lee,2,"2020-01-02 03:04:05",192.0.2.7\n'
        ),
        {"a": ACTIVE},
    ),
    "mailchimp unsubscribed": (
        (
            "Email Address,First Name,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON\n"
            "a@x.example,Ann,2022-02-03 04:05:06,May,NORMAL\n"
        ),
        {"a": UNSUBSCRIBED},
    ),
    "mailchimp cleaned": (
        "Email Address,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE\na@x.example,2022-02-03 04:05:06,May\n",
        {"a": SUPPRESSED},
    ),
    "substack": (
        (
            "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"
            "a@x.example,false,,other,false,2022-01-01T00:00:00.000Z,\n"
            "b@x.example,true,,yearly,true,2022-01-01T00:00:00.000Z,\n"
        ),
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "ghost": (
        (
            "id,email,name,note,subscribed_to_emails,complimentary_plan,created_at,deleted_at,labels\n"
            "1,a@x.example,Ann,,true,,2023-01-01T00:00:00.000Z,,\n"
            "2,b@x.example,Bob,,false,,2023-01-01T00:00:00.000Z,,\n"
            "3,c@x.example,Cy,,true,,2023-01-01T00:00:00.000Z,2023-05-01T00:00:00.000Z,\n"
        ),
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": UNSUBSCRIBED},
    ),
    "buttondown": (
        (
            "id,email,notes,tags,source,subscriber_type,creation_date,unsubscription_date\n"
            "1,a@x.example,,,,regular,2024-01-01,\n"
            "2,b@x.example,,,,unsubscribed,2024-01-01,2024-02-01\n"
            "3,c@x.example,,,,undeliverable,2024-01-01,\n"
            "4,d@x.example,,,,unactivated,2024-01-01,\n"
        ),
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": SUPPRESSED, "d": None},
    ),
    "sendy": (
        (
            '"Name","Email","Status"\n'
            '"Ann","a@x.example","Subscribed"\n"Bob","b@x.example","Unsubscribed"\n'
            '"Cy","c@x.example","Bounced"\n"Dee","d@x.example","Marked as spam"\n'
            '"Eve","e@x.example","Unconfirmed"\n"Fay","f@x.example","Soft bounced"\n'
        ),
        {
            "a": ACTIVE,
            "b": UNSUBSCRIBED,
            "c": SUPPRESSED,
            "d": SUPPRESSED,
            "e": None,
            "f": SUPPRESSED,
        },
    ),
    "beehiiv": (
        (
            "Email,Status,Created At,UTM Source\na@x.example,active,2024-01-01,x\n"
            "b@x.example,inactive,2024-01-01,x\nc@x.example,pending,2024-01-01,x\n"
            "d@x.example,needs_attention,2024-01-01,x\n"
        ),
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": None, "d": None},
    ),
    "convertkit": (
        (
            "First Name,Email,Status,Created At\nAnn,a@x.example,active,2024-01-01\n"
            "Bob,b@x.example,cancelled,2024-01-01\nCy,c@x.example,complained,2024-01-01\n"
        ),
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": SUPPRESSED},
    ),
    "mailerlite": (
        (
            "Subscriber,Name,Last name,Status,Subscribed,Unsubscribed\n"
            "a@x.example,Ann,Lee,active,2024-01-01 00:00:00,\n"
            "b@x.example,Bob,,unsubscribed,2024-01-01 00:00:00,2024-02-01 00:00:00\n"
            "c@x.example,Cy,,junk,2024-01-01 00:00:00,\n"
        ),
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": SUPPRESSED},
    ),
    "wix": (
        (
            "Email 1,First Name,Last Name,Email subscriber status\n"
            "a@x.example,Ann,Lee,Subscribed\nb@x.example,Bob,Ray,Unsubscribed\n"
            "c@x.example,Cy,Moe,Never subscribed\n"
        ),
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": None},
    ),
    "google contacts": (
        "Name,Given Name,E-mail 1 - Type,E-mail 1 - Value\nAnn Lee,Ann,* ,a@x.example\n",
        {"a": ACTIVE},
    ),
    "phplist": (
        (
            "Email;Is this subscriber confirmed;Is this subscriber blacklisted;Entered\n"
            "a@x.example;1;0;2020-01-01 00:00:00\nb@x.example;1;1;2020-01-01 00:00:00\n"
            "c@x.example;0;0;2020-01-01 00:00:00\n"
        ),
        {"a": ACTIVE, "b": SUPPRESSED, "c": None},
    ),
    "mailtrain": (
        (
            "EMAIL,FIRST_NAME,LAST_NAME,STATUS\na@x.example,Ann,Lee,1\nb@x.example,B,,2\n"
            "c@x.example,C,,3\nd@x.example,D,,4\n"
        ),
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": SUPPRESSED, "d": SUPPRESSED},
    ),
    "a spreadsheet": (
        "sep=;\nVorname;Nachname;E-Mail-Adresse;Abgemeldet am\nÄnne;Groß;a@x.example;\n",
        {"a": ACTIVE},
    ),
    "a list of addresses": ("a@x.example\nb@x.example\n", {"a": ACTIVE, "b": ACTIVE}),
}


def rows(content: bytes | str, **mapped: str) -> list[ListedSubscriber | BadRow]:
    raw = content.encode() if isinstance(content, str) else content
    return list(read_list(raw, mapped).rows())


def only(content: bytes | str, **mapped: str) -> ListedSubscriber:
    (row,) = rows(content, **mapped)
    assert isinstance(row, ListedSubscriber)
    return row


@pytest.mark.parametrize("program", EXPORTS)
def test_exports_of_other_programs_are_understood(program: str) -> None:
    content, states = EXPORTS[program]
    found = {}
    for row in rows(content):
        assert isinstance(row, ListedSubscriber)
        found[row.fields["address"]] = row.state
    if program == "a list of addresses":  # whose first line is no header
        assert found == {"b@x.example": ACTIVE} | {"a@x.example": ACTIVE}
    assert found == {f"{letter}@x.example": state for letter, state in states.items()}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("address", "ann@example.org"),
        ("email", "ann@example.org"),
        ("Email Address", "ann@example.org"),
        ("E-Mail", "ann@example.org"),
        ("e_mail", "ann@example.org"),
        ("Courriel", "ann@example.org"),
        ("Correo electrónico", "ann@example.org"),
        ("メールアドレス", "ann@example.org"),
        ("邮箱", "ann@example.org"),
        ("\ufeffEMAIL", "ann@example.org"),
    ],
)
def test_the_column_of_addresses_has_many_names(header: str, value: str) -> None:
    assert only(f"{header},name\r\n{value},Ann\r\n").fields == {"address": value, "name": "Ann"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]
)
def test_delimiters_and_encodings_are_recognized(delimiter: str, encoding: str) -> None:
    text = f"email{delimiter}name\r\nann@example.org{delimiter}Änne Müller-Groß\r\n"
    text += f'bob@example.org{delimiter}"Bob{delimiter} the ""Büilder"""\r\n'
    first, second = rows(text.encode(encoding))
    assert isinstance(first, ListedSubscriber)
    assert isinstance(second, ListedSubscriber)
    assert first.fields == {"address": "ann@example.org", "name": "Änne Müller-Groß"}
    assert second.fields["name"] == f'Bob{delimiter} the "Büilder"'
    assert (first.line, second.line) == (2, 3)


def test_a_chinese_spreadsheet_is_read() -> None:
    text = "邮箱,姓名,城市\nli@example.org,李雷,北京市海淀区中关村大街\n"
    assert only(text.encode("gb18030")).fields == {"address": "li@example.org", "name": "李雷"}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("email,First Name,Last Name\na@x.example,Ann,Lee", "Ann Lee"),
        ("email,Last Name,First Name\na@x.example,Lee,Ann", "Ann Lee"),
        ("email,First Name,Last Name\na@x.example,,Lee", "Lee"),
        ("email,name,First Name\na@x.example,Dr. Ann Lee,Ann", "Dr. Ann Lee"),
        ("email,First Name\na@x.example,", None),
        ("email,name\na@x.example,", ""),
        ("email\na@x.example", None),
    ],
)
def test_names_are_put_together(content: str, name: str | None) -> None:
    assert only(content).fields.get("name") == name


@pytest.mark.parametrize(
    ("content", "state", "since"),
    [
        ("email,unsubscribed\na@x.example,true", UNSUBSCRIBED, None),
        ("email,unsubscribed\na@x.example,0", ACTIVE, None),
        ("email,unsubscribed at\na@x.example,2024-02-01", UNSUBSCRIBED,
         datetime(2024, 2, 1, tzinfo=UTC)),
        ("email,state,since\na@x.example,suppressed,2024-02-01 10:00", SUPPRESSED,
         datetime(2024, 2, 1, 10, tzinfo=UTC)),
        ("email,status,unsubscribed\na@x.example,bounced,yes", UNSUBSCRIBED, None),
        ("email,status,subscribed\na@x.example,active,no", UNSUBSCRIBED, None),
        ("email,status,confirmed\na@x.example,,no", None, None),
        ("email,status,confirmed\na@x.example,unsubscribed,no", UNSUBSCRIBED, None),
        ("email,type\na@x.example,customer", ACTIVE, None),
        ("E-Mail;Abonniert\na@x.example;ja", ACTIVE, None),
        ("E-Mail;Abonniert\na@x.example;nein", UNSUBSCRIBED, None),
        ("E-Mail;Abonniert\na@x.example;vielleicht", ACTIVE, None),
        ("Courriel;Abonné\na@x.example;non", UNSUBSCRIBED, None),
        ("Courriel;Désabonné\na@x.example;non", ACTIVE, None),
        ("Correo;Suscrito\na@x.example;no", UNSUBSCRIBED, None),
        ("email;Newsletter subscribed\na@x.example;não", UNSUBSCRIBED, None),
        ("email,unsubscribed\na@x.example,nee", ACTIVE, None),
        ("邮箱,订阅状态\na@x.example,否", UNSUBSCRIBED, None),
        ("email,status\na@x.example,нет", UNSUBSCRIBED, None),
    ],
)  # fmt: skip
def test_of_several_states_the_one_that_means_less_mail_counts(
    content: str, state: SubscriberState | None, since: datetime | None
) -> None:
    row = only(content)
    assert (row.state, row.since) == (state, since)


def test_evidence_of_consent_is_kept() -> None:
    row = only(EXPORTS["mailchimp subscribed"][0])
    assert row.fields["consent"] == "OPTIN_TIME: 2020-01-02 03:04:05; OPTIN_IP: 192.0.2.7"
    row = only("email,consent,source\na@x.example,by a form,web")
    assert row.fields["consent"] == "by a form"


def test_a_date_in_the_column_subscribed_is_one() -> None:
    row = only("email,Subscribed\na@x.example,2024-01-01 00:00:00")
    assert (row.state, row.created_at) == (ACTIVE, datetime(2024, 1, 1, tzinfo=UTC))


def test_columns_are_as_the_operator_says() -> None:
    content = "Postbox,Title,Full,Standing\na@x.example,Dr.,Ann,bounced\n"
    listed = read_list(
        content.encode(), {"postbox": "address", "Full": "name", "Standing": "state"}
    )
    (row,) = listed.rows()
    assert isinstance(row, ListedSubscriber)
    assert row.fields == {"address": "a@x.example", "name": "Ann"}
    assert row.state is SUPPRESSED
    assert listed.ignored == ("Title",)


def test_a_column_can_be_left_unread() -> None:
    content = "email,state,zone,box\na@x.example,Ohio,GMT+1,unsubscribed\n"
    listed = read_list(content.encode(), {"State": "-", "zone": "-", "box": "-"})
    (row,) = listed.rows()
    assert isinstance(row, ListedSubscriber)
    assert (row.state, row.fields) == (ACTIVE, {"address": "a@x.example"})
    assert listed.ignored == ()


@pytest.mark.parametrize(
    ("content", "mapped", "problem"),
    [
        (b"name,city\nx,y\n", {}, "no column of addresses in its first line (name, city)"),
        (b"name\nx\n", {"mail": "address"}, "has no column 'mail'; it has name"),
        (b"", {}, "empty"),
        (b"# readers\n\n#\n", {}, "no lines but comments"),
        (b'"email\n', {}, "is no CSV"),
        (b"\x00\x01\x02\x03" * 99, {}, "not text"),
    ],
)
def test_what_is_no_list_is_told(content: bytes, mapped: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is compared below
        read_list(content, mapped)
    assert problem in str(raised.value)


def test_a_header_of_a_thousand_columns_is_told_in_short() -> None:
    with pytest.raises(ValueError, match="and 960 more") as raised:
        read_list(",".join("x" * 1_000 for _ in range(1_000)).encode(), {})
    assert len(str(raised.value)) < 3_000


def test_bad_rows_are_told_by_line_and_empty_ones_skipped() -> None:
    content = 'email,status\na@x.example,odd\n\n ,\nb@x.example,active,more\n"c@x.example,active\n'
    first, second, third = rows(content)
    assert first == BadRow(line=2, problem="has the state 'odd', which is not known")
    assert second == BadRow(line=5, problem="has more values than the header has names")
    assert isinstance(third, BadRow)
    assert "is no CSV" in third.problem


@pytest.mark.parametrize("long", ["x" * 140_000, '"' + "x\nevil@example.org\n" * 8_000 + '"'])
def test_a_value_that_is_too_long_is_told_and_the_list_goes_on(long: str) -> None:
    bad, good = rows(f"name,email\n{long},a@example.org\nAda,b@example.org\n")
    assert isinstance(bad, BadRow)
    assert bad.problem.endswith(" characters; at most 131,072 count")
    assert isinstance(good, ListedSubscriber)
    assert good.fields == {"name": "Ada", "address": "b@example.org"}


def test_a_list_of_our_own_comes_back_whole() -> None:
    whole = NewSubscriber(
        address="ann@example.org",
        digest="daily",
        name='Ann "A," Lee',
        categories=(),
        language="de",
        timezone="Asia/Tokyo",
        consent="by a form",
        state=UNSUBSCRIBED,
        since=datetime(2024, 2, 1, 8, 30, 0, 123456, tzinfo=UTC),
        reason="by the link in a mail",
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        person="a" * 16,
        old_ids=("17", "b" * 16),
        history=(PastState(state=ACTIVE, since=datetime(2024, 1, 1, tzinfo=UTC), reason="é"),),
    )
    bare = NewSubscriber(address="b@example.org", digest="daily")
    text = write_list([whole, bare], {0: "News/Local", 1: ""})
    first, second = rows(text)
    assert isinstance(first, ListedSubscriber)
    assert isinstance(second, ListedSubscriber)
    assert (first.state, first.since, first.created_at) == (
        whole.state, whole.since, whole.created_at,
    )  # fmt: skip
    assert first.fields["categories"] == "News/Local"
    assert check_person(first.fields["person"]) == whole.person
    assert check_old_ids(first.fields["old_ids"]) == whole.old_ids
    assert check_history(first.fields["history"]) == whole.history
    assert (second.state, second.since) == (ACTIVE, None)
    assert check_person(second.fields["person"]) is None
    assert check_history(second.fields["history"]) == ()


@pytest.mark.parametrize("text", ["x", "A" * 16, "a" * 17, "'; drop", "1"])
def test_what_is_no_person_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no identifier of a person"):
        check_person(text)


@pytest.mark.parametrize("text", ["0", "-1", "1 x", "9" * 20, "٣", "b" * 15])
def test_what_is_no_old_identifier_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no identifier"):
        check_old_ids(text)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{}x",
        "[1]",
        "[" * 100_000,
        '[["odd", "2024-01-01", ""]]',
        '[["active", "x", ""]]',
        '[["active"]]',
    ],
)
def test_a_history_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        check_history(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02 03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05.678Z", datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2024-01-02 03:04:05 UTC", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_read_where_they_can_be(text: str, read: datetime | None) -> None:
    assert moment(text) == read


#: Lists whose opt-outs, names or first lines are unlike those above: text, encoding, states.
OTHERS: dict[str, tuple[str, str, dict[str, SubscriberState | None]]] = {
    "excel utf16": (
        (
            "Email\tVorname\tNachname\tStatus\n"
            "a@x.example\tJürgen\tGroß\tAktiv\n"
            "b@x.example\tB\tC\tAbgemeldet\n"
        ),
        "utf-16",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "cp1252": (
        ("Courriel;Prénom;Nom;Statut\na@x.example;Zoé;Noël;Abonné\nb@x.example;R;É;Désabonné\n"),
        "cp1252",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "gbk": (
        ("邮箱,姓名,状态\na@x.example,李雷,已订阅\nb@x.example,韩梅梅,已退订\n"),
        "gb18030",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "leading blank lines": (
        ("\n\nemail,name\na@x.example,A\n"),
        "utf-8",
        {"a": ACTIVE},
    ),
    "comment lines": (
        ("# exported 2024\nemail,name\na@x.example,A\n"),
        "utf-8",
        {"a": ACTIVE},
    ),
    "angle form": (
        ("email\nAnn Lee <a@x.example>\n"),
        "utf-8",
        {"a": ACTIVE},
    ),
    "mailto": (
        ("email\nmailto:a@x.example\n"),
        "utf-8",
        {"a": ACTIVE},
    ),
    "extra trailing comma in rows": (
        ("email,name\na@x.example,Ann,\n"),
        "utf-8",
        {"a": ACTIVE},
    ),
    "brevo": (
        (
            "CONTACT ID,EMAIL,FIRSTNAME,LASTNAME,SMS,EMAIL_BLOCKLISTED,ADDED_TIME\n"
            "1,a@x.example,A,B,,0,28-11-2023 10:00:00\n"
            "2,b@x.example,A,B,,1,28-11-2023\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": SUPPRESSED},
    ),
    "sendgrid suppr": (
        ("status,reason,email,created\n5.1.1,550 no such user,a@x.example,1612345678\n"),
        "utf-8",
        {"a": SUPPRESSED},
    ),
    "hubspot": (
        (
            "Record ID,First Name,Last Name,Email,Unsubscribed from all email,Marketing conta"
            "ct status\n"
            "1,A,B,a@x.example,No,Marketing contact\n"
            "2,A,B,b@x.example,Yes,Non-marketing contact\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "cc perm": (
        (
            "Email address,Email permission status\n"
            "a@x.example,Express\n"
            "b@x.example,Unsubscribed\n"
            "c@x.example,Pending\n"
            "d@x.example,No Permissions Set\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": None, "d": ACTIVE},
    ),
    "mailman": (
        ("a@x.example\nB Bee <b@x.example>\n"),
        "utf-8",
        {"a": ACTIVE, "b": ACTIVE},
    ),
    "mailpoet": (
        (
            "Email,First name,Last name,List,Global Status,List Status\n"
            "a@x.example,A,B,L,Subscribed,Subscribed\n"
            "b@x.example,A,B,L,Unsubscribed,Unsubscribed\n"
            "c@x.example,,,L,Bounced,Subscribed\n"
            "d@x.example,,,L,Subscribed,Unsubscribed\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": SUPPRESSED, "d": UNSUBSCRIBED},
    ),
    "cleverreach": (
        (
            "E-Mail;Registriert am;Aktiviert am;Abgemeldet am;Vorname\n"
            "a@x.example;01.02.2021 10:00;01.02.2021;;A\n"
            "b@x.example;01.02.2021;01.02.2021;05.06.2022;B\n"
            "c@x.example;01.02.2021;;;C\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": None},
    ),
    "keila": (
        (
            "Email,First name,Last name,Data,Status\n"
            "a@x.example,A,B,{},active\n"
            "b@x.example,A,B,{},unsubscribed\n"
            "c@x.example,A,B,{},unreachable\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": SUPPRESSED},
    ),
    "german": (
        (
            "E-Mail-Adresse;Status\n"
            "a@x.example;aktiv\n"
            "b@x.example;abgemeldet\n"
            "c@x.example;gesperrt\n"
            "d@x.example;unbestätigt\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": SUPPRESSED, "d": None},
    ),
    "japanese": (
        ("メールアドレス,ステータス\na@x.example,有効\nb@x.example,解除\n"),
        "shift_jis",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "is_active": (
        ("email,is_active\na@x.example,1\nb@x.example,0\n"),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "header quoted newline": (
        ('"email","notes\nof old"\na@x.example,"x\ny"\n'),
        "utf-8",
        {"a": ACTIVE},
    ),
    "mautic": (
        (
            "id,firstname,lastname,email,dateAdded,dnc\n"
            "1,A,B,a@x.example,2021-05-01,0\n"
            "2,A,B,b@x.example,2021,1\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "phplist": (
        (
            "email,confirmed,blacklisted,optedin,bouncecount,entered,modified\n"
            "a@x.example,1,0,0,0,2021-05-01 10:00:00,\n"
            "b@x.example,1,1,0,2,2021,\n"
            "c@x.example,0,0,0,0,2021,\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": SUPPRESSED, "c": None},
    ),
    "sep=": (
        ("sep=;\r\nE-mail address;Date added\r\na@x.example;01.02.2024\r\n"),
        "utf-8",
        {"a": ACTIVE},
    ),
    "moosend": (
        (
            "Email,Name,Member Status,Created On\n"
            "a@x.example,A,Subscribed,1/2/2021 10:00:00 AM\n"
            "b@x.example,A,Archived,\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "zeros for nothing": (
        (
            "email,unsubscribed_at,Complaints,Bounced\na@x.example,0000-00-00 00:00:00,0.0%,0\n"
            "b@x.example,2024-01-02,0,0\nc@x.example,0000-00-00,0,1\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": SUPPRESSED},
    ),
    "marketing consent in words": (
        (
            "Email,Email Marketing Consent,Email Suppressions\n"
            "a@x.example,SUBSCRIBED,\n"
            "b@x.example,UNSUBSCRIBED,\n"
            "c@x.example,NEVER_SUBSCRIBED,\n"
            "d@x.example,SUBSCRIBED,USER_SUPPRESSED\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": None, "d": SUPPRESSED},
    ),
    "mailjet": (
        (
            "email,isunsubscribed,isexcludedfromcampaigns,isspamcomplaining\n"
            "a@x.example,false,false,false\n"
            "b@x.example,true,false,false\n"
            "c@x.example,false,true,false\n"
            "d@x.example,false,false,true\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": UNSUBSCRIBED, "d": SUPPRESSED},
    ),
    "brevo in German": (
        "KONTAKT-ID;E-MAIL;E-Mail blockiert\n1;a@x.example;Nein\n2;b@x.example;Ja\n",
        "utf-8",
        {"a": ACTIVE, "b": SUPPRESSED},
    ),
    "mailerlite in German": (
        (
            "Abonnent;Zustand;Abgemeldet\n"
            "a@x.example;aktiv;\nb@x.example;aktiv;2024-01-01\nc@x.example;storniert;\n"
        ),
        "cp1252",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": UNSUBSCRIBED},
    ),
    "korean": (
        "이메일,이름,상태\na@x.example,김,구독중\nb@x.example,이,수신거부\n",
        "cp949",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "russian": (
        "Эл. почта;Имя;Статус\na@x.example;Иван Петров;Подписан\nb@x.example;Мария;Отписан\n",
        "cp1251",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "turkish": (
        "E-posta adresi;Ad;Durum\na@x.example;Işık;Abone\nb@x.example;Şule;Abonelikten çıktı\n",
        "cp1254",
        {"a": ACTIVE, "b": UNSUBSCRIBED},
    ),
    "words in yes-or-no columns": (
        (
            "email,active,confirmed,opted out\n"
            "a@x.example,subscribed,yes,n/a\n"
            "b@x.example,unsubscribed,yes,\n"
            "c@x.example,yes,pending,\n"
            "d@x.example,yes,yes,2024-01-02\n"
        ),
        "utf-8",
        {"a": ACTIVE, "b": UNSUBSCRIBED, "c": None, "d": UNSUBSCRIBED},
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_no_opt_out_is_overlooked(kind: str) -> None:
    text, encoding, states = OTHERS[kind]
    read = {}
    for row in read_list(text.encode(encoding), {}).rows():
        assert isinstance(row, ListedSubscriber), row
        read[row.fields["address"].removesuffix("@x.example")] = row.state
    assert read == states


def test_a_name_before_an_address_is_the_readers() -> None:
    rows = list(read_list(b'email\n"""Lee, Ann"" <a@x.example>"\n', {}).rows())
    assert isinstance(rows[0], ListedSubscriber)
    assert rows[0].fields == {"address": "a@x.example", "name": "Lee, Ann"}
    named = list(read_list(b"email,name\nAnn <a@x.example>,Anna\n", {}).rows())
    assert isinstance(named[0], ListedSubscriber)
    assert named[0].fields["name"] == "Anna"
    (nobody,) = read_list(b"email,name\n,Anna\n", {}).rows()
    assert isinstance(nobody, ListedSubscriber)
    assert nobody.fields == {"address": "", "name": "Anna"}


@pytest.mark.parametrize(
    ("text", "day"),
    [("01.02.2024 10:30", 1), ("2024/2/3", 3), ("2024-2-4", 4), ("5.2.2024", 5), ("2024-02-06", 6)],
)
def test_dates_of_spreadsheets_are_read(text: str, day: int) -> None:
    read = moment(text)
    assert read is not None
    assert (read.year, read.month, read.day) == (2024, 2, day)


@pytest.mark.parametrize("word", ["No", "Não", "нет", "いいえ", "아니요", "hayır", "nej", "لا"])
def test_a_no_in_any_language_is_no_subscription(word: str) -> None:
    (row,) = read_list(f"email,subscribed\na@x.example,{word}\n".encode(), {}).rows()
    assert isinstance(row, ListedSubscriber)
    assert row.state is UNSUBSCRIBED


#: No and yes as spreadsheets in other languages, databases and people write them.
@pytest.mark.parametrize(
    ("no", "yes"),
    [
        *(("f", "t"), ("FALSE", "TRUE"), ("0.0", "1.0"), ("\\N", "2024-01-01"), ("nil", "1")),
        *(("(null)", "x"), ("[]", "*yes*"), ("undefined", "Y"), ("-", "+"), ("—", "X")),
        *(("FALSCH", "WAHR"), ("FAUX", "VRAI"), ("FALSO", "VERDADERO"), ("FALSO", "VERO")),
        *(("ЛОЖЬ", "ИСТИНА"), ("FAŁSZ", "PRAWDA"), ("ONWAAR", "WAAR"), ("FALSKT", "SANT")),
        *(("USANN", "SANN"), ("YANLIŞ", "DOĞRU"), ("EPÄTOSI", "TOSI"), ("NEPRAVDA", "PRAVDA")),
        *(("ne", "ano"), ("nem", "igen"), ("όχι", "ναι"), ("không", "có"), ("HAYIR", "EVET")),
        *(("✗", "✓"), ("☐", "☑"), ("❌", "✅"), ("❌\ufe0f", "✔\ufe0f"), ("×", "○"), ("−", "√")),
    ],
)
def test_what_says_no_and_what_says_yes_is_told_apart(no: str, yes: str) -> None:
    listed = rows(
        "email;is_active;confirmed;opted out;bounced\n"
        f"a@x.example;{yes};{yes};{no};{no}\n"
        f"b@x.example;{no};{yes};{no};{no}\n"
        f"c@x.example;{yes};{no};{no};{no}\n"
        f"d@x.example;{yes};{yes};{yes};{no}\n"
        f"e@x.example;{yes};{yes};{no};{yes}\n"
    )
    states = [row.state for row in listed if isinstance(row, ListedSubscriber)]
    assert states == [ACTIVE, UNSUBSCRIBED, None, UNSUBSCRIBED, SUPPRESSED]


@pytest.mark.parametrize(
    ("content", "unclear"),
    [
        ("email;Stato\na@x.example;Da verificare", (("Stato", "Da verificare"),)),
        ("email;Abonniert\na@x.example;vielleicht", (("Abonniert", "vielleicht"),)),
        ("email,active\na@x.example,perhaps", (("active", "perhaps"),)),
        ("email,active,Stato\na@x.example,2024-01-02,", ()),
        ("email,active,Stato\na@x.example,yes,Iscritto", ()),
        ("email,active\na@x.example,no", ()),
    ],
)
def test_what_may_be_a_state_and_is_none_is_told(
    content: str, unclear: tuple[tuple[str, str], ...]
) -> None:
    assert only(content).unclear == unclear


#: A column, and what it says of who reads, left, came back and never confirmed.
@pytest.mark.parametrize(
    ("column", "active", "left", "came_back", "waits"),
    [
        ("Stato", "Iscritto", "Disiscritto", "Bloccato", "Non iscritto"),
        ("Estado", "Suscrito", "Desuscrito", "Rebotado", "No suscrito"),
        ("Estado", "Ativo", "Descadastrado", "Devolvido", "Pendente"),
        ("Status", "Ingeschreven", "Uitgeschreven", "Geblokkeerd", "Niet ingeschreven"),
        ("Status", "Angemeldet", "Abbestellt", "Unzustellbar", "Nicht angemeldet"),
        ("Statut", "Abonné(e)", "Désabonné(e)", "Blocklisté", "Non abonné"),
        ("Статус", "Подписан", "Отписался", "Заблокирован", "Не подписан"),
        ("Status", "Aktywny", "Wypisany", "Zablokowany", "Oczekuje"),
        ("订阅状态", "订阅中", "取消订阅", "黑名单", "未确认"),
        ("구독 상태", "구독중", "수신거부", "BOUNCED", "pending"),
        ("ステータス", "購読中", "退会", "ブラックリスト", "仮登録"),
    ],
)
def test_states_are_told_in_other_languages(
    column: str, active: str, left: str, came_back: str, waits: str
) -> None:
    words = (active, left, came_back, waits)
    listed = rows(f"email,{column}\n" + "".join(f"a@x.example,{word}\n" for word in words))
    states = [row.state if isinstance(row, ListedSubscriber) else row for row in listed]
    assert states == [ACTIVE, UNSUBSCRIBED, SUPPRESSED, None]


@pytest.mark.parametrize(
    "column",
    [
        *(
            "Disiscritto il",
            "Data de descadastro",
            "Uitgeschreven op",
            "Avregistrerad",
            "Отписался",
        ),
        *("Abbestellt am", "수신거부 일시", "取消订阅时间", "退会日", "Wypisany dnia", "Odhlášen"),
    ],
)
def test_dates_of_leaving_are_found_in_other_languages(column: str) -> None:
    left, reads = rows(f"email,{column}\na@x.example,2024-01-02\nb@x.example,\n")
    assert isinstance(left, ListedSubscriber)
    assert (left.state, left.since) == (UNSUBSCRIBED, datetime(2024, 1, 2, tzinfo=UTC))
    assert isinstance(reads, ListedSubscriber)
    assert reads.state is ACTIVE


@pytest.mark.parametrize(
    "column",
    [
        *("Unsubscribe link", "unsubscribe_url", "Lien de désinscription", "Abmelde-Code"),
        *("退订链接", "配信停止リンク", "Ссылка отписки", "unsub_key", "unsubscribe_uuid"),
    ],
)
def test_a_link_to_unsubscribe_is_no_opt_out(column: str) -> None:
    assert only(f"email,{column}\na@x.example,https://x.example/u/1").state is ACTIVE


@pytest.mark.parametrize(
    ("column", "state"),
    [("Account status", UNSUBSCRIBED), ("Unsubscribe count", ACTIVE), ("Discount status", ACTIVE)],
)
def test_the_state_of_an_account_is_that_of_its_subscription(
    column: str, state: SubscriberState
) -> None:
    (row,) = read_list(f"email,{column}\na@x.example,unsubscribed\n".encode(), {}).rows()
    assert isinstance(row, ListedSubscriber)
    assert row.state is state


@pytest.mark.full_speed
def test_a_header_that_never_ends_is_read_in_time() -> None:
    began = process_time()
    with pytest.raises(ValueError, match="is no CSV"):
        read_list(b'"' + b"a@b.example\n" * 200_000, {})
    assert process_time() - began < 5


def test_a_history_without_a_zone_is_of_utc_whatever_the_machines_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    tzset()
    try:
        (past,) = check_history('[["active", "2020-01-01T00:00:00", "a form"]]')
    finally:
        monkeypatch.undo()
        tzset()
    assert past.since == datetime(2020, 1, 1, tzinfo=UTC)
