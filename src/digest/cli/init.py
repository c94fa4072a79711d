"""`digest init`: a first configuration, new or for the site of another generator."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from digest import resources
from digest.articles.ingest.tree import TOP
from digest.cli.sources import toml
from digest.cli.templates import record_version
from digest.cli.terminal import FAILED, complain, remark, say
from digest.errors import ConfigurationError
from digest.spelling import counted

app = typer.Typer()

_ARTICLE = """\
---
title: 'Hello, Digest'
categories:
  - Notes
  - First steps
author: You
date: 2026-11-23 08:00:00
---

This is an **article**. Change it, save it, and every feed that carries it follows.

Delete this file when you have articles of your own.
"""
#: The folders of a configuration that `init` writes, as TOML, by dotted key.
_FOLDERS = {
    "paths.articles": '"articles"',
    "paths.output": '"var/public"',
    "paths.data": '"var/data"',
    "mail.maildir": '"var/mail"',
}
#: The folder of the configuration of an existing site; generators leave such a name alone.
_BESIDE_SITE = "_digest"
#: Text formats of generators that Digest does not read.
_UNREAD = (".rst", ".org", ".adoc", ".mdx", ".ipynb")
_OPTION = re.compile(r"(?:# )?([a-z_]+) = ")

#: What `init --from` reads.
Generator = StrEnum(
    "Generator", ["hexo", "hugo", "jekyll", "zola", "pelican", "mkdocs", "obsidian"]
)


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(help="Where to put it; with --from: the site.", metavar="DIR")
    ] = Path(),
    templates: Annotated[
        bool, typer.Option("--templates", help="Also copy the templates, to be restyled.")
    ] = False,
    generator: Annotated[
        Generator | None, typer.Option("--from", help="Fit an existing site of this generator.")
    ] = None,
) -> None:
    """Write a commented digest.toml and an articles folder with one article.

    The site's language and time zone are those of this machine.

    With --from, the configuration is made for the site in DIR, in its folder _digest: where the
    articles are, the site's title, address, language and time zone. Nothing else in DIR changes.

    Never overwrites: what is there already is left as it is. Ends with 2 where DIR has a site of
    one of these generators and no --from is given.
    """
    if generator:
        folder, values = _fitting(generator, folder)
    else:
        _refuse_site(folder)
        values = {
            **_FOLDERS,
            "site.language": toml(_language()),
            "site.timezone": toml(_timezone()),
            "digests.daily.title": None,
        }
    if templates:
        values["paths.templates"] = '"templates"'
    shipped_text = resources.configuration().read_text(encoding="utf-8")
    try:
        _write_new(folder / "digest.toml", starting_configuration(shipped_text, values))
        if not generator:
            _write_new(folder / "articles" / "Notes" / "hello.md", _ARTICLE)
        if templates:
            _copy_new(resources.templates(), folder / "templates")
    except OSError as error:
        complain(f"{error.filename}: cannot be written: {error.strerror}")
        raise typer.Exit(FAILED) from error
    say(f"Now: digest --config {folder / 'digest.toml'} run")


def _refuse_site(folder: Path) -> None:
    """Raise ConfigurationError where a folder has the site of a generator, but no digest.toml."""
    from digest.settings.existing_site import generator_of

    known = None if (folder / "digest.toml").exists() else generator_of(folder)
    if known:
        raise ConfigurationError(
            "DIR",
            str(folder),
            f"has a site of {known}: `digest init --from {known} {folder}` makes feeds of it; for "
            "other articles name another folder",
        )


def starting_configuration(shipped_text: str, values: Mapping[str, str | None]) -> str:
    """Return the shipped configuration with other values (TOML) of options, by dotted key.

    An option whose value is None becomes a comment, and so do rules and feeds of one's own, which
    fit the example articles alone.
    """
    table = ""
    left = dict(values)
    lines = []
    for line in shipped_text.splitlines():
        if line.startswith("["):
            table = line.strip("[]")
        option = _OPTION.match(line)
        key = f"{table}.{option[1]}" if option else ""
        if option and key in left:
            value = left.pop(key)
            line = f"# {line.removeprefix('# ')}" if value is None else f"{option[1]} = {value}"
        example = table.startswith(("rules", "feeds.custom"))
        lines.append(f"# {line}" if example and line and not line.startswith("#") else line)
    return "\n".join(lines) + "\n"


def _language() -> str:
    """Return the language of messages that the environment asks for (POSIX), else English."""
    from babel import Locale, UnknownLocaleError, default_locale

    name = default_locale(("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"), aliases={})
    try:
        locale = Locale.parse(name or "en")
    except (UnknownLocaleError, ValueError):
        return "en"
    if locale.variant:  # C or POSIX
        return "en"
    return "-".join(filter(None, (locale.language, locale.territory or locale.script)))


def _timezone() -> str:
    """Return the name of this machine's time zone; UTC where it has none."""
    from digest.settings.types import zone

    try:
        from babel.localtime import get_localzone  # which looks at it at once

        if name := getattr(get_localzone(), "key", None):
            return zone(name)
        # It is told by a file, as by TZ=:/etc/localtime: mostly a link to one of that name.
        file = os.environ.get("TZ", "").removeprefix(":") or "/etc/localtime"
        return zone(os.path.realpath(file).rpartition("/zoneinfo/")[2])
    except (ValueError, LookupError, OSError):
        return "UTC"


def _fitting(generator: Generator, folder: Path) -> tuple[Path, dict[str, str | None]]:
    """Return the path and the values of the configuration for an existing site.

    Prints the values taken over. Raises ConfigurationError if there is no such site.
    """
    from digest.settings.existing_site import read_site
    from digest.settings.options import ArticlesTable

    site = read_site(generator.value, folder)
    own = folder / _BESIDE_SITE
    if any(own.resolve().is_relative_to(root.resolve()) for root in site.articles.values()):
        # The articles folder holds the site's: published files must not lie in it.
        real = folder.resolve()
        own = real.parent / f"{real.name}-digest"
    start = own.resolve()
    roots = {name: os.path.relpath(root.resolve(), start) for name, root in site.articles.items()}
    values: dict[str, str | None] = {
        **_FOLDERS,
        "paths.articles": toml(roots[TOP] if list(roots) == [TOP] else roots),
        "site.title": toml(site.title or folder.resolve().name),
        "site.url": toml(site.url) if site.url else None,
        "site.language": toml(site.language) if site.language else None,
        "site.timezone": toml(site.timezone) if site.timezone else None,
        "site.author": toml(site.author) if site.author else None,
        "articles.category_style": toml(site.category_style),
        "articles.include": toml(_included()),
        "articles.exclude": toml([*ArticlesTable().exclude, *site.exclude])
        if site.exclude
        else None,
        "articles.assets": toml([os.path.relpath(path.resolve(), start) for path in site.assets])
        if site.assets
        else None,
        "digests.daily.title": None,
    }
    say(f"Read    {site.file or folder}")
    for name, root in site.articles.items():
        say(f"Found   {_counted(root)} in {root}{'' if name == TOP else f' (as {name})'}")
    for key, value in values.items():
        if key.startswith(("site.", "articles.")) and value is not None:
            say(f"        {key} = {value}")
    for problem in site.unused:
        remark(f"not used: {problem}")
    for key in ("site.url", "site.language", "site.timezone"):
        if values[key] is None:
            remark(f"{key}: {site.file or folder} says nothing of it; the default is used")
    return own, values


def _included() -> list[str]:
    """Return the patterns of articles; none of the generators makes pages of plain text."""
    from digest.settings.options import ArticlesTable

    return [pattern for pattern in ArticlesTable().include if not pattern.endswith(".txt")]


def _counted(root: Path) -> str:
    """Return how many files of a folder may be articles, and how many are of unread formats."""
    from digest.articles.ingest.path_patterns import PathFilter
    from digest.settings.options import ArticlesTable

    files = PathFilter(tuple(_included()), ArticlesTable().exclude)
    kinds = Counter(
        "articles" if files.takes(path.relative_to(root).as_posix()) else path.suffix
        for path in root.rglob("*")
        if path.is_file()
    )
    others = [
        f"{counted(kinds[suffix], 'file')} {suffix} that Digest does not read"
        for suffix in _UNREAD
        if kinds[suffix]
    ]
    return " and ".join([counted(kinds["articles"], "file"), *others])


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet; return whether it was not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        say(f"Kept    {path}")
        if path.suffix == ".toml":
            remark(f"{path} was there already: read it before you run it")
        return False
    say(f"Written {path}")
    return True


def _copy_new(source: Path, target: Path) -> None:
    """Copy templates that are not there yet, and record the version they come from."""
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        name, content = file.relative_to(source), file.read_text(encoding="utf-8")
        if _write_new(target / name, content):
            record_version(target, name.as_posix(), content.encode())
