"""Templates: Jinja2 in a sandbox, and errors that name the file and the line at fault."""

# pure
from __future__ import annotations

from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.errors import TemplateError

#: Attributes of types whose safety is remembered.
_MOST_KNOWN = 4096


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox that remembers what it has allowed: it is asked for every attribute of a page."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: dict[tuple[type, str], bool] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may read an attribute; the object's type alone decides."""
        key = type(obj), attr
        safe = self._known.get(key)
        if safe is None:
            if len(self._known) >= _MOST_KNOWN:  # a template may make up any names
                self._known.clear()
            safe = self._known[key] = super().is_safe_attribute(obj, attr, value)
        return safe

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the global values of a template, as they are when it is loaded.

        Jinja's own mapping looks further ones up in the environment, at every rendering: 60 µs.
        """
        return {**self.globals, **(d or {})}


def environment(
    *folders: Path, autoescape: bool | Callable[[str | None], bool]
) -> ImmutableSandboxedEnvironment:
    """Return an environment for the templates of folders; an undefined name is an error.

    A template is taken from the first folder that has it. ``autoescape`` says whether values are
    escaped for HTML, or tells it by a template's name.
    """
    return _Sandbox(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def explained(error: Exception, name: str, *folders: Path) -> TemplateError:
    """Return an error of rendering as the editor of the template reads it.

    ``name`` is the template that was asked for; the error names the one of ``folders`` that it
    arose in, which may be a part of that.
    """
    if isinstance(error, jinja2.TemplateSyntaxError):
        return TemplateError(error.name or name, error.lineno, str(error.message))
    if isinstance(error, jinja2.TemplateNotFound):
        return TemplateError(name, None, f"there is no file {error.name}")
    where, line = name, None
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file == "<template>":  # Jinja's name for one that was given as text
            line = trace.tb_lineno
        for folder in folders:
            if Path(file).is_relative_to(folder):
                where, line = Path(file).relative_to(folder).as_posix(), trace.tb_lineno
        trace = trace.tb_next
    return TemplateError(where, line, str(error) or type(error).__name__)
