"""Large markup is bounded in depth, attributes and leftovers; small markup passes as it is."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.articles.cleaning.limits import MAX_ATTRIBUTES, MAX_DEPTH, SMALL_TAGS, bounded
from tests.effort import effort

#: Enough to be large, without being part of what is tested.
MANY = "<hr>" * (SMALL_TAGS + 1)


def depth(markup: str) -> int:
    """Return how deep the elements of some markup nest."""
    body = LexborHTMLParser(markup).body
    assert body is not None
    deepest = 0
    level: list[LexborNode] = [body]
    while level := [child for node in level for child in node.iter()]:
        deepest += 1
    return deepest


def large(markup: str) -> str:
    """Return what becomes of ``markup`` in a large file."""
    return bounded(MANY + markup).removeprefix(MANY)


@pytest.mark.parametrize(
    "markup", ["", "text", "<p><!-- c --><script>1</script>", "<b>" * SMALL_TAGS]
)
def test_small_markup_is_not_touched(markup: str) -> None:
    assert bounded(markup) == markup


@pytest.mark.parametrize(
    ("tag", "times"), [("b", 100_000), ("div", 20_000), ("font", 20_000), ("ul><li", 10_000)]
)
def test_thousands_of_nested_elements_become_a_hundred(tag: str, times: int) -> None:
    result = bounded(f"<{tag}>" * times + "text")
    assert "text" in result
    assert depth(result) <= MAX_DEPTH


def test_text_after_what_was_too_deep_keeps_its_place() -> None:
    deep = "<div>" * 5_000 + "in" + "</div>" * 5_000 + "<p>after</p>"
    assert bounded(deep).endswith("</div><p>after</p>")


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<P CLASS='x>y'>a</P >", "<P CLASS='x>y'>a</p>"),
        ("<p><b>a<div>b</div>", "<p><b>a</b></p><div>b</div>"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("<dl><dt>a<dd>b</dl>", "<dl><dt>a</dt><dd>b</dd></dl>"),
        (
            "<table><tr><td>a<td><p>b<table><tr><td>c</table><tr><td>d</table>",
            (
                "<table><tr><td>a</td><td><p>b</p><table><tr><td>c</td></tr></table></td></tr>"
                "<tr><td>d</td></tr></table>"
            ),
        ),
        ("<a>x<a>y", "<a>x</a><a>y</a>"),
        ("<b>x</i>y</b></b></p>", "<b>x</i>y</b>".replace("</i>", "")),
        ("<div><table><td></div>x", "<div><table><td>x</td></table></div>"),
        ("a<br/>b<img src=x>", "a<br/>b<img src=x>"),
        ("a<!-- <b> -->b<!-->c<!--->d<!-- <i", "abcd"),
        ("a<!doctype html><?php x ?></ x>b</>c", "abc"),
        ("a<script>'<b>'</script >b<STYLE>x</style>c<svg><g>t</g></svg>d", "abcd"),
        ("a<iframe src=x><b></iframe>b<IFRAME>", "a<iframe src=x></iframe>b<IFRAME></iframe>"),
        ("a<math x=y><mi>b</mi></math>c<math><p>", "a<math x=y>b</math>c<math></math>"),
        ("<math><<b>b></math>", "<math>&lt;b&gt;</math>"),
        (
            "<math>a<annotation>b</annotation><SCRIPT>'<mi>'</script >c<style>d</math>",
            "<math>ac</math>",
        ),
        ("<math " + "a=1 " * 1_000 + ">b</math>", "<math>b</math>"),
        ("a<plaintext><b></plaintext>", "a"),
        ("a<textarea><b>", "a"),
        ("a <b title='x", "a "),
        ('a <b title="x', "a "),
        ("1 < 2 <3", "1 < 2 <3"),
    ],
)
def test_large_markup_is_written_with_every_element_closed(markup: str, expected: str) -> None:
    assert large(markup) == expected


def test_an_element_with_thousands_of_attributes_loses_them() -> None:
    many = "<p " + " ".join(f"a{n}=1" for n in range(MAX_ATTRIBUTES * 10)) + ">x</p>"
    long = '<p title="' + "y" * 5_000 + '">x</p>'
    assert large(many) == "<p>x</p>"
    assert large(long) == long


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize(
    "markup",
    [
        "".join(f"<font a={n}><p>" for n in range(20_000)),
        "".join(f"<div><font a={n}></div>" for n in range(20_000)),
        "<!-- " * 100_000,
        "<a b='" * 50_000 + '<a c="' * 50_000,
        "<style>" * 100_000,
        "<p " + "a=1 " * 100_000,
        "</div>" * 100_000,
        "<ul><li>" * 10_000,
        "<math><script>" * 30_000,
        "<math><mi>x</math>" * 20_000,
        "<iframe " * 100_000,
    ],
    ids=lambda markup: markup[:12],
)
def test_hostile_markup_takes_linear_time(markup: str) -> None:
    start = process_time()
    result = bounded(markup)
    assert process_time() - start < 5
    assert len(result) <= 2 * len(markup) + 1_000
    assert depth(result) <= MAX_DEPTH


TOKENS = (
    "<p> </p> <b> </b> <table> <tr> <td> </td> </table> <li> <ul> </ul> <dd> <a> </a> <br> <h1> x "
    "<script> </script> <!-- --> <svg> </svg> <div> </div> <i/a='>'> <select>"
)


@settings(max_examples=effort(20, soak=60))
@given(st.lists(st.sampled_from(TOKENS.split(" ")), max_size=30))
def test_what_is_bounded_stays_as_it_is_when_bounded_again(tokens: list[str]) -> None:
    once = large("".join(tokens))
    assert large(once) == once
