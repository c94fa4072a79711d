"""Existing sites: values from the configuration of other generators.

Nothing of such a file is executed: Python is parsed for literals, unknown tags of YAML are skipped.
"""

from __future__ import annotations

import ast
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from digest.articles.ingest.tree import TOP
from digest.errors import ConfigurationError
from digest.settings.addresses import one_line, site_url
from digest.settings.types import language_tag, zone

#: A configuration that a person writes is smaller; bytes.
_MAX_BYTES = 131_072
#: Nested aliases of YAML grow exponentially.
_MAX_ALIASES = 20
#: How deep below the site's folder folders of posts are looked for.
_MAX_DEPTH = 4
_HUGO_FILES = tuple(
    f"{folder}{name}.{suffix}"
    for folder in ("", "config/_default/")
    for name in ("hugo", "config")
    for suffix in ("toml", "yaml", "yml", "json")
)


#: What lies in the folder of a site, by its generator: all of one of these sets.
_MARKS = (
    ("obsidian", {".obsidian"}),
    ("pelican", {"pelicanconf.py"}),
    ("mkdocs", {"mkdocs.yml"}),
    ("mkdocs", {"mkdocs.yaml"}),
    ("hexo", {"_config.yml", "source/_posts"}),
    ("jekyll", {"_config.yml", "_posts"}),
    ("zola", {"zola.toml"}),
    ("zola", {"config.toml", "content", "templates"}),
    *(("hugo", {name, "content"}) for name in _HUGO_FILES),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingSite:
    """Names and folders of an existing site. Unknown texts are empty."""

    file: Path | None  #: the configuration that was read; None where a site needs none
    title: str
    url: str
    language: str
    timezone: str
    author: str
    articles: Mapping[str, Path]  #: folders by the names of roots
    assets: tuple[Path, ...]  #: folders where files are that articles call by paths from the root
    category_style: str  #: what a list of names means: ``path`` or ``flat``
    exclude: tuple[str, ...]  #: patterns of files that are no articles
    unused: tuple[str, ...]  #: values that cannot be used, each with the reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """The keys, dotted, that may hold a value; the first with one counts."""

    title: tuple[str, ...] = ("title",)
    url: tuple[str, ...] = ("url",)
    language: tuple[str, ...] = ("language",)
    timezone: tuple[str, ...] = ("timezone",)
    author: tuple[str, ...] = ("author", "author.name")


class _Loader(yaml.SafeLoader):
    """Builds plain values; ``!ENV`` becomes its default, any other unknown tag None."""


def _unknown_tag(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> object:
    if tag == "!ENV" and isinstance(node, yaml.SequenceNode) and node.value:
        return loader.construct_object(node.value[-1])
    return None


_Loader.add_multi_constructor("", _unknown_tag)


def read_site(generator: str, folder: Path) -> ExistingSite:
    """Return the site of a generator in a folder.

    Raises ConfigurationError if the folder contains no such site, or if its configuration or a link
    leads to a folder outside, which would be published.
    """
    if not folder.is_dir():
        raise ConfigurationError("--from", str(folder), "is no folder")
    site = GENERATORS[generator](folder)
    real = folder.resolve()
    for path in (*site.articles.values(), *site.assets):
        if not path.resolve().is_relative_to(real):
            raise ConfigurationError("--from", str(path), f"lies outside of {real}")
    return site


def generator_of(folder: Path) -> str | None:
    """Return the generator whose site lies in a folder, by the names in it; None without any."""
    for generator, names in _MARKS:
        if all((folder / name).exists() for name in names):
            return generator
    return None


def _hexo(folder: Path) -> ExistingSite:
    file, config = _read(folder, "_config.yml")
    source = folder / (_text(config, "source_dir") or "source")
    return _site(
        file,
        config,
        articles={TOP: _first_folder(source / "_posts", source)},
        assets=(source,),
        category_style="path",
    )


def _hugo(folder: Path) -> ExistingSite:
    file, config = _read(folder, *_HUGO_FILES)
    config = {key.lower(): value for key, value in config.items()}  # Hugo ignores their case
    return _site(
        file,
        config,
        articles={TOP: _first_folder(folder / (_text(config, "contentdir") or "content"))},
        assets=(folder / (_text(config, "staticdir") or "static"), folder / "assets"),
        keys=_Keys(
            url=("baseurl",),
            language=("defaultcontentlanguage", "languagecode", "locale"),
            author=("params.author", "params.author.name", "author", "author.name"),
        ),
    )


def _zola(folder: Path) -> ExistingSite:
    file, config = _read(folder, "config.toml", "zola.toml")
    return _site(
        file,
        config,
        articles={TOP: _first_folder(folder / "content")},
        assets=(folder / "static", folder / "content"),
        keys=_Keys(url=("base_url",), language=("default_language",)),
    )


def _jekyll(folder: Path) -> ExistingSite:
    file, config = _read(folder, "_config.yml", "_config.yaml", "_config.toml")
    base = _text(config, "baseurl").strip("/")
    if base and (url := _text(config, "url")):
        config = config | {"url": f"{url.rstrip('/')}/{base}"}
    source = folder / _text(config, "source")
    articles = {}
    for path, folders, _ in os.walk(source):
        here = Path(path)
        parts = here.relative_to(source).parts
        folders[:] = sorted(
            name
            for name in folders
            if name == "_posts"
            or (not name.startswith(("_", ".")) and name not in ("node_modules", "vendor"))
        ) * (len(parts) < _MAX_DEPTH)
        if parts and parts[-1] == "_posts":
            articles["-".join(parts[:-1]) or TOP] = here
            folders.clear()
    if not articles:
        articles[TOP] = _first_folder(source / (_text(config, "collections_dir") or "") / "_posts")
    return _site(
        file,
        config,
        articles=articles,
        assets=(source,),
        keys=_Keys(language=("lang", "locale", "language")),
    )


def _pelican(folder: Path) -> ExistingSite:
    file, config = _read(folder, "pelicanconf.py")
    if (published := folder / "publishconf.py").is_file():
        address = _text(_parsed(published), "SITEURL")
        config |= {"SITEURL": address} if address else {}
    content = folder / (_text(config, "PATH") or "content")
    paths = [str(path) for path in _list(config, "ARTICLE_PATHS")]
    roots = {path.strip("/").replace("/", "-") or TOP: content / path for path in paths}
    pages = [str(path) for path in _list(config, "PAGE_PATHS")] or ["pages"]
    static = _list(config, "STATIC_PATHS") or ["images"]
    excluded = [*pages, *map(str, [*_list(config, "ARTICLE_EXCLUDES"), *static])]
    return _site(
        file,
        config,
        articles={name: root for name, root in roots.items() if root.is_dir()}
        or {TOP: _first_folder(content, folder)},
        assets=(content,),
        keys=_Keys(
            title=("SITENAME",),
            url=("SITEURL",),
            language=("DEFAULT_LANG",),
            timezone=("TIMEZONE",),
            author=("AUTHOR",),
        ),
        exclude=tuple(path.strip("/") for path in excluded if path.strip("/")),
    )


def _mkdocs(folder: Path) -> ExistingSite:
    file, config = _read(folder, "mkdocs.yml", "mkdocs.yaml")
    docs = folder / (_text(config, "docs_dir") or "docs")
    candidates = [docs]
    plugins = config.get("plugins")
    if isinstance(plugins, Mapping):
        config = config | {"plugins": [{name: options} for name, options in plugins.items()]}
    for plugin in _list(config, "plugins"):
        if plugin in ("blog", "material/blog") or (isinstance(plugin, dict) and "blog" in plugin):
            options = plugin["blog"] if isinstance(plugin, dict) else None
            options = options if isinstance(options, dict) else {}
            blog = _text(options, "blog_dir") or "blog"
            posts = (_text(options, "post_dir") or "{blog}/posts").replace("{blog}", blog)
            candidates = [docs / posts, docs / blog, docs]
    return _site(
        file,
        config,
        articles={TOP: _first_folder(*candidates)},
        assets=(docs,),
        keys=_Keys(
            title=("site_name",),
            url=("site_url",),
            language=("theme.language",),
            author=("site_author",),
        ),
    )


def _obsidian(folder: Path) -> ExistingSite:
    settings = folder / ".obsidian"
    if not settings.is_dir():
        raise ConfigurationError("--from", str(folder), "has no folder .obsidian: it is no vault")
    app, templates = settings / "app.json", settings / "templates.json"
    config = _parsed(app) if app.is_file() else {}
    ignored = [path for path in map(str, _list(config, "userIgnoreFilters")) if path[:1] != "/"]
    if templates.is_file():
        ignored.append(_text(_parsed(templates), "folder"))
    return _site(
        app if app.is_file() else None,
        {"title": folder.resolve().name},
        articles={TOP: folder},
        assets=(folder / _text(config, "attachmentFolderPath").strip("./"), folder),
        exclude=tuple(path.strip("/") for path in ignored if path.strip("/")),
    )


#: The reader of each generator's sites.
GENERATORS: Mapping[str, Callable[[Path], ExistingSite]] = {
    "hexo": _hexo,
    "hugo": _hugo,
    "zola": _zola,
    "jekyll": _jekyll,
    "pelican": _pelican,
    "mkdocs": _mkdocs,
    "obsidian": _obsidian,
}


def _site(
    file: Path | None,
    config: Mapping[str, Any],
    *,
    articles: Mapping[str, Path],
    assets: tuple[Path, ...],
    category_style: str = "flat",
    exclude: tuple[str, ...] = (),
    keys: _Keys = _Keys(),
) -> ExistingSite:
    unused: list[str] = []

    def checked(names: tuple[str, ...], check: Callable[[str], str]) -> str:
        text = _text(config, *names)
        try:
            return check(text) if text else ""
        except ValueError as error:
            unused.append(f"{names[0]} = {text!r}: {error}")
            return ""

    return ExistingSite(
        file=file,
        title=checked(keys.title, one_line)[:200],
        url=checked(keys.url, site_url),
        language=checked(keys.language, lambda text: language_tag(text.replace("_", "-"))),
        timezone=checked(keys.timezone, zone),
        author=checked(keys.author, one_line)[:500],
        articles=articles,
        assets=tuple(dict.fromkeys(path for path in assets if path.is_dir())),
        category_style=category_style,
        exclude=exclude,
        unused=tuple(unused),
    )


def _first_folder(*candidates: Path) -> Path:
    """Return the first folder that exists. Raises ConfigurationError."""
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    names = " or ".join(map(str, candidates))
    raise ConfigurationError("--from", names, "is no folder; expected one with articles")


def _text(config: Mapping[str, Any], *keys: str) -> str:
    """Return the first text of some dotted keys; of a list its first item; empty for none."""
    for key in keys:
        value: Any = config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, list | tuple):
            value = value[0] if value else None
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _list(config: Mapping[str, Any], key: str) -> list[Any]:
    value = config.get(key)
    return list(value) if isinstance(value, list | tuple) else []


def _read(folder: Path, *names: str) -> tuple[Path, dict[str, Any]]:
    """Return the first configuration file that exists, and its values.

    Raises ConfigurationError if none exists, or it cannot be read.
    """
    for name in names:
        if (file := folder / name).is_file():
            return file, _parsed(file)
    raise ConfigurationError("--from", str(folder), f"has no file {' or '.join(names[:2])}")


def _parsed(file: Path) -> dict[str, Any]:
    """Return the values of a configuration file, by its suffix. Raises ConfigurationError."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_BYTES)
            too_large = bool(opened.read(1))
        values = None if too_large else _PARSERS[file.suffix](content.decode("utf-8-sig"))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise ConfigurationError("--from", str(file), problem) from error
    except (ValueError, SyntaxError, RecursionError, MemoryError, yaml.YAMLError) as error:
        problem = f"cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
        raise ConfigurationError("--from", str(file), problem) from error
    if not isinstance(values, dict):
        problem = f"must be a table of options in at most {_MAX_BYTES:,} bytes"
        raise ConfigurationError("--from", str(file), problem)
    return {str(key): value for key, value in values.items()}


def _yaml(text: str) -> object:
    aliases = sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, _Loader))
    if aliases > _MAX_ALIASES:
        raise ValueError(f"has more than {_MAX_ALIASES} aliases")
    return yaml.load(text, _Loader) or {}  # noqa: S506 - it builds plain values alone


def _python(text: str) -> object:
    """Return the names that a module gives a literal; others are left out."""
    values: dict[str, object] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                try:
                    values[target.id] = ast.literal_eval(value)
                except (ValueError, TypeError):
                    values.pop(target.id, None)
    return values


_PARSERS: Mapping[str, Callable[[str], object]] = {
    ".yml": _yaml,
    ".yaml": _yaml,
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".py": _python,
}
