"""A post from each of the usual site builders, as their users write them, is an article."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from digest.articles.draft import make_draft
from digest.articles.model import Draft, SourceFile
from digest.articles.reading import front_matter_keys
from digest.settings.options import ArticlesTable
from tests.defaults import default_options


def draft(path: str, text: str, **options: Any) -> Draft:
    source = SourceFile(path=PurePosixPath(path), content=text.encode())
    return make_draft(
        source, default_options(engines=("nh3",), timezone="Asia/Shanghai", **options)
    )


def told(made: Draft) -> dict[str, object]:
    """Return what a draft says of its article, apart from the body."""
    return {
        "title": made.title,
        "authors": made.authors,
        "categories": [str(path) for path in made.categories],
        "published_at": made.published_at,
        "link": made.link,
        "image": made.image,
        "language": made.language,
        "summary": made.summary,
        "notes": [note.cause for note in made.notes],
    }


def test_hexo() -> None:
    made = draft(
        "_posts/2022/山里的气象站.md",
        """---
title: 山里的气象站：一年的数据
date: 2022-03-14 21:30:05
updated: 2022-04-01 08:00:00
author: 阿岩
categories:
  - [野外, 气象]
  - [笔记]
tags:
  - 传感器
  - Python
cover: https://img.example.com/station.jpg
thumbnail: /images/thumb.jpg
permalink: :year/:month/:title/
excerpt: 一台放在 <em>山顶</em> 的气象站，跑了一整年。
comments: true
toc: false
lang: zh-CN
---

去年春天，我们在山顶装了一台气象站。

<!-- more -->

## 数据

| 月份 | 降水 |
| ---- | ---: |
| 三月 | 31 mm |
""",
    )
    assert told(made) == {
        "title": "山里的气象站：一年的数据",
        "authors": ("阿岩",),
        "categories": ["野外 / 气象", "笔记"],
        "published_at": datetime(2022, 3, 14, 13, 30, 5, tzinfo=UTC),
        "link": None,
        "image": "https://img.example.com/station.jpg",
        "language": "zh-CN",
        "summary": "一台放在 山顶 的气象站，跑了一整年。",
        "notes": [],
    }
    assert "<td>31 mm</td>" in made.body.replace(' align="right"', "")
    assert "more" not in made.body


def test_jekyll() -> None:
    made = draft(
        "_posts/2021-11-02-a-small-web-server.markdown",
        """---
layout: post
title:  "A small web server, explained"
last_modified_at: 2021-12-24T10:00:00+01:00
categories: [Programming, Networks]
tags: [http, sockets]
author:
  name: Mara Lind
  email: mara@example.net
image:
  path: https://mara.example.net/assets/socket.png
  alt: A socket
canonical_url: https://mara.example.net/small-web-server/
excerpt_separator: <!--more-->
description: >-
  Two hundred lines that answer
  a browser.
published: true
---
Every server starts with a socket.
<!--more-->

```ruby
server = TCPServer.new(8080)
```
""",
        category_style="flat",
    )
    assert told(made) == {
        "title": "A small web server, explained",
        "authors": ("Mara Lind",),
        "categories": ["Programming", "Networks"],
        "published_at": datetime(2021, 11, 1, 16, tzinfo=UTC),
        "link": "https://mara.example.net/small-web-server/",
        "image": "https://mara.example.net/assets/socket.png",
        "language": None,
        "summary": "Two hundred lines that answer a browser.",
        "notes": [],
    }
    assert "server = TCPServer.new(8080)" in made.body


def test_hugo() -> None:
    made = draft(
        "content/posts/slow-trains/index.md",
        """+++
title = 'Slow trains: "a manual"'
date = 2023-06-18T07:15:00+02:00
publishDate = 2023-06-20
lastmod = 2023-07-01T00:00:00Z
draft = false
weight = 10
authors = ['Jo Ferry', 'Li Na']
categories = ['Travel', 'C/C++ on rails']
tags = ['trains']
description = 'What to do between two stations.'
featured_image = 'https://trains.example.org/hero.webp'
externalUrl = 'https://trains.example.org/slow/'
language = 'en-gb'

[params]
  math = true
  [params.cover]
    image = 'ignored.webp'

[[resources]]
  name = 'map'
  src = 'map.png'
+++

Sit on the left. ~~Bring a book.~~ Bring two.[^1]

[^1]: Trains are late.
""",
        category_style="flat",
    )
    assert told(made) == {
        "title": 'Slow trains: "a manual"',
        "authors": ("Jo Ferry", "Li Na"),
        "categories": ["Travel", "C/C++ on rails"],
        "published_at": datetime(2023, 6, 18, 5, 15, tzinfo=UTC),
        "link": "https://trains.example.org/slow/",
        "image": "https://trains.example.org/hero.webp",
        "language": "en-GB",
        "summary": "What to do between two stations.",
        "notes": [],
    }
    assert "<s>Bring a book.</s>" in made.body
    assert "Trains are late." in made.body


def test_zola() -> None:
    made = draft(
        "content/blog/borrow.md",
        '''+++
title = "Borrowing, returning"
date = 2024-02-29
updated = 2024-03-01
authors = ["Ines"]
description = """What a library \\
    taught me."""
draft = false
[taxonomies]
categories = ["随笔", "图书馆"]
tags = ["rust"]
[extra]
lang = "en"
og_image = "https://ines.example.org/card.png"
canonical = "https://ines.example.org/borrow/"
id = 12
+++
# Not the title

A book is lent, not given.
''',
    )
    assert told(made) == {
        "title": "Borrowing, returning",
        "authors": ("Ines",),
        "categories": ["随笔 / 图书馆"],
        "published_at": datetime(2024, 2, 28, 16, tzinfo=UTC),
        "link": "https://ines.example.org/borrow/",
        "image": "https://ines.example.org/card.png",
        "language": "en",
        "summary": "What a library taught me.",
        "notes": [],
    }
    assert made.identity == "content/blog/borrow"
    assert "Not the title" in made.body


def test_pelican() -> None:
    made = draft(
        "content/bread.md",
        """Title: Bread: a log
Date: 2020-12-03 10:20
Modified: 2020-12-05 19:30
Category: Kitchen
Tags: bread, rye; sour dough
Slug: bread-log
Authors: Alexis Vale; Conan Ito
Summary: Thirty loaves,
    and what became of them.
Lang: en
Status: published
Image: https://bread.example.org/loaf.jpg

The first loaf was a **stone**.
""",
        category_style="flat",
    )
    assert told(made) == {
        "title": "Bread: a log",
        "authors": ("Alexis Vale", "Conan Ito"),
        "categories": ["Kitchen"],
        "published_at": datetime(2020, 12, 3, 2, 20, tzinfo=UTC),
        "link": None,
        "image": "https://bread.example.org/loaf.jpg",
        "language": "en",
        "summary": "Thirty loaves, and what became of them.",
        "notes": [],
    }
    assert made.body == "<p>The first loaf was a <strong>stone</strong>.</p>"


def test_eleventy() -> None:
    made = draft(
        "src/posts/kites.md",
        """---
title: Kites & wind
layout: layouts/post.njk
date: 2022-09-10
tags: ["posts", "outdoors"]
eleventyNavigation: { key: Kites, order: 3 }
permalink: "/posts/{{ title | slug }}/index.html"
eleventyExcludeFromCollections: false
author: [{ name: Sam }, { name: Kim, url: https://kim.example.org }]
image: { src: "//cdn.example.org/kite.jpg", alt: A kite }
source: { url: "https://kites.example.org/wind", title: Kites }
---
<p>Hold the line.</p>
<pre><code>&#123;% for kite in kites %&#125;</code></pre>
""",
    )
    assert told(made) == {
        "title": "Kites & wind",
        "authors": ("Sam", "Kim"),
        "categories": ["posts", "outdoors"],
        "published_at": datetime(2022, 9, 9, 16, tzinfo=UTC),
        "link": "https://kites.example.org/wind",
        "image": "https://cdn.example.org/kite.jpg",
        "language": None,
        "summary": "Hold the line.",
        "notes": [],
    }
    assert "{% for kite in kites %}" in made.body


def sections() -> dict[str, dict[str, str]]:
    """Return the rows of the tables of generators in the document, by generator."""
    document = Path(__file__).parents[2] / "docs" / "article-format.md"
    chapter = document.read_text("utf-8").partition("## Sites of generators")[2]
    found = {}
    for section in chapter.partition("\n## ")[0].split("\n### ")[1:]:
        name, _, rest = section.partition("\n")
        rows = re.findall(r"^\| ([a-z].*?) \| (.*) \|$", rest, re.MULTILINE)
        found[name] = dict(rows)
    return found


def test_the_document_tells_of_each_generator_what_works() -> None:
    told = sections()
    named = "Hexo Hugo Jekyll Pelican Zola Eleventy Astro Gatsby Docusaurus MkDocs Obsidian Ghost"
    assert all(name in " ".join(told) for name in [*named.split(), "WordPress"])
    assert {tuple(rows) for rows in told.values()} == {("as it is", "configured", "left out")}


@pytest.mark.parametrize("generator", sections())
def test_what_works_as_it_is_are_keys_that_are_read(generator: str) -> None:
    known = {
        *front_matter_keys.TEXT_KEYS,
        *front_matter_keys.LIST_KEYS,
        *front_matter_keys.DRAFT_KEYS,
        *front_matter_keys.HOLDING_VALUES,
        *front_matter_keys.PASSWORD_KEYS,
        *front_matter_keys.BUILD_KEYS,
        *front_matter_keys.NAME_KEYS,
    }
    told = re.findall(r"`([a-z][a-z_]+)`", sections()[generator]["as it is"])
    assert told
    assert set(told) <= known


@pytest.mark.parametrize("generator", sections())
def test_what_is_configured_are_options(generator: str) -> None:
    options = re.findall(r"`([a-z_]+)(?: = [^`]*)?`", sections()[generator]["configured"])
    folders = {"source", "content", "blog"}
    assert set(options) - folders <= set(ArticlesTable.model_fields)


@pytest.mark.parametrize(
    ("path", "lines", "title", "categories", "moment"),
    [
        (
            "blog/2021-08-26-welcome/index.md",
            "slug: welcome\ntags: [{label: News}]",
            "welcome",
            ["News"],
            (2021, 8, 25, 16),
        ),
        ("docs/blog/posts/hello.md", "date:\n  created: 2024-02-03", "hello", [], (2024, 2, 2, 16)),
        (
            "src/content/blog/first-post.md",
            "pubDate: 'Jul 08 2022'",
            "first post",
            [],
            (2022, 7, 7, 16),
        ),
        (
            "Notes/My note - draft 2.md",
            "created: 2024-02-03T10:00",
            "My note - draft 2",
            ["Notes"],
            (2024, 2, 3, 2),
        ),
        ("tech/_posts/2024-02-03-a-post.md", "layout: post", "a post", ["tech"], (2024, 2, 2, 16)),
        (
            "content/trips/norway/index.md",
            "date: 2024-02-03",
            "norway",
            ["trips"],
            (2024, 2, 2, 16),
        ),
        (
            "a.md",
            "post_date: 2024-02-03 10:00:00\ncategories: [{name: News}]",
            "a",
            ["News"],
            (2024, 2, 3, 2),
        ),
    ],
)
def test_a_file_with_little_in_it_says_what_its_path_says(
    path: str, lines: str, title: str, categories: list[str], moment: tuple[int, int, int, int]
) -> None:
    made = draft(path, f"---\n{lines}\n---\nText.\n", category_style="flat")
    assert (made.title, list(map(str, made.categories))) == (title, categories)
    assert made.published_at == datetime(*moment, tzinfo=UTC)
