"""Every rule: a feed that is right passes, and one with a single thing broken breaks that rule."""

from __future__ import annotations

import pytest

from tests.feed_validation import validate
from tests.feed_validation.good import ADDRESS, ARCHIVE, ATOM, JSON, NOW, OPML, RSS
from tests.feed_validation.reading import MAX_SIZE, rules

GOOD = {"rss": RSS, "atom": ATOM, "archive": ARCHIVE, "json": JSON, "opml": OPML}
TITLE_1 = "<title>Ship 1</title>"
GUID_1 = "<guid>https://ferry.example/1</guid>"
GUID_2 = '<guid isPermaLink="false">tag:ferry.example,2024:2</guid>'
ID_2 = "<id>tag:ferry.example,2024:2</id>"
SELF = '<atom:link rel="self" type="application/rss+xml" href="https://ferry.example/feeds/x"/>'
ATOM_SELF = '<link rel="self" type="application/atom+xml" href="https://ferry.example/feeds/x"/>'
CURRENT = '<link rel="current" href="https://ferry.example/feeds/now"/>'
PREVIOUS = '<link rel="prev-archive" href="https://ferry.example/feeds/1"/>'
LANGUAGE = "<language>zh-CN</language>"
CONTENT = '<content type="html">&lt;p&gt;At length&lt;/p&gt;</content>'
GONE = '<at:deleted-entry ref="tag:ferry.example,2024:0" when="2024-05-20T12:03:37Z"/>'
ENCLOSURE = '<enclosure url="https://img.example/2.png" length="0" type="image/png"/>'

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
DESCRIPTION = "<description>In short</description>"
MEDIA = '<media:content url="https://img.example/2.png" type="image/png"/>'
#: What is replaced wherever it stands.
EVERYWHERE = ("https://ferry.example/feeds/x", "sy:updatePeriod")

#: The rule, the feed, what is replaced, and by what.
BROKEN = [
    ("encoding", "rss", ' encoding="UTF-8"', ""),
    ("encoding", "rss", "Ship 1", "Ship \udcff"),
    ("encoding", "atom", "encoding='utf-8'", "encoding='gb18030'"),
    ("byte-order-mark", "rss", "<?xml version", "\ufeff<?xml version"),
    ("byte-order-mark", "json", '{\n"version"', '\ufeff{\n"version"'),
    ("document-type", "rss", "<rss ", '<!DOCTYPE rss [<!ENTITY a "b">]><rss '),
    ("document-type", "opml", "<opml ", '<!DOCTYPE opml SYSTEM "file:///etc/passwd"><opml '),
    ("characters-forbidden", "rss", "Ship 1", "Ship \x03"),
    ("characters-forbidden", "json", "Ship 1", "Ship \\u0003"),
    ("characters-forbidden", "json", "Ship 1", "Ship \\ud800"),
    ("characters-forbidden", "json", '["Ships"]', '["\ufffe"]'),
    ("well-formed", "rss", "</item>", "</itm>"),
    ("well-formed", "rss", "Ship 1", "Ship &nbsp;"),
    ("well-formed", "atom", "Ship 1", "Ship &#3;"),
    ("well-formed", "json", '"items": [', '"items": [,'),
    ("well-formed", "json", '"expired": false', '"expired": NaN'),
    ("kind", "rss", RSS, DECLARATION + "<rdf/>"),
    ("kind", "json", JSON, "[]"),
    ("stylesheet", "rss", "text/css", "text/xsl"),
    ("json-keys", "json", '"expired": false', '"expired": false, "expired": false'),
    ("id-missing", "rss", GUID_1, ""),
    ("id-missing", "atom", ID_2, ""),
    ("id-missing", "json", '"tag:ferry.example,2024:1"', '""'),
    ("id-missing", "json", '"tag:ferry.example,2024:1"', "7"),
    ("id-repeated", "rss", GUID_1, GUID_2),
    ("id-repeated", "json", "2024:1", "2024:2"),
    ("date-form", "rss", "20 May 2024 12:01:07", "20 May 24 12:01:07"),
    ("date-form", "rss", "Mon, 20 May 2024 12:01:07", "Tue, 20 May 2024 12:01:07"),
    ("date-form", "rss", "12:01:07 GMT", "12:01:07 +0000"),
    ("date-form", "rss", "12:01:07 GMT", "12:01:07 -0000"),
    ("date-form", "rss", "Mon, 20 May 2024 12:01:07 GMT", "Mo, 20. Mai 2024"),
    ("date-form", "atom", "12:02:07Z", "12:02:07"),
    ("date-form", "atom", "12:02:07Z", "25:02:07Z"),
    ("date-form", "atom", "2024-05-20T12:02:07Z", "2024-05-20 12:02:07Z"),
    ("date-form", "json", "12:01:07Z", "12:01Z"),
    ("date-form", "opml", "12:03:37 GMT", "noon"),
    ("date-plausible", "rss", "Mon, 20 May 2024 12:01:07", "Mon, 20 May 1974 12:01:07"),
    ("date-plausible", "atom", "2024-05-20T12:02:07Z", "2024-06-02T12:02:07Z"),
    ("order", "rss", "Mon, 20 May 2024 12:01:07", "Mon, 20 May 2024 12:03:07"),
    ("order", "atom", "14:01:07+02:00", "14:02:08+02:00"),
    ("order", "json", "12:01:07", "12:03:07"),
    ("address", "rss", "<link>https://ferry.example/1<", "<link>/1<"),
    ("address", "rss", "https://ferry.example/1<", "https://ferry.example/一<"),
    ("address", "rss", "https://img.example/1.mp3", "https://图.example/1.mp3"),
    ("address", "atom", "https://img.example/2.png", "https://img.example/ 2.png"),
    ("address", "atom", "<icon>https://ferry.example/", "<icon>/"),
    ("address", "atom", "<uri>https://ferry.example/desk", "<uri>desk"),
    ("address", "atom", 'uri="https://digest.example/', 'uri="digest.example/'),
    ("address", "rss", "https://hub.example/", "hub"),
    ("address", "json", "https://ferry.example/desk", "desk"),
    ("address", "json", "https://hub.example/", "//hub.example/"),
    ("address", "json", "https://ferry.example/i.png", "javascript:x()"),
    ("address", "opml", "https://ferry.example/feeds/t", "feeds/t"),
    ("characters-suspect", "rss", "Ship 1", "Ship \ufffd"),
    ("characters-suspect", "rss", "© 2024 Ferry", "© 2024 \x92"),
    ("characters-suspect", "rss", "© 2024", "&#x80; 2024"),
    ("characters-suspect", "atom", 'label="Ships"', 'label="Ships\x80"'),
    ("characters-suspect", "atom", "<entry>", "<entry>\x80"),
    ("characters-suspect", "json", "Ship 1", "Ship \ufffd"),
    ("content-element", "rss", "In short", "In &lt;script&gt;x()&lt;/script&gt;"),
    ("content-element", "rss", "All about", "&lt;iframe&gt;&lt;/iframe&gt;"),
    ("content-element", "atom", "At length", "&lt;style&gt;p{}&lt;/style&gt;"),
    ("content-element", "json", "<b>length</b>", "<form></form>"),
    ("content-handler", "rss", "href=\"https://a.example/\"", "onclick=\"x()\""),
    ("content-handler", "json", "<b>", "<b onmouseover='x()'>"),
    ("content-address", "rss", 'href="https://a.example/"', 'href="/a"'),
    ("content-address", "rss", 'href="https://a.example/"', 'href="https://a.example/茶"'),
    ("content-address", "rss", 'href="https://a.example/"', 'href="javascript:x()"'),
    ("content-address", "rss", 'src="https://a.example/i.png"', 'src="i.png"'),
    ("content-address", "rss", 'src="https://a.example/i.png"', 'src="#note"'),
    ("content-address", "rss", "https://a.example/2.png 2x", "2.png 2x"),
    ("content-address", "rss", "mailto:a@b.example", "mailto:"),
    ("content-address", "rss", 'id="note"', 'id="nota"'),
    ("content-address", "atom", "At length", "&lt;a href&gt;x&lt;/a&gt;"),
    ("content-style", "rss", "color: red", "color: red; position: fixed"),
    ("self-missing", "rss", SELF, ""),
    ("self-missing", "atom", ATOM_SELF, ""),
    ("self-address", "rss", "https://ferry.example/feeds/x", "https://ferry.example/feeds/y"),
    ("self-address", "atom", "https://ferry.example/feeds/x", "https://ferry.example/feeds/y"),
    ("link-repeated", "rss", SELF, SELF + SELF),
    ("link-repeated", "archive", PREVIOUS, PREVIOUS + PREVIOUS.replace("/1", "/0")),
    ("link-level", "rss", TITLE_1, TITLE_1 + '<atom:link rel="hub" href="https://h.example/"/>'),
    ("link-level", "atom", TITLE_1, TITLE_1 + PREVIOUS),
    ("archive-complete", "atom", "<icon>", "<fh:complete/><icon>"),
    (
        "archive-complete",
        "archive",
        PREVIOUS,
        "<fh:complete/>",
    ),
    ("archive-current", "archive", CURRENT, ""),
    ("archive-current", "archive", "https://ferry.example/feeds/now", ADDRESS),
    ("archive-mark", "archive", "<fh:archive/>", ""),
    ("archive-loop", "archive", "https://ferry.example/feeds/3", ADDRESS),
    ("archive-level", "archive", TITLE_1, TITLE_1 + "<fh:archive/>"),
    ("deleted-entry", "atom", ' ref="tag:ferry.example,2024:0"', ""),
    ("deleted-entry", "atom", ' when="2024-05-20T12:03:37Z"', ""),
    ("deleted-entry", "atom", TITLE_1, TITLE_1 + GONE),
    ("deleted-present", "atom", 'ref="tag:ferry.example,2024:0"', 'ref="tag:ferry.example,2024:2"'),
    ("rss-version", "rss", 'rss version="2.0"', 'rss version="0.91"'),
    ("rss-channel", "rss", "</rss>", "<channel/></rss>"),
    ("rss-required", "rss", "<description>All about &lt;b&gt;ferries&lt;/b&gt;</description>", ""),
    ("rss-repeated", "rss", LANGUAGE, LANGUAGE * 2),
    ("rss-repeated", "rss", TITLE_1, TITLE_1 * 2),
    ("rss-unknown", "rss", LANGUAGE, LANGUAGE + "<summary>x</summary>"),
    ("rss-unknown", "rss", TITLE_1, TITLE_1 + "<image/>"),
    ("rss-unknown", "rss", "sy:updatePeriod", "sy:UpdatePeriod"),
    ("rss-items-last", "rss", "</channel>", "<rating>x</rating></channel>"),
    ("rss-language", "rss", LANGUAGE, "<language>zh_CN</language>"),
    ("rss-language", "rss", "<dc:language>en<", "<dc:language>in English<"),
    ("rss-image", "rss", "<title>Ferry &amp; Co</title>\n<link>", "<title>Logo</title>\n<link>"),
    ("address", "rss", "<url>https://ferry.example/l.png<", "<url>l.png<"),
    ("rss-image", "rss", "<url>https://ferry.example/l.png</url>", ""),
    ("rss-image", "rss", "<width>88<", "<width>145<"),
    ("rss-update", "rss", "<ttl>60<", "<ttl>1h<"),
    ("rss-update", "rss", "<ttl>60<", "<ttl>0<"),
    ("rss-update", "rss", ">hourly<", ">often<"),
    ("rss-markup", "rss", "Ship 1", "Ship &lt;b&gt;1&lt;/b&gt;"),
    ("rss-markup", "rss", "<category>Tea<", "<category>Tea &amp;amp; cake<"),
    ("rss-author", "rss", "a@ferry.example<", "Ada<"),
    ("rss-author", "rss", "desk@ferry.example (The desk)", "The desk"),
    ("rss-link-type", "rss", "application/rss+xml", "text/xml"),
    ("rss-item-text", "rss", TITLE_1 + "\n<link>https://ferry.example/1</link>\n"
     "<description>In short</description>", "<description/>"),
    ("rss-guid", "rss", ' isPermaLink="false"', ""),
    ("rss-guid", "rss", ' isPermaLink="false"', ' isPermaLink="no"'),
    ("rss-undated", "rss", "<pubDate>Mon, 20 May 2024 12:01:07 GMT</pubDate>", ""),
    ("rss-description-first", "rss", DESCRIPTION + "\n<content:encoded>",
     # the one that was there goes into another namespace
     f"<content:encoded>x</content:encoded>{DESCRIPTION}<content:encoded xmlns:content='urn:x'>"),
    ("rss-creator", "rss", "<dc:creator>Ada<", "<dc:creator> <"),
    ("rss-enclosure", "rss", ' length="7"', ""),
    ("rss-enclosure", "rss", ' type="audio/mpeg"', ""),
    ("rss-enclosure", "rss", ENCLOSURE, ENCLOSURE * 2),
    ("rss-image-everywhere", "rss", '<media:thumbnail url="https://img.example/2.png"/>', ""),
    ("rss-image-everywhere", "rss", MEDIA, ""),
    ("atom-required", "atom", "<title>Ferry</title>", "<title/>"),
    ("atom-required", "atom", "<id>tag:ferry.example,2024:feeds</id>", ""),
    ("atom-required", "atom", "<updated>2024-05-20T14:01:07+02:00</updated>", ""),
    ("atom-repeated", "atom", TITLE_1, TITLE_1 * 2),
    ("atom-repeated", "atom", "<rights>© 2024</rights>", "<rights>1</rights><rights>2</rights>"),
    ("atom-unknown", "atom", TITLE_1, TITLE_1 + "<description>x</description>"),
    ("atom-unknown", "atom", TITLE_1, TITLE_1 + '<title xmlns="">x</title><x xmlns=""/>'),
    ("atom-entries-last", "atom", "</feed>", "<subtitle>x</subtitle></feed>"),
    ("atom-author", "archive", "<author><name>Bo</name></author>", ""),
    ("atom-content", "atom", '<link href="https://ferry.example/1"/>', ""),
    ("atom-updated-equal", "atom", "2024-05-20T14:01:07+02:00</updated>",
     "2024-05-20T12:02:08.000002+00:00</updated><published>2024-05-20T12:01:07Z</published>"),
    ("atom-updated-newest", "atom", "<updated>2024-05-20T12:03", "<updated>2024-05-20T12:01"),
    ("atom-id", "atom", "<id>tag:ferry.example,2024:2</id>", "<id>ship 2</id>"),
    ("atom-id-canonical", "atom", "<id>https://ferry.example/1</id>", "<id>HTTPS://a.example/</id>"),
    ("atom-id-canonical", "atom", "<id>https://ferry.example/1</id>", "<id>https://a.example</id>"),
    ("atom-person", "atom", "<name>Ada</name>", "<name/>"),
    ("atom-person", "atom", "<email>desk@ferry.example", "<email>desk"),
    ("atom-person-name", "atom", "<name>Ada</name>", "<name>ada@ferry.example</name>"),
    ("atom-category", "atom", 'term="ships"', 'term=""'),
    ("atom-category", "atom", 'scheme="tag:ferry.example,2024:categories"', 'scheme="ships"'),
    ("atom-alternate", "atom", '<link href="https://ferry.example/1"/>',
     '<link href="https://ferry.example/1"/><link href="https://ferry.example/one"/>'),
    ("atom-link", "atom", 'type="text/html"', 'type="html"'),
    ("atom-link", "atom", 'hreflang="zh"', 'hreflang="zh_CN"'),
    ("atom-enclosure", "atom", 'rel="enclosure" type="image/png"', 'rel="enclosure"'),
    ("atom-text-type", "atom", "<summary>", '<summary type="text/plain">'),
    ("atom-text-type", "atom", 'content type="html"', 'content type="markup"'),
    ("atom-html-declared", "atom", 'content type="html"', "content"),
    ("atom-language", "atom", 'entry xml:lang="en"', 'entry xml:lang="English!"'),
    ("json-version", "json", "version/1.1", "version/1"),
    ("json-title", "json", '"title": "Ferry",', ""),
    ("json-items", "json", '"items"', '"_items"'),
    ("json-items", "json", '"items": [', '"items": [7,'),
    ("json-self", "json", '"https://ferry.example/feeds/x"', '"https://ferry.example/feeds/y"'),
    ("json-self", "json", '"feed_url": "https://ferry.example/feeds/x",', ""),
    ("json-page", "json", '"home_page_url": "https://ferry.example/",', ""),
    ("json-next", "json", "https://ferry.example/feeds/1", ADDRESS),
    ("json-content", "json", '"content_text": "In short", ', ""),
    ("json-type", "json", '"summary": "In short"', '"summary": 7'),
    ("json-type", "json", '["Ships"]', '"Ships"'),
    ("json-type", "json", '["Ships"]', '["Ships", 7]'),
    ("json-type", "json", '[{"name": "The desk", "url": "https://ferry.example/desk"}]', '"Ada"'),
    ("json-type", "json", '"expired": false', '"expired": 0'),
    ("json-author", "json", '{"name": "The desk", "url": "https://ferry.example/desk"}', "{}"),
    ("json-type", "json", '"language": "zh-CN"', '"language": 7'),
    ("json-author", "json", '"name": "The desk"', '"name": "The desk", "email": "a@b"'),
    ("json-attachment", "json", ', "mime_type": "audio/mpeg"', ""),
    ("json-hub", "json", '"type": "WebSub", ', ""),
    ("json-language", "json", '"language": "en"', '"language": "in English"'),
    ("json-unknown", "json", '"expired": false', '"expired": false, "author": {}'),
    ("json-unknown", "json", '"summary"', '"abstract"'),
    ("json-undated", "json", ', "date_published": "2024-05-20T12:01:07Z"', ""),
    ("opml-structure", "opml", 'opml version="2.0"', "opml"),
    ("opml-structure", "opml", "</opml>", "<head/></opml>"),
    ("opml-title", "opml", "<title>Ferry</title>", ""),
    ("opml-text", "opml", 'text="Ships"', ""),
    ("opml-feed", "opml", 'text="Tea" type="rss"', 'text="Tea"'),
    ("opml-feed", "opml", 'text="Ships"', 'text="Ships" type="rss"'),
    ("opml-nested", "opml", 'text="Ships"', 'text="S" type="rss" xmlUrl="https://ferry.example/s"'),
    ("opml-repeated", "opml", "https://ferry.example/feeds/t", "https://ferry.example/feeds/rss.xml"),
]  # fmt: skip


def names(document: str) -> set[str]:
    content = document.encode("utf-8", "surrogateescape")
    return {found.rule for found in validate(content, address=ADDRESS, now=NOW)}


@pytest.mark.parametrize("kind", GOOD)
def test_a_feed_that_is_right_has_no_findings(kind: str) -> None:
    assert validate(GOOD[kind].encode(), address=ADDRESS, now=NOW) == ()
    assert validate(GOOD[kind].encode(), address=None, now=NOW) == ()


@pytest.mark.parametrize(("rule", "kind", "old", "new"), BROKEN)
def test_one_thing_broken_breaks_its_rule_and_no_other(
    rule: str, kind: str, old: str, new: str
) -> None:
    assert old in GOOD[kind]
    times = -1 if old in EVERYWHERE else 1
    assert names(GOOD[kind].replace(old, new, times)) == {rule}


def test_a_large_feed_is_told() -> None:
    large = RSS.replace("In short", "x" * MAX_SIZE, 1)
    assert names(large) == {"size"}


def test_an_empty_opml_and_an_empty_feed_of_nobody_are_told() -> None:
    head, _, rest = OPML.partition("<body>")
    assert names(f"{head}<body/>{rest.partition('</body>')[2]}") == {"opml-structure"}
    head = ARCHIVE.partition("<entry")[0]
    assert names(head + "</feed>") == {"atom-author"}


def test_a_document_without_a_channel_is_told_and_not_read_further() -> None:
    assert "rss-channel" in names('<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"/>')


@pytest.mark.parametrize("document", ["", "plain", "<", "{", "[1]", '{"items": 7}', "[" * 100_000])
def test_what_is_no_feed_is_told(document: str) -> None:
    assert names(document)


def test_comments_and_instructions_are_no_elements() -> None:
    for kind, mark in (("rss", "<item>"), ("atom", "<icon>"), ("opml", "<body>")):
        assert not names(GOOD[kind].replace(mark, f"<!-- a --><?b c?>{mark}<!-- d -->"))


def test_every_rule_has_a_source_and_is_tried() -> None:
    tried = {rule for rule, *_ in BROKEN} | {"size"}
    assert {rule.name for rule in rules()} == tried
    assert all(rule.source and rule.expected for rule in rules())


def test_each_rule_has_a_name_of_its_own() -> None:
    known = [(rule.name, rule.expected) for rule in rules()]
    assert len({name for name, _ in known}) == len(set(known))


def test_errors_come_first_and_say_where_what_and_why() -> None:
    document = RSS.replace(TITLE_1, TITLE_1 + "<image/>").replace(
        "Ship 2", "Ship \ufffd" + "x" * 99
    )
    first, second = validate(document.encode(), address=ADDRESS, now=NOW)
    assert str(first) == (
        "entry 2 (https://ferry.example/1): image: expected elements of RSS 2.0, or in a namespace "
        "(RSS 2.0 specification: extending RSS)"
    )
    assert (first.severity, second.severity) == ("error", "warning")
    assert (second.where, second.element) == ("entry 1 (tag:ferry.example,2024:2)", "title")
    assert len(second.found) == 80
    assert second.found.endswith("x…")
    assert f"found {second.found!r}" in str(second)


def test_entities_are_never_read_or_resolved() -> None:
    bomb = (
        '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY a{n} "{"&a;" * 10}">' for n in range(9))
        + "]><rss>&a;</rss>"
    )
    assert names(bomb) == {"document-type"}
    assert names(bomb.replace("<!DOCTYPE", "<!-- x --><?y z?>\n<!DOCTYPE")) == {"document-type"}
