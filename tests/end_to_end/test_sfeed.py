"""sfeed, a reader that shares no code with the others, reads what is published."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests import as_read
from tests.conftest import Workplace
from tests.waiting import PATIENCE

SFEED = shutil.which("sfeed")
pytestmark = pytest.mark.skipif(
    SFEED is None, reason="needs Debian's sfeed (apt-get install sfeed)"
)

#: sfeed(5): one line for each entry, in these fields.
FIELDS = ("timestamp", "title", "link", "content", "type", "id", "author", "enclosure", "category")


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml"])
def test_sfeed_reads_titles_dates_links_and_authors(workplace: Workplace, name: str) -> None:
    workplace.write("a.md", "引号“与”<b> & 'それ'", body="<p>第一段。</p>\n<p>第二段。</p>")
    workplace.write("b.md", "又一篇", date="Sat, 28 Aug 2021 01:02:03 GMT")
    with workplace.open() as services:
        workplace.build(services)
        articles = as_read.newest(services.store, None, 9)
        site = services.site
    assert SFEED is not None
    feed = (workplace.output / "feeds/金融" / name).read_bytes()
    read = subprocess.run([SFEED], input=feed, capture_output=True, check=True, timeout=PATIENCE)
    found = [
        dict(zip(FIELDS, line.split("\t"), strict=False))
        for line in read.stdout.decode().splitlines()
    ]
    assert len(found) == len(articles) == 2
    for entry, article in zip(found, articles, strict=True):
        assert int(entry["timestamp"]) == int(article.published_at.timestamp())
        assert entry["title"].replace("\u2060", "") == article.title
        assert entry["link"] == site.link(article.folder)
        assert entry["content"].replace("\\n", "\n").strip() == article.body
        assert (entry["type"], entry["id"], entry["author"]) == ("html", article.id, "记者")
