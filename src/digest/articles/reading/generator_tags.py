"""The tags of site generators, and the HTML that each is expanded to.

Hexo and its themes write ``{% name … %}``, Jekyll's Liquid as well; Hugo writes ``{{< name … >}}``
and ``{{% name … %}}``; WordPress writes ``[name …]…[/name]``.
"""

# pure
from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from digest.articles.cleaning.policy import elements

#: Code, kept to the letter.
CODE = elements("code codeblock highlight prism sourcecode prettify snippet")
#: Sources of drawings and the like, kept as code in a language of that name.
DRAWINGS = elements(
    "abc chart chartjs dot echarts flowchart graphviz markmap mermaid plantuml score sequence "
    "vega vega-lite wavedrom"
)
#: Text that no tag or mark in it is read of.
VERBATIM = elements("raw verbatim")
#: TeX, kept as it is written.
FORMULAS = elements("katex math mathjax latex tex")
#: What is removed without a word, with all that is inside.
COMMENTS = elements("comment")
#: What is removed with all that is inside, since it is made for each page: it is noted.
COMPUTED = elements("for tablerow cycle js macro script stylesheet")
#: Boxes; one may name its kind in its first argument.
BOX_KINDS = elements(
    "abstract attention bug caution danger default error example failure fail help hint important "
    "info missing note primary question quote seealso success summary tip tldr todo warning check "
    "done faq cite secondary light dark muted"
)
BOXES = BOX_KINDS | elements("admonition alert aside bubble callout message notice notification")
BOXES |= elements("pageinfo")
#: Boxes that fold.
FOLDED = elements("accordion accordion-item accordionitem collapse collapsible details expand")
FOLDED |= elements("expandable fold folding hideblock")
FOLDED |= elements("hidetoggle spoiler toggle")
QUOTATIONS = elements("blockquote centerquote cq epigraph pullquote quote")
#: What only arranges its content.
WRAPPERS = elements(
    "button-group buttongroup cards cardpane carousel center col column columns div fullwidth "
    "gallery grid grouppicture group html keyword large lead left ltr markdown markdownify md "
    "raw-html rawhtml right row rtl section small steps style subtabs tabpane tabs typeit "
    "unsafe-html wrap"
)
#: One of several parts, with its title; those of the second set may have it in any argument.
TABS = elements("card step tab tabitem tab-item tile timelineitem")
TITLED = elements("box poem timeline timenode")
#: Words, of which an argument before a comma, an ``@`` or a blank may name a class; and what each
#: is shown as.
WORDS = dict.fromkeys(
    elements("badge checkbox emoji hideinline label newthought p psw radio span u wavy"), ""
)
WORDS |= {"copy": "code", "del": "s", "emp": "em", "kbd": "kbd", "mark": "mark", "quot": "strong"}
WORDS |= {"marginnote": "small", "sidenote": "small", "sub": "sub", "sup": "sup"}
#: Words that lead somewhere.
BUTTONS = elements("a btn button button-link cta staticref")
#: A title and text of a generator's own pages, which no article needs.
SILENT = elements("fa fab far fas icon more octicon toc endtab tableofcontents")
IMAGES = elements(
    "asset_img cover figure fancybox fb-img img image imgcap imageproc lazyimg pic picture "
    "responsive_image responsive_image_block bundle-image resource-image image-caption"
)
MEDIA = {"audio": "audio", "dplayer": "video", "mp3": "audio", "mp4": "video", "video": "video"}
MEDIA |= {"dvideo": "video", "video-local": "video", "aplayer": "audio", "html5video": "video"}
MEDIA |= {"music": "audio"}
#: Tags that name an article of the same site.
ARTICLE_LINKS = elements("article doc link post_link post_path post_url ref relref xref")
#: Tags that name a file of the same site.
FILE_LINKS = elements("asset_path asset_url static absurl relurl")
#: Players and posts elsewhere: the address, with the first argument put into it.
ELSEWHERE = {
    "asciinema": "https://asciinema.org/a/{}",
    "bilibili": "https://player.bilibili.com/player.html?bvid={}",
    "codepen": "https://codepen.io/{}",
    "codesandbox": "https://codesandbox.io/embed/{}",
    "dailymotion": "https://www.dailymotion.com/embed/video/{}",
    "gist": "https://gist.github.com/{}",
    "ghcard": "https://github.com/{}",
    "github": "https://github.com/{}",
    "githubcard": "https://github.com/{}",
    "gitlab": "https://gitlab.com/{}",
    "instagram": "https://www.instagram.com/p/{}/",
    "jsfiddle": "https://jsfiddle.net/{}",
    "soundcloud": "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/{}",
    "speakerdeck": "https://speakerdeck.com/player/{}",
    "spotify": "https://open.spotify.com/embed/{}",
    "tweet": "https://twitter.com/i/status/{}",
    "twitter": "https://twitter.com/i/status/{}",
    "vimeo": "https://player.vimeo.com/video/{}",
    "x": "https://x.com/i/status/{}",
    "youtube": "https://www.youtube.com/embed/{}",
    "youtubelite": "https://www.youtube.com/embed/{}",
    "lite-youtube": "https://www.youtube.com/embed/{}",
}
#: Those of which a page is linked, not a player.
_PAGES = elements(
    "asciinema codepen ghcard gist github githubcard gitlab instagram jsfiddle tweet twitter x"
)
_OF_USERS = elements("codepen ghcard gist githubcard jsfiddle tweet twitter x")
#: Tags that show a page or a file in a frame.
FRAMES = elements("embed iframe pdf embed-pdf oembed")
#: Names of arguments that hold an address, a text below a picture, a title.
_ADDRESS_NAMES = (
    *("src", "url", "href", "link", "image_path", "image_url", "image", "path", "file", "mp4"),
    *("mp3", "webm", "ogg", "m4a", "name"),
)
_IMAGE = re.compile(r"[^\s\"']+\.(?:avif|bmp|gif|jpe?g|png|svg|webp)(?:[?#]\S*)?", re.IGNORECASE)
_SOUND = re.compile(r"[^\s\"']+\.(?:aac|flac|m4a|mp3|oga|ogg|opus|wav)(?:[?#]\S*)?", re.IGNORECASE)
_FILM = re.compile(r"[^\s\"']+\.(?:m4v|mov|mp4|ogv|webm)(?:[?#]\S*)?", re.IGNORECASE)
_WEB = re.compile(r"(?:https?:)?//[^\s\"'<>]+", re.IGNORECASE)
#: Hexo has both texts of a picture in one argument: ``'"title" "alternative text"'``.
_TWO_TEXTS = re.compile(r'"([^"]*)"\s+"([^"]*)"')
_NUMBER = re.compile(r"[0-9]+(?:px|%)?")
#: Volantis writes ``name=some words`` between commas.
_COMMA_FIELD = re.compile(r"""\s*+([\w-]++)\s*+=\s*+([^"'=,]*[^"'=,\s])\s*+""")
_QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
#: An argument: ``name=value``; ``name:value`` as Liquid and themes of Hexo have it; a text; a word.
_ARGUMENT = re.compile(
    rf"""([\w:.-]+)\s*=\s*({_QUOTED}|`[^`]*`|[^\s"',]+)"""
    rf"""|(?!mailto:)([a-zA-Z][a-zA-Z_-]*):(?:\s*({_QUOTED})|(?!//)([^\s"':][^\s"']*))(?=[\s,]|$)"""
    rf"""|({_QUOTED}|`[^`]*`)|([^\s,]+|,)"""
)
#: DPlayer's tag has its options in quotes.
_PLAYER_FIELD = re.compile(r"(url|pic|src|poster|cover)=(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The arguments of a tag, without quotes."""

    named: dict[str, str]  #: by name in lower case
    positional: tuple[str, ...] = ()
    quoted: bool = False  #: whether quotes tell the positional ones apart

    def first(self, *names: str) -> str:
        """Return the first named argument there is, or an empty text."""
        return next((self.named[name] for name in names if self.named.get(name)), "")

    @property
    def words(self) -> str:
        """All positional arguments, joined."""
        return " ".join(self.positional)


def arguments(text: str) -> Arguments:
    """Return the arguments in the text of a tag."""
    named: dict[str, str] = {}
    positional: list[str] = []
    first, *fields = text.split(",")
    if fields and all(matches := [_COMMA_FIELD.fullmatch(part) for part in fields]):
        named = {match[1].lower(): match[2] for match in matches if match}
        text = first
    for match in _ARGUMENT.finditer(text):
        name, value, option, quoted_text, set_to, alone, word = match.groups()
        if name or option:
            named[(name or option).lower()] = _unquoted(value or quoted_text or set_to)
        elif alone and (player := _PLAYER_FIELD.fullmatch(_unquoted(alone))):
            named[player[1].lower()] = player[2]
        elif word != ",":
            positional.append(_unquoted(alone or word))
    return Arguments(named=named, positional=tuple(positional), quoted='"' in text or "'" in text)


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'`":
        return text[1:-1].replace("\\" + text[0], text[0])
    return text


def escape(text: str) -> str:
    """Return a text as HTML; line ends are references, so that Markdown sees a single line."""
    return html.escape(text).replace("\r\n", "\n").replace("\n", "&#10;")


def code(text: str, language: str = "", title: str = "") -> str:
    """Return a block of code as HTML."""
    body = escape(re.sub(r"\A[ \t]*\n|\s+\Z", "", text))
    marked = f' class="language-{html.escape(language)}"' if language else ""
    return (f"<p>{title}</p>" if title else "") + f"<pre><code{marked}>{body}</code></pre>"


def image(
    given: Arguments, *, whole: bool, words: Callable[[str], str] = html.escape
) -> str | None:
    """Return the picture of a tag as HTML, ``whole`` as a figure; None without an address.

    ``words`` turns the text below it into HTML.
    """
    address = given.first(*_ADDRESS_NAMES)
    texts: list[str] = []
    own = next(filter(_IMAGE.fullmatch, given.positional), "") if not address else ""
    for word in given.positional:
        if not address and (word == own if own else "/" in word):
            address = word
        elif address and not _NUMBER.fullmatch(word):
            texts.append(word)
    if not address and given.positional:
        address, texts = given.positional[0], list(given.positional[1:])
    if not address:
        return None
    if len(texts) == 1 and (pair := _TWO_TEXTS.fullmatch(texts[0])):
        texts = list(pair.groups())
    both = given.quoted and len(texts) == 2  # a title and an alternative text
    title = given.first("title") or " ".join(texts[:1] if both else texts)
    caption = given.first("caption", "cap") or given.first("title")
    alt = given.first("alt", "desc", "description") or (texts[1] if both else "")
    sizes = "".join(
        f' {name}="{html.escape(given.named[name])}"'
        for name in ("width", "height")
        if given.named.get(name)
    )
    shown = (
        f'<img src="{html.escape(address)}" alt="{html.escape(alt or caption or title)}"{sizes}>'
    )
    if title and not caption:
        shown = f'{shown[:-1]} title="{html.escape(title)}">'
    if target := given.first("link", "href") if given.first("src", "url", "image_path") else "":
        shown = f'<a href="{html.escape(target)}">{shown}</a>'
    if not whole:
        return shown
    lines = [words(line) for line in dict.fromkeys([given.first("title"), caption]) if line]
    if credit := given.first("attr", "attribution", "credit"):
        lines.append(
            _link(given.first("attrlink"), credit) if given.first("attrlink") else escape(credit)
        )
    below = f"<figcaption>{'<br>'.join(lines)}</figcaption>" if lines else ""
    return f"<figure>{shown}{below}</figure>"


def media(kind: str, given: Arguments) -> str | None:
    """Return sound (``audio``) or moving pictures (``video``) as HTML; None without an address."""
    form = _SOUND if kind == "audio" else _FILM
    known = next(filter(form.fullmatch, given.positional), "")
    address = given.first(*_ADDRESS_NAMES) or known or next(iter(given.positional), "")
    if not address:
        return None
    poster, title = given.first("poster", "pic", "cover"), given.first("title", "caption", "alt")
    if not title and address == known:
        title = " – ".join(given.positional[: given.positional.index(known)])
    elif not title and given.first("url", "src"):
        title = " – ".join(filter(None, (given.first("name"), given.first("artist"))))
    more = f' poster="{html.escape(poster)}"' if poster else ""
    more += f' title="{html.escape(title)}"' if title else ""
    return f'<{kind} src="{html.escape(address)}"{more}></{kind}>'


def elsewhere(name: str, given: Arguments) -> str | None:
    """Return a player or a link to a post of another site as HTML; None without its name."""
    words = [word for word in given.positional if not _NUMBER.fullmatch(word) or len(word) > 4]
    named = given.first("id", "url", "src", "link", "video", "videoid", "bvid", "aid", "repo")
    users = given.first("user", "username")
    first = named or (words[0] if words else "")
    if name in _OF_USERS and users and named:
        first = f"{users}/{'status/' if name in ('tweet', 'twitter', 'x') else ''}{named}"
    elif name in ("gist", "github") and len(words) > 1 and not re.search("/|[0-9a-f]{6}", first):
        first = "/".join(words[:2])
    elif name == "codepen" and len(words) > 1:
        first = f"{words[0]}/pen/{words[1]}"
    if not first:
        return None
    title = given.first("title", "alt", "label")
    if _WEB.fullmatch(first):
        address = first
    elif name in ("tweet", "twitter", "x") and users:
        address = f"https://twitter.com/{quote(first)}"
    elif name == "bilibili" and first.lower().removeprefix("av").isdigit():
        address = f"https://player.bilibili.com/player.html?aid={first.lower().removeprefix('av')}"
    elif name == "youtube" and ("playlist" in words or re.fullmatch("PL.{10,}", first)):
        address = f"https://www.youtube.com/embed/videoseries?list={quote(first)}"
    else:
        kind = given.first("type") if name == "spotify" else ""
        address = ELSEWHERE[name].format(quote(f"{kind}/{first}" if kind else first))
    if name in _PAGES or (address == first and name not in ("youtube", "vimeo")):
        return f"<p>{_link(address, title or address)}</p>"
    return frame(address, title)


def frame(address: str, title: str = "") -> str:
    """Return a frame as HTML, which tidying makes a link of."""
    more = f' title="{html.escape(title)}"' if title else ""
    return f'<iframe src="{html.escape(address)}"{more}></iframe>'


def guessed(given: Arguments, *, whole: bool) -> str | None:
    """Return the HTML of an unknown tag, guessed from its arguments; None if that fails."""
    for value in [*given.named.values(), *given.positional]:
        if _IMAGE.fullmatch(value):
            others = [other for other in given.positional if other != value]
            pages = filter(_WEB.fullmatch, (*others, *given.named.values()))
            named = {"link": next((page for page in pages if page != value), ""), **given.named}
            texts = tuple(other for other in others if "/" not in other)
            return image(
                Arguments(named={**named, "src": value}, positional=texts, quoted=given.quoted),
                whole=whole,
            )
        for kind, form in (("audio", _SOUND), ("video", _FILM)):
            if form.fullmatch(value):
                return media(kind, Arguments(named={**given.named, "src": value}))
    for value in [*given.named.values(), *given.positional]:
        if _WEB.fullmatch(value):
            title = given.first("title", "text", "label", "content", "name") or value
            return f"<p>{_link(value, title)}</p>" if whole else _link(value, title)
    return None


def _link(address: str, text: str) -> str:
    return f'<a href="{html.escape(address)}">{html.escape(text)}</a>'


def box(kind: str, title: str = "", *, folded: bool = False) -> tuple[str, str]:
    """Return the start and the end of a box as HTML; ``title`` is HTML."""
    label = title or (kind.replace("-", " ").replace("_", " ").capitalize() if kind else "")
    if folded:
        return f"<details><summary>{label or 'Details'}</summary>", "</details>"
    head = f"<p><strong>{label}</strong></p>" if label else ""
    return f"<blockquote>{head}", "</blockquote>"


#: Arguments of boxes that say nothing.
_STATES = elements("no-icon true false open closed close child ... blue cyan green red yellow")
_STATES |= elements("disabled flat modern simple")
_ICON = re.compile(r"(?:fa[brs]?\s+)?fa-[\w-]+|fa[brs]?")
_COLOR = re.compile("#[0-9a-fA-F]{3,8}|icon-.*")


def box_of(name: str, given: Arguments) -> tuple[str, str]:
    """Return the start and the end of the box that a tag opens."""
    kind = given.first("type", "style", "kind", "level", "color").lower()
    words = [word for word in given.positional if word not in _STATES and not _ICON.fullmatch(word)]
    while words and words[0].lower() in BOX_KINDS:
        kind = kind or words[0].lower()
        words = words[1:]
    colored = next((at for at, word in enumerate(words) if at and _COLOR.fullmatch(word)), None)
    words = words[: 1 if given.quoted else colored]  # then come an icon and colors
    if name == "alert" and len(words) == 1 and re.fullmatch(r"[a-z0-9-]+", words[0]):
        words = []  # an icon
    if kind not in BOX_KINDS:
        kind = name if name in BOX_KINDS else ""
    title = given.first("title", "summary", "header", "text", "label") or " ".join(words)
    if kind in ("default", "primary", "light", "dark", "muted", "secondary"):
        kind = ""
    return box(kind, html.escape(title), folded=name in FOLDED)


def quotation(name: str, given: str) -> tuple[str, str]:
    """Return the start and the end of a quotation, its source below it."""
    words = re.sub(r"^\s*(?:left|right|center)\s*$", "", given).strip()
    named = arguments(given)
    if named.named:
        parts = [named.first("author", "name"), named.first("source", "title", "cite")]
        words = (
            ", ".join(filter(None, parts)) + " " + named.first("url", "link", "href", "attrlink")
        )
    elif name == "epigraph" and named.positional:
        text, *source = named.positional
        return f"<blockquote><p>{html.escape(text)}</p>", (
            f"<footer>— {html.escape(', '.join(filter(None, source)))}</footer></blockquote>"
            if any(source)
            else "</blockquote>"
        )
    elif name != "blockquote":
        words = ""
    address = _WEB.search(words)
    text = words
    if address:
        text = " ".join((words[: address.start()] + words[address.end() :]).split())
    credit = html.escape(text.strip().strip(",").strip('"'))
    if address:
        credit = f'<a href="{html.escape(address[0])}">{credit or html.escape(address[0])}</a>'
    return "<blockquote>", (f"<footer>— {credit}</footer>" if credit else "") + "</blockquote>"
