"""What takes room and says nothing is gone, however deep it lies; code stays as it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.cleaning.whitespace import compacted

EMPTY = re.compile(r"<(b|p|div)>(?: |&nbsp;|<br>)*</\1>")


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>" * 50 + " <br>&nbsp;" + "</p>" * 50 + "a", "a"),
        ("<div><p><b><i>x</i><u> </u></b></p></div>", "<div><p><b><i>x</i></b></p></div>"),
        (
            "<div><p><b><i><u><hr></u></i></b></p></div>",
            "<div><p><b><i><u><hr></u></i></b></p></div>",
        ),
        ('<p lang="zh" title="a"></p>b', "b"),
        ('<p><a id="x"></a></p>', '<p><a id="x"></a></p>'),
        ("<div><pre> \n\n a\n</pre></div>", "<div><pre> \n\n a\n</pre></div>"),
        (
            "<div><div><div><div></div></div><pre>a</pre></div></div>",
            "<div><div><pre>a</pre></div></div>",
        ),
        ("<p>　　a<br>　b　</p>", "<p>a<br>b</p>"),
        ("<p>　<b> <i><br>　</i>a</b></p>", "<p><b>a</b></p>"),
        ('<p lang="zh">　<b lang="de"> a b</b></p>', '<p lang="zh"><b lang="de">a b</b></p>'),
        ("a<br><br> <br><br>b", "a<br><br>b"),
    ],
)
def test_what_says_nothing_is_gone(markup: str, expected: str) -> None:
    assert compacted(markup) == expected


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from(["b", "p", "div"]),
        st.lists(inner, max_size=3),
    )


@settings(deadline=None)
@given(
    st.recursive(st.sampled_from(["", " ", "x", "<br>", "<hr>", "&nbsp;"]), nested, max_leaves=12)
)
def test_elements_that_only_hold_empty_ones_go_too(markup: str) -> None:
    result = compacted(markup)
    assert not EMPTY.search(result)
    assert result.count("x") == markup.count("x")
    assert result.count("<hr>") == markup.count("<hr>")
    for tag in ("b", "p", "div"):
        assert result.count(f"<{tag}>") == result.count(f"</{tag}>")
