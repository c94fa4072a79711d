"""Page templates: load them, keep the last good ones, render them with words of a language."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from digest.articles.model import Article
from digest.errors import TemplateError
from digest.languages import cased, locales
from digest.web.template_set import LastGood, TemplateSet

WORDS = "web/words.toml"
PARTS = "web/parts.html"


class PageTemplates:
    """The templates and words of pages; safe to use from several threads."""

    def __init__(
        self,
        *folders: Path,
        language: str,
        filters: Mapping[str, Callable[..., Any]],
        values: Mapping[str, Any],
        check: Callable[[TemplateSet], None],
        given: TemplateSet | None = None,
    ) -> None:
        """Load the templates, each from the first folder that has it. Raises TemplateError.

        ``language`` is the site's. ``filters`` and ``values`` are for every template. ``check``
        renders all of a set, or raises TemplateError; only then ``refresh`` uses it. A set that is
        ``given`` is used whatever is saved later.
        """
        self._folders = folders
        self._language = language
        self._filters = filters
        self._values = values
        self._given = given or self._load()
        self._last_good = (
            None if given else LastGood(self._given, *folders, load=self._load, check=check)
        )

    @property
    def current(self) -> TemplateSet:
        """The set in use."""
        return self._last_good.templates if self._last_good else self._given

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

    def content(self, name: str) -> bytes:
        """Return a file as it is. Raises TemplateError."""
        return self.current.contents(name)[0]

    def render(self, name: str, **context: Any) -> bytes:
        """Return a page in the site's language. Raises TemplateError."""
        return self.current.render(f"web/{name}.html", context)

    def render_in(self, languages: Sequence[str], name: str, **context: Any) -> bytes:
        """Return a page in the first of these languages that has words, else in the site's.

        Raises TemplateError.
        """
        language, words = self.words(languages)
        return self.render(name, words=words, page_language=cased(language), **context)

    def words(self, languages: Sequence[str] = ()) -> tuple[str, Mapping[str, str]]:
        """Return the first of these languages that has words, else the site's, and the words.

        English fills the gaps. Raises TemplateError.
        """
        return self._words(self.current, languages)

    def _load(self) -> TemplateSet:
        """Read the templates from disk. Raises TemplateError."""
        templates = TemplateSet(*self._folders, filters=self._filters)
        _, words = self._words(templates)
        templates.give(**self._values, words=words, part=partial(_part, templates))
        return templates

    def _words(
        self, templates: TemplateSet, languages: Sequence[str] = ()
    ) -> tuple[str, Mapping[str, str]]:
        try:
            return _words(tuple(templates.contents(WORDS)), (*languages, self._language))
        except (ValueError, KeyError, TypeError) as error:
            raise TemplateError(WORDS, None, f"cannot be read: {error}") from error


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
            if (names := language_tables(language, {name for tables in files for name in tables}))
        ),
        (languages[-1], ["en"]),
    )
    for name in reversed(names):
        for tables in files:
            words.update(tables.get(name, {}))
    return language, words


def language_tables(language: str, known: Collection[str]) -> list[str]:
    """Return the names of the tables of words that fit a language, the best first."""
    names = [language]
    for name, locale in locales(language):
        traditional = locale.script == "Hant" or "hant" in language.lower().split("-")
        names += [name, *(["zh-Hant"] if traditional else ()), locale.language]
    return [name for name in dict.fromkeys(names) if name in known]


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
