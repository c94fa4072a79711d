"""The pages that people see: index, feeds, articles, editions, unsubscribing, approving."""

from __future__ import annotations

import tomllib
from collections import deque
from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import jinja2
from babel import Locale
from babel.dates import format_date, format_datetime
from markupsafe import Markup
from starlette.responses import Response

from digest.articles.cleaning.sanitize import lazily
from digest.articles.facets import Facet, FacetKind
from digest.articles.ingest.records import Neighbour
from digest.articles.model import Article, CategoryPath, Position, Scope
from digest.articles.samples import SAMPLED_AT, sample_articles
from digest.articles.search_terms import SearchQuery, excerpt, highlighted, search_query
from digest.articles.summary import plain_text
from digest.editions.model import Contents, Digest, Edition, contents, edition_of
from digest.errors import TemplateError
from digest.feeds.catalog import FeedPlan, FeedSummary
from digest.feeds.model import ATOM, JSON, MEDIA_TYPES, RSS, CategorySummary, Feed, article_link
from digest.languages import cased, direction, locales, own_name, text_direction
from digest.mail.operator_mail import ApprovalRequest
from digest.mail.phrases import phrasebook
from digest.mail.template_context import category_labels
from digest.mail.translations import WORDS as MAIL_WORDS
from digest.scheduling.schedule import Schedule
from digest.site import Site
from digest.subscribers.address import masked
from digest.subscribers.model import Subscriber, SubscriberState
from digest.subscribers.signup import Signup
from digest.times import rfc3339
from digest.urls import UNSUBSCRIBE_PATH, edition_folder, editions_folder
from digest.web import template_samples as samples
from digest.web.model import SECURITY_HEADERS
from digest.web.schedule_words import in_words
from digest.web.subscribe_form import PreferencesForm, SubscribeForm, category_id
from digest.web.subscribe_links import READERS, carriers, reader_links
from digest.web.template_set import LastGood, TemplateSet

#: The template of the style sheet that browsers show raw feeds with.
_FEED_STYLE_SOURCE = "feed.css"
#: The template of the stylesheet of pages.
_STYLE_SOURCE = "web/style.css"
_FAVICON_SOURCE = "web/favicon.svg"
WORDS = "web/words.toml"
PARTS = "web/parts.html"
#: Articles on the page of an edition: all of it, within reason.
MAX_SHOWN = 1_000
#: With which pages of their feeds are tried.
_FACETS = tuple(Facet(kind, "en") for kind in FacetKind)
_FORMAT_NAMES = {RSS: "RSS", ATOM: "Atom", JSON: "JSON Feed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The positions at which the previous and the next page of articles begin."""

    newer: Position | None = None
    older: Position | None = None


_NO_TURN = Turn()


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A category in the tree, with its children."""

    summary: CategorySummary
    feed: Feed
    below: tuple[Branch, ...]


def html_response(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a page as a response with the headers that every page carries."""
    return Response(
        body,
        status,
        headers={**SECURITY_HEADERS, **(headers or {})},
        media_type="text/html; charset=utf-8",
    )


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
        brought: Path | None = None,
        subscribe: bool = False,
        given: TemplateSet | None = None,
        search: bool = False,
    ) -> None:
        """Load the templates; raise TemplateError if one of their files cannot be read.

        ``readers`` are addresses with ``{url}``, by the names of feed readers on the web;
        ``digests`` and ``schedules`` are by name. Files that ``templates`` lacks are read from
        ``brought``. A set that is ``given`` is used whatever is saved later. With ``search`` pages
        link to the search, with ``subscribe`` to the form to subscribe.
        """
        site = plan.site
        self._plan = plan
        self._folders = (templates, *filter(None, (brought,)))
        self._readers = readers
        self._digests = digests
        self._schedules = schedules
        self._site = site
        self._zone = ZoneInfo(site.timezone)
        self._locale = next((locale for _, locale in locales(site.language)), Locale("en"))
        self._filters: Mapping[str, Callable[..., Any]] = {
            "path": _path_filter(site),
            "day": self._day,
            "moment": self._moment,
            "iso": rfc3339,
            "masked": masked,
            "direction": direction,
            "text_direction": text_direction,
        }
        self._globals = {
            "site": site,
            "search": search,
            "formats": _named(plan.formats),
            "formats_of": lambda feed: _named(feed.formats),
            "feed_of": _feed_of(plan),
            "author_feed": _author_feed(plan),
            "subscribe": subscribe,
            "by_mail": bool(digests),
            "category_id": category_id,
            "own_name": own_name,
            "link_of": lambda article: article_link(site, article),
        }
        again = partial(
            WebPages,
            templates=templates,
            plan=plan,
            readers=readers,
            digests=digests,
            schedules=schedules,
            brought=brought,
            search=search,
            subscribe=subscribe,
        )
        self._busy: tuple[TemplateSet, bytes] | None = None
        self._given = given or self._load()
        self._last_good = (
            None
            if given
            else LastGood(
                self._given,
                *self._folders,
                load=self._load,
                check=lambda templates: again(given=templates).check(),
            )
        )

    @property
    def fingerprint(self) -> str:
        """A hash of the templates in use."""
        return self._templates.fingerprint

    @property
    def fault(self) -> TemplateError | None:
        """The error because of which the templates on disk are not in use; None if they are."""
        return self._last_good.fault if self._last_good else None

    def changed(self) -> bool:
        """Return whether templates were saved since the last check, by a ``stat`` of each file."""
        return self._last_good is not None and self._last_good.changed()

    def refresh(self) -> None:
        """Load the templates from disk again, unless one of them cannot be rendered.

        Then the last good ones stay in use, and the error is in ``fault`` and the log. Takes a
        second if templates were saved.
        """
        if self._last_good is not None:
            self._last_good.refresh()

    def article(
        self,
        article: Article,
        previous: Article | Neighbour | None = None,
        following: Article | Neighbour | None = None,
    ) -> bytes:
        """Return an article's page, with links to the older and the newer one beside it."""
        return self._render(
            "article",
            article=article,
            body=lazily(article.body),
            structured=self._structured(article),
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
        return self._render(
            "feed",
            feed=feed,
            articles=articles,
            trail=trail,
            tree=self._tree(feed, categories),
            others=others,
            turn=turn,
            readers=reader_links(feed, self._readers),
            carriers=carriers(feed, self._digests),
        )

    def index(
        self, feed: Feed, articles: Sequence[Article], categories: Sequence[CategorySummary]
    ) -> bytes:
        """Return the site's front page; ``categories`` are all of them."""
        return self._render(
            "index",
            feed=feed,
            articles=articles,
            tree=self._tree(feed, categories),
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
        return self._render(
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

        return self._render(
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
        return self._render(
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
        return self._render(
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
        return self._render(
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
        return self._templates.contents(_STYLE_SOURCE)[0]

    def favicon(self) -> bytes:
        """Return the icon of pages, as SVG."""
        return self._templates.contents(_FAVICON_SOURCE)[0]

    def style_sheet(self) -> bytes:
        """Return the style sheet with which browsers show feeds."""
        return self._templates.contents(_FEED_STYLE_SOURCE)[0]

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
        return self._render_in(
            languages,
            "unsubscribe",
            subscriber=subscriber,
            digest=digest,
            again=again,
        )

    def unsubscribed(
        self,
        subscriber: Subscriber,
        digest: Digest | None,
        languages: Sequence[str] = (),
    ) -> bytes:
        """Return the page after unsubscribing, with a button to subscribe again."""
        return self._render_in(
            languages,
            "unsubscribed",
            subscriber=subscriber,
            digest=digest,
        )

    def preferences(
        self,
        form: PreferencesForm,
        languages: Sequence[str],
    ) -> bytes:
        """Return the page with a person's preferences."""
        whole, language = self._plan.of_category(None), self.language(languages)
        rows = []
        for choice in form.choices:
            end = choice.subscriber.paused_until if choice.paused_until else None
            day = phrasebook(language, choice.zone).date(end) if end else None
            rows.append((choice, self._tree(whole, choice.categories), day))
        return self._render_in(
            languages, "preferences", form=form, rows=rows, choices=list(MAIL_WORDS)
        )

    def erased(self, languages: Sequence[str]) -> bytes:
        """Return the page after a person's data was deleted, which also explains what is kept."""
        return self._render_in(languages, "erased")

    def not_subscribed(self, digest: Digest | None, languages: Sequence[str] = ()) -> bytes:
        """Return the page for a link of a subscription that was removed."""
        return self._render_in(languages, "not_subscribed", digest=digest)

    def subscribe(self, form: SubscribeForm, languages: Sequence[str]) -> bytes:
        """Return the page with the form to subscribe."""
        language = self.language(languages)
        return self._render_in(
            languages,
            "subscribe",
            form=form,
            tree=self._tree(self._plan.of_category(None), form.categories),
            when={digest.name: self._when(digest, language) for digest in form.digests},
            language=language,
            choices=list(MAIL_WORDS),
        )

    def requested(self, languages: Sequence[str], *, refused: bool) -> bytes:
        """Return the answer to the form: a mail is sent, or none can be sent now."""
        return self._render_in(languages, "requested", refused=refused)

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
        return self._render_in(
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
        page_language, _ = self._words(self._templates, (*languages, self._site.language))
        return next(iter(_tables(page_language, MAIL_WORDS)), "en")

    def consent(self, languages: Sequence[str]) -> str:
        """Return the text of consent beside the button of the form to subscribe."""
        return self._words(self._templates, (*languages, self._site.language))[1][
            "subscribe_consent"
        ]

    def not_found(self) -> bytes:
        """Return the page of 404."""
        return self._render("not_found")

    def gone(self) -> bytes:
        """Return the page of 410, for withdrawn articles."""
        return self._render("gone")

    def busy(self) -> bytes:
        """Return the page of 503, rendered once, since it is needed under load."""
        templates = self._templates
        if self._busy is None or self._busy[0] is not templates:
            self._busy = templates, self._render("busy")
        return self._busy[1]

    def check(self) -> None:
        """Render every template with sample data. Raises TemplateError for the first fault."""
        deque(self.samples(sample_articles(), ("ar",)), maxlen=0)

    def samples(
        self, articles: tuple[Article, ...], languages: Sequence[str]
    ) -> Iterator[tuple[str, bytes]]:
        """Yield every page and its name, with these articles and sample readers and editions.

        Pages for persons are in the first of ``languages`` that has words. Raises TemplateError.
        """
        feed, categories = self._plan.of_category(None), samples.categories()
        self.style_sheet()
        self.style()
        self.favicon()
        for shown in (articles, ()):
            yield "index", self.index(feed, shown, categories if shown else ())
            yield "feed", self.feed(feed, shown, categories if shown else ())
        category = replace(feed, category=categories[0].path)
        yield "category", self.feed(category, articles, categories[1:])
        others = [FeedSummary(feed=replace(feed, facet=facet), articles=1) for facet in _FACETS]
        yield "feed", self.feed(feed, articles, categories, others)
        for other in others:
            yield "facet", self.feed(other.feed, articles, ())
        for article in articles:
            yield "article", self.article(article)
            yield "article", self.article(article, previous=article, following=article)
        query, position = search_query(articles[0].title), articles[0].position
        for shown in (articles, ()):
            yield (
                "search",
                self.search(query, shown, before=position, older=position, ready=bool(shown)),
            )
        yield "feed", self.feed(feed, articles, (), turn=Turn(newer=position, older=position))
        digest = replace(samples.digest(), language=languages[0])
        edition = samples.edition()
        for state in SubscriberState:
            subscriber = samples.subscriber(state)
            again = state is SubscriberState.ACTIVE
            yield "unsubscribe", self.unsubscribe(subscriber, digest, languages, again=again)
            yield "unsubscribed", self.unsubscribed(subscriber, None, languages)
        for choices in samples.preferences(categories):
            yield "preferences", self.preferences(choices, languages)
        yield "erased", self.erased(languages)
        yield "not subscribed", self.not_subscribed(digest, languages)
        for form in samples.forms(categories):
            yield "subscribe", self.subscribe(form, languages)
        signup = samples.signup()
        for refused in True, False:
            yield "requested", self.requested(languages, refused=refused)
            yield (
                "confirm",
                self.confirm(signup, [digest], languages, done=refused, suppressed=refused),
            )
            moved = replace(signup, person="a")
            yield "confirm", self.confirm(moved, [], languages, done=refused)
        path = f"{UNSUBSCRIBE_PATH}a"
        yield "confirm", self.confirm(signup, [digest], languages, done=True, preferences=path)
        yield "confirm", self.confirm(None, [], languages)
        held = contents(articles, (), len(articles) - 1)
        yield "edition", self.edition(digest, edition, held, previous=edition, following=edition)
        sample = edition_of(digest.name, articles, SAMPLED_AT)
        yield "edition", self.edition(digest, sample, held)
        yield "edition", self.edition(digest, edition, contents((), (), 1), previous=edition)
        for proposal in samples.proposals():
            yield "approval", self.approval(proposal)
        for listed in ((edition, 2, articles[0].title),), ():
            yield "editions", self.editions(digest, listed, sample=bool(listed))
        yield "digests", self.digests([(digest, edition, articles[0].title), (digest, None, "")])
        yield "digests", self.digests([])
        yield "not found", self.not_found()
        yield "gone", self.gone()
        yield "busy", self.busy()

    def _render_in(self, languages: Sequence[str], name: str, **context: Any) -> bytes:
        """Return a page in the first of these languages that has words, else in the site's."""
        language, words = self._words(self._templates, (*languages, self._site.language))
        return self._render(name, words=words, page_language=cased(language), **context)

    def _render(self, name: str, **context: Any) -> bytes:
        return self._templates.render(f"web/{name}.html", context)

    @property
    def _templates(self) -> TemplateSet:
        return self._last_good.templates if self._last_good else self._given

    def _load(self) -> TemplateSet:
        """Read the templates from disk. Raises TemplateError."""
        templates = TemplateSet(*self._folders, filters=self._filters)
        words = self._words(templates, (self._site.language,))
        templates.give(**self._globals, words=words[1], part=partial(_part, templates))
        return templates

    def _words(
        self, templates: TemplateSet, languages: Sequence[str]
    ) -> tuple[str, Mapping[str, str]]:
        """Return the first of these languages that has words, and the pages' words in it.

        English fills the gaps. Without any it is the last language, with English words.
        """
        try:
            return _words(tuple(templates.contents(WORDS)), tuple(languages))
        except (ValueError, KeyError, TypeError) as error:
            raise TemplateError(WORDS, None, f"cannot be read: {error}") from error

    def _structured(self, article: Article) -> dict[str, Any]:
        """Return an article as structured data for search engines (schema.org/NewsArticle)."""
        data: dict[str, Any] = {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": article.title,
            "url": article_link(self._site, article),
            "datePublished": rfc3339(article.published_at),
            "dateModified": rfc3339(article.updated_at),
            "inLanguage": article.language or self._site.language,
            "publisher": {"@type": "Organization", "name": self._site.author or self._site.title},
        }
        if credit := article.credit:
            data["publisher"] |= {"name": credit.name} | ({"url": credit.url} if credit.url else {})
        if article.authors:
            data["author"] = [{"@type": "Person", "name": name} for name in article.authors]
        if article.image:
            data["image"] = [article.image]
        if article.summary:
            data["description"] = article.summary
        return data

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
        languages, words = self._words(self._templates, (language, self._site.language))
        locale = next((locale for _, locale in locales(languages)), self._locale)
        return in_words(schedule, words, locale)

    def _tree(self, feed: Feed, categories: Iterable[CategorySummary]) -> tuple[Branch, ...]:
        """Return the categories below a feed's as a tree; ``categories`` include every parent."""
        below: dict[CategoryPath | None, list[CategorySummary]] = {}
        for summary in sorted(categories, key=lambda summary: summary.path):
            below.setdefault(summary.path.parent, []).append(summary)

        def grow(parent: CategoryPath | None) -> tuple[Branch, ...]:
            return tuple(
                Branch(
                    summary=summary,
                    feed=replace(feed, category=summary.path),
                    below=grow(summary.path),
                )
                for summary in below.get(parent, ())
            )

        return grow(feed.category)

    def _day(self, moment: datetime) -> str:
        """Return the date in the site's zone and language."""
        return _format_day(moment.astimezone(self._zone).date(), self._locale)

    def _moment(self, moment: datetime) -> str:
        """Return date and time with the zone: the moment's own, or the site's if that is UTC."""
        zone = self._zone if moment.tzinfo is UTC else moment.tzinfo
        local = moment.astimezone(zone)
        offset = local.strftime("%z")
        shown: str = format_datetime(local, "medium", tzinfo=zone, locale=self._locale)
        return f"{shown} ({offset[:3]}:{offset[3:5]})"


@lru_cache(maxsize=8)
def _word_files(contents: tuple[bytes, ...]) -> tuple[dict[str, Any], ...]:
    """Return the tables of files of words, the last file first; raise as ``tomllib``."""
    return tuple(tomllib.loads(content.decode()) for content in reversed(contents))


@lru_cache(maxsize=64)
def _words(
    contents: tuple[bytes, ...], languages: tuple[str, ...]
) -> tuple[str, Mapping[str, str]]:
    """Return the first of these languages that has words, and the words in it, from files.

    Cached, since parsing takes longer than rendering. Raises as ``tomllib``, and KeyError or
    TypeError if a table is missing or no table.
    """
    files = _word_files(contents)
    words: dict[str, str] = dict(files[0]["en"])
    for tables in files[1:]:
        words.update(tables.get("en", {}))
    language, names = next(
        (
            (language, names)
            for language in languages
            if (names := _tables(language, {name for tables in files for name in tables}))
        ),
        (languages[-1], ["en"]),
    )
    for name in reversed(names):
        for tables in files:
            words.update(tables.get(name, {}))
    return language, words


def _tables(language: str, known: Collection[str]) -> list[str]:
    """Return the names of the tables of words that fit a language, the best first."""
    names = [language]
    for name, locale in locales(language):
        traditional = locale.script == "Hant" or "hant" in language.lower().split("-")
        names += [name, *(["zh-Hant"] if traditional else ()), locale.language]
    return [name for name in dict.fromkeys(names) if name in known]


def _path_filter(site: Site) -> Callable[[str], str]:
    base = urlsplit(site.url).path

    @lru_cache(maxsize=4096)
    def path(path: str) -> str:
        """Return the address of a published file without the host."""
        return f"{base}/{quote(path)}"

    return path


def _feed_of(plan: FeedPlan) -> Callable[[Scope], Feed | None]:
    @lru_cache(maxsize=4096)
    def feed_of(scope: Scope) -> Feed | None:
        """Return the feed of a scope; cached, since a page repeats few of them."""
        return plan.feed(scope)

    return feed_of


def _author_feed(plan: FeedPlan) -> Callable[[str], Feed | None]:
    def author_feed(name: str) -> Feed | None:
        """Return the feed of an author; None if authors have no feeds."""
        return feed_of(Facet(FacetKind.AUTHOR, name)) if name and plan.authors else None

    feed_of = _feed_of(plan)
    return author_feed


def _named(formats: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return the file, the name and the media type of each format."""
    return [(name, _FORMAT_NAMES[name], MEDIA_TYPES[name]) for name in formats]


def _part(templates: TemplateSet, name: str, *values: Hashable) -> Markup:
    """Render a macro of the parts; the result is cached unless it is of an article."""
    parts = templates.template(PARTS)
    if any(isinstance(value, Article) for value in values):
        return _called(parts, name, values)
    return _remembered(parts, name, values)


def _called(parts: jinja2.Template, name: str, values: tuple[Hashable, ...]) -> Markup:
    macro: Callable[..., Markup] = vars(parts.module)[name]
    return macro(*values)


#: Pages share most of their parts. An edited template is another Template.
_remembered = lru_cache(maxsize=1024)(_called)


@lru_cache(maxsize=1024)
def _format_day(day: date, locale: Locale) -> str:
    shown: str = format_date(day, "long", locale=locale)
    return shown
