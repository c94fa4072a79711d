"""A corpus: any number of articles, texts of our own, in the shapes of the wild ones.

What crawlers write is there: a blank line before the front matter, categories as a path with
full-width punctuation, dates in every form and none, placeholder images, escaped braces, comments,
empty paragraphs, ideographic indents, lazy images, promotion blocks with their own style, quotes of
both kinds in titles. The same number and seed always make the same article; a crawler that comes
by again writes the same text, with another address of the placeholder and another date.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path, PurePosixPath

_SENTENCES = (
    "清晨的码头还没有完全醒来，渔船的灯已经一盏一盏地亮了。",
    "The old lighthouse keeper counted the ships twice and wrote the number down.",
    "工程师们在白板上画了一条线，又画了一条线，谁也没有说话。",
    "A queue that nobody watches is a queue that only grows.",
    "茶凉了，故事才讲到一半，屋檐下的雨还在一滴一滴地落。",
    "图书馆的管理员说：“借走的书会自己回来，{只要} 有人记得。”",
)
#: Titles by shape, as they are meant; some are broken YAML once they stand in quotes.
_TITLES = (
    "第 {number} 篇：码头上的灯",
    "“第 {number} 篇”——茶与器（上）",
    "It's number {number}, isn't it",
    '"Ship" {number} and "Shore"',
    "第{number}集 'one' and \"two\" 完",
    "{number}",
    "ＡＢＣ？　第 {number} 篇！为什么",
    "What is {{x}} in release {number}: a <b>short</b> note & more",
)
_TOPICS = ("社会", "科技·网络", "文化/读书", "Notes: Engineering")
_DASH = "— "
#: Different paths of categories that articles are in, in turn.
CATEGORIES = 60
#: Bytes of a file name, without its extension; a file system allows 255.
_MAX_NAME = 240
_FIRST_DAY = datetime(2012, 1, 1, 7, 30)  # noqa: DTZ001 - most dates of the wild have no zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An article file that is not yet written."""

    path: PurePosixPath  #: relative to the watched folder
    title: str  #: as readers should see it
    author: str
    date: datetime  #: what its date means, in whatever form it is written; without a zone
    categories: tuple[str, ...]  #: one path, as readers should see it
    mark: str  #: in its text and in no other
    text: str

    def with_news(self, words: str) -> Sample:
        """Return the same article with a paragraph more."""
        body, end, rest = self.text.rpartition("</div>")
        return replace(self, text=f"{body}<p>{words}</p>{end}{rest}")


def sample(
    number: int, seed: int = 1, *, dated: bool = True, paragraphs: int = 26, visit: int = 0
) -> Sample:
    """Return the article of this number, by default about 11 KB of 60 leaf categories.

    Without ``dated`` it has no date that means anything, so that first sight is its date. Each
    later ``visit`` of the crawler gives another picture address and, where there is one, date.
    """
    chance = random.Random(f"{seed} {number}")
    shape = chance.choice(_TITLES)
    title = shape.format(number=number)
    topic = _TOPICS[number % 4].replace("/", "／")
    names = [topic, f"来源：{number % 12}（总站）", f"栏目 {number % CATEGORIES} — 首页"]
    marked = [chance.choice(("", "", _DASH)) + name for name in names]
    image = chance.choice(
        ("", "''", f"'https://picsum.photos/400/300?random={chance.randrange(10_000)}'")
    )
    if visit:
        image = f"'https://picsum.photos/400/300?random={number + visit * 100_000}'"
    date = _FIRST_DAY + timedelta(minutes=97 * number % (9 * 365 * 1440) + visit)
    author = f"作者 {number % 7}"
    quoted = title if chance.random() < 0.5 else title.replace("'", "''")
    lines = [
        "",
        "---",
        f"title: '{quoted}'",
        f"categories:{chance.choice(('', ' '))}",
        *(f" - '{name}'" for name in marked),
        f"headimg: {image}",
        f"author: {author}",
        "comments: false",
        f"date: {_date(date, chance) if dated else 'Invalid Date'}",
        f"thumbnail: {image}",
        "---",
        "",
        _body(number, chance, paragraphs),
        "            ",
    ]
    text = "\n".join(lines).replace("{", "&#123;").replace("}", "&#125;")
    return Sample(
        path=_path(names, title, number),
        title=title,
        author=author,
        date=date,
        categories=tuple(names),
        mark=_mark(number),
        text=text,
    )


def write_corpus(root: Path, count: int, seed: int = 1, *, paragraphs: int = 26) -> None:
    """Write ``count`` articles below ``root``."""
    for one in samples(count, seed, paragraphs=paragraphs):
        path = root / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text, encoding="utf-8")


def samples(count: int, seed: int = 1, *, paragraphs: int = 26) -> Iterator[Sample]:
    """Yield the articles 0 to ``count``."""
    for number in range(count):
        yield sample(number, seed, paragraphs=paragraphs)


def _date(date: datetime, chance: random.Random) -> str:
    """Return a date, or none, as crawlers write it."""
    return chance.choice(
        (
            format_datetime(date).replace("-0000", "GMT"),
            date.strftime("%Y-%m-%d %H:%M:%S"),
            date.isoformat() + "+08:00",
            "Invalid Date",
        )
    )


def _path(names: list[str], title: str, number: int) -> PurePosixPath:
    """Return where a crawler puts a file: below its categories, ``_`` for what names can't hold."""
    stem = "".join("_" if character in '/\\:*?"<>|' else character for character in title)
    stem = stem.encode()[:_MAX_NAME].decode(errors="ignore")
    return PurePosixPath(*names, f"{stem} {number}.md")


def _body(number: int, chance: random.Random, paragraphs: int) -> str:
    """Return the body of an article, indented, with what crawlers leave in it."""
    parts = []
    for _ in range(paragraphs):
        words = "".join(chance.choices(_SENTENCES, k=4))
        parts.append(f'<p cms-style="font-L">　　{words}</p>')
        parts.append(chance.choice(("", "", "<p></p>", "\n\n", "<p>　　</p>", _comment(number))))
    extras = (
        f'<p><font cms-style="font-L strong-Bold">小标题 {number}</font></p>',
        f'<p><img data-original-src="//img.example.org/{number}.png" src="/wait.gif"></p>',
        f'<img src="https://img.example.org/{number}.jpg" referrerpolicy="no-referrer">',
        "<pre><code>cd ${workpath} &amp;&amp; make</code></pre>",
        "<table><tr><th>甲</th><th>乙</th></tr><tr><td>1</td><td>2</td></tr></table>",
        f'<p><a href="/more/{number}" target="_blank">查看更多</a></p>',
    )
    for extra in chance.sample(extras, k=3):
        parts.insert(chance.randrange(len(parts) + 1), extra)
    if chance.random() < 0.5:
        parts.append(
            "<style>\n.promo{border:1px solid #E6E6E6;}\n</style>\n"
            '<div class="promo"><a href="https://example.org/app">下载应用</a></div>'
        )
    parts.append(f'<p class="article-editor">责任编辑：某某 {_mark(number)} </p>')
    inner = "\n    ".join(parts)
    return f"<div>\n    {inner}\n</div>"


def _mark(number: int) -> str:
    return f"(no. {number})"


def _comment(number: int) -> str:
    return f"<!-- 文末 <b>{number}</b> begin -->"


def main() -> None:
    """Write a corpus into a folder."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--articles", type=int, default=2_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    write_corpus(chosen.folder, chosen.articles, chosen.seed)
    print(f"{chosen.articles:,} articles in {chosen.folder}")


if __name__ == "__main__":
    main()
