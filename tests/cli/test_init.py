"""`digest init`: a configuration that works at once, new or for an existing site."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from digest import resources
from digest.settings import load
from tests.cli.conftest import Program
from tests.conftest import Workplace


def test_init_makes_something_that_builds(program: Program, workplace: Workplace) -> None:
    made = program("init", "new")
    assert made.code == 0
    configuration = workplace.folder / "new" / "digest.toml"
    assert '"../' not in configuration.read_text(encoding="utf-8")
    built = program("--config", configuration, "build")
    assert built.code == 0
    assert "1 new" in built.out
    assert (workplace.folder / "new" / "var" / "public" / "feeds" / "rss.xml").exists()
    assert program("--config", configuration, "check").code == 0


@pytest.mark.parametrize(
    ("environment", "language", "timezone"),
    [
        ({"LANG": "C.UTF-8", "TZ": "UTC"}, "en", "UTC"),
        ({"LANG": "", "TZ": ":Europe/Berlin"}, "en", "Europe/Berlin"),
        ({"LANG": "pt_BR.UTF-8", "TZ": "America/Sao_Paulo"}, "pt-BR", "America/Sao_Paulo"),
        ({"LANG": "C", "LC_ALL": "zh_CN.UTF-8", "TZ": "Asia/Shanghai"}, "zh-CN", "Asia/Shanghai"),
        ({"LANG": "en_GB", "LANGUAGE": "de:en", "TZ": "Nowhere/At"}, "de", "UTC"),
        ({"LANG": "fr", "TZ": "CET-1CEST"}, "fr", "UTC"),
        ({"LANG": "xx_YY", "TZ": "localtime"}, "en", "UTC"),
        ({"LANG": "no words", "TZ": "UTC"}, "en", "UTC"),
    ],
)
def test_init_takes_language_and_zone_of_the_machine(
    program: Program,
    workplace: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    language: str,
    timezone: str,
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert program("init", "new").code == 0
    site = load(workplace.folder / "new" / "digest.toml", {}).site_table
    assert (site.language, site.timezone) == (language, timezone)


@pytest.mark.parametrize(
    ("told", "timezone"),
    [(":{}/localtime", "Asia/Tokyo"), ("{}/copy", "UTC"), ("{}/none", "UTC"), ("{}", "UTC")],
)
def test_init_takes_the_zone_that_a_file_is_named_after(
    program: Program,
    workplace: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    told: str,
    timezone: str,
) -> None:
    """Debian and many containers have TZ=:/etc/localtime, which spares programs a look at it."""
    file = workplace.folder / "zoneinfo" / "Asia" / "Tokyo"
    file.parent.mkdir(parents=True)
    file.write_bytes(files("tzdata").joinpath("zoneinfo/Asia/Tokyo").read_bytes())
    (workplace.folder / "localtime").symlink_to(file)
    (workplace.folder / "copy").write_bytes(file.read_bytes())
    monkeypatch.setenv("TZ", told.format(workplace.folder))
    assert program("init", "new").code == 0
    assert load(workplace.folder / "new" / "digest.toml", {}).site_table.timezone == timezone


def test_init_leaves_rules_and_feeds_of_the_examples_as_comments(
    program: Program, workplace: Workplace
) -> None:
    program("init", "new")
    settings = load(workplace.folder / "new" / "digest.toml", {})
    assert settings.rules == ()
    assert settings.custom_feeds() == ()
    assert len(load(resources.configuration(), {}).rules) == 2
    assert len(load(resources.configuration(), {}).custom_feeds()) == 1
    text = (workplace.folder / "new" / "digest.toml").read_text(encoding="utf-8")
    assert '# category = "科技/开源周刊"' in text


def test_init_never_overwrites(program: Program, workplace: Workplace) -> None:
    before = workplace.configuration.read_text(encoding="utf-8")
    made = program("init")
    assert made.code == 0
    assert "Kept    digest.toml" in made.out
    assert workplace.configuration.read_text(encoding="utf-8") == before


def test_init_copies_templates_and_uses_them(program: Program, workplace: Workplace) -> None:
    program("init", "new", "--templates")
    folder = workplace.folder / "new"
    shipped = folder / "templates" / ".shipped" / "mail" / "digest.html"
    assert (folder / "templates" / "mail" / "digest.html").read_bytes() == shipped.read_bytes()
    (folder / "templates" / "web" / "style.css").write_text("/* restyled */", encoding="utf-8")
    assert program("--config", folder / "digest.toml", "check").code == 0
    with Workplace(folder).open() as services:
        assert Workplace(folder).see(services, "assets/style.css").text == "/* restyled */"


def test_init_tells_what_cannot_be_written(program: Program, workplace: Workplace) -> None:
    (workplace.folder / "file").write_text("in the way", encoding="utf-8")
    ended = program("init", "file/below")
    assert ended.code == 1
    assert "cannot be written" in ended.err


#: A site of each generator: its files, and what the configuration must say of it.
SITES: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "hexo": (
        {
            "_config.yml": (
                "title: 茶馆\nauthor: 老舍\nlanguage: [zh-CN, en]\ntimezone: Asia/Shanghai\n"
                "url: https://tea.example/blog\nsource_dir: src\nother: !!python/name:os.system\n"
            ),
            "src/_posts/a.md": "---\ntitle: 早\ncategories: [茶, 绿茶]\n---\n正文\n",
            "src/about/index.md": "# About\n",
        },
        {
            "title": "茶馆",
            "url": "https://tea.example/blog",
            "language": "zh-CN",
            "timezone": "Asia/Shanghai",
            "author": "老舍",
            "category_style": "path",
            "articles": {".": "src/_posts"},
            "assets": ["src"],
        },
    ),
    "hugo": (
        {
            "hugo.toml": (
                'baseURL = "https://h.example/"\nTitle = "Notes"\nlanguageCode = "en_GB"\n'
                'timeZone = "Europe/London"\ncontentDir = "text"\n[params.author]\nname = "Ann"\n'
            ),
            "text/posts/a.md": "+++\ntitle = 'A'\n+++\nText\n",
        },
        {
            "title": "Notes",
            "url": "https://h.example",
            "language": "en-GB",
            "timezone": "Europe/London",
            "author": "Ann",
            "category_style": "flat",
            "articles": {".": "text"},
            "assets": [],
        },
    ),
    "jekyll": (
        {
            "_config.yml": (
                "title: >\n  Two\n  lines\nurl: https://j.example\nbaseurl: /b/\nlang: de\n"
                "author: {name: Eva}\ntimezone: Middle/Earth\n"
            ),
            "_posts/2026-01-02-a.md": "---\ntitle: A\n---\nText\n",
            "tech/_posts/2026-01-03-b.md": "---\ntitle: B\n---\nText\n",
            "_site/_posts/c.md": "---\ntitle: C\n---\nText\n",
            "vendor/x/_posts/d.md": "---\ntitle: D\n---\nText\n",
        },
        {
            "title": "Two lines",
            "url": "https://j.example/b",
            "language": "de",
            "timezone": "UTC",
            "author": "Eva",
            "category_style": "flat",
            "articles": {".": "_posts", "tech": "tech/_posts"},
            "assets": ["."],
        },
    ),
    "zola": (
        {
            "config.toml": 'base_url = "https://z.example"\ntitle = "Z"\ndefault_language = "nl"\n',
            "content/a.md": "+++\ntitle = 'A'\n+++\n![Beach](/img/beach.png)\n",
            "static/img/beach.png": "\x89PNG",
        },
        {
            "title": "Z",
            "url": "https://z.example",
            "language": "nl",
            "category_style": "flat",
            "articles": {".": "content"},
            "assets": ["static", "content"],
        },
    ),
    "pelican": (
        {
            "pelicanconf.py": (
                "import os\nos.mkdir('executed')\nSITENAME = 'Pel'\nSITEURL = ''\n"
                "AUTHOR: str = 'Max'\nPATH = 'text'\nARTICLE_PATHS = ['blog']\n"
                "DEFAULT_LANG = 'fr'\nTIMEZONE = os.environ['TZ']\nARTICLE_EXCLUDES = ['old/']\n"
                "STATIC_PATHS = ['extra']\n"
            ),
            "publishconf.py": "from pelicanconf import *\nSITEURL = 'https://p.example'\n",
            "text/blog/a.md": "Title: A\nDate: 2026-01-02\n\nText\n",
            "text/blog/b.rst": "A\n=\n",
            "text/pages/about.md": "Title: About\n\nText\n",
        },
        {
            "title": "Pel",
            "url": "https://p.example",
            "language": "fr",
            "timezone": "UTC",
            "author": "Max",
            "category_style": "flat",
            "articles": {"blog": "text/blog"},
            "assets": ["text"],
            "exclude": ("pages", "old", "extra"),
        },
    ),
    "mkdocs": (
        {
            "mkdocs.yml": (
                "site_name: Docs\nsite_url: !ENV [SITE_URL, 'https://m.example/']\n"
                "theme: {name: material, language: es}\nplugins:\n  - search\n"
                "  - blog:\n      blog_dir: news\nmarkdown_extensions:\n"
                "  - pymdownx.emoji:\n      emoji_index: !!python/name:material.emoji.twemoji\n"
            ),
            "docs/news/posts/a.md": "---\ndate: 2026-01-02\n---\n# A\n",
            "docs/index.md": "# Home\n",
        },
        {
            "title": "Docs",
            "url": "https://m.example",
            "language": "es",
            "category_style": "flat",
            "articles": {".": "docs/news/posts"},
            "assets": ["docs"],
        },
    ),
    "obsidian": (
        {
            ".obsidian/app.json": '{"userIgnoreFilters": ["Private/", "/regex/"]}',
            ".obsidian/templates.json": '{"folder": "Templates"}',
            "Note.md": "# A\n",
            "Templates/t.md": "# {{title}}\n",
        },
        {
            "title": "site",
            "articles": {".": ""},
            "assets": ["."],
            "exclude": ("Private", "Templates"),
        },
    ),
}


def lay(folder: Path, files: dict[str, str]) -> None:
    """Write the files of a site."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("generator", SITES)
def test_init_fits_the_site_of_a_generator(
    program: Program, workplace: Workplace, generator: str
) -> None:
    files, expected = SITES[generator]
    site = workplace.folder / "site"
    lay(site, files)
    made = program("init", "--from", generator, "site")
    assert made.code == 0, made.err
    own = workplace.folder / ("site-digest" if generator == "obsidian" else "site/_digest")
    settings = load(own / "digest.toml", {})
    told = {
        **{key: getattr(settings.site_table, key) for key in expected if key in SITE_KEYS},
        "category_style": settings.articles.category_style,
        "assets": [
            path.resolve().relative_to(site).as_posix() for path in settings.articles.assets
        ],
        "articles": {
            name: root.resolve().relative_to(site).as_posix().removeprefix(".")
            for name, root in settings.paths.articles.items()
        },
    }
    assert told == {"category_style": "flat"} | {
        key: value for key, value in expected.items() if key != "exclude"
    }
    for pattern in expected.get("exclude", ()):  # type: ignore[attr-defined]  # a tuple
        assert pattern in settings.articles.exclude
    assert "**/.*" in settings.articles.exclude
    assert "**/*.md" in settings.articles.include
    assert "**/*.txt" not in settings.articles.include
    assert settings.digest("daily").title == settings.site_table.title
    assert settings.rules == ()
    assert not (workplace.folder / "executed").exists()
    built = program("--config", own / "digest.toml", "build")
    assert built.code == 0, built.err
    assert f"{len(list_of_articles(generator))} new" in built.out
    assert program("--config", own / "digest.toml", "check").code == 0


SITE_KEYS = ("title", "url", "language", "timezone", "author")


def list_of_articles(generator: str) -> list[str]:
    """Return the files of a site that are articles."""
    folders = {
        "hexo": ("src/_posts/",),
        "hugo": ("text/",),
        "jekyll": ("_posts/", "tech/"),
        "pelican": ("text/blog/a",),
        "zola": ("content/",),
        "mkdocs": ("docs/news/",),
        "obsidian": ("Note",),
    }[generator]
    return [name for name in SITES[generator][0] if name.startswith(folders)]


@pytest.mark.parametrize(
    ("generator", "names"),
    [
        ("hexo", ["_config.yml", "source/_posts/a.md"]),
        ("jekyll", ["_config.yml", "_posts/2026-01-01-a.md"]),
        ("hugo", ["config/_default/hugo.toml", "content/a.md"]),
        ("hugo", ["config.toml", "content/a.md", "layouts/x.html"]),
        ("zola", ["config.toml", "content/a.md", "templates/x.html"]),
        ("pelican", ["pelicanconf.py"]),
        ("mkdocs", ["mkdocs.yaml"]),
        ("obsidian", [".obsidian/app.json"]),
    ],
)
def test_init_strews_nothing_into_the_site_of_a_generator(
    program: Program, workplace: Workplace, generator: str, names: list[str]
) -> None:
    site = workplace.folder / "site"
    lay(site, dict.fromkeys(names, ""))
    made = program("init", "site")
    assert made.code == 2
    assert f"digest init --from {generator} site" in " ".join(made.err.split())
    assert not (site / "digest.toml").exists()
    (site / "digest.toml").write_text("", "utf-8")  # somebody has decided otherwise
    assert program("init", "site").code == 0


def test_init_says_what_it_has_read_and_what_it_cannot_use(
    program: Program, workplace: Workplace
) -> None:
    lay(workplace.folder / "site", SITES["jekyll"][0])
    made = program("init", "--from", "jekyll", "site")
    assert "Read    site/_config.yml" in made.out
    assert "Found   1 file in site/tech/_posts (as tech)" in made.out
    assert 'site.url = "https://j.example/b"' in made.out
    assert "not used: timezone = 'Middle/Earth': must be a time zone" in made.err
    lay(workplace.folder / "pel", SITES["pelican"][0])
    made = program("init", "--from", "pelican", "pel")
    assert "1 file and 1 file .rst that Digest does not read in pel/text/blog" in made.out
    assert "site.timezone: pel/pelicanconf.py says nothing of it" in made.err


@pytest.mark.parametrize(
    ("generator", "files", "problem"),
    [
        ("hexo", {}, "is no folder"),
        ("hexo", {"a.md": ""}, "has no file _config.yml"),
        ("hexo", {"_config.yml": "title: T"}, "expected one with articles"),
        ("obsidian", {"a.md": ""}, "it is no vault"),
        ("jekyll", {"_config.yml": "a: [", "_posts/a.md": ""}, "cannot be read"),
        ("jekyll", {"_config.yml": "- a", "_posts/a.md": ""}, "must be a table"),
        ("jekyll", {"_config.yml": "#" * 131_073, "_posts/a.md": ""}, "at most 131,072 bytes"),
        ("hugo", {"hugo.json": "[" * 100_000, "content/a.md": ""}, "cannot be read"),
        ("pelican", {"pelicanconf.py": "A = (", "content/a.md": ""}, "cannot be read"),
        (
            "mkdocs",
            {
                "mkdocs.yml": "a: &a {x: 1}\n"
                + "".join(f"k{number}: *a\n" for number in range(21)),
                "docs/a.md": "",
            },
            "more than 20 aliases",
        ),
    ],
)
def test_init_tells_what_is_no_site(
    program: Program, workplace: Workplace, generator: str, files: dict[str, str], problem: str
) -> None:
    lay(workplace.folder / "site", files)
    made = program("init", "--from", generator, "site")
    assert made.code == 2
    assert problem in made.err
    assert not (workplace.folder / "site" / "_digest").exists()


@pytest.mark.parametrize(
    ("generator", "files"),
    [
        ("hexo", {"_config.yml": "source_dir: {outside}\n"}),
        ("hexo", {"_config.yml": "source_dir: ../outside\n"}),
        ("pelican", {"pelicanconf.py": "PATH = '../outside'\n"}),
        ("mkdocs", {"mkdocs.yml": "docs_dir: linked\n"}),
        ("hugo", {"hugo.toml": "staticDir = '../outside'\n", "content/a.md": "A\n"}),
    ],
)
def test_init_publishes_nothing_from_outside_the_site(
    program: Program, workplace: Workplace, generator: str, files: dict[str, str]
) -> None:
    outside = workplace.folder / "outside"
    lay(outside, {"secret.md": "secret\n"})
    site = workplace.folder / "site"
    lay(site, {name: text.replace("{outside}", str(outside)) for name, text in files.items()})
    (site / "linked").symlink_to(outside)
    made = program("init", "--from", generator, "site")
    assert made.code == 2
    assert "lies outside of" in made.err
    assert not (site / "_digest").exists()


def test_init_writes_a_file_that_can_be_read_whatever_a_site_says(
    program: Program, workplace: Workplace
) -> None:
    text = """AUTHOR = "\\ud800x"\nARTICLE_EXCLUDES = ["a\\x7f"]\n"""
    lay(workplace.folder / "site", {"pelicanconf.py": text, "content/a.md": "A\n"})
    assert program("init", "--from", "pelican", "site").code == 0
    settings = load(workplace.folder / "site" / "_digest" / "digest.toml", {})
    assert settings.site().author == "?x"
    assert "a\x7f" in settings.articles.exclude
