"""Render an edition for one segment: the same categories, the same language."""

# pure
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import Any

import css_inline
from markupsafe import escape

from digest.articles.samples import SAMPLED_AT, sample_articles
from digest.editions.model import Contents, Digest, Edition, contents, edition_of, shortened
from digest.errors import TemplateError
from digest.languages import direction, text_direction
from digest.mail.article_body import without_pictures
from digest.mail.phrases import Phrasebook, phrasebook
from digest.mail.style import MailStyle
from digest.mail.template_context import preheader, view
from digest.mail.text_layout import breakable, cut, one_line, without_link_numbers, wrap
from digest.site import Site
from digest.templates import environment, explained
from digest.urls import PREFERENCES_QUERY, edition_folder, editions_folder

#: Bytes of HTML. Gmail clips a message near 102 KB, and what is clipped holds the footer.
MAX_HTML = 90_000
#: Columns of a recipient's name; longer ones are cut.
MAX_NAME = 60
#: Columns of the subject of a confirmation mail.
_CONFIRM_SUBJECT = 78
#: Bytes kept free for what is filled in for each recipient.
_FOR_RECIPIENT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MailContent:
    """The subject and both bodies of an edition for one recipient."""

    subject: str  #: plain text, one line
    html: str
    text: str  #: lines end in ``\\n``
    language: str  #: BCP 47


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedEdition:
    """An edition rendered for one segment, with markers for what differs per recipient."""

    subject: str  #: plain text, one line
    html: str
    text: str
    language: str  #: BCP 47: of the mail's own words
    greeting: str  #: with ``{name}``
    greeting_nobody: str  #: for a recipient whose name is unknown
    marker: str  #: with ``u`` or ``g`` after it, stands for the unsubscribe link or the greeting

    def content(self, *, unsubscribe: str, name: str) -> MailContent:
        """Return the content for a recipient.

        ``unsubscribe`` is an absolute http(s) address, ``name`` any text, or empty.
        """
        greeting = self.greet(name)
        # The greeting is filled in last: a marker in a name must not be replaced.
        return MailContent(
            subject=self.subject,
            html=self.html.replace(f"{self.marker}u", str(escape(unsubscribe))).replace(
                f"{self.marker}g", str(breakable(greeting))
            ),
            text=self.text.replace(f"{self.marker}u", unsubscribe).replace(
                f"{self.marker}g", greeting
            ),
            language=self.language,
        )

    def greet(self, name: str) -> str:
        """Return the greeting of a recipient; ``name`` is any text, or empty."""
        name = cut(one_line(name), MAX_NAME)
        return self.greeting.format(name=name) if name else self.greeting_nobody


class MailTemplates:
    """The templates below ``mail/`` of a folder, and the variables that they are given."""

    def __init__(
        self,
        *,
        templates: Path,
        site: Site,
        default_templates: Path | None = None,
        style: MailStyle | None = None,
    ) -> None:
        """Read templates from ``templates`` when needed.

        Files that it lacks are read from ``default_templates``.
        """
        self._site = site
        self._style = style or MailStyle()
        self._folders = (templates, *filter(None, (default_templates,)))
        self._environment = environment(
            *self._folders, autoescape=lambda name: name is not None and name.endswith(".html")
        )
        self._environment.filters.update(
            breakable=breakable,
            cut=cut,
            direction=direction,
            text_direction=text_direction,
            textual=without_pictures,
            without_link_numbers=without_link_numbers,
            wrap=wrap,
        )
        self._inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def render(
        self,
        digest: Digest,
        edition: Edition,
        contents: Contents,
        *,
        language: str,
        postal_address: str = "",
        pages: bool = True,
    ) -> RenderedEdition:
        """Return the edition for one segment, its HTML under 90 KB.

        ``pages`` says whether readers can reach the page of their preferences.

        Where it would be larger, fewer articles are whole; then it shows fewer and counts more.
        Raises TemplateError.
        """
        words = phrasebook(language, digest.timezone)
        marker = _marker(digest, edition, contents, words.language)
        postal = tuple(one_line(line) for line in postal_address.splitlines())
        # The page of preferences has the address of the page to unsubscribe, with a query.
        own = {
            "greeting": f"{marker}g",
            "unsubscribe": f"{marker}u",
            "preferences": f"{marker}u?{PREFERENCES_QUERY}" if pages else "",
            "postal_address": postal,
        }
        given = partial(self._variables, digest, edition, words, own)
        whole = _whole(digest, contents)
        variables = given(contents, whole)
        html = self._html(digest, variables)
        while (size := len(html.encode("utf-8"))) > MAX_HTML - _FOR_RECIPIENT:
            if whole:
                whole = min(whole - 1, whole * (MAX_HTML - _FOR_RECIPIENT) // size)
                variables = given(contents, whole)
                html = self._html(digest, variables)
                continue
            if contents.shown <= 1:
                raise TemplateError(
                    f"mail/{digest.template}.html",
                    None,
                    f"makes {size} bytes of one article; a mail has at most {MAX_HTML}",
                )
            fewer = contents.shown * (MAX_HTML - _FOR_RECIPIENT) // size
            contents = shortened(contents, max(1, min(fewer, contents.shown - 1)))
            variables = given(contents, whole)
            html = self._html(digest, variables)
        return RenderedEdition(
            subject=self._subject(digest, variables),
            html=html,
            text=_tidied(self._rendered(f"mail/{digest.template}.txt", variables)),
            language=words.language,
            greeting=words.say("greeting", name="{name}"),
            greeting_nobody=words.say("greeting_nobody"),
            marker=marker,
        )

    def confirmation(
        self,
        titles: Sequence[str],
        link: str,
        language: str,
        timezone: str | None,
        expires_at: datetime,
        *,
        notice: bool = False,
    ) -> tuple[str, str]:
        """Return subject and text of the mail that asks to confirm a subscription.

        ``titles`` are those of the digests; without any it asks to confirm another address or, as
        a ``notice``, tells that there is another. ``link`` is the address of the page that
        confirms; without a ``language`` the mail is in the site's. Raises TemplateError.
        """
        words = phrasebook(language or self._site.language, timezone or self._site.timezone)
        title = words.say("separator").join(titles)
        kind = "moved" if notice else "confirm" if titles else "move"
        variables = {
            "site": self._site,
            "home": self._site.link(""),
            "titles": titles,
            "link": link,
            "say": words.say,
            "language": words.language,
            "expires": words.moment(expires_at, expires_at),
        }
        text = self._rendered(f"mail/{'moved' if notice else 'confirm'}.txt", variables)
        subject = cut(one_line(words.say(f"{kind}_subject", title=title)), _CONFIRM_SUBJECT)
        return subject, _tidied(text)

    def check(self, digest: Digest) -> None:
        """Render the digest's templates with sample articles; raises TemplateError."""
        articles = sample_articles()
        edition = edition_of(digest.name, articles, SAMPLED_AT)
        shown = contents(articles, (), digest.max_items)
        self.render(digest, edition, shown, language=digest.language)
        link = self._site.link("confirm/")
        zone, language = digest.timezone, digest.language
        self.confirmation([digest.title], link, language, zone, SAMPLED_AT)
        for notice in False, True:
            self.confirmation([], link, language, zone, SAMPLED_AT, notice=notice)

    def _variables(
        self,
        digest: Digest,
        edition: Edition,
        words: Phrasebook,
        own: Mapping[str, Any],
        contents: Contents,
        whole: int,
    ) -> dict[str, Any]:
        """Return the variables of every mail template."""
        shown = view(contents, edition, words, self._site, whole)
        count = contents.shown + contents.more
        archive = self._site.link(editions_folder(digest.name))
        page = edition_folder(digest.name, edition.number)
        intro = (
            words.say("welcome", title=digest.title)
            if edition.welcome
            else words.say("intro", count=count)
        )
        reason = words.say("reason", title=digest.title)
        more = (intro, words.weekday(edition.due_at), digest.title, reason, self._site.title)
        return {
            "digest": digest,
            "edition": edition,
            "site": self._site,
            "style": self._style,
            "home": self._site.link(""),
            "online": archive if edition.welcome else self._site.link(page),
            "archive": archive,
            "language": words.language,
            "say": words.say,
            "date": words.date(edition.due_at),
            "weekday": words.weekday(edition.due_at),
            "lead": shown.lead,
            "sections": shown.sections,
            "shown": contents.shown,
            "more": contents.more,
            "count": count,
            "intro": intro,
            "preheader": preheader(shown.lead, shown.sections, more),
            **own,
        }

    def _html(self, digest: Digest, variables: dict[str, Any]) -> str:
        name = f"mail/{digest.template}.html"
        html = self._rendered(name, variables)
        try:
            return self._inliner.inline(html)
        except css_inline.InlineError as error:
            raise TemplateError(name, None, f"its style cannot be inlined: {error}") from error

    def _subject(self, digest: Digest, variables: dict[str, Any]) -> str:
        where = f"digests.{digest.name}.subject"
        if variables["edition"].welcome:
            made = one_line(variables["say"]("welcome_subject", title=digest.title))
        else:
            made = one_line(self._rendered(where, variables, digest.subject))
        subject = cut(made, digest.subject_width)
        if not subject:
            raise TemplateError(where, None, "makes an empty subject")
        return subject

    def _rendered(self, name: str, variables: dict[str, Any], source: str | None = None) -> str:
        """Return the output of a template file, or of a template given as ``source``."""
        try:
            template = (
                self._environment.get_template(name)
                if source is None
                else self._environment.from_string(source)
            )
            rendered = template.render(variables)
        except Exception as error:  # a template can make any operation fail
            raise explained(error, name, *self._folders) from error
        return rendered.encode("utf-8", "replace").decode("utf-8")


def _whole(digest: Digest, contents: Contents) -> int:
    """Return the number of articles whose bodies fit a mail together."""
    if digest.content == "summary":
        return 0
    lead = contents.lead
    others = (
        []
        if digest.content == "lead"
        else [article for article in contents.articles if article is not lead]
    )
    ordered = [article for article in (lead, *others) if article is not None]
    sizes = accumulate(len(article.body.encode("utf-8")) for article in ordered)
    return sum(size <= MAX_HTML for size in sizes)


def _marker(digest: Digest, edition: Edition, contents: Contents, language: str) -> str:
    """Return a marker that cannot occur in the edition: a hash of all its content."""
    everything = repr((digest, edition, contents, language)).encode("utf-8", "surrogatepass")
    return "marker" + blake2b(everything, digest_size=16).hexdigest()


def _tidied(text: str) -> str:
    """Return text without spaces at line ends, and with at most one empty line in a row."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        if line.strip() or lines[-1]:
            lines.append(line.rstrip())
    return "\n".join(lines) + "\n"
