"""An element that is never closed hides nothing of what stands behind it."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.cleaning.sanitize import clean
from digest.articles.cleaning.tidy import tidy
from digest.articles.cleaning.unclosed import HIDING, close_elements
from tests.articles.attacks import ATTACKS, violations
from tests.effort import effort


@pytest.mark.parametrize("name", sorted(HIDING))
def test_the_rest_behind_an_unclosed_element_is_shown(name: str) -> None:
    for tag in (f"<{name}>", f"<{name} class=x>", f"<{name}/>", f"<{name.upper()} class=x />"):
        assert tidy(f"<p>a {tag} b</p><p>c</p>", base=None).endswith("<p>c</p>")
        assert "b" in tidy(f"<p>a {tag} b</p><p>c</p>", base=None)


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("a <script> b", "a &lt;script> b"),
        ("<script>1</script> <script> b", "<script>1</script> &lt;script> b"),
        ("</script><script> b", "</script>&lt;script> b"),
        ("<iframe src=x /> b", "<iframe src=x></iframe> b"),
        ("<iframe src=x> b", "<iframe src=x></iframe> b"),
        ("<video src=a controls> b", "<video src=a controls></video> b"),
        ("<video/><video src=a></video> b", "<video></video><video src=a></video> b"),
        ("<button class=x> b", "<button class=x></button> b"),
        ("<plaintext>a</plaintext>b", "&lt;plaintext>a</plaintext>b"),
        ("a List<String> b", "a List&lt;String> b"),
        ("a <T> b <U>c</U>", "a &lt;T> b <U>c</U>"),
        ("git switch <branch-name>", "git switch &lt;branch-name>"),
        ("<o:p>a", "<o:p>a"),
        ("<![CDATA[<p>a</p>]]>b", "<p>a</p>b"),
        ("<![CDATA[a]]>b", "b"),
        ("a[b[0]]>c <![CDATA[d <b>e</b>", "a[b[0]]>c &lt;![CDATA[d <b>e</b>"),
        ("<p>use <?php here</p>", "<p>use &lt;?php here</p>"),
        ("<?php echo '<p>' ?>a", "<?php echo '<p>' ?>a"),
        ("<p>use <!DOCTYPE here</p>", "<p>use &lt;!DOCTYPE here</p>"),
        ("<!DOCTYPE html>a<![if !IE]>b<![endif]>", "<!DOCTYPE html>a<![if !IE]>b<![endif]>"),
        ("a <!", "a &lt;!"),
        ("<p>a<li>b<td>c<option>d", "<p>a<li>b<td>c<option>d"),
        ("<svg><g/><path></svg><script> b", "<svg><g/><path></svg>&lt;script> b"),
        ("a <!-- b <!-- c", "a &lt;!-- b &lt;!-- c"),
        ("<!-- a --> b <!-- c", "<!-- a --> b &lt;!-- c"),
        ("<!-- <script> --> b <x>", "<!-- <script> --> b &lt;x>"),
        (
            "<title>a</title>b<select><option>c</select>",
            "<title>a</title>b<select><option>c</select>",
        ),
    ],
)
def test_open_tags_are_closed_or_become_text(markup: str, expected: str) -> None:
    assert close_elements(markup) == expected
    assert close_elements(expected) == expected


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize("vector", ATTACKS)
def test_what_became_text_attacks_nobody(vector: str) -> None:
    for markup in (vector, f"<T>{vector}", f"<script>{vector}", f"<iframe/>{vector}"):
        assert violations(clean(tidy(markup, base=None))) == []


TOKENS = (
    "<p> </p> <script> </script> <video/> <iframe> </iframe> <x> </x> <svg> </svg> <!-- --> a b"
)


@settings(max_examples=effort(33, soak=100))
@given(st.lists(st.sampled_from(TOKENS.split()), max_size=20).map(" ".join))
def test_closing_again_changes_nothing(markup: str) -> None:
    once = close_elements(markup)
    assert close_elements(once) == once


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize(
    "markup",
    [
        "<script>" * 300_000,
        "<x-y>" * 300_000,
        "<video/>" * 200_000,
        "<!--" * 300_000,
        "<script></script>" * 100_000 + "<script>",
        "".join(f"<a{n}>" for n in range(3_000)) * 20,
    ],
    ids=lambda markup: markup[:12],
)
def test_hostile_markup_is_closed_in_time(markup: str) -> None:
    start = process_time()
    close_elements(markup)
    assert process_time() - start < 3
