"""`digest sources`: the upstream feeds that are followed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import typer

from digest.articles.characters import one_line
from digest.cli.context import Context, services_of
from digest.cli.terminal import FAILED, Json, complain, print_json, print_table, say
from digest.errors import ConfigurationError
from digest.spelling import counted

if TYPE_CHECKING:
    from digest.app.wiring import Services
    from digest.sources.follower import Follower
    from digest.sources.model import Entry, FeedDocument, Source

app = typer.Typer(help="Follow upstream feeds.", invoke_without_command=True)

#: Entries that `add` shows.
_PREVIEW = 5
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_NAMED_FEEDS = frozenset({"www", "feed", "feeds", "rss", "atom"})
#: Characters of a category that is named by a feed's title.
_LONGEST_CATEGORY = 60
_NEXT = "A running daemon follows within a minute."

Private = Annotated[
    bool, typer.Option("--allow-private", help="Allow addresses of the local network.")
]
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)


@app.callback()
def group(context: typer.Context, as_json: Json = False) -> None:
    """Follow upstream feeds. Without a command: show how each is doing."""
    if context.invoked_subcommand is None:
        _show(context, as_json=as_json)


@app.command(name="list")
def list_sources(context: typer.Context, as_json: Json = False) -> None:
    """Show each source: last answer, next request, entries."""
    _show(context, as_json=as_json)


def _show(context: typer.Context, *, as_json: bool) -> None:
    with services_of(context, log=False) as services:
        states, counts = services.store.sources.states(), services.store.sources.counts()
        sources = services.settings.source_list()
        zone = ZoneInfo(services.site.timezone)
    known = ((source, states.get(source.name)) for source in sources)
    rows = [
        (source, state if state and state.url == source.url else None, counts.get(source.name, 0))
        for source, state in known
    ]
    if as_json:
        print_json(
            [
                {
                    "name": source.name,
                    "url": source.url,
                    "category": "/".join(source.category or (source.name,)),
                    "entries": entries,
                    "state": asdict(state) if state else None,
                }
                for source, state, entries in rows
            ]
        )
        return
    if not rows:
        say("No sources.")
        return

    def shown(moment: datetime | None) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else "-"

    print_table(
        ("Source", "State", "Entries", "Asked", "Next", "Last answer", "Address"),
        (
            (
                source.name,
                state.health if state else "new",
                f"{entries:,}",
                shown(state.asked_at if state else None),
                shown(state.next_at if state else None),
                state.answer if state else "-",
                state.address if state else source.url,
            )
            for source, state, entries in rows
        ),
    )


@app.command()
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Of a feed, or of a page that names one.")],
    name: Annotated[str, typer.Option("--name", help="a-z, 0-9, '-' and '_'.")] = "",
    category: Annotated[
        str,
        typer.Option(
            "--category", help="Of its articles: names joined by '/'. By default the feed's title."
        ),
    ] = "",
    private: Private = False,
) -> None:
    """Fetch a feed, show its newest entries, and add it to the configuration file."""
    from digest.articles.cleaning.uris import absolute

    address = absolute(url if "://" in url else f"https://{url}")
    if address is None:
        raise ConfigurationError("URL", url, "must be an http or https address")
    with services_of(context, log=False) as services:
        _add(context, services, address, name, category, private=private)


def _add(
    context: typer.Context, services: Services, url: str, name: str, category: str, *, private: bool
) -> None:
    from digest.articles.model import CategoryPath
    from digest.private_files import make_private_folder
    from digest.sources.model import Source

    feed, document = asyncio.run(_discover(services, url, private=private))
    sources = services.settings.source_list()
    for known in sources:
        if known.url == feed:
            complain(f"{feed} is followed already, as {known.name}")
            raise typer.Exit(FAILED)
    say(f"{document.title or feed}: {counted(len(document.entries), 'entry', 'entries')}")
    for entry in sorted(document.entries, key=_newest_first)[:_PREVIEW]:
        date = f"{entry.published_at:%Y-%m-%d}" if entry.published_at else "(no date)"
        say(f"  {date}  {entry.title or '(no title)'}")
    chosen = name or _name(feed, document.title, {source.name for source in sources})
    category = category or _category(document.title)
    table = source_table(chosen, feed, category=category, private=private)
    _change(context, lambda text: with_tables(text, [table]))
    # Its entries are there before the daemon is started.
    make_private_folder(services.settings.source_folder())
    path = CategoryPath.parse(category).names if category else ()
    source = Source(name=chosen, url=feed, category=path, allow_private=private)
    if source.name not in services.store.sources.counts():
        asyncio.run(_begin(services, source, document))
    say(f"Added as {chosen}. {_NEXT}")


@contextlib.asynccontextmanager
async def _follower(services: Services) -> AsyncIterator[Follower]:
    follower = services.follower()
    try:
        yield follower
    finally:
        await follower.close()


async def _discover(services: Services, url: str, *, private: bool) -> tuple[str, FeedDocument]:
    async with _follower(services) as follower:
        return await follower.discover(url, private=private)


async def _begin(services: Services, source: Source, document: FeedDocument) -> None:
    from digest.sources.follower import SourceBusy

    async with _follower(services) as follower:
        # A daemon that has read the new table may be quicker.
        with contextlib.suppress(SourceBusy):
            await follower.begin(source, document)


def _newest_first(entry: Entry) -> float:
    return -entry.published_at.timestamp() if entry.published_at else 0.0


@app.command()
def remove(context: typer.Context, name: str) -> None:
    """Take a source out of the configuration file. Its articles stay as they are."""
    with services_of(context, log=False) as services:
        _source(services.settings.source_list(), name)
        _change(context, lambda text: without_source(text, name))
        services.store.sources.forget(name)
    say(f"{name} is followed no more; its articles stay. {_NEXT}")


@app.command()
def refresh(
    context: typer.Context, name: Annotated[str | None, typer.Argument(show_default="all")] = None
) -> None:
    """Ask a source, or all of them, now, and write what is new."""
    with services_of(context, log=False) as services:
        sources = services.settings.source_list()
        chosen = [_source(sources, name)] if name else sources
        healthy = asyncio.run(_refresh(services, chosen))
    if not healthy:
        raise typer.Exit(FAILED)


async def _refresh(services: Services, sources: list[Source]) -> bool:
    """Ask sources one after the other and tell what came of it; return whether all answered."""
    from digest.sources.follower import SourceBusy
    from digest.sources.model import Health

    healthy = True
    async with _follower(services) as follower:
        for source in sources:
            try:
                refreshed = await follower.refresh(source)
            except SourceBusy as error:
                say(str(error))
                continue
            healthy = healthy and refreshed.state.health is Health.OK
            changed = len(refreshed.records) - refreshed.new
            say(
                f"{source.name}: {refreshed.state.answer}; {refreshed.new:,} new, "
                f"{changed:,} changed, {refreshed.waiting:,} waiting"
            )
    return healthy


@app.command(name="import")
def import_opml(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    private: Private = False,
) -> None:
    """Add the feeds of an OPML file; its folders become categories. Known ones are left out."""
    from digest.sources.discovery import read_opml

    outlines = read_opml(file.read_bytes())
    settings = _context(context).settings()
    names = set(settings.sources)
    known = {source.url for source in settings.source_list()}
    tables = []
    for outline in outlines:
        if outline.url in known:
            continue
        name = _name(outline.url, outline.title, names)
        names.add(name)
        category = "/".join(map(_category, outline.folders)) or _category(outline.title)
        tables.append(source_table(name, outline.url, category=category, private=private))
    if tables:
        _change(context, lambda text: with_tables(text, tables))
    say(f"{len(tables):,} added, {len(outlines) - len(tables):,} known. {_NEXT}")


@app.command()
def export(context: typer.Context) -> None:
    """Print the sources as OPML 2.0."""
    from digest.sources.discovery import write_opml

    sources = _context(context).settings().source_list()
    typer.echo(write_opml(sources), nl=False)


def _context(context: typer.Context) -> Context:
    chosen: Context = context.obj
    return chosen


def _source(sources: list[Source], name: str) -> Source:
    """Return a source by name; raise ConfigurationError where there is none."""
    by_name: Mapping[str, Source] = {source.name: source for source in sources}
    if name not in by_name:
        known = ", ".join(by_name) or "none"
        raise ConfigurationError("sources", name, f"there is no such source; known are: {known}")
    return by_name[name]


def _name(url: str, title: str, taken: set[str]) -> str:
    """Return a free name for a source: of its title, else of its host."""
    host = ".".join(
        part for part in (urlsplit(url).hostname or "").split(".") if part not in _NAMED_FEEDS
    )
    words = (_NOT_IN_NAMES.sub("-", text.lower()).strip("-") for text in (title, host))
    name = next((text[:40].strip("-") for text in words if text), "source")
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(
        candidate for candidate in itertools.chain([name], numbered) if candidate not in taken
    )


def _category(title: str) -> str:
    """Return the name of a category out of a title: people read it, unlike a source's."""
    return one_line(title.replace("/", "-")[: 4 * _LONGEST_CATEGORY])[:_LONGEST_CATEGORY].rstrip()


def _change(context: typer.Context, change: Callable[[str], str]) -> None:
    """Change the configuration file, unless it could not be used then.

    Raises ConfigurationError, OSError.
    """
    from digest.settings import load

    path = _context(context).path().resolve()  # a link stays a link
    text = change(path.read_bytes().decode("utf-8-sig"))
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".digest-", suffix=".toml")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
        shutil.copymode(path, name)
        status = path.stat()
        with contextlib.suppress(PermissionError):
            os.chown(name, status.st_uid, status.st_gid)
        load(Path(name), os.environ)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def source_table(name: str, url: str, *, category: str = "", private: bool = False) -> str:
    """Return the table of a source as TOML."""
    key = name if _BARE_KEY.fullmatch(name) else toml(name)
    lines = [f"[sources.{key}]", f"url = {toml(url)}"]
    lines += [f"category = {toml(category)}"] if category else []
    lines += ["allow_private = true"] if private else []
    return "\n".join(lines) + "\n"


def with_tables(text: str, tables: list[str]) -> str:
    """Return a configuration with tables at its end."""
    return "\n\n".join((text.rstrip(), *map(str.rstrip, tables))).lstrip() + "\n"


def without_source(text: str, name: str) -> str:
    """Return a configuration without the table of a source.

    Comments after a blank line stay: they belong to what follows. Raises ConfigurationError where
    it has no such table.
    """
    quoted = rf"(?:{re.escape(name)}|\"{re.escape(name)}\"|'{re.escape(name)}')"
    header = rf"^[ \t]*\[\s*sources\s*\.\s*{quoted}\s*\][^\n]*(?:\n|\Z)"
    start = re.search(header, text, re.MULTILINE)
    if start is None:
        problem = "is not written as a table of its own; take it out of the file by hand"
        raise ConfigurationError(f"sources.{name}", None, problem)
    after = text[start.end() :]
    following = _HEADER.search(after)
    end = following.start() if following else len(after)
    comments = after[:end].partition("\n\n")[2].lstrip("\n")
    return text[: start.start()].rstrip("\n") + "\n\n" + comments + after[end:]


def toml(value: str | list[str] | dict[str, str]) -> str:
    """Return a value as TOML, in one line; what Unicode text cannot hold becomes "?"."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{toml(key)} = {toml(item)}' for key, item in value.items())} }}"
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return text.encode("utf-8", "replace").decode()
