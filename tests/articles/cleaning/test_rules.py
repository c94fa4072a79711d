"""Rules mend what the articles of one source have wrong, and nothing keeps them busy for long."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest

from digest.articles.cleaning import rules as rules_module
from digest.articles.cleaning.rules import Rule, RuleLimitExceeded
from digest.articles.cleaning.tidy import tidy
from digest.articles.model import CategoryPath, ParsedFile

FILE = ParsedFile(
    identity="a",
    title="标题",
    authors=(),
    categories=(CategoryPath(("财经", "银行", "利率")), CategoryPath(("要闻",))),
    published_at=None,
    link="https://news.example.org/2024/a.html",
    image=None,
    language=None,
    summary=None,
    markup="",
)
PATH = PurePosixPath("财经/银行/a.md")


def tidied(markup: str, *rules: Rule) -> str:
    return tidy(markup, base=None, rules=rules)


def test_bold_that_is_told_by_an_attribute_becomes_strong() -> None:
    rule = Rule(strong=('font[cms-style~="strong-Bold"]',))
    markup = (
        '<p><font cms-style="font-L strong-Bold">要<b>点</b></font>，'
        "<font cms-style=font-L>其余</font></p>"
    )
    assert tidied(markup, rule) == "<p><strong>要<b>点</b></strong>，其余</p>"


def test_rules_drop_unwrap_and_copy_attributes() -> None:
    rule = Rule(
        drop=(".ad", "p.editor"),
        unwrap=("section", "noscript"),
        attributes=(("data-real", "src"), ("xlink:href", "href"), ("data-none", "x")),
    )
    markup = (
        "<section><p class=ad>广告<b class=ad>x</b></p><p class=editor>编辑</p>"
        '<img data-real="https://e.org/a.png"><a xlink:href="https://e.org/">t</a>'
        "<noscript><p>real</p></noscript></section>"
    )
    assert tidied(markup, rule) == (
        '<img src="https://e.org/a.png"><a href="https://e.org/">t</a><p>real</p>'
    )


def test_an_attribute_without_value_is_copied_as_empty() -> None:
    assert tidied("<ol data-r><li>a</li></ol>", Rule(attributes=(("data-r", "reversed"),))) == (
        '<ol reversed=""><li>a</li></ol>'
    )


def test_kept_parts_stay_in_order_and_nothing_else() -> None:
    markup = "x<div class=a>1<p class=a>2</p></div>y<p class=b>3</p>z"
    assert tidied(markup, Rule(keep=(".a", ".b"))) == "<div>1<p>2</p></div><p>3</p>"


def test_rules_that_keep_what_is_not_there_leave_everything() -> None:
    assert tidied("<p>a</p>", Rule(keep=(".none",))) == "<p>a</p>"


@pytest.mark.parametrize(
    "rule", [Rule(drop=("body",)), Rule(keep=("body",)), Rule(unwrap=("body",))]
)
def test_the_body_itself_is_out_of_reach(rule: Rule) -> None:
    assert tidied("<p>a</p>", rule) == "<p>a</p>"


def test_rules_follow_each_other() -> None:
    first, second = Rule(strong=("i",)), Rule(unwrap=("strong",))
    assert tidied("<i>a</i>", first, second) == "a"
    assert tidied("<i>a</i>", second, first) == "<strong>a</strong>"


@pytest.mark.parametrize("selector", ["div >", "p:nope(", "[[", "", "a,,b"])
@pytest.mark.parametrize("place", ["keep", "drop", "unwrap", "strong"])
def test_a_bad_selector_is_refused_by_name(place: str, selector: str) -> None:
    wrong: dict[str, Any] = {place: ("p", selector)}
    with pytest.raises(ValueError, match=re.escape(repr(selector))):
        Rule(**wrong)


@pytest.mark.parametrize("pair", [("data-src", ""), ("a b", "src"), ("x]", "src"), ("src", "1")])
def test_a_bad_attribute_name_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="not the name of an attribute"):
        Rule(attributes=(pair,))


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        (Rule(), True),
        (Rule(category=CategoryPath(("财经",))), True),
        (Rule(category=CategoryPath(("财经", "银行"))), True),
        (Rule(category=CategoryPath(("财经", "银行", "利率"))), True),
        (Rule(category=CategoryPath(("要闻",))), True),
        (Rule(category=CategoryPath(("银行",))), False),
        (Rule(category=CategoryPath(("财经", "银行", "利率", "x"))), False),
        (Rule(host="*.example.org"), True),
        (Rule(host="NEWS.example.org"), True),
        (Rule(host="example.org"), False),
        (Rule(path="财经/*.md"), True),
        (Rule(path="*.html"), False),
        (Rule(category=CategoryPath(("财经",)), host="*.example.org", path="*.md"), True),
        (Rule(category=CategoryPath(("财经",)), host="*.example.com", path="*.md"), False),
    ],
)
def test_a_rule_applies_where_all_its_conditions_hold(rule: Rule, applies: bool) -> None:
    assert rule.applies(FILE, PATH) is applies


def test_a_rule_for_a_host_is_not_for_articles_without_a_link() -> None:
    assert not Rule(host="*.org").applies(replace(FILE, link=None), PATH)


def test_a_rule_goes_to_a_worker_and_back() -> None:
    rule = Rule(category=CategoryPath(("a",)), drop=("p",), attributes=(("a", "b"),))
    assert pickle.loads(pickle.dumps(rule)) == rule


@pytest.mark.parametrize(
    ("markup", "replacements", "expected"),
    [
        ("<p>本报讯 甲</p>", [("^本报讯 ", "")], "<p>甲</p>"),
        ("<p>a1b22</p><p>3</p>", [(r"\d+", "#")], "<p>a#b#</p><p>#</p>"),
        ("<p>甲(1)</p>", [(r"\((\d)\)", r"[\1]")], "<p>甲[1]</p>"),
        ("<p>甲</p>", [("(?<who>甲)", r"\g<who>\g<who>")], "<p>甲甲</p>"),
        ("<p>a</p>", [("a", "b"), ("b", "c")], "<p>c</p>"),
        ("<p>b</p>", [("a", "b"), ("b", "a")], "<p>a</p>"),
        ("<p>x</p>", [("x", "<b>&amp;")], "<p>&lt;b&gt;&amp;amp;</p>"),
        ("<p>1 &lt; 2</p>", [("<", "is less than")], "<p>1 is less than 2</p>"),
        ('<p title="ad">ad</p>', [("ad", "")], ""),
        ("<p>a<b>d</b></p>", [("ad", "")], "<p>a<b>d</b></p>"),
        ("<pre>ad\n  x</pre>", [("ad", "")], "<pre>\n  x</pre>"),
        ("<p>a</p><!-- a --><script>a</script>", [("a", "b")], "<p>b</p>"),
        ("<p>甲乙</p>", [(r"\p{Han}", "h")], "<p>hh</p>"),
        ("<p>a</p>", [("(?x) a  # the first letter", "b")], "<p>b</p>"),
    ],
)
def test_text_is_replaced_and_only_text(
    markup: str, replacements: list[tuple[str, str]], expected: str
) -> None:
    assert tidied(markup, Rule(replace=tuple(replacements))) == expected


def test_text_that_a_rule_has_joined_is_replaced_as_one() -> None:
    rule = Rule(unwrap=("i",), replace=(("广告", ""),))
    assert tidied("<p>甲广<i>告</i>乙</p>", rule) == "<p>甲乙</p>"


@pytest.mark.parametrize("pattern", ["(", "[a", "a{3,1}", "(?P<n", "(?<=*)", "\\"])
def test_a_bad_pattern_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(pattern))):
        Rule(replace=(("a", ""), (pattern, "")))


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [("a", r"\1"), ("(a)", r"\2"), ("(?<n>a)", r"\g<m>"), ("a", r"\g<"), ("(?x)a # b", r"\1")],
)
def test_a_replacement_for_a_group_that_is_not_there_is_refused(
    pattern: str, replacement: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(replacement))):
        Rule(replace=((pattern, replacement),))


def test_a_pattern_that_finds_no_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_module, "TIME_LIMIT", 0.05)
    rule = Rule(host="*.org", replace=((r"((?:a|aa)+)+\d", ""),))
    with pytest.raises(
        RuleLimitExceeded, match=r"the rule for host '\*\.org': the pattern .* 0\.05 s"
    ):
        tidied("<p>" + "a" * 5_000 + "!</p>", rule)


def test_a_pattern_that_matches_everywhere_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_module, "MAX_REPLACEMENTS", 6)
    rule = Rule(replace=(("", "-"),))
    assert tidied("<p>ab</p><p>cd</p>", rule) == "<p>-a-b-</p><p>-c-d-</p>"
    with pytest.raises(RuleLimitExceeded, match=r"the rule for every article: .* over 6 times"):
        tidied("<p>ab</p><p>cd</p><p>e</p>", rule)


def test_a_rule_says_what_it_is_for() -> None:
    rule = Rule(category=CategoryPath(("甲", "乙")), path="a/*")
    assert str(rule) == "the rule for category '甲 / 乙', path 'a/*'"
