"""Inputs made to be slow: each ends soon, or is given up and harms no other file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePosixPath

import pytest

from digest.articles.draft import make_draft
from digest.articles.ingest import workers as workers_module
from digest.articles.ingest.workers import Workers
from digest.articles.model import Draft, SourceFile
from digest.errors import SourceError
from digest.settings.options import ArticlesTable
from tests.conftest import Workplace
from tests.defaults import default_options

pytestmark = pytest.mark.full_speed

#: Bytes of the largest file that is read, by the default configuration.
LARGEST = 4 * 1024 * 1024
#: CPU seconds that one file may take; minutes where its square counts. Coverage slows Python down.
BOUND = 8.0 if sys.gettrace() is None else 24.0
HEAD = "---\ntitle: T\n---\n\n"
HTML = HEAD + "<div>x</div>"
OPTIONS = default_options(engines=("nh3",))
GOOD = SourceFile(path=PurePosixPath("good.md"), content=b"---\ntitle: Good\n---\nText.\n")


def long(piece: str, *, length: int = LARGEST - 200) -> str:
    """Return so many characters of a piece, again and again."""
    return piece * (length // len(piece))


BOUNDED = {
    "nested b": HTML + "<b>" * 200_000,
    "nested div": HTML + "<div>" * 200_000 + "</div>" * 200_000,
    "nested table": HTML + "<table>" * 200_000,
    "nested lists": HTML + "<ul><li>" * 100_000,
    "nested drawings": HTML + "<svg><desc>" * 100_000,
    "nested formulas": HTML + "<math><mtext>" * 100_000,
    "nested templates": HTML + "<template>" * 200_000,
    "nested unknown": HTML + "<x-y>" * 200_000,
    "only ends": HTML + "</b>" * 200_000,
    "a million attributes": HTML + "<p " + "a " * 1_000_000 + ">x</p>",
    "different attributes": HTML + "<p " + " ".join(f"a{n}" for n in range(400_000)) + ">x</p>",
    "text of 4 MiB": HTML + "<p>" + long("a") + "</p>",
    "Chinese text of 4 MiB": HTML + "<p>" + "中" * (LARGEST // 3 - 100) + "</p>",
    "blanks of 4 MiB": HTML + "<p>x" + long(" ") + "x</p>",
    "lines of 4 MiB": HTML + "<p>x" + long("\n") + "x</p>",
    "accents of 2 MiB": HTML + "<p>e" + "\u0301" * (LARGEST // 4) + "</p>",
    "an address of 4 MiB": HTML + f"<a href='https://e.org/{long('../')}'>x</a>",
    "a data address of 4 MiB": HTML + f"<img src='data:image/png;base64,{long('a')}'>",
    "bare ampersands": HTML + long("&"),
    "one long entity": HTML + "&" + long("a"),
    "one long number": HTML + "&#" + long("9"),
    "numbers": HTML + long("&#x41;"),
    "openings": HTML + long("<"),
    "openings of tags": HTML + long("<a "),
    "openings of comments": HTML + long("<!--"),
    "openings of quotes": HTML + long("<a b='"),
    "openings of scripts": HTML + long("<script>"),
    "openings of titles": "---\na: b\n---\n<div>x</div>" + long("<title>"),
    "openings of headings": "---\na: b\n---\n<div>x</div>" + long("<h1 x"),
    "openings of the language": "---\ntitle: T\n---\n<html " + long("<html lang"),
    "non-breaking blanks": HTML + "<p>x" + "&nbsp; " * 90_000 + "</p>",
    "blank lines first": long("\n", length=500_000) + "x",
    "blanks first": long(" ", length=2_000_000) + "---",
    "deep flow lists": "---\ntitle: T\na: " + "[" * 30_000 + "\n---\nx",
    "deep flow mappings": "---\ntitle: T\na: " + "{a: " * 15_000 + "\n---\nx",
    "deep blocks": "---\ntitle: T\n" + "".join(" " * n + "a:\n" for n in range(340)) + "---\nx",
    "lines that are no YAML": "---\n" + 'title: "\n' * 6_000 + "---\nx",
    "a front matter without end": "---\n" + long("title: x\n"),
    "dashes before a name": f"---\ntitle: T\ncategory: {'— ' * 20_000}\n---\nx",
    "separators": f"---\ntitle: T\ncategory: {'a/' * 30_000}\n---\nx",
    "digits for a date": f"---\ntitle: T\ndate: {'1' * 60_000}\n---\nx",
    "brackets for a date": f"---\ntitle: T\ndate: Fri, {'(' * 60_000}\n---\nx",
    "labels of a host": f"---\ntitle: T\nlink: https://{'a.' * 30_000}\n---\nx",
    "tags in a summary": f"---\ntitle: T\nsummary: {'<b>' * 20_000}\n---\nx",
    "Markdown brackets": HEAD + long("[", length=20_000),
    "Markdown links": HEAD + "[" * 8_000 + "a" + "](b)" * 8_000,
    "Markdown stars": HEAD + long("*a_ ", length=40_000),
    "Markdown quotations": HEAD + long("> ", length=100_000),
    "Markdown lists": HEAD + "".join("  " * n + "- a\n" for n in range(400)),
    "Markdown back-ticks": HEAD + "".join("`" * n + " " for n in range(400)),
    "Markdown table": HEAD + "|a" * 200 + "\n" + "|-" * 200 + "\n" + ("|b" * 200 + "\n") * 50,
}


@pytest.mark.sampled
@pytest.mark.parametrize("name", BOUNDED)
def test_what_is_made_to_be_slow_ends_soon(name: str) -> None:
    source = SourceFile(path=PurePosixPath("a.md"), content=BOUNDED[name].encode())
    assert len(source.content) <= LARGEST
    began = time.process_time()
    try:
        length = len(make_draft(source, OPTIONS).body)
    except SourceError:
        length = 0  # a problem is as good an end
    assert time.process_time() - began < BOUND
    assert length <= 2 * LARGEST


#: One of each kind at the largest size: what parsers take long over is given up.
HEAVY = {
    "nested tags": BOUNDED["nested b"],
    "a million attributes": BOUNDED["a million attributes"],
    "a text node": BOUNDED["text of 4 MiB"],
    "bait for regular expressions": HTML + long("<p &nbsp; <br> "),
    "unknown entities": HTML + "&unknownunknown" * 199_000,
    "entities": HTML + "<pre>" + long("&amp;"),
    "entities between unknown elements": HTML + long("&amp;u<x-y></x-y>"),
    "Markdown brackets": HEAD + long("["),
    "Markdown stars": HEAD + long("**a "),
    "Markdown back-ticks": HEAD + long("`a ``b "),
    "Markdown links": HEAD + long("[a](b) "),
    "Markdown notes": HEAD + long("[^a] ") + "\n\n[^a]: b\n",
    "Markdown paragraphs": HEAD + long("a\n\n"),
    "Markdown table": HEAD + "|a|b|\n|-|-|\n" + long("|c|d|\n"),
    "Markdown list": HEAD + long("- a\n"),
    "cells": HTML + "<table>" + long("<tr><td>x"),
    "list items": HTML + "<ul>" + long("<li>x"),
    "paragraphs": HTML + long("<p>x"),
    "links": HTML + long("<a href='https://e.org/'>x</a>"),
    "images": HTML + long("<img src='https://e.org/i.png'>"),
    "empty nests": HTML + long("<b>" * 90 + "</b>" * 90),
}
#: Of processor time; less than by default, so that the tests are quick.
LIMIT = timedelta(seconds=0.5)
GIVEN_UP = "took more than {} s to read and was given up"


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with (
        pytest.MonkeyPatch.context() as patch,
        Workers(default_options(), count=1, timeout=LIMIT) as pool,
    ):
        patch.setattr(workers_module, "_CLOCK_FACTOR", 100)  # a busy machine takes long over LIMIT
        yield pool


@pytest.mark.sampled
@pytest.mark.parametrize("name", HEAVY)
def test_whatever_the_input_it_is_an_article_or_a_problem_within_the_limit(
    workers: Workers, name: str
) -> None:
    source = SourceFile(path=PurePosixPath("a.md"), content=HEAVY[name].encode())
    assert len(source.content) <= LARGEST
    batch = [source, GOOD]
    result, good = workers.results_of(workers.submit(batch))
    problem = result.problem if isinstance(result, SourceError) else ""
    # Never that it lasted too long by the clock, which a busy machine can make of any.
    assert problem in ("", GIVEN_UP.format(0.5), "the body has too many escaped characters")
    assert isinstance(good, Draft)
    assert good.title == "Good"


def test_the_limit_is_two_seconds_of_a_processor() -> None:
    assert ArticlesTable().timeout == timedelta(seconds=2)


@pytest.mark.usefixtures("processes")
def test_a_file_that_takes_too_long_is_a_problem_and_the_others_are_published(
    workplace: Workplace,
) -> None:
    base = workplace.configuration.read_text(encoding="utf-8")
    workplace.configure(base=base.replace("workers = 1", 'workers = 1\ntimeout = "1s"'))
    workplace.write_text("a.md", HEAVY["Markdown brackets"])
    workplace.write("b.md", "一篇好的")
    with workplace.open() as services:
        changes = workplace.build(services).changes
        assert (changes.new, changes.problems) == (1, 1)
        (problem,) = services.store.articles.problems()
        assert (problem.path, problem.cause) == ("a.md", GIVEN_UP.format(1))
        assert "一篇好的".encode() in workplace.published()["feeds/rss.xml"]
