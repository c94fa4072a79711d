"""Answers to requests for pages."""

from __future__ import annotations

from starlette.types import Message

from digest.web.page_requests import answer


async def test_a_long_page_is_handed_over_in_pieces_so_that_no_client_has_a_copy() -> None:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    body = bytes(range(256)) * 1_000
    await answer(send, 200, [], body)
    start, *pieces = messages
    assert start["status"] == 200
    assert b"".join(one["body"] for one in pieces) == body
    assert max(len(one["body"]) for one in pieces) <= 64 * 1024
    assert [one["more_body"] for one in pieces] == [True] * (len(pieces) - 1) + [False]


async def test_an_empty_answer_ends() -> None:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    await answer(send, 304, [])
    assert messages[1:] == [{"type": "http.response.body", "body": b"", "more_body": False}]
