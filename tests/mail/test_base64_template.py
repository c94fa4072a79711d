from __future__ import annotations

from base64 import b64decode

from hypothesis import given
from hypothesis import strategies as st

from digest.mail.base64_template import Base64Template, encoded

MARKS = {"<u>": "link", "<g>": "greeting"}
PIECES = st.one_of(st.text(max_size=90), st.sampled_from(tuple(MARKS)))
VALUES = st.fixed_dictionaries({"link": st.text(max_size=70), "greeting": st.text(max_size=70)})


def decoded(lines: bytes) -> str:
    return b64decode(lines.replace(b"\r\n", b""), validate=True).decode("utf-8")


@given(pieces=st.lists(PIECES, max_size=8), fillings=st.lists(VALUES, min_size=1, max_size=4))
def test_a_filled_template_decodes_to_the_text_with_its_values(
    pieces: list[str], fillings: list[dict[str, str]]
) -> None:
    pieces = [piece if piece in MARKS else piece.replace("<", "[") for piece in pieces]
    template = Base64Template("".join(pieces), MARKS)
    for values in fillings:
        filled = template.filled(values)
        assert decoded(filled) == "".join(
            values[MARKS[piece]] if piece in MARKS else piece for piece in pieces
        )
        lines = filled.split(b"\r\n")
        assert lines.pop() == b""
        assert all(0 < len(line) <= 76 and len(line) % 4 == 0 for line in lines)
        assert b"=" not in b"".join(lines).rstrip(b"=")  # padding in the middle ends a text


def test_a_value_is_not_looked_at_again() -> None:
    template = Base64Template("a<g>b<u>c", MARKS)
    assert decoded(template.filled({"link": "<g>", "greeting": "<u>"})) == "a<u>b<g>c"


def test_a_text_is_encoded_once_for_each_way_a_value_can_leave_off() -> None:
    template = Base64Template("长文" * 5_000 + "<u>" + "长文" * 5_000, MARKS)
    first = template.filled({"link": "a"})
    kept = dict(template._encoded)
    assert template.filled({"link": "b"}) != first
    assert template._encoded == kept
    for link in ("aa", "aaa", "aaaa", "aaaaa"):
        template.filled({"link": link})
    assert len(template._encoded) == 4


def test_nothing_makes_no_lines() -> None:
    assert encoded(b"") == b""
    assert encoded(b"x" * 58) == b"eHh4" * 19 + b"\r\neA==\r\n"
