"""Page templates: load them together, keep the last good ones, render them with words."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from copy import copy
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

import jinja2
import structlog
from markupsafe import Markup

from digest.articles.model import Article
from digest.errors import TemplateError
from digest.languages import cased, locales
from digest.templates import environment, explained

_log = structlog.get_logger(__name__)

WORDS = "web/words.toml"
PARTS = "web/parts.html"
#: Where the templates of pages are, below each folder of templates.
PAGES = "web"

#: What rendering may raise; the template, or what it does with its values, is at fault.
_FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
#: Name, time and size of a file.
_Stamp = frozenset[tuple[str, int, int]]


class TemplateSet:
    """Templates that were loaded together; later changes of their files have no effect.

    A template is taken from the first of ``folders`` that has it. Safe in several threads.
    """

    def __init__(self, *folders: Path, filters: Mapping[str, Callable[..., Any]]) -> None:
        self._folders = folders
        self.stamp = stamp(*folders)  #: of the files, from before they were read
        self._files = dict(_read(folders))
        self._environment = environment(*folders, autoescape=True)
        self._environment.auto_reload = False
        self._environment.loader = jinja2.ChoiceLoader(
            [
                jinja2.FunctionLoader(self._source),
                jinja2.FileSystemLoader(folders),
            ]
        )
        self._environment.filters.update(filters)
        self.fingerprint = _fingerprint(self._files)  #: changes with what any template says

    def give(self, **values: Any) -> None:
        """Add values that every template can use by their names."""
        self._environment.globals.update(values)

    def template(self, name: str) -> jinja2.Template:
        """Return a template; raise as Jinja if it cannot be used."""
        return self._environment.get_template(name)

    def render(self, name: str, context: Mapping[str, Any]) -> bytes:
        """Render a template with these values. Raises TemplateError."""
        try:
            text = self._environment.get_template(name).render(context)
        except _FAULTS as error:
            raise explained(error, name, *self._folders) from error
        return text.encode("utf-8", "replace")

    def contents(self, name: str) -> list[bytes]:
        """Return a file's content in every folder that has it; raise TemplateError if none has."""
        files = [folder / name for folder in self._folders]
        try:
            present = [file for file in files if file in self._files or file.exists()]
            return [
                self._files[file] if file in self._files else file.read_bytes()
                for file in present or files[:1]
            ]
        except OSError as error:
            raise TemplateError(name, None, error.strerror or str(error)) from error

    def _source(self, name: str) -> tuple[str, str | None, Callable[[], bool] | None] | None:
        for folder in self._folders:
            content = self._files.get(folder / name)
            if content is not None:
                return content.decode(), str(folder / name), None
        return None


class PageTemplates:
    """The templates and words of pages; safe to use from several threads.

    Those that are saved later are used once all of them can be rendered.
    """

    def __init__(
        self,
        *folders: Path,
        language: str,
        filters: Mapping[str, Callable[..., Any]],
        values: Mapping[str, Any],
        check: Callable[[PageTemplates], None],
    ) -> None:
        """Load the templates, each from the first folder that has it. Raises TemplateError.

        ``language`` is the site's. ``filters`` and ``values`` are for every template. ``check``
        renders all that it is handed, or raises TemplateError.
        """
        self._folders = folders
        self._language = language
        self._filters = filters
        self._values = values
        self._check = check
        self._lock = Lock()
        self.current = self._load()  #: the set in use, at first whether it is good or not
        self._seen = self.current.stamp

    def changed(self) -> bool:
        """Return whether templates were saved since the last check, by a ``stat`` of each file."""
        return stamp(*self._folders) != self._seen

    def refresh(self) -> None:
        """Load the templates from disk again, unless one of them cannot be rendered.

        Then the last good ones stay in use, and the error is logged. Takes a second if templates
        were saved.
        """
        if not self._lock.acquire(blocking=False):
            return  # another thread is at it
        try:
            if not self.changed():
                return
            self._seen = stamp(*self._folders)
            try:
                new = self._load()
                self._seen = new.stamp
                others = copy(self)
                others.current = new
                self._check(others)
            except TemplateError as error:
                _log.error("templates not taken over, the last good ones stay", error=str(error))
                return
            if new.fingerprint != self.current.fingerprint:
                self.current = new
                _log.info("templates taken over")
        finally:
            self._lock.release()

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


def stamp(*folders: Path, below: str = PAGES) -> _Stamp:
    """Return a stamp that changes when a template is saved; calls ``stat`` for each file.

    The templates are those in the folder ``below``; with an empty one, all.
    """
    stamps = set()
    for folder in folders:
        for file in sorted((folder / below).rglob("*")):
            try:
                status = file.stat()
            except OSError:
                continue
            stamps.add((str(file), status.st_mtime_ns, status.st_size))
    return frozenset(stamps)


def _read(folders: tuple[Path, ...]) -> Iterator[tuple[Path, bytes]]:
    for folder in folders:
        for file in sorted((folder / PAGES).rglob("*")):
            if file.is_file():
                try:
                    yield file, file.read_bytes()
                except OSError:  # whoever wants it is told
                    continue


def _fingerprint(files: Mapping[Path, bytes]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for file, content in files.items():
        digest.update(f"{file}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return digest.hexdigest()
