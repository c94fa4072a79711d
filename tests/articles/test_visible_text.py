"""No text that a browser would show of an article is lost without a note."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

from digest.articles.cleaning.policy import ENGINES
from digest.articles.draft import make_draft
from digest.articles.model import Draft, SourceFile
from digest.articles.summary import plain_text
from tests.defaults import default_options
from tests.effort import effort

#: Elements whose content no browser shows.
UNSEEN = "script, style, template, title, head, noscript, iframe, object, video, audio, datalist"


def draft(body: str, name: str, engines: tuple[str, ...] = ("nh3",)) -> Draft:
    source = SourceFile(path=PurePosixPath(name), content=f"---\ntitle: T\n---\n{body}".encode())
    return make_draft(source, default_options(engines=engines))


def visible(markup: str) -> set[str]:
    """Return the words that a browser shows of some HTML."""
    body = LexborHTMLParser("<!doctype html><body>" + markup).body
    assert body is not None
    for node in body.css(UNSEEN):
        node.decompose()
    return {word for word in body.text(separator=" ").split() if word.startswith("word")}


HTML = st.sampled_from(
    [
        "<p>{}</p>",
        "<div>{}",
        "<table><tr><td>{}</td></tr></table>",
        "<ul><li>{}<li>{}</ul>",
        "<details><summary>{}</summary>{}</details>",
        "<figure><img src=x alt=no><figcaption>{}</figcaption></figure>",
        "<pre>{}\n{}</pre>",
        "<b>{}<i>{}</b>{}</i>",
        "<h1>{}</h1>",
        "<form><label>{}</label><button>{}</button></form>",
        "<select><option>{}</select>",
        "<textarea>{}</textarea>",
        "<svg><text>{}</text></svg>",
        "<xmp>{}</xmp>",
        "<output>{}</output>",
        "<math><mfrac><mi>{}</mi><mi>{}</mi></mfrac></math>",
        "<object data=x>no</object> {}",
        "<script>no</script>{}",
        "<style>no</style>{}",
        "<!-- no -->{}",
        "<center>{}</center><font>{}</font>",
        "<custom-tag>{}</custom-tag>",
        "<blockquote>{}</blockquote>",
        "<a href=https://e.org>{}</a>",
        "<span hidden-not>{}</span>",
        "&lt;{}&gt;",
        "{} {}",
    ]
)
MARKDOWN = st.sampled_from(
    [
        "{}\n",
        "# {}\n",
        "- {}\n- {}\n",
        "> {}\n",
        "| {} | {} |\n|---|---|\n| {} | {} |\n",
        "```\n{}\n```\n",
        "    {}\n",
        "`{}` *{}* **{}** ~~{}~~ [{}](https://e.org) \\*{}\\*\n",
        "<div>{}</div>\n",
        "<div>\n\n{}\n\n</div>\n",
        "<details><summary>{}</summary>\n\n{}\n\n</details>\n",
        "text <span>{}</span> {}\n",
        "$5 and {} $6 {}\n",
        "{}: {{x}} #{{y}} {}\n",
        "{} == {} != {} %% {}\n",
        "1. {}\n\n   {}\n",
        "{}\n===\n",
        "***\n{}\n",
        "![no](x.png) {}\n",
    ]
)


def filled(pieces: list[str]) -> str:
    """Return the pieces with a word of its own in each gap."""
    text = "\n".join(pieces)
    for number in range(text.count("{}")):
        text = text.replace("{}", f"word{number}", 1)
    return text.replace("{{", "{").replace("}}", "}")


def lost(shown: set[str], made: Draft) -> set[str]:
    words = " ".join([plain_text(made.body), *(note.cause for note in made.notes)])
    return {word for word in shown if word not in words}


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
@settings(max_examples=effort(20, soak=60))
@given(st.lists(HTML, min_size=1, max_size=6))
def test_no_text_of_html_is_lost_without_a_note(
    engines: tuple[str, ...], pieces: list[str]
) -> None:
    text = filled(pieces)
    assert lost(visible(text), draft(text, "a.html", engines)) == set()


@settings(max_examples=effort(33, soak=100))
@given(st.lists(MARKDOWN, min_size=1, max_size=6))
def test_no_text_of_markdown_is_lost_without_a_note(pieces: list[str]) -> None:
    text = filled(pieces)
    plain = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    assert lost(visible(plain.render(text)), draft(text, "a.md")) == set()


@settings(max_examples=effort(20, soak=60))
@given(st.lists(st.one_of(HTML, MARKDOWN), min_size=1, max_size=6))
def test_no_text_of_a_mixture_is_lost_without_a_note(pieces: list[str]) -> None:
    text = filled(pieces)
    plain = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    assert lost(visible(plain.render(text)), draft(text, "a.md")) == set()


@pytest.mark.parametrize(
    "element", ["<button>Buy</button>", "<textarea>Buy</textarea>", "<svg><text>Buy</text></svg>"]
)
def test_what_is_left_out_is_told(element: str) -> None:
    made = draft(f"<p>a</p>{element}", "a.html")
    assert made.body == "<p>a</p>"
    assert [note.cause for note in made.notes] == [
        f"a <{element[1:].partition('>')[0]}> is left out, and its text: Buy"
    ]
