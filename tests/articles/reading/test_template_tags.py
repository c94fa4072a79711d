"""Tags of generators and themes: their words, links and pictures reach the reader."""

from __future__ import annotations

import pytest

from tests.articles.reading.test_markdown_marks import read, shown


@pytest.mark.parametrize(
    ("tag", "result"),
    [
        ("{% label success @done %}", "done"),
        ("{% label primary@two words %}", "two words"),
        ("{% label Beta blue %}", "Beta"),
        ("{% label 'all of it' %}", "all of it"),
        ("{% kbd Ctrl %}", "<kbd>Ctrl</kbd>"),
        ("{% mark marked text color:red %}", "<mark>marked text</mark>"),
        ("{% span red, coloured, words %}", "coloured, words"),
        ("{% u under %}", "under"),
        ("{% copy npm install %}", "<code>npm install</code>"),
        ("{% hideInline an answer,Show it,#FF7242,#fff %}", "an answer"),
        ("{% checkbox checked, Do it %}", "☑ Do it"),
        ("{% checkbox plus green, Do it %}", "☐ Do it"),
        ('{% sidenote "n1" "By the way" %}', "<small>(By the way)</small>"),
        ('{% marginnote "n2" %}', ""),
        ('{% newthought "In the end" %}', "In the end"),
        ("{{< badge >}}New *word*{{< /badge >}}", "New <em>word</em>"),
        ("{{< keyword >}}skill{{< /keyword >}}", "skill"),
        ('{% btn https://example.org/go, Click here, download %}',
         '<a href="https://example.org/go">Click here</a>'),
        ('{% button "https://example.org/x", "Text & more", home %}',
         '<a href="https://example.org/x">Text &amp; more</a>'),
        ('{{< button href="https://example.org/b" >}}Call *us*{{< /button >}}',
         '<a href="https://example.org/b">Call <em>us</em></a>'),
        ("{{< button >}}No address{{< /button >}}", "No address"),
        ('{{< btn "https://example.org/c" "Two words" >}}',
         '<a href="https://example.org/c">Two words</a>'),
        ('{{< button href="https://example.org/d" >}}',
         '<a href="https://example.org/d">https://example.org/d</a>'),
        ("{% link https://example.org/page Title of page desc:true %}",
         '<a href="https://example.org/page">Title of page</a>'),
        ('{{< link "https://example.org/" Example >}}',
         '<a href="https://example.org/">Example</a>'),
        ('{{< link href="https://example.org/e" content="Site" >}}',
         '<a href="https://example.org/e">Site</a>'),
        ('{{< link "mailto:a@b.example" >}}', '<a href="mailto:a@b.example">a@b.example</a>'),
        ("{% capture name %}the harbour{% endcapture %}{{ name }}", "the harbour"),
        ("{% capture name %}{% x %}{% endcapture %}", ""),
    ],
)  # fmt: skip
def test_words_and_links_in_a_line_stay(tag: str, result: str) -> None:
    assert shown(f"a {tag} b").split() == f"<p>a {result} b</p>".split()


@pytest.mark.parametrize(
    ("tag", "result"),
    [
        ("{% mermaid graph TD %}\nA-->B\n{% endmermaid %}",
         '<pre><code class="language-mermaid">graph TD\nA--&gt;B</code></pre>'),
        ('{{< echarts height="3" >}}\n{"a": 1}\n{{< /echarts >}}',
         '<pre><code class="language-echarts">{"a": 1}</code></pre>'),
        ("{% score %}\nX:1\nK:C\n{% endscore %}",
         '<pre><code class="language-score">X:1\nK:C</code></pre>'),
        ("{% codeblock A.js lang:js https://example.org/A it mark:1,3 %}\nx\n{% endcodeblock %}",
         ('<p>A.js <a href="https://example.org/A">it</a></p>'
         '<pre><code class="language-js">x</code></pre>')),
        ("{% hideToggle Fold me,#fff,#000 %}\nInside\n{% endhideToggle %}",
         "<details><summary>Fold me</summary>\n<p>Inside</p>\n</details>"),
        ("{% folding open blue, Title here %}\nbody\n{% endfolding %}",
         "<details><summary>Title here</summary>\n<p>body</p>\n</details>"),
        ("{% folding child:codeblock open:true Title two %}\nbody\n{% endfolding %}",
         "<details><summary>Title two</summary>\n<p>body</p>\n</details>"),
        ('{{< expand "Label" "…" >}}\nbody\n{{< /expand >}}',
         "<details><summary>Label</summary>\n<p>body</p>\n</details>"),
        ('{{< alert "twitter" >}}\nFollow\n{{< /alert >}}',
         "<blockquote><p>Follow</p></blockquote>"),
        ("{% timenode 2021-01-02 [R](https://example.org/r) %}\nText\n{% endtimenode %}",
         '<p><strong>2021-01-02 <a href="https://example.org/r">R</a></strong></p>\n<p>Text</p>'),
        (("{% timeline 2022 %}\n<!-- timeline 01-02 -->\nText\n<!-- endtimeline -->\n"
          "{% endtimeline %}"),
         "<p><strong>2022</strong></p>\n<p><strong>01-02</strong></p>\n<p>Text</p>"),
        ("<!-- timeline 01-02 -->\nText", "<p>Text</p>"),
        ("{% note 'fab fa-cc' simple %}\nText\n{% endnote %}",
         "<blockquote><p><strong>Note</strong></p>\n<p>Text</p></blockquote>"),
        ("{% note warning no-icon flat %}\nText\n{% endnote %}",
         "<blockquote><p><strong>Warning</strong></p>\n<p>Text</p></blockquote>"),
        ("{% img https://example.org/q.png 10 20 '\"A title\" \"Other words\"' %}",
         ('<figure><img src="https://example.org/q.png" alt="Other words" '
          'title="A title"></figure>')),
        ("{% timeline 2022,green %}\nText\n{% endtimeline %}",
         "<p><strong>2022</strong></p>\n<p>Text</p>"),
        ('{{< card title="A card" >}}\nText\n{{< /card >}}',
         "<p><strong>A card</strong></p>\n<p>Text</p>"),
        ('{{< quote author=Ann source=Book url="https://example.org/b" >}}\nSaid\n{{< /quote >}}',
         ("<blockquote><p>Said</p>\n<footer>— "
         '<a href="https://example.org/b">Ann, Book</a></footer></blockquote>')),
        ('{% epigraph "Words" "Ann" "Book" %}',
         "<blockquote><p>Words</p><footer>— Ann, Book</footer></blockquote>"),
        ('{% epigraph "Words" %}', "<blockquote><p>Words</p></blockquote>"),
        ("{% note info Only a title %}\n\nText",
         "<blockquote><p><strong>Only a title</strong></p></blockquote>\n<p>Text</p>"),
        ("{% aplayer \"Song\" \"Ann\" \"https://example.org/s.mp3\" %}",
         '<p><a href="https://example.org/s.mp3">Song – Ann</a></p>'),
        ('{{< music url="https://example.org/s.mp3" name=Song artist=Ann >}}',
         '<p><a href="https://example.org/s.mp3">Song – Ann</a></p>'),
        ('{% dplayer "url=https://example.org/v.mp4" "pic=https://example.org/p.png" %}',
         ('<p><a href="https://example.org/v.mp4"><img src="https://example.org/p.png" alt=""><br>'
         "https://example.org/v.mp4</a></p>")),
        ("{% gist 996818ab file.js %}",
         '<p><a href="https://gist.github.com/996818ab">https://gist.github.com/996818ab</a></p>'),
        ("{% ghcard ann/repo %}",
         '<p><a href="https://github.com/ann/repo">https://github.com/ann/repo</a></p>'),
        ("{% githubCard user:ann repo:thing %}",
         '<p><a href="https://github.com/ann/thing">https://github.com/ann/thing</a></p>'),
        ('{% include video id="lJIrF4YjHfQ" provider="vimeo" %}',
         ('<p><a href="https://player.vimeo.com/video/lJIrF4YjHfQ">'
         "https://player.vimeo.com/video/lJIrF4YjHfQ</a></p>")),
        ("{% galleryGroup 'Wall' 'Of walls' '/g/wall' https://example.org/w.jpg %}",
         '<figure><img src="https://example.org/w.jpg" alt="Of walls" title="Wall"></figure>'),
        ("{% site https://example.org/, screenshot=https://example.org/s.png, title=Name %}",
         ('<figure><a href="https://example.org/"><img src="https://example.org/s.png" alt="Name">'
         "</a><figcaption>Name</figcaption></figure>")),
        ("{% image https://example.org/b.png, width=400px, alt=Alt words %}",
         '<figure><img src="https://example.org/b.png" alt="Alt words" width="400px"></figure>'),
        ("{% responsive_image path: https://example.org/c.png alt: \"Of a\" %}",
         '<figure><img src="https://example.org/c.png" alt="Of a"></figure>'),
    ],
)  # fmt: skip
def test_blocks_of_themes(tag: str, result: str) -> None:
    assert shown(tag) == result


@pytest.mark.parametrize("tag", ["{{< cite page=x >}}", "{% note %}", "{{< details >}}"])
def test_a_box_that_is_never_closed_holds_nothing_of_the_rest(tag: str) -> None:
    body = read(f"{tag}\n\nThe rest.")
    assert shown(f"{tag}\n\nThe rest.").endswith("<p>The rest.</p>")
    assert "blockquote" not in body.markup
    (remark,) = body.remarks
    assert "is never closed" in remark.cause


def test_an_asset_is_linked_by_its_words() -> None:
    markup = read("{% asset_link a.pdf The file %} {% asset_link 'b c.pdf' true %}").markup
    assert '<a href="a.pdf">The file</a>' in markup
    assert '<a href="b%20c.pdf">b c.pdf</a>' in markup


def test_an_unknown_tag_leaves_its_title() -> None:
    body = read('{{< filetree/x title="A *title*" >}}\n')
    assert body.markup.strip() == "<p><strong>A *title*</strong></p>"
    assert len(body.remarks) == 1


def test_comments_and_expressions_of_go_go() -> None:
    text = "a {{/* never */}}b {{- /* at\nall */ -}}c {{ .Page.Title }}d"
    body = read(text)
    assert body.markup == "<p>a b c d</p>\n"
    assert [remark.cause for remark in body.remarks] == [
        "{{ .Page.Title }} is not evaluated; it is left out"
    ]


def test_tags_within_a_button_are_read() -> None:
    text = '{{< button href="https://e.org/" >}}{{< kbd >}}Go{{< /kbd >}} on{{< /button >}}'
    body = read(text)
    assert 'href="https://e.org/"' in body.markup
    assert "Go" in body.markup
    assert "{{" not in body.markup
