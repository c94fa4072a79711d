"""The pages that people see: index, feeds, articles, editions, subscribing, approving."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel import Locale

from digest.articles.cleaning.sanitize import lazily
from digest.articles.ingest.records import Neighbour
from digest.articles.model import Article, Position
from digest.articles.samples import sample_articles
from digest.articles.search_terms import SearchQuery, excerpt, highlighted
from digest.articles.summary import plain_text
from digest.editions.model import Contents, Digest, Edition, contents
from digest.feeds.catalog import FeedPlan, FeedSummary
from digest.feeds.model import CategorySummary, Feed
from digest.languages import locales
from digest.mail.operator_mail import ApprovalRequest
from digest.mail.phrases import phrasebook
from digest.mail.template_context import category_labels
from digest.mail.translations import WORDS as MAIL_WORDS
from digest.scheduling.schedule import Schedule
from digest.subscribers.model import Subscriber
from digest.subscribers.signup import Signup
from digest.urls import edition_folder, editions_folder
from digest.web.model import Turn
from digest.web.page_templates import PageTemplates, TemplateSet, language_tables
from digest.web.sample_pages import sample_pages
from digest.web.subscribe_form import PreferencesForm, SubscribeForm
from digest.web.subscribe_links import READERS, carriers, reader_links
from digest.web.template_functions import (
    category_tree,
    day_in,
    filters,
    functions,
    in_words,
    structured,
)

#: Articles on the page of an edition: all of it, within reason.
MAX_SHOWN = 1_000
_NO_TURN = Turn()


class WebPages:
    """Renders pages with the templates of a folder; safe to use from several threads.

    Every method that renders raises TemplateError where a template is at fault.
    """

    def __init__(
        self,
        *,
        templates: Path,
        plan: FeedPlan,
        readers: Mapping[str, str] = READERS,
        digests: Collection[Digest] = (),
        schedules: Mapping[str, Schedule] = MappingProxyType({}),
        default_templates: Path | None = None,
        subscribe: bool = False,
        search: bool = False,
    ) -> None:
        """Load the templates; raise TemplateError if one of their files cannot be read.

        ``readers`` are addresses with ``{url}``, by the names of feed readers on the web;
        ``digests`` and ``schedules`` are by name. Files that ``templates`` lacks are read from
        ``default_templates``. With ``search`` pages link to the search, with ``subscribe`` to the
        form to subscribe.
        """
        self.plan = plan  #: the feeds of the site
        self._readers = readers
        self._digests = digests
        self._schedules = schedules
        self._site = plan.site
        self._locale = next((locale for _, locale in locales(self._site.language)), Locale("en"))
        self._busy: tuple[TemplateSet, bytes] | None = None
        self.templates = PageTemplates(
            *(templates, *filter(None, (default_templates,))),
            language=self._site.language,
            filters=filters(self._site, self._locale),
            values={
                **functions(plan),
                "search": search,
                "subscribe": subscribe,
                "by_mail": bool(digests),
            },
            check=self._check_others,
        )
        self._day = partial(day_in, zone=ZoneInfo(self._site.timezone), locale=self._locale)

    @property
    def fingerprint(self) -> str:
        """A hash of the templates in use."""
        return self.templates.current.fingerprint

    def article(
        self,
        article: Article,
        previous: Article | Neighbour | None = None,
        following: Article | Neighbour | None = None,
    ) -> bytes:
        """Return an article's page, with links to the older and the newer one beside it."""
        return self.templates.render(
            "article",
            article=article,
            body=lazily(article.body),
            structured=structured(self._site, article),
            previous=previous,
            following=following,
        )

    def feed(
        self,
        feed: Feed,
        articles: Sequence[Article],
        categories: Sequence[CategorySummary],
        others: Sequence[FeedSummary] = (),
        *,
        turn: Turn = _NO_TURN,
    ) -> bytes:
        """Return a feed's page; ``categories`` are its children (all categories for the site's).

        ``others`` are feeds of facets to be listed too; ``turn`` has the positions of the pages
        beside this one.
        """
        trail = () if feed.category is None else tuple(feed.category.lineage())
        return self.templates.render(
            "feed",
            feed=feed,
            articles=articles,
            trail=trail,
            tree=category_tree(feed, categories),
            others=others,
            turn=turn,
            readers=reader_links(feed, self._readers),
            carriers=carriers(feed, self._digests),
        )

    def index(
        self, feed: Feed, articles: Sequence[Article], categories: Sequence[CategorySummary]
    ) -> bytes:
        """Return the site's front page; ``categories`` are all of them."""
        return self.templates.render(
            "index",
            feed=feed,
            articles=articles,
            tree=category_tree(feed, categories),
            digests=[self._listed(digest) for digest in self._digests],
        )

    def search(
        self,
        query: SearchQuery,
        articles: Sequence[Article],
        *,
        before: Position | None = None,
        older: Position | None = None,
        ready: bool = True,
    ) -> bytes:
        """Return a page of results, those after the position ``before`` if it is given.

        ``older`` is the position after which the next page begins; ``ready``: there is an index.
        """
        return self.templates.render(
            "search",
            query=query.text,
            address=quote(query.text, safe=""),
            results=[
                {
                    "article": article,
                    "title": highlighted(article.title, query),
                    "excerpt": excerpt(plain_text(article.body), query),
                }
                for article in articles
            ],
            before=before,
            older=older,
            ready=ready,
        )

    def edition(
        self,
        digest: Digest,
        edition: Edition,
        contents: Contents,
        *,
        previous: Edition | None = None,
        following: Edition | None = None,
    ) -> bytes:
        """Return an edition's page; an edition with the number 0 is a sample."""
        words = phrasebook(digest.language, digest.timezone)

        def beside(other: Edition | None) -> str | None:
            return edition_folder(digest.name, other.number) if other else None

        return self.templates.render(
            "edition",
            digest=digest,
            edition=edition,
            contents=contents,
            lead=contents.lead,
            labels=category_labels(
                section.category for section in contents.sections if section.category
            ),
            say=words.say,
            language=words.language,
            day=words.date(edition.due_at),
            weekday=words.weekday(edition.due_at),
            address=self._site.link(edition_folder(digest.name, edition.number)),
            folder=editions_folder(digest.name),
            previous=beside(previous),
            following=beside(following),
        )

    def approval(self, proposal: ApprovalRequest) -> bytes:
        """Return the page on which the operator decides on an edition, or sees the decision."""
        digest, edition = proposal.digest, proposal.edition
        words = phrasebook(digest.language, digest.timezone)
        return self.templates.render(
            "approval",
            proposal=proposal,
            contents=contents(proposal.articles, digest.categories, MAX_SHOWN),
            lead=None,
            say=words.say,
            language=words.language,
            weekday=words.weekday(edition.due_at),
            folder=edition_folder(digest.name, edition.number),
        )

    def editions(
        self, digest: Digest, listed: Sequence[tuple[Edition, int, str]], *, sample: bool = True
    ) -> bytes:
        """Return the list of a digest's editions, each with its count of articles and lead's title.

        With ``sample`` the list links to a preview of the next edition.
        """
        words = phrasebook(digest.language, digest.timezone)
        folder = editions_folder(digest.name)
        return self.templates.render(
            "editions",
            digest=digest,
            listed=[
                {
                    "number": edition.number,
                    "folder": edition_folder(digest.name, edition.number),
                    "day": words.date(edition.due_at),
                    "count": count,
                    "lead": lead,
                }
                for edition, count, lead in listed
            ],
            say=words.say,
            language=words.language,
            address=self._site.link(folder),
            folder=folder,
            when=self._when(digest, words.language),
            sent=digest in self._digests,
            sample=edition_folder(digest.name, 0) if sample else None,
        )

    def digests(self, listed: Sequence[tuple[Digest, Edition | None, str]]) -> bytes:
        """Return the list of digests, each with its newest edition and that one's lead's title."""
        return self.templates.render(
            "digests",
            listed=[
                self._listed(digest)
                | {
                    "lead": lead,
                    "edition": edition_folder(digest.name, edition.number) if edition else None,
                    "day": self._day(edition.due_at) if edition else None,
                }
                for digest, edition, lead in listed
            ],
        )

    def style(self) -> bytes:
        """Return the stylesheet of pages."""
        return self.templates.content("web/style.css")

    def favicon(self) -> bytes:
        """Return the icon of pages, as SVG."""
        return self.templates.content("web/favicon.svg")

    def style_sheet(self) -> bytes:
        """Return the style sheet with which browsers show feeds."""
        return self.templates.content("feed.css")

    def unsubscribe(
        self,
        subscriber: Subscriber,
        digest: Digest | None,
        languages: Sequence[str] = (),
        *,
        again: bool = False,
    ) -> bytes:
        """Return the page with the button to unsubscribe, in the first known of ``languages``.

        ``digest`` is None if it is no longer configured; ``again`` says that the reader has just
        subscribed again.
        """
        return self.templates.render_in(
            languages, "unsubscribe", subscriber=subscriber, digest=digest, again=again
        )

    def unsubscribed(
        self, subscriber: Subscriber, digest: Digest | None, languages: Sequence[str] = ()
    ) -> bytes:
        """Return the page after unsubscribing, with a button to subscribe again."""
        return self.templates.render_in(
            languages, "unsubscribed", subscriber=subscriber, digest=digest
        )

    def preferences(self, form: PreferencesForm, languages: Sequence[str]) -> bytes:
        """Return the page with a person's preferences."""
        whole, language = self.plan.of_category(None), self.language(languages)
        rows = []
        for choice in form.choices:
            end = choice.subscriber.paused_until if choice.paused_until else None
            day = phrasebook(language, choice.zone).date(end) if end else None
            rows.append((choice, category_tree(whole, choice.categories), day))
        return self.templates.render_in(
            languages, "preferences", form=form, rows=rows, choices=list(MAIL_WORDS)
        )

    def erased(self, languages: Sequence[str]) -> bytes:
        """Return the page after a person's data was deleted, which also explains what is kept."""
        return self.templates.render_in(languages, "erased")

    def not_subscribed(self, digest: Digest | None, languages: Sequence[str] = ()) -> bytes:
        """Return the page for a link of a subscription that was removed."""
        return self.templates.render_in(languages, "not_subscribed", digest=digest)

    def subscribe(self, form: SubscribeForm, languages: Sequence[str]) -> bytes:
        """Return the page with the form to subscribe."""
        language = self.language(languages)
        return self.templates.render_in(
            languages,
            "subscribe",
            form=form,
            tree=category_tree(self.plan.of_category(None), form.categories),
            when={digest.name: self._when(digest, language) for digest in form.digests},
            language=language,
            choices=list(MAIL_WORDS),
        )

    def requested(self, languages: Sequence[str], *, refused: bool) -> bytes:
        """Return the answer to the form: a mail is sent, or none can be sent now."""
        return self.templates.render_in(languages, "requested", refused=refused)

    def confirm(
        self,
        signup: Signup | None,
        digests: Sequence[Digest],
        languages: Sequence[str],
        *,
        done: bool = False,
        suppressed: bool = False,
        preferences: str | None = None,
    ) -> bytes:
        """Return the page of a link to confirm; without a request the link is no longer valid.

        ``digests`` are those of the request. ``done``: it is confirmed; ``suppressed``: no mail is
        sent to the address nevertheless. ``preferences`` is the path of the person's own page.
        """
        return self.templates.render_in(
            languages,
            "confirm",
            signup=signup,
            digests=[self._listed(digest) for digest in digests],
            say=phrasebook(self.language(languages), self._site.timezone).say,
            done=done,
            suppressed=suppressed,
            preferences=preferences,
        )

    def language(self, languages: Sequence[str]) -> str:
        """Return the language of mails that fits the first of these languages with words."""
        page_language, _ = self.templates.words(languages)
        return next(iter(language_tables(page_language, MAIL_WORDS)), "en")

    def consent(self, languages: Sequence[str]) -> str:
        """Return the text of consent beside the button of the form to subscribe."""
        return self.templates.words(languages)[1]["subscribe_consent"]

    def not_found(self) -> bytes:
        """Return the page of 404."""
        return self.templates.render("not_found")

    def gone(self) -> bytes:
        """Return the page of 410, for withdrawn articles."""
        return self.templates.render("gone")

    def busy(self) -> bytes:
        """Return the page of 503, rendered once, since it is needed under load."""
        templates = self.templates.current
        if self._busy is None or self._busy[0] is not templates:
            self._busy = templates, self.templates.render("busy")
        return self._busy[1]

    def check(self) -> None:
        """Render every template with sample data. Raises TemplateError for the first fault."""
        deque(sample_pages(self, sample_articles(), ("ar",)), maxlen=0)

    def _check_others(self, templates: PageTemplates) -> None:
        """Render every one of other templates with sample data. Raises TemplateError."""
        others = copy(self)
        others.templates = templates
        others.check()

    def _listed(self, digest: Digest) -> dict[str, Any]:
        """Return the values of a digest for lists of digests."""
        return {
            "title": digest.title,
            "description": digest.description,
            "folder": editions_folder(digest.name),
            "when": self._when(digest, self._site.language),
        }

    def _when(self, digest: Digest, language: str) -> str:
        """Return a digest's schedule in words; empty if it has none."""
        schedule = self._schedules.get(digest.name)
        if schedule is None:
            return ""
        known, words = self.templates.words((language,))
        locale = next((locale for _, locale in locales(known)), self._locale)
        return in_words(schedule, words, locale)
