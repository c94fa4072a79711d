"""Templates are taken over together, once all of them can be rendered; else the last good stay."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digest.errors import TemplateError
from digest.web.pages import WebPages
from tests.defaults import default_feed, default_plan
from tests.feeds.samples import SITE, article

TEMPLATES = Path(__file__).parents[2] / "templates"
ROOT = default_feed(site=SITE, category=None)


@pytest.fixture(name="templates")
def _templates(tmp_path: Path) -> Path:
    return shutil.copytree(TEMPLATES, tmp_path / "templates")


def test_an_edited_template_is_used_at_once(templates: Path) -> None:
    pages = WebPages(templates=templates, plan=default_plan(site=SITE))
    before, busy = pages.index(ROOT, [article()], []), pages.busy()
    assert pages.busy() is busy
    parts = templates / "web/parts.html"
    parts.write_text(
        parts.read_text("utf-8").replace('class="meta facts"', 'class="changed"'), "utf-8"
    )
    assert b'class="changed"' not in before
    fingerprint = pages.fingerprint
    assert pages.templates.changed()
    pages.templates.refresh()
    assert b'class="changed"' in pages.index(ROOT, [article()], [])
    assert pages.busy() is not busy
    assert pages.fingerprint != fingerprint
    assert not pages.templates.changed()


def test_a_template_that_is_saved_half_leaves_the_last_good_ones(templates: Path) -> None:
    pages = WebPages(templates=templates, plan=default_plan(site=SITE))
    before = pages.article(article())
    file = templates / "web/article.html"
    whole = file.read_text("utf-8")
    for half in (whole[:-20], whole.replace("article.title", "article.titel")):
        file.write_text(half, "utf-8")
        with capture_logs() as logs:
            for _ in range(2):
                pages.templates.refresh()
        assert [entry["log_level"] for entry in logs] == ["error"]  # once
        assert "web/article.html" in logs[0]["error"]
        assert pages.article(article()) == before
    file.write_text(whole.replace("<h1 ", "<h1 class='new' "), "utf-8")
    pages.templates.refresh()
    assert b"<h1 class='new' " in pages.article(article())


def test_a_template_that_fails_on_one_article_fails_for_that_one_alone(templates: Path) -> None:
    pages = WebPages(templates=templates, plan=default_plan(site=SITE))
    strange = article(title="Strange", link=None, image=None)
    file = templates / "web/article.html"
    trap = '{% if article.title == "Strange" %}{{ 1 / 0 }}{% endif %}'
    file.write_text(file.read_text("utf-8") + trap, "utf-8")
    parts = file.read_text("utf-8").replace("{% block main %}", "{% block main %}" + trap, 1)
    file.write_text(parts, "utf-8")
    pages.templates.refresh()
    with pytest.raises(TemplateError, match="division by zero"):
        pages.article(strange)
    assert trap not in (page := pages.article(article(title="Usual")).decode())
    assert "Usual" in page


def test_words_that_cannot_be_read_leave_the_last_good_ones(templates: Path) -> None:
    pages = WebPages(templates=templates, plan=default_plan(site=SITE))
    before = pages.not_found()
    (templates / "web/words.toml").write_bytes(b"\xff = ")
    pages.templates.refresh()
    assert pages.not_found() == before
    shutil.rmtree(templates)
    pages.templates.refresh()
    assert pages.not_found() == before


def test_a_file_that_cannot_be_looked_at_is_no_change(templates: Path) -> None:
    pages = WebPages(templates=templates, plan=default_plan(site=SITE))
    (templates / "web/nowhere.html").symlink_to(templates / "nothing")
    assert not pages.templates.changed()
