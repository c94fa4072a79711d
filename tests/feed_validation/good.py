"""Feeds that are right, written by hand, for breaking one thing at a time."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
ADDRESS = "https://ferry.example/feeds/x"

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<!-- for readers -->
<?xml-stylesheet type="text/css" href="/assets/feed.css"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"
 xmlns:fh="http://purl.org/syndication/history/1.0">
<channel>
<title>Ferry &amp; Co</title>
<link>https://ferry.example/</link>
<description>All about &lt;b&gt;ferries&lt;/b&gt;</description>
<atom:link rel="self" type="application/rss+xml" href="https://ferry.example/feeds/x"/>
<atom:link rel="hub" href="https://hub.example/"/>
<atom:link rel="prev-archive" href="https://ferry.example/feeds/1"/>
<language>zh-CN</language>
<copyright>© 2024 Ferry</copyright>
<managingEditor>desk@ferry.example (The desk)</managingEditor>
<lastBuildDate>Mon, 20 May 2024 12:03:37 GMT</lastBuildDate>
<generator>Digest</generator>
<docs>https://www.rssboard.org/rss-specification</docs>
<ttl>60</ttl>
<sy:updatePeriod>hourly</sy:updatePeriod>
<sy:updateFrequency>2</sy:updateFrequency>
<image><url>https://ferry.example/l.png</url><title>Ferry &amp; Co</title>
<link>https://ferry.example/</link><width>88</width><height>31</height></image>
<item>
<title>Ship 2</title>
<link>https://ferry.example/2</link>
<description>In short</description>
<content:encoded>&lt;p style="color: red"&gt;At &lt;a href="https://a.example/"&gt;length&lt;/a&gt;
 &lt;a href="#note" name="up"&gt;1&lt;/a&gt; &lt;img src="https://a.example/i.png"
 srcset="https://a.example/a,b.png 1x, https://a.example/2.png 2x"&gt;
 &lt;a href="mailto:a@b.example?subject=x"&gt;write&lt;/a&gt;
 &lt;i id="note"&gt;note&lt;/i&gt;&lt;/p&gt;</content:encoded>
<author>a@ferry.example</author>
<dc:creator>Ada</dc:creator>
<dc:language>en</dc:language>
<guid isPermaLink="false">tag:ferry.example,2024:2</guid>
<category domain="tag:ferry.example,2024:categories">Ships</category>
<category>Tea</category>
<enclosure url="https://img.example/2.png" length="0" type="image/png"/>
<pubDate>Mon, 20 May 2024 12:02:07 GMT</pubDate>
<media:content url="https://img.example/2.png" type="image/png"/>
<media:thumbnail url="https://img.example/2.png"/>
</item>
<item>
<title>Ship 1</title>
<link>https://ferry.example/1</link>
<description>In short</description>
<guid>https://ferry.example/1</guid>
<enclosure url="https://img.example/1.mp3" length="7" type="audio/mpeg"/>
<pubDate>Mon, 20 May 2024 12:01:07 GMT</pubDate>
</item>
</channel>
</rss>
"""

ATOM = """<?xml version='1.0' encoding='utf-8'?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="zh-CN"
 xmlns:media="http://search.yahoo.com/mrss/" xmlns:at="http://purl.org/atompub/tombstones/1.0"
 xmlns:fh="http://purl.org/syndication/history/1.0">
<id>tag:ferry.example,2024:feeds</id>
<title>Ferry</title>
<updated>2024-05-20T12:03:37Z</updated>
<author><name>The desk</name><email>desk@ferry.example</email>
<uri>https://ferry.example/desk</uri></author>
<link rel="self" type="application/atom+xml" href="https://ferry.example/feeds/x"/>
<link rel="alternate" type="text/html" hreflang="zh" href="https://ferry.example/"/>
<link rel="prev-archive" href="https://ferry.example/feeds/1"/>
<generator uri="https://digest.example/" version="1">Digest</generator>
<icon>https://ferry.example/i.png</icon>
<logo>https://ferry.example/l.png</logo>
<rights>© 2024</rights>
<at:deleted-entry ref="tag:ferry.example,2024:0" when="2024-05-20T12:03:37Z"/>
<at:deleted-entry ref="tag:ferry.example,2024:1" when="2024-05-19T12:03:37Z"/>
<entry xml:lang="en">
<id>tag:ferry.example,2024:2</id>
<title>Ship 2</title>
<updated>2024-05-20T12:02:08.000002+00:00</updated>
<published>2024-05-20T12:02:07Z</published>
<author><name>Ada</name></author>
<category term="ships" scheme="tag:ferry.example,2024:categories" label="Ships"/>
<link rel="alternate" href="https://ferry.example/2"/>
<link rel="enclosure" type="image/png" href="https://img.example/2.png"/>
<summary>In &lt;short&gt;</summary>
<content type="html">&lt;p&gt;At length&lt;/p&gt;</content>
<media:thumbnail url="https://img.example/2.png"/>
</entry>
<entry>
<id>https://ferry.example/1</id>
<title>Ship 1</title>
<updated>2024-05-20T14:01:07+02:00</updated>
<link href="https://ferry.example/1"/>
</entry>
</feed>
"""

#: The same without an author for all, and an archive at that.
ARCHIVE = (
    ATOM.replace("<icon>", "<fh:archive/><icon>")
    .replace(
        '<link rel="prev-archive"',
        '<link rel="current" href="https://ferry.example/feeds/now"/>'
        '<link rel="next-archive" href="https://ferry.example/feeds/3"/>'
        '<link rel="prev-archive"',
    )
    .replace("<title>Ship 1</title>", "<title>Ship 1</title><author><name>Bo</name></author>")
    .replace(
        "<author><name>The desk</name><email>desk@ferry.example</email>\n"
        "<uri>https://ferry.example/desk</uri></author>\n",
        "",
    )
)

JSON = """{
"version": "https://jsonfeed.org/version/1.1",
"title": "Ferry",
"home_page_url": "https://ferry.example/",
"feed_url": "https://ferry.example/feeds/x",
"next_url": "https://ferry.example/feeds/1",
"icon": "https://ferry.example/i.png",
"language": "zh-CN",
"expired": false,
"_digest": {"about": "https://ferry.example/"},
"authors": [{"name": "The desk", "url": "https://ferry.example/desk"}],
"hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
"items": [
{"id": "tag:ferry.example,2024:2", "url": "https://ferry.example/2", "title": "Ship 2",
 "content_html": "<p>At <b>length</b></p>", "summary": "In short", "tags": ["Ships"],
 "image": "https://img.example/2.png", "language": "en",
 "attachments": [{"url": "https://img.example/2.mp3", "mime_type": "audio/mpeg"}],
 "date_published": "2024-05-20T12:02:07Z", "date_modified": "2024-05-20T12:02:08Z"},
{"id": "tag:ferry.example,2024:1", "url": "https://ferry.example/1", "title": "Ship 1",
 "content_text": "In short", "date_published": "2024-05-20T12:01:07Z"}
]
}
"""

OPML = """<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0">
<head><title>Ferry</title><dateModified>Mon, 20 May 2024 12:03:37 GMT</dateModified></head>
<body>
<outline text="All" type="rss" xmlUrl="https://ferry.example/feeds/rss.xml" htmlUrl="https://ferry.example/"/>
<outline text="Ships"><outline text="Tea" type="rss" xmlUrl="https://ferry.example/feeds/t"/></outline>
</body>
</opml>
"""
