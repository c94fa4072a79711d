"""Template sets: the templates of pages, loaded together; and the last one without errors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import jinja2
import structlog

from digest.errors import TemplateError
from digest.templates import environment, explained

_log = structlog.get_logger(__name__)

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


class LastGood:
    """The newest set of templates that can all be rendered. Safe in several threads."""

    def __init__(
        self,
        first: TemplateSet,
        *folders: Path,
        load: Callable[[], TemplateSet],
        check: Callable[[TemplateSet], None],
    ) -> None:
        """Start with a first set, good or not.

        ``load`` reads a new set, and ``check`` renders all of it; both raise TemplateError.
        """
        self._folders = folders
        self._load = load
        self._check = check
        self._lock = Lock()
        self._seen = first.stamp
        self.templates = first
        self.fault: TemplateError | None = None  #: of the set on disk, where it is not in use

    def changed(self) -> bool:
        """Return whether files on disk have changed since they were last loaded."""
        return stamp(*self._folders) != self._seen

    def refresh(self) -> None:
        """Load the templates on disk, and use them if they can all be rendered."""
        if not self._lock.acquire(blocking=False):
            return  # another thread is at it
        try:
            if not self.changed():
                return
            self._seen = stamp(*self._folders)
            try:
                new = self._load()
                self._seen = new.stamp
                self._check(new)
            except TemplateError as error:
                self._refuse(error)
                return
            if new.fingerprint != self.templates.fingerprint:
                self.templates = new
                _log.info("templates taken over")
            self.fault = None
        finally:
            self._lock.release()

    def _refuse(self, error: TemplateError) -> None:
        self.fault = error
        _log.error("templates not taken over, the last good ones stay", error=str(error))


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
