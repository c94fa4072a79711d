"""References for building: static site generators over the same articles, where they are installed.

They get what they like best: front matter without a mistake, and bodies that they neither clean nor
store. Hugo writes a page for each article, a page and an RSS feed of the newest 50 (summaries, its
own template) for each category at each level, each author and the whole site. Pelican writes the
same with its own theme, categories by their first name alone.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.corpus import Sample
from benchmarks.processes import Usage, measure

_HUGO_CONFIGURATION = """\
baseURL = "http://127.0.0.1/"
languageCode = "zh-CN"
title = "海岸书报"
disableKinds = ["sitemap", "robotsTXT", "404"]
timeout = "600s"
[taxonomies]
author = "authors"
[services.rss]
limit = 50
[markup.goldmark.renderer]
unsafe = true
"""
_HEAD = (
    '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{{ .Title }}</title>'
    "{{ range .AlternativeOutputFormats }}"
    '<link rel="{{ .Rel }}" type="{{ .MediaType.Type }}" href="{{ .Permalink }}">'
    "{{ end }}</head><body><h1>{{ .Title }}</h1>"
)
_HUGO_LAYOUTS = {
    "single.html": f'{_HEAD}<time>{{{{ .Date.Format "2006-01-02" }}}}</time>{{{{ .Content }}}}'
    "</body></html>\n",
    "list.html": f"{_HEAD}<ul>{{{{ range first 50 .RegularPagesRecursive }}}}"
    '<li><a href="{{ .Permalink }}">{{ .Title }}</a></li>{{ end }}</ul></body></html>\n',
}
_PELICAN_CONFIGURATION = """\
SITENAME = "海岸书报"
SITEURL = "http://127.0.0.1"
TIMEZONE = "Asia/Shanghai"
DEFAULT_LANG = "zh"
FEED_ALL_RSS = "feeds/all.rss.xml"
FEED_ALL_ATOM = None
CATEGORY_FEED_RSS = "feeds/{slug}.rss.xml"
CATEGORY_FEED_ATOM = None
AUTHOR_FEED_RSS = "feeds/author-{slug}.rss.xml"
AUTHOR_FEED_ATOM = None
TRANSLATION_FEED_ATOM = None
FEED_MAX_ITEMS = 50
DEFAULT_PAGINATION = 50
"""


def _body(article: Sample) -> str:
    """Return what is behind the front matter."""
    return article.text.split("---\n", 2)[2]


def hugo(folder: Path, articles: Iterable[Sample]) -> Usage | None:
    """Lay a site out in a new folder and have Hugo build it; None where Hugo is not installed."""
    command = shutil.which("hugo")
    if command is None:
        return None
    content, layouts = folder / "content", folder / "layouts" / "_default"
    layouts.mkdir(parents=True)
    (folder / "hugo.toml").write_text(_HUGO_CONFIGURATION, encoding="utf-8")
    for name, template in _HUGO_LAYOUTS.items():
        (layouts / name).write_text(template, encoding="utf-8")
    for article in articles:
        path = content / article.path
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            for section in path.parents:
                if section == content:
                    break
                title = json.dumps({"title": section.name}, ensure_ascii=False)
                (section / "_index.md").write_text(f"{title}\n", encoding="utf-8")
        head = {
            "title": article.title,
            "date": article.date.isoformat() + "+08:00",
            "authors": [article.author],
        }
        text = f"{json.dumps(head, ensure_ascii=False, indent=1)}\n\n{_body(article)}"
        path.write_text(text, encoding="utf-8")
    return measure(
        [command, "--quiet", "--config", "hugo.toml", "--cacheDir", folder / "cache"],
        folder=folder,
        log=folder / "log",
    )


def pelican(folder: Path, articles: Iterable[Sample]) -> Usage | None:
    """Lay a site out in a new folder and have Pelican build it; None where it is not installed."""
    beside = Path(sys.executable).with_name("pelican")
    command = str(beside) if beside.exists() else shutil.which("pelican")
    if command is None:
        return None
    (folder / "content").mkdir(parents=True)
    (folder / "pelicanconf.py").write_text(_PELICAN_CONFIGURATION, encoding="utf-8")
    for number, article in enumerate(articles):
        category = article.categories[0]
        head = (
            f"<html><head><title>{number} {_escaped(article.title)}</title>"
            f'<meta name="date" content="{article.date:%Y-%m-%d %H:%M}">'
            f'<meta name="authors" content="{article.author}">'
            f'<meta name="category" content="{_escaped(category)}"></head><body>'
        )
        text = f"{head}{_body(article)}</body></html>\n"
        (folder / "content" / f"{number}.html").write_text(text, encoding="utf-8")
    return measure(
        [command, "--quiet", "--settings", "pelicanconf.py", "--output", "output", "content"],
        folder=folder,
        log=folder / "log",
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
