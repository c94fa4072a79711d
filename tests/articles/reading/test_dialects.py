"""Marks of Markdown's dialects (MkDocs, Docusaurus, VitePress, Obsidian) are what they mean."""

from __future__ import annotations

from time import process_time

import pytest

from digest.articles.characters import publishable_markup
from digest.articles.cleaning.sanitize import clean
from tests.articles.attacks import ATTACKS, violations
from tests.articles.reading.test_markdown_marks import read, shown


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("++ctrl+alt+del++", "<kbd>Ctrl</kbd>+<kbd>Alt</kbd>+<kbd>Del</kbd>"),
        ('++cmd+"My key"++', "<kbd>Cmd</kbd>+<kbd>My key</kbd>"),
        ("++f12++", "<kbd>F12</kbd>"),
        ("++added++", "<ins>added</ins>"),
        ("C++ and D++ or i++ and ++j", None),
        ("{++new++}", "<ins>new</ins>"),
        ("{--*old*--}", "<s><em>old</em></s>"),
        ("{~~old~>new~~}", "<s>old</s><ins>new</ins>"),
        ("{~~~>new~~}", "<ins>new</ins>"),
        ("{~~old~~}", "<s>old</s>"),
        ("{==here==}{>>why?<<}", "<mark>here</mark>"),
        ("^^under^^", "<ins>under</ins>"),
        ("H~2~O", "H<sub>2</sub>O"),
        ("x^2^ + y^n-1^", "x<sup>2</sup> + y<sup>n-1</sup>"),
        ("2^3^4 and ~/a~b", None),
        ("[ :smile: ]", "[ 😄 ]"),
        (":+1: and :rocket:", "👍 and 🚀"),
        (":hearts: :Fearful: :woman_raising_hand:", "♥️ 😨 🙋\u200d♀️"),
        (":man_made: :woman_: :digit_one_face:", None),
        ("10:30:45, a:smile:b, :no_such_thing:, :digit_one:", None),
        (":sparkles:", "✨"),
        (":us: :heavy_exclamation_mark:", "🇺🇸 ❗"),
        ("![[https://x.example/a.png|A crane|300x200]]",
         '<img src="https://x.example/a.png" alt="A crane" width="300">'),
        ("他说**“好。”**然后走", "他说<strong>“好。”</strong>然后走"),
        ("通过**_config.yml**配置", "通过<strong>_config.yml</strong>配置"),
        ("**一句话。**第二句", "<strong>一句话。</strong>第二句"),
        ("**普通**的**[a](https://x.example/)**字",
         '<strong>普通</strong>的<strong><a href="https://x.example/">a</a></strong>字'),
        ("2 ** 3，***甲。***乙", None),
        ("![a](https://x.example/a.png =300x200)", '<img src="https://x.example/a.png" alt="a">'),
        ("![a](https://x.example/a.png#c =50%x)", '<img src="https://x.example/a.png#c" alt="a">'),
        ("![a](https://x.example/b c.png)", '<img src="https://x.example/b%20c.png" alt="a">'),
        ("[a](https://x.example/b c.pdf)", '<a href="https://x.example/b%20c.pdf">a</a>'),
        ("[a](b and c)", None),
        ("text ^block-1", "text"),
        ("![A|200](https://x.example/a.png)", '<img src="https://x.example/a.png" alt="A">'),
        ("![A|20x30](https://x.example/a.png)", '<img src="https://x.example/a.png" alt="A">'),
        ('<img src={useBaseUrl("https://x.example/a.png")} alt={"An a"} />',
         '<img src="https://x.example/a.png" alt="An a">'),
        ("<img src={require('https://x.example/a.png').default} style={{a: {b: 1}}}/>",
         '<img src="https://x.example/a.png">'),
        ('<Link to="https://x.example/">there</Link>', '<a href="https://x.example/">there</a>'),
        ("<Mark color='red'>a *word*</Mark>", "a <em>word</em>"),
        ('<Badge type="tip" text="new" />', "new"),
        ("List<String> <T>", "List&lt;String&gt; &lt;T&gt;"),
        ("<CodeBlock>", "&lt;CodeBlock&gt;"),
        ("<B>bold</B>", "<b>bold</b>"),
    ],
)  # fmt: skip
def test_marks_in_a_line(text: str, result: str | None) -> None:
    assert shown(f"a\n\nb {text}") == f"<p>a</p>\n<p>b {result or text}</p>"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("- [x] done\n- [ ] to do", "<ul>\n<li>☑ done</li>\n<li>☐ to do</li>\n</ul>"),
        ("Term\n:   *Definition*\n: Another",
         "<dl>\n<dt>Term</dt>\n<dd><em>Definition</em></dd>\n<dd>Another</dd>\n</dl>"),
        ("/// note | *Title*\nText\n///",
         "<blockquote><p><strong><em>Title</em></strong></p>\n<p>Text</p></blockquote>"),
        ("/// admonition | Title\n    type: tip\n\nText\n///",
         "<blockquote><p><strong>Title</strong></p>\n<p>Text</p></blockquote>"),
        ("/// details | More\n    open: true\n\nText\n///",
         "<details><summary>More</summary>\n<p>Text</p>\n</details>"),
        ("/// tab | First\nText\n///", "<p><strong>First</strong></p>\n<p>Text</p>"),
        ("<aside>\n**a**\n\n</aside>\n\n*b*",
         "<aside>\n<p><strong>a</strong></p>\n</aside>\n<p><em>b</em></p>"),
        ("/// caption\nText\n///", "<p>Text</p>"),
        ("/// <summary>\n/// text\n///", "<p>/// &lt;summary&gt;\n/// text\n///</p>"),
        ("/// note | never closed", "<p>/// note | never closed</p>"),
        (('<figure markdown="span">\n  ![I](https://x.example/i.png)\n'
         "  <figcaption>Text</figcaption>\n</figure>"),
         ('<figure>\n<p><img src="https://x.example/i.png" alt="I"></p>\n'
         "<figcaption>Text</figcaption>\n</figure>")),
        ('<div markdown="1">\n**a** <div>b</div>\n</div>\n\n*c*',
         "<p><strong>a</strong></p><div>b</div>\n<p><em>c</em></p>"),
        ('<div markdown="1">\nx\n\n<div markdown="1">\ny', "<div>x\n<div>y</div></div>"),
        ("::: code-group\n```js [a.js]\n1\n```\n:::",
         '<p><strong>a.js</strong></p>\n<pre><code class="language-js">1\n</code></pre>'),
        ('> ```py title="b.py" {1}\n> 2\n> ```',
         ("<blockquote><p><strong>b.py</strong></p>\n"
         '<pre><code class="language-py">2\n</code></pre></blockquote>')),
        ("- ```py title=c.py\n  3\n  ```",
         '<ul>\n<li><pre><code class="language-py">3\n</code></pre></li>\n</ul>'),
        ("```mdx-code-block\n**in**\n```", "<p><strong>in</strong></p>"),
        ("::: tabs\n@tab One\na\n@tab:active Two\nb\n:::",
         "<p><strong>One</strong></p>\n<p>a</p>\n<p><strong>Two</strong></p>\n<p>b</p>"),
        ("x\n\n@tab no tab", "<p>x</p>\n<p>@tab no tab</p>"),
        ("{{< columns >}}\nleft\n<--->\nright\n{{< /columns >}}", "<p>left</p>\n<p>right</p>"),
        ("@[vimeo](123456)",
         '<p><a href="https://vimeo.com/123456">https://vimeo.com/123456</a></p>'),
        (("<Tabs values={[{label: 'Mac', value: 'm'}, {value: 'w', label: 'Win'}]}>\n"
         '<TabItem value="m">a</TabItem>\n<TabItem value="w">b</TabItem>\n</Tabs>'),
         "<p><strong>Mac</strong></p>a\n<p><strong>Win</strong></p>b"),
        ('<Admonition type="tip" title="Title">\n\nText\n\n</Admonition>',
         "<blockquote><p><strong>Title</strong></p>\n<p>Text</p></blockquote>"),
        ('<Card title="Title">\n\nText\n\n</Card>', "<p><strong>Title</strong></p>\n<p>Text</p>"),
        ('<CodeBlock language="js" title="T">\n{`const a = 1;`}\n</CodeBlock>',
         '<p>T</p><pre><code class="language-js">const a = 1;</code></pre>'),
        ("</CodeBlock>\n\n<CodeBlock>\n\nText", "<p>Text</p>"),
        ("import a from 'https://x.example/a.png';\n\n<Image src={a} alt='A' />",
         '<figure><img src="https://x.example/a.png" alt="A"></figure>'),
        ("-   :material-clock:{ .lg } __Up__\n\n    ---\n\n    down",
         "<ul>\n<li><p><strong>Up</strong></p>\n<hr>\n<p>down</p></li>\n</ul>"),
    ],
)  # fmt: skip
def test_blocks(text: str, result: str) -> None:
    assert shown(text) == result


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("a\n\n```dataview\nLIST\n```", "dataview"),
        ("a\n\n--8<--\nb.md\nc.md\n--8<--", "snippet"),
        ("a\n\n<<< @/b.js{2}", "snippet"),
        ("a\n\n@[code](./b.js)", "snippet"),
        ("a\n\n<DocCardList />", "doccardlist"),
    ],
)
def test_what_cannot_be_shown_is_told(text: str, cause: str) -> None:
    body = read(text)
    assert shown(text) == "<p>a</p>"
    (remark,) = body.remarks
    assert remark.line == 2
    assert cause in remark.cause


def test_the_id_of_a_block_may_stand_on_a_line_of_its_own() -> None:
    assert shown("> a\n\n^quote-1\n\nend") == "<blockquote><p>a</p></blockquote>\n<p>end</p>"


def test_a_footnote_that_nothing_leads_to_is_told() -> None:
    body = read("a[^n]\n\n[^n]: one\n\n[^m]: two\n")
    (remark,) = body.remarks
    assert (remark.line, remark.cause) == (4, "nothing leads to the footnote m; it is left out")


def test_a_footnote_with_two_texts_is_told() -> None:
    body = read("a[^n]\n\n[^n]: one\n[^n]: two\n")
    (remark,) = body.remarks
    assert (remark.line, "footnote n is there more than once" in remark.cause) == (2, True)


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize("vector", ATTACKS)
def test_no_mark_carries_an_attack(vector: str) -> None:
    vector = publishable_markup(vector)
    word = vector.replace("\n", " ")
    for text in (
        f'{{=={word}==}} ^^{word}^^ ++"{word}"++ x~{word}~',
        f"/// details | {word}\n{vector}\n///",
        f"<div markdown {word}>\n{vector}\n</div>",
        f"<Card title='{word}' src={{'{word}'}}>{vector}</Card>",
        f'```js title="{word}"\n{vector}\n```\n\n@[youtube]({word})',
    ):
        assert violations(clean(shown(text))) == []


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize(
    "text",
    [
        "{++" * 50_000, "++a+" * 50_000, "<A " * 50_000, "<A b={" * 10_000, "<A>" * 50_000,
        "<A></A>" * 20_000, "<div markdown>\n" * 10_000, "/// note | a\n" * 10_000,
        ":a" * 100_000, "x~a" * 50_000, "x ^a" * 50_000, "^^a" * 50_000, "--8<--\n" * 20_000,
        "![a](b " * 20_000, "![a](b c" * 20_000, "![a](b =1" * 20_000,
        "<Card title=a>" * 20_000 + "</Card>",
    ],
)  # fmt: skip
def test_hostile_marks_are_read_in_time(text: str) -> None:
    began = process_time()
    read(f"{text}\n")
    assert process_time() - began < 10


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("- a\n    - [x] b", "☑ b"),
        ("1.  a\n\n    !!! note\n        b", "<strong>Note</strong>"),
        ('1.  a\n\n    === "Now"\n\n        b', "<strong>Now</strong>"),
        ("1.  a\n\n    ::: tip\n    b\n    :::", "<strong>Tip</strong>"),
        ("1.  a\n\n    [TOC]\n\n    b", "<p>b</p>"),
        ("1.  a\n\n    !!!\n    b", "!!!"),
        ("a\n\n    - [x] b", "<pre><code>- [x] b"),
        ("1.  a\n\n        - [x] b", "<pre><code>- [x] b"),
        ("!!! note\n    a\n\n        - [x] b", "<pre><code>- [x] b"),
    ],
)
def test_marks_are_read_where_lists_indent_them(text: str, part: str) -> None:
    result = shown(text)
    assert part in result
    assert "[TOC]" not in result
