"""Rules for what a message says: its HTML and its text."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape

from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.mail.lint.model import FindingSeverity, LintRule, ParsedMessage, parted, shortened
from digest.mail.render import MAX_HTML
from digest.mail.style import LEAST_CONTRAST, Colour, colour, contrast
from digest.mail.template_context import MAX_PREHEADER, MIN_PREHEADER
from digest.mail.text_layout import display_width

#: Columns of a line of text (RFC 5322 section 2.1.1).
_COLUMNS = 78
#: CSS pixels: what mail programs show without scrolling to the side.
_WIDEST = 600
_ACTIVE = (
    "script, iframe, frame, object, embed, applet, form, input, button, link, base, svg, video"
)
_REMOTE_STYLE = re.compile(r"@import|@font-face|url\(|expression\(|javascript:", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S+")
_PADDING = re.compile(r"(?:^|;)\s*(?:mso-)?padding(?:-[a-z]+)?\s*:\s*(?!0[\s;]|0$)")
_BACKGROUND = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:")
_HTML = re.compile(r"\s*<(?:!doctype|html|body|head|div|table|p)\b[^>]*>", re.IGNORECASE)
_RULE = re.compile(r"(?<![^{}])([^{}]++)\{([^{}]*)\}")
_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{((?:[^{}]*\{[^{}]*\})*)")
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)

_Style = Mapping[str, str]


def _size(mail: ParsedMessage) -> Iterator[str]:
    size = len(mail.html.encode("utf-8", "replace"))
    if size > MAX_HTML:
        yield f"it has {size:,} bytes, at most {MAX_HTML:,} are shown whole"


def _language(mail: ParsedMessage) -> Iterator[str]:
    root = mail.page.css_first("html")
    language = (root.attributes.get("lang") if root else None) or ""
    declared = mail.values("Content-Language")
    if not language:
        yield "html has no lang"
    elif declared and declared[0] != language:
        yield f"html says {language}, Content-Language {declared[0]}"


def _tables(mail: ParsedMessage) -> Iterator[str]:
    of_articles = {table.mem_id for table in mail.page.css(".body table")}
    for table in mail.page.css("table"):
        if table.mem_id in of_articles:
            continue
        if table.attributes.get("role") != "presentation":
            yield "a table has no role=presentation: it would be read as one of data"
            return


def _images(mail: ParsedMessage) -> Iterator[str]:
    for image in mail.page.css("img"):
        source = image.attributes.get("src") or ""
        if parted(source).scheme not in ("https", "http") or not parted(source).netloc:
            yield f"an image has no absolute address: {shortened(source)}"
        if image.attributes.get("alt") is None:
            yield f"an image has no alt: {shortened(source)}"
        if not (image.attributes.get("width") or "").isdigit():
            yield f"an image has no width: {shortened(source)}"


def _plain_images(mail: ParsedMessage) -> Iterator[str]:
    for image in mail.page.css('img[src^="http:"]'):
        yield f"an image is not https: {shortened(image.attributes.get('src') or '')}"


def _pixels(mail: ParsedMessage) -> Iterator[str]:
    for image in mail.page.css("img"):
        sizes = [image.attributes.get(side) or "" for side in ("width", "height")]
        if any(size.isdigit() and int(size) <= 2 for size in sizes):
            yield "an image is too small to be seen: it would count as tracking"


def _active(mail: ParsedMessage) -> Iterator[str]:
    for node in mail.page.css(_ACTIVE):
        yield f"there is a <{node.tag}>"
    for node in _nodes(mail):
        for name in node.attributes:
            if name.lower().startswith("on"):
                yield f"<{node.tag}> has the attribute {name}"


def _remote(mail: ParsedMessage) -> Iterator[str]:
    styles = [node.text() for node in mail.page.css("style")]
    styles += [node.attributes.get("style") or "" for node in mail.page.css("[style]")]
    for style in styles:
        if remote := _REMOTE_STYLE.search(style):
            yield f"a style has {remote[0]!r}"
    for node in mail.page.css('[src^="data:"], [href^="data:"], [background]'):
        yield f"<{node.tag}> has a data: address or a background"


def _links(mail: ParsedMessage) -> Iterator[str]:
    places = {node.attributes.get("id") for node in mail.page.css("[id]")}
    for link in mail.page.css("a[href]"):
        address = link.attributes.get("href") or ""
        if address.startswith("#"):
            if address[1:] not in places:
                yield f"a link leads nowhere: {address}"
            continue
        parts = parted(address)
        if parts.scheme != "mailto" and not (parts.scheme in ("http", "https") and parts.netloc):
            yield f"a link is not absolute: {shortened(address)}"


def _labels(mail: ParsedMessage) -> Iterator[str]:
    for link in mail.page.css("a[href]"):
        labels = [link.text(), link.attributes.get("aria-label"), link.attributes.get("title")]
        labels += [image.attributes.get("alt") for image in link.css("img")]
        if not any(words and words.strip() for words in labels):
            yield f"a link has no words: {shortened(link.attributes.get('href') or '')}"


def _buttons(mail: ParsedMessage) -> Iterator[str]:
    """Check that the padding of buttons is on cells of their own: Outlook ignores that of links."""
    for link in mail.page.css("a[href]"):
        style, cell = link.attributes.get("style") or "", link.parent
        alone = cell is not None and cell.tag == "td" and cell.text().strip() == link.text().strip()
        around = (cell.attributes.get("style") if cell and alone else None) or ""
        coloured = _BACKGROUND.search(style) or (_BACKGROUND.search(around) and not link.css("img"))
        if (_PADDING.search(style) or coloured) and not _PADDING.search(around):
            yield f"a button has no padding on its cell: {shortened(link.text())}"


def _way_out(mail: ParsedMessage) -> Iterator[str]:
    """Check that the footer, with the link to unsubscribe, is not clipped."""
    address = mail.unsubscribe
    if address is None:
        return  # told by the rules for fields
    links = mail.page.css("a[href]")
    at = [place for place, link in enumerate(links) if link.attributes.get("href") == address]
    if not at:
        yield "the HTML does not show the link of List-Unsubscribe"
    else:
        if at[0] > 5:
            yield "no link to unsubscribe is near the top"
        if len(links) - at[-1] > 8:
            yield "no link to unsubscribe is in the footer"
    if address not in mail.text:
        yield "the text does not show the link of List-Unsubscribe"


def _postal(mail: ParsedMessage) -> Iterator[str]:
    wanted = [" ".join(line.split()) for line in mail.postal_address.splitlines()]
    html = " ".join(mail.html.split())
    text = " ".join(mail.text.split())
    for line in filter(None, wanted):
        if escape(line, quote=False) not in html and line not in html:
            yield f"the HTML does not show {shortened(line)}"
        if line not in text:
            yield f"the text does not show {shortened(line)}"


def _no_postal(mail: ParsedMessage) -> Iterator[str]:
    if not mail.postal_address.strip():
        yield "there is none; set [mail] postal_address"


def _preheader(mail: ParsedMessage) -> Iterator[str]:
    body = mail.page.body
    first = next((node for node in body.iter() if node.tag != "style"), None) if body else None
    style = (first.attributes.get("style") or "").replace(" ", "") if first else ""
    if first is None or "display:none" not in style or not first.text().strip():
        yield "the body does not begin with one"
    elif not MIN_PREHEADER <= len(first.text().strip()) <= MAX_PREHEADER:
        length = len(first.text().strip())
        yield f"it has {length} characters, not {MIN_PREHEADER} to {MAX_PREHEADER}"


def _styled(mail: ParsedMessage) -> Iterator[str]:
    if not mail.page.css("[style]"):
        yield "no style is inlined"
    style = "".join(node.text() for node in mail.page.css("style"))
    if "prefers-color-scheme: dark" not in style.replace("scheme:dark", "scheme: dark"):
        yield "there is no style for dark mode"
    if not mail.page.css_first('meta[name="color-scheme"]'):
        yield "there is no meta color-scheme"


def _wide(mail: ParsedMessage) -> Iterator[str]:
    for node in mail.page.css("table[width], td[width], img[width]"):
        width = node.attributes.get("width") or ""
        if width.isdigit() and int(width) > _WIDEST:
            yield f"<{node.tag}> is {width} pixels wide, more than {_WIDEST}"


def _contrast(mail: ParsedMessage) -> Iterator[str]:
    for dark in (False, True):
        mode = "dark" if dark else "light"
        for words, ratio in poor(mail.page, dark=dark):
            yield f"{ratio:.1f}:1 in {mode} mode, at least {LEAST_CONTRAST}:1: {shortened(words)}"


def poor(page: LexborHTMLParser, *, dark: bool) -> Iterator[tuple[str, float]]:
    """Yield texts with too little contrast, each kind once, with the ratio.

    Colours count where they are written as ``#rgb`` or ``#rrggbb``; what is hidden does not.
    """
    overrides = _dark_styles(page) if dark else {}
    seen = set()
    for node in page.body.traverse() if page.body else ():
        words = node.text(deep=False).strip()
        if not words or node.tag in ("style", "script"):
            continue
        ink, paper, hidden = _colours(node, overrides)
        if not hidden and (ink, paper) not in seen and contrast(ink, paper) < LEAST_CONTRAST:
            seen.add((ink, paper))
            yield words, contrast(ink, paper)


def _colours(node: LexborNode, overrides: Mapping[int, _Style]) -> tuple[Colour, Colour, bool]:
    """Return the colours of a node's text and background, and whether it is hidden."""
    ink: Colour | None = None
    paper: Colour | None = None
    hidden = False
    above: LexborNode | None = node
    while above is not None and not (ink and paper):
        style = {**_declared(above.attributes.get("style") or "")}
        style.update(overrides.get(above.mem_id, {}))
        hidden = hidden or style.get("display", "").startswith("none")
        ink = ink or colour(style.get("color", ""))
        paper = (
            paper
            or colour(style.get("background-color", ""))
            or colour(style.get("background", ""))
        )
        above = above.parent
    return ink or _BLACK, paper or _WHITE, hidden


def _dark_styles(page: LexborHTMLParser) -> Mapping[int, _Style]:
    """Return the styles of dark mode, by node; later rules win, as all of them are important."""
    styles: dict[int, dict[str, str]] = {}
    for sheet in page.css("style"):
        for block in _DARK.findall(sheet.text()):
            for selectors, body in _RULE.findall(block):
                for node in page.css(selectors.strip()):
                    styles.setdefault(node.mem_id, {}).update(_declared(body))
    return styles


def _declared(style: str) -> dict[str, str]:
    pairs = (declaration.partition(":") for declaration in style.split(";"))
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _text(mail: ParsedMessage) -> Iterator[str]:
    if not mail.text.strip():
        yield "it is empty"
    if markup := _HTML.match(mail.text):
        yield f"it looks like HTML: {shortened(markup[0])}"


def _columns(mail: ParsedMessage) -> Iterator[str]:
    for line in mail.text.splitlines():
        if display_width(line) > _COLUMNS and not _ADDRESS.search(line):
            yield f"a line has {display_width(line)} columns: {shortened(line)}"


def _nodes(mail: ParsedMessage) -> Iterator[LexborNode]:
    root = mail.page.root
    return root.traverse() if root else iter(())


_E, _W = FindingSeverity.ERROR, FindingSeverity.WARNING

#: Each with its name, its weight and who demands it.
CONTENT_RULES = tuple(
    LintRule(name=name, severity=severity, source=source, check=check)
    for name, severity, source, check in (
        ("size of the HTML", _E, "Gmail clips near 102 KB", _size),
        ("language", _E, "WCAG 3.1.1", _language),
        ("layout tables", _E, "WAI-ARIA presentation", _tables),
        ("images", _E, "mail programs, WCAG 1.1.1", _images),
        ("images by https", _W, "mail programs", _plain_images),
        ("tracking", _W, "readers' privacy", _pixels),
        ("nothing active", _E, "mail programs take it out or refuse it", _active),
        ("nothing remote in styles", _E, "mail programs take it out", _remote),
        ("links", _E, "RFC 3986 4.3", _links),
        ("links with words", _E, "WCAG 2.4.4", _labels),
        ("buttons", _W, "Outlook", _buttons),
        ("way out", _E, "Gmail, CAN-SPAM 5(a)(3)", _way_out),
        ("postal address", _E, "CAN-SPAM 5(a)(5)", _postal),
        ("no postal address", _W, "CAN-SPAM 5(a)(5)", _no_postal),
        ("preheader", _W, "what mail programs show beside the subject", _preheader),
        ("styles", _W, "mail programs", _styled),
        ("width", _W, "mail programs", _wide),
        ("contrast", _W, "WCAG 1.4.3", _contrast),
        ("text part", _W, "RFC 2046 5.1.4", _text),
        ("text columns", _W, "RFC 5322 2.1.1", _columns),
    )
)
