"""The tags and marks of site generators become HTML; code stays as it is; comments go."""

from __future__ import annotations

from pathlib import PurePosixPath
from time import process_time

import pytest

from digest.articles.characters import publishable_markup
from digest.articles.cleaning.embeds import HOSTS
from digest.articles.cleaning.media import MediaOptions
from digest.articles.cleaning.sanitize import clean
from digest.articles.cleaning.tidy import tidy
from digest.articles.reading.body import Body, read_body
from tests.articles.attacks import ATTACKS, violations


def read(text: str, name: str = "a.md") -> Body:
    return read_body(text, PurePosixPath(name), heading=False, first_line=False)


def shown(text: str, name: str = "a.md") -> str:
    return tidy(
        read(text, name).markup,
        base=None,
        media=MediaOptions(embeds=HOSTS),
        id_prefix="a-abcdefgh-",
    )


CODE = "if (a<b) { *c* }\n\n  {{ d }} `e` [f](g)\n$h$ ==i=="
ESCAPED = "if (a&lt;b) { *c* }\n\n  {{ d }} `e` [f](g)\n$h$ ==i=="


@pytest.mark.parametrize(
    ("before", "after", "language"),
    [
        ("{% codeblock lang:js %}\n", "\n{% endcodeblock %}", "js"),
        ("{% codeblock %}\n", "\n{% endcodeblock %}", ""),
        ("{% codeblock Title lang:c++ line_number:false %}\n", "\n{% endcodeblock %}", "c++"),
        ("{% code ruby %}\n", "\n{% endcode %}", "ruby"),
        ("{% highlight cpp linenos %}\n", "\n{% endhighlight %}", "cpp"),
        ("{%- highlight go -%}\n", "\n{%- endhighlight -%}", "go"),
        ('{{< highlight go "linenos=table" >}}\n', "\n{{< /highlight >}}", "go"),
        ('{{< code language="css" title="T" >}}\n', "\n{{< /code >}}", "css"),
        ("{{% highlight py %}}\n", "\n{{% /highlight %}}", "py"),
        ('[code lang="php"]\n', "\n[/code]", "php"),
        ("[sourcecode language='sql']\n", "\n[/sourcecode]", "sql"),
        ("```js\n", "\n```", "js"),
        ("~~~~ sh\n", "\n~~~~", "sh"),
    ],
)
def test_code_stays_to_the_letter(before: str, after: str, language: str) -> None:
    result = shown(f"Text.\n\n{before}{CODE}{after}\n\nMore *text*.")
    marked = f' class="language-{language}"' if language else ""
    assert f"<pre><code{marked}>{ESCAPED}" in result
    assert result.endswith("<p>More <em>text</em>.</p>")


@pytest.mark.parametrize(
    "code",
    [
        "`{% codeblock %}`",
        "``{{< figure src=x >}} ` {{% y %}}``",
        "    {% indented %}\n    $a*b*c$",
        "```\n{% raw %}{{ x }}{% endraw %}\n:::tip\n!!! note\n[TOC]\n```",
        "- item\n\n  ```\n  {{< x >}}\n  [[y]]\n  ```",
        "<pre>{% x %}\n{{< y >}}</pre>",
        "<code>{% x %} ==y==</code>",
        "```md\n[caption]a[/caption]\n%%b%%\n```",
        "> ```\n> {% x %}\n> ```",
        "`a` {{ b }} `c`",
    ],
)
def test_tags_in_code_are_code(code: str) -> None:
    plain = "".join(shown(code).split())
    for mark in ("{%codeblock%}", "{{&lt;figuresrc=x&gt;}}", "{%indented%}", "{{x}}", ":::tip"):
        if mark.replace("&lt;", "<").replace("&gt;", ">") in "".join(code.split()):
            assert mark in plain
    assert read(code).remarks == ()


def test_a_raw_tag_around_code_in_a_line_goes() -> None:
    assert shown("`{% raw %}{{ a }}{% endraw %}`") == "<p><code>{{ a }}</code></p>"
    assert shown("{% raw %}{{ a }} {% b %}{% endraw %}") == "<p>{{ a }} {% b %}</p>"


IMAGE = '<img src="https://e.org/a.png"'


@pytest.mark.parametrize(
    "tag",
    [
        "{% asset_img https://e.org/a.png %}",
        '{% asset_img left https://e.org/a.png 30 40 "T" "A" %}',
        "{% img /x https://e.org/a.png %}".replace("/x ", ""),
        "{% image https://e.org/a.png, width=300px %}",
        '{{< figure src="https://e.org/a.png" title="T" >}}',
        '{{< img src="https://e.org/a.png" alt="A" >}}',
        "{{< fancy-picture https://e.org/a.png >}}",
        '{% include figure.html src="https://e.org/a.png" caption="C" %}',
        '{% include unknown.html image="https://e.org/a.png" %}',
        "{% responsive_image path: https://e.org/a.png %}",
        "![[https://e.org/a.png|300]]",
        '[caption width="3"]<img src="https://e.org/a.png"> C[/caption]',
        "![x](https://e.org/a.png){ width=300 .left }",
        "![x](https://e.org/a.png){: .left}",
    ],
)
def test_pictures_are_pictures(tag: str) -> None:
    for text in (f"a\n\n{tag}\n\nb", f"a {tag} b", f"| h |\n|---|\n| {tag.replace('|', '')} |"):
        if "300]]" in text and "| h |" in text:
            continue
        result = shown(text)
        assert IMAGE in result
        assert not any(mark in result for mark in ("{%", "{{", "{:", "[[", "{ width"))


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        (
            (
                '{{< figure src="https://e.org/a.png" title="T" caption="C" attr="By" '
                'link="https://f.org" >}}'
            ),
            ["<figure>", "<figcaption>T<br>C<br>By</figcaption>", '<a href="https://f.org">'],
        ),
        (
            '[caption]<img src="https://e.org/a.png">  In &amp; out[/caption]',
            ["<figcaption>In &amp; out<"],
        ),
        (
            '{% asset_img https://e.org/a.png "Über &" "x<y" %}',
            ['alt="x&lt;y"', 'title="Über &amp;"'],
        ),
    ],
)
def test_figures_have_their_captions(tag: str, parts: list[str]) -> None:
    result = shown(tag)
    for part in parts:
        assert part in result


@pytest.mark.parametrize(
    ("tag", "address"),
    [
        ("{% youtube w7Ft2ymGmfc %}", "https://www.youtube.com/watch?v=w7Ft2ymGmfc"),
        ("{{< youtube w7Ft2ymGmfc >}}", "https://www.youtube.com/watch?v=w7Ft2ymGmfc"),
        (
            '{{< youtube id="w7Ft2ymGmfc" title="T" >}}',
            "https://www.youtube.com/watch?v=w7Ft2ymGmfc",
        ),
        (
            '{% include youtube.html id="w7Ft2ymGmfc" %}',
            "https://www.youtube.com/watch?v=w7Ft2ymGmfc",
        ),
        (
            "{% youtube PLabcdefghijk 'playlist' %}",
            "https://www.youtube.com/playlist?list=PLabcdefghijk",
        ),
        ("{{< youtube PLabcdefghijk >}}", "https://www.youtube.com/playlist?list=PLabcdefghijk"),
        ("[youtube]w7Ft2ymGmfc[/youtube]", "https://www.youtube.com/watch?v=w7Ft2ymGmfc"),
        ("{% vimeo 76979871 %}", "https://vimeo.com/76979871"),
        ("{{< vimeo 76979871 >}}", "https://vimeo.com/76979871"),
        ("{{< bilibili BV17x411w7KC >}}", "https://www.bilibili.com/video/BV17x411w7KC"),
        ("{{< gist spf13 7896402 >}}", "https://gist.github.com/spf13/7896402"),
        (
            "{% gist b6365e79be6052e7531e7ba6ea8caf23 %}",
            "https://gist.github.com/b6365e79be6052e7531e7ba6ea8caf23",
        ),
        (
            '{{< tweet user="a" id="877500564405444608" >}}',
            "https://twitter.com/a/status/877500564405444608",
        ),
        ("{% iframe https://e.org/x 100% 300 %}", "https://e.org/x"),
        ("{% pdf https://e.org/a.pdf %}", "https://e.org/a.pdf"),
        ("[embed]https://e.org/v[/embed]", "https://e.org/v"),
        ('[video mp4="https://e.org/v.mp4"][/video]', "https://e.org/v.mp4"),
        ('{{< audio src="https://e.org/a.mp3" >}}', "https://e.org/a.mp3"),
        ("{{< whatever url=https://e.org/y >}}", "https://e.org/y"),
        ('{% link Words https://e.org/z true "T" %}', "https://e.org/z"),
    ],
)
def test_players_and_links_lead_somewhere(tag: str, address: str) -> None:
    assert f'<a href="{address}">' in shown(f"a\n\n{tag}\n\nb")
    assert f'<a href="{address}">' in shown(f"<p>a</p>\n{tag}\n<p>b</p>", "a.html")


@pytest.mark.parametrize(
    "box",
    [
        "{% note info %}\nIn *it*.\n{% endnote %}",
        "{{% notice tip %}}\nIn *it*.\n{{% /notice %}}",
        '{{< admonition type=warning title="T" >}}\nIn *it*.\n{{< /admonition >}}',
        '{{< callout "info" >}}In *it*.{{< /callout >}}',
        ":::info\n\nIn *it*.\n\n:::",
        "::: warning Title\nIn *it*.\n:::",
        ":::tip[Title]\nIn *it*.\n:::",
        "!!! note\n    In *it*.\n",
        '!!! danger "Title"\n\n    In *it*.\n',
        "> [!TIP]\n> In *it*.",
        "> [!faq]- Folded\n> In *it*.",
        "{% blockquote A. Writer, A Book %}\nIn *it*.\n{% endblockquote %}",
        "{% pullquote right %}\nIn *it*.\n{% endpullquote %}",
        "{% cq %}\nIn *it*.\n{% endcq %}",
    ],
)
def test_boxes_and_quotations_are_quotations(box: str) -> None:
    result = shown(f"a\n\n{box}\n\n*b*")
    assert "<blockquote>" in result
    assert "In <em>it</em>." in result.partition("<blockquote>")[2].partition("</blockquote>")[0]
    assert result.endswith("<p><em>b</em></p>")
    assert not any(mark in result for mark in ("{%", "{{", ":::", "!!!", "[!"))


@pytest.mark.parametrize(
    "box",
    [
        '??? note "Title"\n    In *it*.\n',
        '???+ tip "Title"\n\n    In *it*.\n',
        '{{< details "Title" >}}\nIn *it*.\n{{< /details >}}',
        '{{% expand title="Title" %}}\nIn *it*.\n{{% /expand %}}',
        "::: details Title\nIn *it*.\n:::",
        "{% spoiler Title %}\nIn *it*.\n{% endspoiler %}",
        "{% fold Title %}\nIn *it*.\n{% endfold %}",
    ],
)
def test_boxes_that_fold_are_details(box: str) -> None:
    result = shown(f"a\n\n{box}\n\n*b*")
    assert "<details><summary>Title</summary>" in result
    assert "In <em>it</em>." in result.partition("</details>")[0]


@pytest.mark.parametrize(
    "tabs",
    [
        '=== "One"\n\n    *a*\n\n=== "Two"\n\n    *b*\n',
        "{% tabs x %}\n<!-- tab One -->\n*a*\n<!-- endtab -->\n<!-- tab Two -->\n*b*\n",
        '{{< tabs >}}{{< tab "One" >}}\n*a*\n{{< /tab >}}{{< tab "Two" >}}\n*b*\n{{< /tab >}}',
        '{{% tab title="One" %}}\n*a*\n{{% /tab %}}\n{{% tab title="Two" %}}\n*b*\n{{% /tab %}}',
        (
            '<Tabs>\n<TabItem label="One">\n\n*a*\n</TabItem>\n'
            '<TabItem label="Two">\n\n*b*\n</TabItem>\n</Tabs>'
        ),
    ],
)
def test_tabs_follow_each_other_with_their_titles(tabs: str) -> None:
    result = shown(tabs)
    order = ["<strong>One</strong>", "<em>a</em>", "<strong>Two</strong>", "<em>b</em>"]
    places = [result.find(part) for part in order]
    assert -1 not in places
    assert places == sorted(places)
    assert read(tabs).remarks == ()


def test_what_encloses_a_component_ends_it_too() -> None:
    result = shown("<Steps>\n<Note>\n\n*in*\n\n</Steps>\n\n*after*\n\n</Note>\n")
    assert result.index("<em>in</em>") < result.index("</blockquote>") < result.index("after")


@pytest.mark.parametrize(
    "gone",
    [
        "{% comment %}LEAK{% endcomment %}",
        "{%- comment -%}\nLEAK\n{%- endcomment -%}",
        "{# LEAK #}",
        "%%LEAK%%",
        "%%\nLEAK\n%%",
        "{/* LEAK */}",
        "{::comment}LEAK{:/comment}",
        "<!-- LEAK -->",
        "[TOC]",
        "[[toc]]",
        "[[_TOC_]]",
        "@[TOC]",
        "@[toc](LEAK)",
        "${toc}",
        "* LEAK\n{:toc}",
        "1. LEAK\n{: toc}",
        "{{< toc >}}",
        "{% toc %}",
        "{% # LEAK %}",
        "{%- # LEAK\n# LEAK -%}",
        "{: .LEAK}",
        "{: #x .LEAK title='a'}",
        "{{ site.baseurl }}",
        "*[HTML]: LEAK",
        "import LEAK from './leak'",
        "import {\n  LEAK,\n} from 'leak';",
        "export const LEAK = 1;",
        ":material-leak:",
    ],
)
def test_comments_and_tables_of_contents_go_without_a_word(gone: str) -> None:
    body = read(f"a\n\n{gone}\n\nb")
    assert tidy(body.markup, base=None).replace("\n", "") == "<p>a</p><p>b</p>"
    assert body.remarks == ()


@pytest.mark.parametrize(
    "tag",
    [
        "{% unheard_of a b %}",
        "{{< unheard-of a=b >}}",
        "{{% unheard/of %}}",
        "{% include footer.html %}",
        "{{ page.date | date: '%Y' }}",
        "{% for x in site.posts %}{{ x.title }}{% endfor %}",
        "[gallery ids=1,2]",
        '--8<-- "part.md"',
        "<Unheard of={1} />",
    ],
)
def test_a_tag_that_is_not_known_goes_and_is_told_with_its_line(tag: str) -> None:
    body = read(f"a\n\n{tag}\n\nb")
    assert tidy(body.markup, base=None).replace("\n", "") == "<p>a</p><p>b</p>"
    assert [remark.line for remark in body.remarks] == [2]


def test_the_words_between_unknown_tags_stay() -> None:
    assert shown("{% x %}\n*a*\n{% endx %}") == "<p><em>a</em></p>"
    assert shown("{{< x >}}*a*{{< /x >}}") == "<p><em>a</em></p>"
    assert shown("{% if a %}*b*{% endif %}") == "<p><em>b</em></p>"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("## Setup {#setup}\n\n[a](#setup)", '<h2>Setup <a id="a-abcdefgh-setup"></a></h2>'),
        ("## Setup {: #setup .x}\n\n[a](#setup)", '<h2>Setup <a id="a-abcdefgh-setup"></a></h2>'),
        ("## Setup {.x}", "<h2>Setup</h2>"),
        ("*a*{: .x} b", "<p><em>a</em> b</p>"),
        ('[a](https://e.org){:target="_blank"} b', '<p><a href="https://e.org">a</a> b</p>'),
        ("a ==b *c*== d == e == f", "<p>a <mark>b <em>c</em></mark> d == e == f</p>"),
        ("[[a]] and [[b/c|words]] and [[d#e]]", "<p>a and words and d &gt; e</p>"),
        ('[a]({{< ref "b.md" >}}) {{< relref c.md >}}', "<p>a c.md</p>"),
        ("[a]({% post_url 2020-01-01-b %}) {% post_link c Words %}", "<p>a Words</p>"),
        ("[a]({filename}b.md) [c]({static}/d.pdf) [e]({tag}f)", "<p>a c e</p>"),
        ("{% assign a = 'b' %}{{ a }} {{ 'c' | upcase }} {{ vue }}", "<p>b c {{ vue }}</p>"),
        ("{{</* figure */>}} {{%/* x */%}}", "<p>{{&lt; figure &gt;}} {{% x %}}</p>"),
        ("[[1]](https://e.org) [[ -f x ]]", '<p><a href="https://e.org">[1]</a> [[ -f x ]]</p>'),
        ("a {b} {c: d} #{e} 100% {1, 2}", "<p>a {b} {c: d} #{e} 100% {1, 2}</p>"),
        (r"\[[a]] and \[b c\] \(d e\)", "<p>[[a]] and [b c] (d e)</p>"),
        (r"\[[a]]", "<p>[[a]]</p>"),
        ("a {% # b", "<p>a {% # b</p>"),
        ("a === b !== c ??? d", "<p>a === b !== c ??? d</p>"),
        ("Important: import x from y", "<p>Important: import x from y</p>"),
    ],
)
def test_marks_of_dialects(text: str, result: str) -> None:
    assert result in shown(text)


@pytest.mark.parametrize("before", ["{{ site.baseurl }}", "{{ site.url }}{{ site.baseurl }}"])
def test_the_address_of_the_site_before_that_of_a_picture_is_the_root(before: str) -> None:
    body = read(f"![A crane]({before}/assets/crane.png)")
    assert 'src="/assets/crane.png"' in body.markup
    assert body.remarks == ()


@pytest.mark.parametrize(
    "formula",
    [
        "$a*b*c$",
        "$x_1 + y_1$",
        "$\\frac{a}{b} \\\\ c$",
        "$$\na_1 * b * c_1 \\\\ d\n$$",
        "$$x<y$$",
        "\\(a*b*c\\)",
        "\\[ \\sum_{i=1}^n i*2*3 \\]",
        "\\[\n\\begin{matrix} 1 & 2 \\\\ 3 & 4 \\end{matrix}\n\\]",
        "\\begin{align} a_1 &= b*c*d \\\\ e \\end{align}",
    ],
)
def test_tex_stays_as_it_is_written(formula: str) -> None:
    expected = " ".join(formula.replace("&", "&amp;").replace("<", "&lt;").split())
    assert expected in " ".join(shown(f"So {formula} is.").split())
    assert expected in " ".join(shown(f"So\n\n{formula}\n\n*is*.").split())


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$5 and $10", "$5 and $10"),
        ("$5 for *two*, $10 for *five*", "$5 for <em>two</em>, $10 for <em>five</em>"),
        ("$10, *em* 5$", "$10, <em>em</em> 5$"),
        ("US$5 *or* CA$6", "US$5 <em>or</em> CA$6"),
        ("$HOME *and* $PATH", "$HOME <em>and</em> $PATH"),
        ("\\$5*a*\\$6", "$5<em>a</em>$6"),
        ("\\[1\\] and \\(see\\)", "[1] and (see)"),
        ("`$a*b*c$`", "<code>$a*b*c$</code>"),
    ],
)
def test_dollars_in_prose_are_dollars(text: str, result: str) -> None:
    assert shown(text) == f"<p>{result}</p>"


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize("vector", ATTACKS)
def test_no_tag_carries_an_attack(vector: str) -> None:
    for text in (
        f"{{% codeblock {vector} %}}\n{vector}\n{{% endcodeblock %}}",
        f"{{{{< figure src='x{vector}' caption=\"{vector}\" >}}}}",
        f"{{% note {vector} %}}{vector}{{% endnote %}}",
        f"{{% youtube {vector} %}}{{% iframe {vector} %}}{{% post_link a {vector} %}}",
        f'!!! note "{vector}"\n    {vector}\n',
        f":::tip[{vector}]\n{vector}\n:::\n$a {vector}$ [[a|{vector}]] =={vector}==",
        f"[caption]<img src=x>{vector}[/caption][embed]{vector}[/embed]",
        f"[a](\ufdd00\ufdd1 '{vector}') $x$ ![{vector}](\ufdd00\ufdd1)",
    ):
        for name in ("a.md", "a.html"):
            text = publishable_markup(text)
            cleaned = clean(
                tidy(read(text, name).markup, base=None, media=MediaOptions(embeds=HOSTS))
            )
            assert violations(cleaned) == []
            assert clean(cleaned) == cleaned


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize(
    "text",
    [
        "{% " * 50000,
        "{{< x " * 50000,
        "$a " * 60000,
        "[[a" * 60000,
        "`" * 100000,
        "%% a" * 50000,
        "\\(a" * 50000,
        "!!! a\n    " * 5000,
        ":::a\n" * 5000,
        "{% note %}\n" * 5000,
        "{% comment %}" * 20000,
        "==a" * 50000,
        "```\n" * 20000,
        "> [!a]\n" * 5000,
        "".join("`" * n + " " for n in range(400)),
        "[caption]" * 20000,
        "{#a" * 50000,
        "\\begin{a}" * 20000,
        "import a\n" * 20000,
        "$$a" * 20000,
        "<A>\n" * 10000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_tags_are_read_in_time(text: str) -> None:
    start = process_time()
    read(f"{{% x %}}\n{text}")
    assert process_time() - start < 10


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{% figure a.png %}{% img only %}", []),
        ("{% asset_img plain %} {% img %}", []),
        ("{% video %} {% youtube %} {% audio %}", []),
        ("{{< codepen user AbCdEf >}}", ['href="https://codepen.io/user/pen/AbCdEf"']),
        ("{% tweet https://twitter.com/a/status/1 %}", ['href="https://twitter.com/a/status/1"']),
        ("{% bilibili av170001 %}", ['href="https://www.bilibili.com/video/av170001"']),
        ("{{< clip https://e.org/a.mp4 >}}", ['href="https://e.org/a.mp4"']),
        ("{% note primary T %}a{% endnote %}", ["<strong>T</strong>"]),
        (
            "{% blockquote A, B https://e.org C %}\nq\n{% endblockquote %}",
            ['<footer>— <a href="https://e.org">A, B C</a></footer>'],
        ),
        ("{% blockquote https://e.org %}\nq\n{% endblockquote %}", [">https://e.org</a>"]),
        ('{{< quote author="A" >}}\nq\n{{< /quote >}}', ["<footer>— A</footer>"]),
        ("```a`b\n$x*y*z$\n", ["$x*y*z$"]),
        ("`a $x*y*z$\n\n` b", ["$x*y*z$"]),
        ("<pre {% x %}", []),
        ("<!-- $x", ["$x"]),
        (":::\n\n$a$", [":::"]),
        ("::: quote\nq\n:::", ["<blockquote>"]),
        ("::: v-pre\nq\n:::", ["q"]),
        ("::: tab One\nq\n:::", ["<strong>One</strong>"]),
        ('=== plain\n\n!!! ""\n    q\n', ["=== plain", "q"]),
        ("!!! note\n\tq\n\n\nr", ["Note", "<p>q</p>", "<p>r</p>"]),
        ("a {#b} c {d=e} f", ["a {#b} c {d=e} f"]),
        ("\\(x", ["(x"]),
        ("a$b*c*d$", ["<em>c</em>"]),
        ("$$a\n\nb$$ \\begin{x}", ["$$a"]),
        ("![[a.mp4]] ![[https://e.org/a.mp4]] ![[https://e.org/a.wav]]", ["a.mp4", "a.wav"]),
        ("![[note]] [[#Part]] [[1]] [[ a]]", ["note", "Part", "[[1]]", "[[ a]]"]),
        ("a\nimport b from 'c'\n", ["import b from 'c'"]),
        ("import a from 'b'\nimport c from 'd'\n\n*e*", ["<em>e</em>"]),
        ("x ={y}\n\n<Foo>\n\n<Bar a={1}>b\n", ["&lt;Foo&gt;"]),
        ("={}\n\n<YouTube id=w7Ft2ymGmfc />", ["watch?v=w7Ft2ymGmfc"]),
        ("={}\n\n<Img src=https://e.org/a.png />", ['src="https://e.org/a.png"']),
        ("={}\n\n<Box>\n\n*a*\n\n</Box>", ["<em>a</em>"]),
        ("{% open {{< open {{ open", ["{% open {{&lt; open {{ open"]),
        ("{% unless a %}b{% else %}c{% endunless %}", ["b", "c"]),
        ("{% codeblock %}a", ["a"]),
        ("{% mermaid %}\ngraph\n{% endmermaid %}", ['class="language-mermaid"']),
        ("{% codeblock https://e.org Words %}\na\n{% endcodeblock %}", [">Words</a>"]),
        ("{{< katex >}}a*b*c{{< /katex >}}", ["a*b*c"]),
        ("[a]({% asset_path b.pdf %}) {% static %}", ["a"]),
        ("{% assign a = b | c %}", []),
        ('{% include note.html content="Be careful" %}', ["<blockquote>", "Be careful"]),
        ("{% include alert.html %}", []),
        ("{{ url_for('a.png') }}", ["a.png"]),
        ("[code] [caption]a[/b]", ["[code]"]),
        ("!!!  \n\n{% comment %}{% comment %}a", ["!!!", "a"]),
        ("[caption]a[/caption]", ["a"]),
        ("[caption]![A](https://e.org/a.png) C[/caption]", ["<figcaption>C</figcaption>"]),
        ("[embed][/embed] [playlist]", []),
        ("# A {% comment %}b{% endcomment %} $c$", ["A", "$c$"]),
        ("[a](https://e.org/$b*c$)", ["https://e.org/"]),
        ('![$a*b$](https://e.org/a.png "==t==")', ["https://e.org/a.png"]),
    ],
)
def test_what_is_incomplete_or_odd_is_read_all_the_same(text: str, parts: list[str]) -> None:
    result = shown(text)
    for part in parts:
        assert part in result


def test_boxes_nest_up_to_a_limit() -> None:
    text = "".join(f"{'    ' * level}!!! note\n\n" for level in range(30)) + "    " * 30 + "deep"
    assert "deep" in shown(text)


def test_a_heading_with_marks_gives_a_plain_title() -> None:
    body = read_body("# A $x$ {#b}\n\ntext", PurePosixPath("a.md"), heading=True, first_line=False)
    assert body.title.strip() == "A $x$"


@pytest.mark.parametrize(
    ("shortcode", "markup"),
    [
        (
            '{{ youtube(id="dQw4w9WgXcQ", autoplay=true) }}',
            '<iframe src="https://www.youtube.com/embed/dQw4w9WgXcQ"',
        ),
        ("{{ vimeo(id=12345678) }}", "https://player.vimeo.com/video/12345678"),
        (
            '{{ figure(src="a.png", caption="A *fine* day") }}',
            "<figcaption>A <em>fine</em> day</figcaption>",
        ),
        ('{{ image(path="a.png", alt="A") }}', '<img src="a.png" alt="A">'),
        ('{{ audio(src="a.mp3") }}', '<audio src="a.mp3">'),
        ('{% video(src="a.mp4") %}\nWords\n{% end %}', '<video src="a.mp4"></video>'),
        ('{% quote(author="Ann") %}\nSaid\n{% end %}', "<footer>— Ann</footer></blockquote>"),
        ('[a]({{ get_url(path="@/b.md") }})', '<a href="@/b.md">a</a>'),
        ('{{ frame_of(\n  src="a.png",\n) }}', '<img src="a.png"'),
    ],
)
def test_shortcodes_of_zola_are_what_they_call(shortcode: str, markup: str) -> None:
    body = read_body(
        f"First\n\n{shortcode}\n\nLast", PurePosixPath("a.md"), heading=False, first_line=False
    )
    assert markup in body.markup
    assert "{" not in body.markup
    assert "<p>Last</p>" in body.markup
    assert body.remarks == ()


@pytest.mark.parametrize(
    "text", ["{{ frobnicate(n=3) }}", "{{ x\n\ny }}", "{{ f( }}", "{{ get_url(x=1) }}"]
)
def test_a_call_that_is_no_shortcode_stays_as_it_is_written(text: str) -> None:
    body = read_body(text, PurePosixPath("a.md"), heading=False, first_line=False)
    assert "{{" in body.markup
    assert "}}" in body.markup


def test_an_object_over_several_lines_goes_and_is_told() -> None:
    body = read_body(
        "a {{ site.repository\n}} b", PurePosixPath("a.md"), heading=False, first_line=False
    )
    assert body.markup == "<p>a  b</p>\n"
    assert [remark.line for remark in body.remarks] == [0]


def test_an_end_without_a_start_goes() -> None:
    body = read_body("a\n\n{% end %}\n", PurePosixPath("a.md"), heading=False, first_line=False)
    assert "end" not in body.markup
