"""`digest editions`, and what `digest status` says of drafts."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from digest.editions.delivery import DeliveryState
from digest.editions.model import contents
from tests import stores
from tests.cli.conftest import Program
from tests.conftest import CONFIGURATION, Workplace

ASKING = CONFIGURATION.replace(
    'schedule = "0 7 * * *"', 'schedule = "0 7 * * *"\napprove = true\nwelcome = 2'
)
LEASE = timedelta(minutes=5)


@pytest.fixture
def draft(program: Program, workplace: Workplace) -> Program:
    """Return the program in a workplace with a draft, id 1, of one article for two readers."""
    workplace.configure(base=ASKING)
    workplace.write("old.md", "旧闻")
    program("build")
    workplace.write("new.md", "新闻 [bold]\\[/bold]")
    program("build")
    for name in ("a", "b"):
        program("subscribers", "add", f"{name}@example.org", "--digest", "daily")
    issue(workplace)
    return program


def issue(workplace: Workplace, *, latest: int | None = None) -> None:
    """Make the edition that is due now."""
    with workplace.open() as services:
        now = services.clock()
        digest = services.digests["daily"]
        assert services.store.editions.open_edition(digest, now, now, latest=latest)
    workplace.clock.advance(seconds=1)


def settle(workplace: Workplace, *states: DeliveryState) -> None:
    """Have as many attempts end so, the first one first."""
    with workplace.open() as services:
        deliveries, now = services.store.deliveries, services.clock()
        # A command tells the real time, which is not this clock's.
        claimed = deliveries.claim(
            len(states), now + timedelta(days=3650), LEASE, {"daily": LEASE * 1e7}
        )
        for one, state in zip(claimed, states, strict=True):
            stores.settle(
                services.store, one.id, state, now, error="550 no" if state == "failed" else None
            )


def listed(program: Program, *options: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(program("editions", "list", "--json", *options).out)
    return rows


def shown(program: Program, edition_id: int = 1) -> dict[str, object]:
    told: dict[str, object] = json.loads(program("editions", "show", str(edition_id), "--json").out)
    return told


def test_no_editions_are_told_as_such(program: Program) -> None:
    assert program("editions", "list").out == "No editions.\n"
    assert program("editions", "list", "--digest", "daily").out == "No editions.\n"
    assert program("editions", "list", "--digest", "dayly").code == 2


def test_a_draft_is_listed_and_shown_with_what_it_waits_for(
    draft: Program, workplace: Workplace
) -> None:
    (row,) = listed(draft)
    assert (row["id"], row["digest"], row["number"], row["state"]) == (1, "daily", 1, "draft")
    assert (row["articles"], row["welcome"]) == (1, False)
    assert not any(dict(row["mails"]).values())  # type: ignore[call-overload]  # a table
    line = draft("editions", "list").out
    assert line == "1\tdaily\t1\t2026-11-23 08:00 UTC\tdraft\t1\t\n"
    told = draft("editions", "show", "1").out
    assert told.startswith("Edition 1 (daily 1): draft\n")
    assert "Readers      2" in told
    assert "until Mon 23 Nov 2026 22:00 Asia/Shanghai, then it is dropped, unless" in told
    assert "  新闻 [bold]" in told
    details = shown(draft)
    assert (details["readers"], details["unapproved"]) == (2, "drop")
    assert details["decided_at"] == "2026-11-23 22:00:00+08:00"


def test_newest_first_and_no_more_than_wanted(draft: Program, workplace: Workplace) -> None:
    issue(workplace, latest=2)
    assert [row["id"] for row in listed(draft)] == [2, 1]
    assert [row["id"] for row in listed(draft, "--limit", "1")] == [2]
    assert [row["articles"] for row in listed(draft, "--digest", "daily")] == [2, 1]
    assert listed(draft, "--digest", "notes") == []


def test_approving_queues_the_mails_and_shows_the_page(
    draft: Program, workplace: Workplace
) -> None:
    assert workplace.look_at("digests/daily/1/").status_code == 404
    approved = draft("editions", "approve", "1")
    assert approved.code == 0
    assert "Edition 1 (daily 1): approved, 2 mails" in approved.out
    assert "新闻" in workplace.look_at("digests/daily/1/").text
    again = draft("editions", "approve", "1")
    assert again.code == 1
    assert "is no draft: it is open" in again.err
    assert shown(draft)["mails"]["queued"] == 2  # type: ignore[index]  # a table
    assert "2 queued" in draft("editions", "list").out


def test_a_draft_that_is_cancelled_reaches_nobody(draft: Program, workplace: Workplace) -> None:
    cancelled = draft("editions", "cancel", "1")
    assert cancelled.out == "Edition 1 (daily 1): cancelled, nobody gets it.\n"
    assert workplace.look_at("digests/daily/1/").status_code == 404
    for command in ("cancel", "approve"):
        again = draft("editions", command, "1")
        assert again.code == 1
        assert "it is cancelled" in again.err
    told = draft("editions", "show", "1").out
    assert "Mails        none" in told


def test_cancelling_what_is_under_way_says_what_was_sent(
    draft: Program, workplace: Workplace
) -> None:
    draft("editions", "approve", "1")
    settle(workplace, DeliveryState.SENT)
    cancelled = draft("editions", "cancel", "1")
    assert "cancelled; 1 mail sent before." in cancelled.out
    assert "1 sent, 1 suppressed" in draft("editions", "show", "1").out
    assert workplace.look_at("digests/daily/1/").status_code == 200  # a mail links to it


def test_what_is_being_sent_is_told(draft: Program, workplace: Workplace) -> None:
    draft("editions", "approve", "1")
    with workplace.open() as services:
        far = services.clock() + timedelta(days=36500)  # its lease has not run out by then
        services.store.deliveries.claim(1, far, LEASE, {"daily": LEASE * 1e8})
    assert "0 mails sent before, 1 on the way." in draft("editions", "cancel", "1").out
    (row,) = listed(draft)
    assert row["state"] == "cancelled"


def test_what_failed_is_sent_again(draft: Program, workplace: Workplace) -> None:
    draft("editions", "approve", "1")
    nothing = draft("editions", "resend", "1", "--failed")
    assert nothing.code == 1
    assert "nothing failed or expired" in nothing.err
    settle(workplace, DeliveryState.FAILED, DeliveryState.SENT)
    told = draft("editions", "show", "1").out
    assert "Error        1 × 550 no" in told
    assert shown(draft)["errors"] == [{"error": "550 no", "count": 1}]
    assert draft("editions", "resend", "1").code == 2
    again = draft("editions", "resend", "1", "--failed")
    assert again.out == "Edition 1 (daily 1): 1 mail for `digest run`.\n"
    assert shown(draft)["state"] == "open"
    draft("editions", "cancel", "1")
    ended = draft("editions", "resend", "1", "--failed")
    assert ended.code == 1
    assert "it was cancelled" in ended.err


def test_an_id_that_is_none_says_where_they_are(draft: Program) -> None:
    for command in (["show"], ["approve"], ["cancel"], ["resend", "--failed"]):
        ended = draft("editions", *command, "99")
        assert ended.code == 2, command
        assert "digest editions list" in " ".join(ended.err.replace("│", " ").split())
    assert draft("editions", "show", "daily").code == 2


def test_a_welcome_is_marked(draft: Program, workplace: Workplace) -> None:
    draft("editions", "approve", "1")
    draft("subscribers", "add", "new@example.org", "--digest", "daily")
    with workplace.open() as services:
        services.store.editions.queue_welcomes(services.digests["daily"], services.clock())
    newest, _ = listed(draft)
    assert (newest["welcome"], newest["number"]) == (True, 0)
    assert "\twelcome\t" in draft("editions", "list").out


def test_a_draft_of_a_digest_that_is_gone_can_only_be_cancelled(
    draft: Program, workplace: Workplace
) -> None:
    workplace.configure(base=ASKING.replace("[digests.daily]", "[digests.other]"))
    assert "is of no configured digest" in draft("status").out
    assert "Waits        for `digest editions approve 1`" in draft("editions", "show", "1").out
    refused = draft("editions", "approve", "1")
    assert refused.code == 2
    assert "daily" in refused.err
    assert len(listed(draft, "--digest", "daily")) == 1
    assert draft("editions", "cancel", "1").code == 0


@pytest.mark.parametrize("unapproved", ["send", "drop"])
def test_status_lists_drafts_with_their_deadline(
    draft: Program, workplace: Workplace, unapproved: str
) -> None:
    workplace.configure(
        base=ASKING.replace("approve = true", f'approve = true\nunapproved = "{unapproved}"')
    )
    told = draft("status").out
    fate = "sent unless cancelled" if unapproved == "send" else "dropped unless approved"
    assert f"Draft        daily 1 (id 1): {fate} before Mon 23 Nov 2026 22:00 Asia/Shanghai" in told
    (one,) = json.loads(draft("status", "--json").out)["drafts"]
    assert (one["id"], one["digest"], one["number"]) == (1, "daily", 1)
    assert one["decided_at"] == "2026-11-23 14:00:00+00:00"


def test_status_tells_drafts_that_wait_for_a_command(draft: Program, workplace: Workplace) -> None:
    workplace.configure(base=CONFIGURATION)
    assert "daily 1 (id 1): waits for `digest editions approve 1`" in draft("status").out
    assert draft("editions", "approve", "1").code == 0
    assert "Draft" not in draft("status").out


def test_articles_that_were_withdrawn_are_counted(draft: Program) -> None:
    draft("articles", "withdraw", "new.md")
    told = draft("editions", "show", "1").out
    assert "and 1 withdrawn" in told


def test_ids_and_limits_have_bounds(program: Program) -> None:
    far = "9" * 25
    for command in (("show", far), ("approve", far), ("list", "--limit", far)):
        assert program("editions", *command).code == 2


def test_a_note_is_shown_in_mails_and_on_the_page_of_the_next_edition(
    draft: Program, workplace: Workplace
) -> None:
    assert draft("editions", "note", "daily").out == "No note waits.\n"
    words = "Dear <b>readers</b>,\n\n\x1b[31mwe are\naway until {{ 7 * 7 }}."
    assert draft("editions", "note", "daily", words).code == 0
    assert "Dear <b>readers</b>," in draft("editions", "note", "daily").out
    workplace.write("newer.md", "更新")
    draft("build")
    assert "Dear <b>readers</b>," in draft("preview", "daily", "--format", "text").out
    assert "readers" not in draft("preview", "daily", "--welcome", "--format", "text").out
    issue(workplace)
    assert draft("editions", "note", "daily").out == "No note waits.\n"
    assert "Note         [31mwe are away until {{ 7 * 7 }}." in draft("editions", "show", "2").out
    draft("editions", "approve", "2")
    page = workplace.look_at("digests/daily/2/").text
    assert "<p>Dear &lt;b&gt;readers&lt;/b&gt;,</p>" in page
    assert "{{ 7 * 7 }}" in page
    with workplace.open() as services:
        edition, articles = services.store.editions.edition(2)
        templates = services.mail_templates
        selected = contents(articles, (), 50)
        mail = templates.render(services.digests["daily"], edition, selected, language="en")
    assert "Dear &lt;b&gt;readers&lt;/b&gt;," in mail.html
    assert "\nDear <b>readers</b>,\n" in mail.text


@pytest.mark.parametrize(
    ("options", "code", "out"),
    [
        (("daily", "x" * 10_001), 2, ""),
        (("daily", " \n"), 2, ""),
        (("dayly", "x"), 2, ""),
        (("daily", "--file", "gone.txt"), 2, ""),
        (("daily", "--file", "note.txt"), 0, "Aus der Redaktion: äöü\n"),
        (("daily", "--clear"), 0, "No note waits.\n"),
    ],
)
def test_a_note_comes_from_a_file_and_can_be_dropped(
    program: Program, workplace: Workplace, options: tuple[str, ...], code: int, out: str
) -> None:
    (workplace.folder / "note.txt").write_text("\ufeffAus der Redaktion: äöü\n", encoding="utf-8")
    program("editions", "note", "daily", "waits")
    ended = program("editions", "note", *options)
    assert (ended.code, ended.out) == (code, out)
    if code:
        assert program("editions", "note", "daily").out == "waits\n"


def test_an_edition_tells_who_left_after_it(draft: Program, workplace: Workplace) -> None:
    draft("editions", "approve", "1")
    settle(workplace, DeliveryState.SENT, DeliveryState.FAILED)
    with workplace.open() as services:
        for one in services.store.subscribers.list():
            services.store.subscribers.unsubscribe(one.id, services.clock())
    assert shown(draft)["unsubscribed"] == 1
    assert "Unsubscribed 1 before the next edition" in draft("editions", "show", "1").out
