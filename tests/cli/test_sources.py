"""`digest sources`: feeds of others, on a server of this machine."""

from __future__ import annotations

import json
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.cli.sources import source_table, with_tables, without_source
from digest.errors import ConfigurationError
from tests.cli.conftest import Program
from tests.conftest import Workplace
from tests.sources.samples import rss

FEED = rss(
    "<title>Cranes</title><guid>1</guid><pubDate>Tue, 24 Nov 2026 10:00:00 GMT</pubDate>",
    "<title></title><description>No title</description><guid>2</guid>",
)
PAGE = b'<link rel="alternate" type="application/rss+xml" href="/feed">'
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


class Handler(BaseHTTPRequestHandler):
    """Answers with the page, the feed, or 404."""

    def do_GET(self) -> None:
        body = {"/": PAGE, "/feed": FEED}.get(self.path)
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """Serve a site; give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_page_is_added_by_its_feed_and_followed(
    program: Program, workplace: Workplace, site: str
) -> None:
    added = program("sources", "add", f"{site}/", "--allow-private", "--category", "News/Port")
    assert added.code == 0, added.err
    assert "Harbour News: 2 entries" in added.out
    assert "2026-11-24  Cranes" in added.out
    assert "(no date)  (no title)" in added.out
    assert workplace.configuration.read_text(encoding="utf-8").endswith(
        f'[sources.harbour-news]\nurl = "{site}/feed"\ncategory = "News/Port"\n'
        "allow_private = true\n"
    )
    assert program("sources").out.startswith("harbour-news\tok\t2\t")
    refreshed = program("sources", "refresh")
    assert refreshed.out == "harbour-news: 2 entries; 0 new, 0 changed, 0 waiting\n"
    assert "harbour-news\tok\t2\t" in program("sources", "list").out
    (one,) = json.loads(program("sources", "--json").out)
    assert (one["category"], one["entries"], one["state"]["health"]) == ("News/Port", 2, "ok")
    assert program("build").code == 0
    listed = program("articles", "list", "--category", "News/Port").out
    assert "Cranes" in listed
    assert "No title" in listed
    text = workplace.configuration.read_text(encoding="utf-8")
    workplace.configuration.write_text(f"{text}republish = false\n", encoding="utf-8")
    assert program("build").code == 0
    assert "Cranes" not in program("articles", "list", "--category", "News/Port").out


def test_the_category_of_a_source_is_the_title_of_its_feed(
    program: Program, workplace: Workplace, site: str
) -> None:
    assert program("sources", "add", f"{site}/feed", "--allow-private", "--name", "a").code == 0
    assert 'category = "Harbour News"' in workplace.configuration.read_text(encoding="utf-8")
    assert program("build").code == 0
    assert "Cranes" in program("articles", "list", "--category", "Harbour News").out


def test_no_sources_are_told(program: Program) -> None:
    assert program("sources").out == "No sources.\n"


def test_a_feed_is_added_once(program: Program, site: str) -> None:
    assert program("sources", "add", f"{site}/feed", "--allow-private", "--name", "a").code == 0
    again = program("sources", "add", f"{site}/", "--allow-private")
    assert again.code == 1
    assert "is followed already, as a" in again.err


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (
            ["{site}/feed"],
            1,
            "127.0.0.1 is no public address; a source may be there by allow_private",
        ),
        (["{site}/none", "--allow-private"], 1, "answered 404"),
        (["javascript://x"], 2, "must be an http or https address"),
        (["{site}/feed", "--allow-private", "--name", "Größe"], 2, "a name of a-z"),
        (["{site}/feed", "--allow-private", "--category", "a//b"], 2, "category"),
    ],
)
def test_what_cannot_be_added_leaves_the_configuration_as_it_is(
    program: Program,
    workplace: Workplace,
    site: str,
    arguments: list[str],
    code: int,
    problem: str,
) -> None:
    before = workplace.configuration.read_bytes()
    ended = program("sources", "add", *(text.format(site=site) for text in arguments))
    assert (ended.code, workplace.configuration.read_bytes()) == (code, before)
    assert problem in ended.err
    assert sorted(path.name for path in workplace.folder.glob(".digest-*")) == []


def test_a_source_that_is_removed_leaves_its_articles(
    program: Program, workplace: Workplace, site: str
) -> None:
    before = workplace.configuration.read_text(encoding="utf-8")
    program("sources", "add", f"{site}/feed", "--allow-private", "--name", "a")
    program("sources", "refresh", "a")
    assert program("sources", "remove", "a").code == 0
    assert workplace.configuration.read_text(encoding="utf-8").rstrip() == before.rstrip()
    assert program("sources").out == "No sources.\n"
    assert len(list((workplace.folder / "data" / "sources").rglob("*.html"))) == 2


def test_a_source_that_cannot_be_removed_is_told(program: Program, workplace: Workplace) -> None:
    workplace.configure('[sources]\na = {url = "https://a.example/"}\n')
    assert "take it out of the file by hand" in program("sources", "remove", "a").err
    ended = program("sources", "remove", "b")
    assert (ended.code, "known are: a" in ended.err) == (2, True)


def test_a_source_that_does_not_answer_is_a_failure(
    program: Program, workplace: Workplace, site: str
) -> None:
    workplace.configure(f'[sources.a]\nurl = "{site}/none"\nallow_private = true\n')
    ended = program("sources", "refresh")
    assert (ended.code, ended.out) == (1, "a: answered 404; 0 new, 0 changed, 0 waiting\n")


def test_opml_goes_in_and_out(program: Program, workplace: Workplace) -> None:
    file = workplace.folder / "in.opml"
    file.write_text(
        '<opml><body><outline text="News/1"><outline text="A" xmlUrl="https://a.example/"/>'
        '<outline text="A" xmlUrl="https://b.example/"/></outline>'
        '<outline xmlUrl="https://www.c.example/"/></body></opml>',
        encoding="utf-8",
    )
    assert program("sources", "import", file).out.startswith("3 added, 0 known.")
    assert program("sources", "import", file).out.startswith("0 added, 3 known.")
    assert [line.split("\t")[0] for line in program("sources").out.splitlines()] == [
        "a",
        "a-2",
        "c-example",
    ]
    out = program("sources", "export").out
    assert '<outline text="News-1" title="News-1"><outline type="rss" text="a"' in out
    file.write_text("none", encoding="utf-8")
    assert (program("sources", "import", file).code, "no XML" in out) == (1, False)


def test_the_folder_of_sources_takes_no_name_from_others(
    program: Program, workplace: Workplace
) -> None:
    workplace.configure(
        '[paths]\narticles = { sources = "articles" }\n[sources.a]\nurl = "https://a.example/"\n'
    )
    ended = program("build")
    assert ended.code == 2
    assert "paths.articles.sources: is the name of the folder of sources" in ended.err


@given(name=TEXTS, url=TEXTS, category=TEXTS)
def test_whatever_a_value_holds_is_read_back(name: str, url: str, category: str) -> None:
    text = with_tables("# mine\n", [source_table(name, url, category=category, private=True)])
    assert tomllib.loads(text)["sources"] == {
        name: {"url": url, "category": category, "allow_private": True}
    }


def test_tables_come_last() -> None:
    text = with_tables("[site]\ntitle = 'x'\n\n", [source_table("a", "1"), source_table("b", "2")])
    assert text == '[site]\ntitle = \'x\'\n\n[sources.a]\nurl = "1"\n\n[sources.b]\nurl = "2"\n'
    assert with_tables("", [source_table("a", "1")]).startswith("[sources.a]")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('[x]\ny = 1\n\n[sources.a]\nurl = "1"\n', "[x]\ny = 1\n\n"),
        (
            '[ sources . "a" ] # mine\nurl = "1"\n# more\n\n# of b\n[sources.b]\nurl = "2"\n',
            '\n\n# of b\n[sources.b]\nurl = "2"\n',
        ),
        ("[sources.'a']\nurl = \"1\"\n[[rules]]\n", "\n\n[[rules]]\n"),
        ("[sources.a]", "\n\n"),
    ],
)
def test_one_table_is_taken_out(text: str, left: str) -> None:
    assert without_source(text, "a") == left


@pytest.mark.parametrize("text", ["", "[sources]\na = {url = '1'}", "[sources.ab]\nurl = '1'"])
def test_a_source_without_a_table_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not written as a table"):
        without_source(text, "a")
