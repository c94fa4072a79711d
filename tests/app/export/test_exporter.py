"""The whole site as plain files, beside files of others, again and again."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from digest.app.export import exporter as exporting
from digest.app.export.contents import article_pages
from digest.app.export.exporter import Exported, Exporter, make_exporter
from digest.app.export.folder import MANIFEST, ExportFolder, Manifest
from digest.app.wiring import Services
from digest.articles.model import CategoryPath, Draft, SafeHtml, article_key
from digest.errors import ConfigurationError, OutputError, StoreError
from digest.store.pages import PageSnapshot
from digest.web.pages import WebPages
from tests.conftest import CONFIGURATION, Workplace
from tests.store.samples import reading

URL = "http://127.0.0.1:8000"
SMALL = "\n[feeds]\nlimit = 2\n"


class Killed(BaseException):
    """The process ended there."""


def tell(
    services: Services,
    name: str,
    *,
    title: str = "标题",
    category: str = "金融",
    link: str | None = None,
    shown: str = "",
) -> None:
    """Take an article in, without the processes that read files."""
    one = reading(f"{name}.md", title=title, categories=[CategoryPath((category,))])
    assert isinstance(one.outcome, Draft)
    draft = replace(one.outcome, link=link, body=SafeHtml(f"<p>{name} {title}{shown}</p>"))
    services.store.articles.record([replace(one, outcome=draft)], services.clock())


def page_of(name: str) -> str:
    return f"articles/{article_key(name)}/index.html"


class Site:
    """A place to export to."""

    def __init__(self, workplace: Workplace, services: Services) -> None:
        self.workplace, self.services = workplace, services
        self.folder = workplace.folder / "site"
        self._exporters: dict[tuple[str, bool], Exporter] = {}

    def export(
        self,
        *,
        url: str = URL,
        archives: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Exported:
        if (url, archives) not in self._exporters:  # compiling its templates takes longest
            exporter = make_exporter(self.services, self.folder, url=url, archives=archives)
            self._exporters[url, archives] = exporter
        return self._exporters[url, archives].export(progress)

    def files(self) -> dict[str, bytes]:
        return {
            file.relative_to(self.folder).as_posix(): file.read_bytes()
            for file in self.folder.rglob("*")
            if file.is_file() and file.name != MANIFEST
        }

    def times(self) -> dict[str, int]:
        return {path: (self.folder / path).stat().st_mtime_ns for path in self.files()}

    def changed(self, before: dict[str, int]) -> set[str]:
        now = self.times()
        return {path for path in before | now if before.get(path) != now.get(path)}


@contextmanager
def site_of(workplace: Workplace) -> Iterator[Site]:
    with workplace.open() as services:
        yield Site(workplace, services)


@pytest.fixture
def site(workplace: Workplace) -> Iterator[Site]:
    """Return the place to export a site of three articles in two categories to."""
    with site_of(workplace) as found:
        for name, category in (("a", "金融"), ("b", "金融"), ("c", "Science")):
            tell(found.services, name, category=category)
        yield found


def no_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise AssertionError("rendered though nothing changed")

    for name in ("article", "feed", "index", "edition", "editions"):
        monkeypatch.setattr(WebPages, name, refuse)
    monkeypatch.setattr(PageSnapshot, "contents", refuse)
    monkeypatch.setattr(PageSnapshot, "archived", refuse)


def test_all_of_the_site_is_there(site: Site) -> None:
    done = site.export()
    files = site.files()
    assert (done.written, done.unchanged, done.removed) == (len(files), 0, 0)
    assert done.written_bytes == done.total_bytes == sum(map(len, files.values()))
    for path in (
        "index.html",
        "404.html",
        "sitemap.xml",
        "robots.txt",
        "favicon.ico",
        ".nojekyll",
        "assets/style.css",
        "feeds/feed.css",
        "feeds/opml.xml",
        "feeds/index.html",
        "feeds/rss.xml",
        "feeds/金融/atom.xml",
        "feeds/Science/feed.json",
        "feeds/@authors/林海/index.html",
        "digests/daily/index.html",
        "digests/daily/atom.xml",
        page_of("a"),
    ):
        assert path in files, path


def test_pages_are_what_the_daemon_serves_without_a_search(site: Site) -> None:
    site.export()
    configuration = site.workplace.configuration
    text = configuration.read_text("utf-8")
    configuration.write_text(text.replace("[web]\n", "[web]\nsearch = false\n"), "utf-8")
    with site.workplace.open() as services:
        for path, content in site.files().items():
            folder, _, name = path.rpartition("/")
            if name == "index.html" and not folder.startswith("digests/"):
                answer = site.workplace.see(services, f"{folder}/" if folder else "")
                assert (answer.status_code, answer.content) == (200, content), path


def test_pages_lead_neither_to_a_search_nor_to_pages_of_older_articles(
    workplace: Workplace,
) -> None:
    workplace.configure(SMALL)
    with workplace.open() as services:
        for name in "abc":
            tell(services, name)
        site = Site(workplace, services)
        site.export()
        for path, content in site.files().items():
            if path.endswith(".html"):
                assert b"search/" not in content, path
                assert b"before=" not in content, path


@pytest.mark.parametrize("archives", [True, False])
def test_feeds_are_those_of_the_output_folder(workplace: Workplace, archives: bool) -> None:
    workplace.configure(f"{SMALL}archives = {str(archives).lower()}\n")
    with site_of(workplace) as site:
        for number in range(7):
            tell(site.services, f"{number}", category=("金融", "Science")[number % 2])
        site.services.publish()
        site.export(archives=archives)
        files = site.files()
        published = workplace.published()
        feeds = {path for path in published if not path.endswith((".br", ".gz"))}
        assert {path: files[path] for path in feeds} == {path: published[path] for path in feeds}
        assert {"feeds/opml.xml", "feeds/feed.css", "feeds/@authors/林海/rss.xml"} < feeds


def test_a_second_export_renders_nothing_and_touches_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.export()
    before, manifest = site.times(), (site.folder / MANIFEST).stat()
    no_rendering(monkeypatch)
    done = site.export()
    assert (done.written, done.unchanged, done.removed) == (0, first.written, 0)
    assert (done.written_bytes, done.total_bytes) == (0, first.total_bytes)
    assert site.changed(before) == set()
    assert (site.folder / MANIFEST).stat().st_ino == manifest.st_ino


def test_a_copy_with_other_times_is_not_written_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a clone of a repository has them, which a pages host may be fed from."""
    site.export()
    copied = site.folder.with_name("copied")
    shutil.copytree(site.folder, copied, copy_function=shutil.copyfile)
    shutil.rmtree(site.folder)
    copied.rename(site.folder)
    no_rendering(monkeypatch)
    assert site.export().written == 0
    # What it has learnt spares the next one reading them all.
    monkeypatch.setattr(ExportFolder, "hash", None)
    assert site.export().written == 0


def test_it_has_the_pictures_that_articles_show_and_no_others(site: Site) -> None:
    shown, other = (f"{number:032x}.png" for number in range(2))
    copies = site.services.settings.asset_folder()
    copies.mkdir(parents=True)
    for name in (shown, other, ".bytes"):
        (copies / name).write_bytes(name.encode())
    tell(site.services, "c", category="Science", shown=f'<img src="{URL}/assets/{shown}">')
    site.export()
    brought = {path: content for path, content in site.files().items() if path.endswith(".png")}
    assert brought == {f"assets/{shown}": shown.encode()}


def test_only_what_an_article_is_in_changes_with_it(site: Site) -> None:
    site.export()
    before = site.times()
    site.workplace.clock.advance(hours=1)
    tell(site.services, "c", title="更正", category="Science")
    site.export()
    changed = site.changed(before)
    assert page_of("c") in changed
    assert {"index.html", "feeds/rss.xml", "feeds/Science/rss.xml", "sitemap.xml"} <= changed
    assert not any("金融" in path or path == page_of("a") for path in changed)
    assert "更正".encode() in (site.folder / "feeds/Science/rss.xml").read_bytes()


def test_what_is_withdrawn_is_removed_with_its_folders(site: Site) -> None:
    site.export()
    site.services.store.withdrawals.withdraw([article_key("c")], site.services.clock())
    done = site.export()
    assert done.removed == 5, "the article's page, and four files of its category"
    assert not (site.folder / page_of("c")).parent.exists()
    assert not (site.folder / "feeds/Science").exists()
    assert article_key("c").encode() not in (site.folder / "sitemap.xml").read_bytes()
    site.services.store.withdrawals.restore([article_key("c")], site.services.clock())
    assert site.export().removed == 0
    assert (site.folder / page_of("c")).exists()


def test_files_of_others_stay(site: Site) -> None:
    theirs = {
        "CNAME": b"news.example",
        ".git/HEAD": b"ref",
        "robots.txt": b"User-agent: *\n",
        f"{page_of('c').removesuffix('index.html')}note.txt": b"n",
        "feeds/Science/own/rss.xml": b"r",
    }
    for path, content in theirs.items():
        (site.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (site.folder / path).write_bytes(content)
    assert site.export().in_the_way == ()
    site.services.store.withdrawals.withdraw([article_key("c")], site.services.clock())
    site.export()
    files = site.files()
    assert {path: files[path] for path in theirs} == theirs
    assert page_of("c") not in files
    assert "feeds/Science/rss.xml" not in files


def test_a_file_of_others_in_the_way_is_left_and_told(site: Site) -> None:
    site.folder.mkdir()
    (site.folder / "index.html").write_text("mine")
    (site.folder / "feeds").mkdir()
    (site.folder / "feeds/rss.xml").symlink_to(site.workplace.configuration)
    for _ in range(2):
        done = site.export()
        assert set(done.in_the_way) == {"index.html", "feeds/rss.xml"}
    assert (site.folder / "index.html").read_text() == "mine"
    assert (site.folder / "feeds/rss.xml").is_symlink()
    assert "feeds/atom.xml" in site.files()
    (site.folder / "index.html").unlink()
    (site.folder / "feeds/rss.xml").unlink()
    done = site.export()
    assert (done.in_the_way, done.written) == ((), 2)


def test_a_file_that_somebody_changed_is_told_and_written_anew(site: Site) -> None:
    site.export()
    good = site.files()
    (site.folder / "index.html").write_text("edited")
    content = good["feeds/atom.xml"]
    (site.folder / "feeds/atom.xml").write_bytes(content.replace(b"<feed", b"<fool"))
    (site.folder / page_of("a")).unlink()
    shutil.rmtree(site.folder / "feeds/金融")
    done = site.export()
    assert set(done.edited) == {"index.html", "feeds/atom.xml"}
    assert site.files() == good


def test_a_file_that_somebody_changed_stays_where_it_is_of_no_use_any_more(site: Site) -> None:
    site.export()
    (site.folder / page_of("c")).write_text("edited")
    site.services.store.withdrawals.withdraw([article_key("c")], site.services.clock())
    done = site.export()
    assert done.kept == (page_of("c"),)
    assert (site.folder / page_of("c")).read_text() == "edited"
    assert site.export().kept == (), "from then on it is theirs"


def test_a_manifest_is_on_the_disk_before_it_takes_the_place_of_the_last_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A loss of power else may leave an empty one, and every file is somebody else's.
    synced: list[bytes] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append((site.folder / ".digest-export.tmp").read_bytes())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr("digest.feeds.publish.output_folder.sync_file_system", lambda _: None)
    site.export()
    begun, ended = map(Manifest.decode, synced)
    assert begun.begun
    assert not ended.begun
    assert synced[-1] == (site.folder / MANIFEST).read_bytes()


def test_what_is_the_same_without_a_manifest_is_taken_over(site: Site) -> None:
    site.export()
    (site.folder / MANIFEST).unlink()
    before = site.times()
    tell(site.services, "c", title="更正", category="Science")
    done = site.export()
    assert page_of("c") in done.in_the_way, "nobody knows who wrote it"
    assert page_of("a") not in done.in_the_way
    assert site.changed(before) == set()
    site.services.store.withdrawals.withdraw([article_key("a")], site.services.clock())
    site.export()
    assert not (site.folder / page_of("a")).exists()


@pytest.mark.parametrize("last", [1, 2, 10, 20])
def test_an_export_that_was_killed_is_gone_on_with(
    site: Site, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    write = ExportFolder.write

    def kill() -> None:
        left = iter(range(last))

        def write_or_die(
            folder: ExportFolder, path: str, content: bytes, *, lasting: bool = False
        ) -> object:
            if path != MANIFEST and next(left, None) is None:
                raise Killed
            return write(folder, path, content, lasting=lasting)

        with monkeypatch.context() as patch:
            patch.setattr(ExportFolder, "write", write_or_die)
            patch.setattr(exporting._Run, "end", lambda _: None)  # nothing comes after a kill
            with pytest.raises(Killed):
                site.export()

    kill()
    tell(site.services, "a", title="更正")
    tell(site.services, "d")
    kill()
    site.services.store.withdrawals.withdraw([article_key("b")], site.services.clock())
    done = site.export()
    assert (done.edited, done.kept, done.in_the_way) == ((), (), ())
    files = site.files()
    assert page_of("b") not in files
    shutil.rmtree(site.folder)
    site.export()
    assert site.files() == files


def test_a_full_disk_leaves_whole_files_and_the_next_export_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ExportFolder.write
    written: list[str] = []

    def fill_up(
        folder: ExportFolder, path: str, content: bytes, *, lasting: bool = False
    ) -> object:
        if len(written) == 12:
            raise OutputError(folder._root / path, "No space left on device")
        written.append(path)
        return write(folder, path, content, lasting=lasting)

    with monkeypatch.context() as patch:
        patch.setattr(ExportFolder, "write", fill_up)
        with pytest.raises(OutputError, match="No space left"):
            site.export()
    there = site.files()
    assert len(there) == 11, "and the manifest"
    before = site.times()
    done = site.export()
    assert (done.in_the_way, done.edited) == ((), ())
    assert done.unchanged == 11
    assert not site.changed(before) & there.keys()


def test_a_file_that_cannot_be_written_is_named(site: Site) -> None:
    site.folder.mkdir()
    (site.folder / "articles").write_text("a file")
    with pytest.raises(OutputError, match="articles: is a file or a link; expected a folder"):
        site.export()
    (site.folder / "articles").unlink()
    (site.folder / "feeds/rss.xml").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"rss\.xml: is a folder; expected a file, or nothing"):
        site.export()


def test_nothing_is_written_or_removed_through_a_link(site: Site, tmp_path: Path) -> None:
    site.export()
    elsewhere = tmp_path / "elsewhere"
    shutil.move(site.folder / "articles", elsewhere)
    (site.folder / "articles").symlink_to(elsewhere)
    before = sorted(elsewhere.rglob("*"))
    site.services.store.withdrawals.withdraw([article_key("c")], site.services.clock())
    with pytest.raises(OutputError, match="articles: is a file or a link; expected a folder"):
        site.export()
    tell(site.services, "d")
    with pytest.raises(OutputError, match="articles: is a file or a link; expected a folder"):
        site.export()
    assert sorted(elsewhere.rglob("*")) == before


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 9}'])
def test_a_manifest_that_cannot_be_read_stops_the_export(site: Site, content: bytes) -> None:
    site.export()
    before = site.files()
    (site.folder / MANIFEST).write_bytes(content)
    with pytest.raises(OutputError, match=r"digest-export\.json: .*; restore it, or delete it"):
        site.export()
    assert site.files() == before


def test_two_exports_into_one_folder_do_not_meet(site: Site) -> None:
    site.folder.mkdir()
    with (
        ExportFolder(site.folder).locked(),
        pytest.raises(OutputError, match="another `digest export` is writing there"),
    ):
        site.export()


def test_a_folder_that_is_a_file_is_refused(site: Site) -> None:
    site.folder.write_text("x")
    with pytest.raises(OutputError, match="is a file; expected a folder or nothing"):
        site.export()


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("public", "is the folder of paths.output"),
        ("public/feeds", "lies in the folder of paths.output"),
        ("articles/site", r"lies in the folder of paths.articles "),
        ("data", "is the folder of paths.data"),
        (".", "holds the folder of paths"),
        ("link", "is the folder of paths.output"),
    ],
)
def test_a_folder_of_another_use_is_refused(site: Site, path: str, problem: str) -> None:
    site.services.publish()
    (site.workplace.folder / "link").symlink_to(site.workplace.output)
    before = site.workplace.published()
    with pytest.raises(ConfigurationError, match=problem):
        make_exporter(site.services, site.workplace.folder / path, url=URL, archives=False)
    assert site.workplace.published() == before


def test_another_program_or_template_makes_all_anew_and_writes_what_differs(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.export()
    before = site.times()
    rendered: list[object] = []

    def remember(*arguments: object) -> object:
        rendered.append(arguments)
        return article_pages(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(exporting, "article_pages", remember)
    monkeypatch.setattr(exporting, "__version__", "9.9")
    done = site.export()
    assert rendered
    assert (done.written, site.changed(before)) == (0, set())
    page = WebPages.article
    monkeypatch.setattr(WebPages, "article", lambda *of: page(*of) + b"<!-- restyled -->")
    monkeypatch.setattr(WebPages, "fingerprint", "restyled")
    site.export()
    assert site.changed(before) == {page_of(name) for name in "abc"}


def test_an_older_database_makes_all_anew(site: Site, workplace: Workplace) -> None:
    site.export()
    database = workplace.folder / "data/digest.db"
    backup = database.with_suffix(".bak")
    shutil.copyfile(database, backup)
    site.services.store.close()
    tell(site.services, "a", title="会丢的")
    workplace.clock.advance(hours=1)
    site.export()
    site.services.store.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(backup, database)
    with site_of(workplace) as restored:
        assert restored.export().written > 0
        assert "会丢的".encode() not in b"".join(restored.files().values())
        tell(restored.services, "a", title="另一个")
        restored.export()
        assert "另一个".encode() in (restored.folder / page_of("a")).read_bytes()
        assert "另一个".encode() in (restored.folder / "feeds/rss.xml").read_bytes()


def test_an_export_is_of_one_moment(site: Site) -> None:
    def interfere(done: int, total: int) -> None:
        if done == 0:
            tell(site.services, "new", title="后来的")
            site.services.store.withdrawals.withdraw([article_key("a")], site.services.clock())

    done = site.export(progress=interfere)
    files = site.files()
    assert page_of("a") in files
    assert page_of("new") not in files
    assert "后来的".encode() not in b"".join(files.values())
    assert article_key("a").encode() in files["feeds/rss.xml"]
    site.export()
    assert page_of("a") not in site.files()
    assert page_of("new") in site.files()
    assert done.written == len(files)


def test_progress_tells_files_done_and_of_how_many(site: Site) -> None:
    told: list[tuple[int, int]] = []
    done = site.export(progress=lambda *now: told.append(now))
    assert told[0] == (0, done.written)
    assert told[-1] == (done.written, done.written)
    assert told == sorted(told)
    told.clear()
    site.export(progress=lambda *now: told.append(now))
    assert told[-1] == (done.written, done.written)


def test_articles_are_read_some_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_BATCH", 2)
    read = PageSnapshot.articles_of
    counts: list[int] = []

    def count(snapshot: PageSnapshot, sequences: list[int]) -> object:
        counts.append(len(sequences))
        return read(snapshot, sequences)

    monkeypatch.setattr(PageSnapshot, "articles_of", count)
    site.export()
    assert counts[:2] == [2, 1]


def test_another_address_changes_every_link_and_no_id(site: Site) -> None:
    site.export()
    here = site.files()
    site.export(url="https://user.example/blog")
    there = site.files()
    assert here.keys() == there.keys()
    for path, content in there.items():
        assert b"127.0.0.1" not in content.replace(b"tag:127.0.0.1", b""), path
    for path in ("feeds/atom.xml", "feeds/rss.xml", "feeds/feed.json", "digests/daily/atom.xml"):
        ids = re.compile(rb'tag:[^<"]+')
        assert ids.search(here[path]), path
        assert ids.findall(there[path]) == ids.findall(here[path]), path
    assert b'href="/blog/assets/style.css"' in there["index.html"]
    assert b'href="/blog/feeds/feed.css"' in there["feeds/rss.xml"]
    assert b"https://user.example/blog/feeds/rss.xml" in there["feeds/opml.xml"]
    assert b"Sitemap: https://user.example/blog/sitemap.xml" in there["robots.txt"]


def test_hubs_are_named_at_the_sites_own_address_alone(workplace: Workplace) -> None:
    workplace.configure('\n[feeds]\nhubs = ["https://hub.example/"]\n')
    with site_of(workplace) as site:
        tell(site.services, "a")
        site.export()
        for name in ("rss.xml", "atom.xml", "feed.json"):
            assert b"https://hub.example/" in site.files()[f"feeds/{name}"]
        site.export(url="https://copy.example")
        assert b"hub.example" not in b"".join(site.files().values())


def test_archives_are_told_only_where_they_are_written(workplace: Workplace) -> None:
    workplace.configure(SMALL)
    with site_of(workplace) as site:
        for number in range(5):
            tell(site.services, f"{number}")
        site.services.publish()
        site.export(archives=True)
        files = site.files()
        feed = etree.fromstring(files["feeds/atom.xml"])
        (previous,) = [one.get("href") for one in feed if one.get("rel") == "prev-archive"]
        assert previous == f"{URL}/feeds/archive.d/2/atom.xml"
        assert {f"feeds/金融/archive.d/{number}/feed.json" for number in (1, 2)} <= files.keys()
        assert json.loads(files["feeds/feed.json"])["next_url"].endswith("/archive.d/2/feed.json")
        assert not [path for path in files if path.endswith("archive.d/1/rss.xml")]
        assert b"Disallow: /feeds/archive.d/" in files["robots.txt"]
        assert b"archive.d" not in files["sitemap.xml"]

        done = site.export()
        files = site.files()
        assert done.removed > 0
        assert b"archive" not in b"".join(
            content for path, content in files.items() if "feeds" in path
        )
        assert b"next_url" not in files["feeds/feed.json"]


def test_an_archive_follows_its_articles_and_no_others(workplace: Workplace) -> None:
    workplace.configure(SMALL)
    with site_of(workplace) as site:
        for number in range(7):
            tell(site.services, f"{number}")
            workplace.clock.advance(minutes=1)
        site.services.publish()
        site.export(archives=True)
        before = site.times()
        tell(site.services, "0", title="更正")
        site.services.store.withdrawals.withdraw([article_key("1")], site.services.clock())
        site.export(archives=True)
        changed = {path for path in site.changed(before) if path.startswith("feeds/archive.d")}
        assert changed == {"feeds/archive.d/1/atom.xml", "feeds/archive.d/1/feed.json"}
        assert article_key("1").encode() not in site.files()["feeds/archive.d/1/feed.json"]


def test_archives_that_the_configuration_has_none_of_are_refused(workplace: Workplace) -> None:
    workplace.configure("\n[feeds]\narchives = false\n")
    with site_of(workplace) as site, pytest.raises(ConfigurationError, match=r"feeds\.archives"):
        site.export(archives=True)


def test_the_sitemap_names_pages_that_are_to_be_found(site: Site) -> None:
    tell(site.services, "d", link="https://example.org/d")
    site.export()
    told = site.files()["sitemap.xml"]
    addresses = {one.text for one in etree.fromstring(told).iter("{*}loc")}
    assert f"{URL}/articles/{article_key('a')}/" in addresses
    assert f"{URL}/articles/{article_key('d')}/" not in addresses, "its own link is to be found"
    assert {
        f"{URL}/",
        f"{URL}/feeds/",
        f"{URL}/feeds/Science/",
        f"{URL}/digests/daily/",
    } <= addresses
    for path, content in site.files().items():
        if path.endswith("index.html"):
            address = site.services.site.link(path.removesuffix("index.html"))
            canonical = f'rel="canonical" href="{address}"'.encode() in content
            assert canonical == (address in addresses), path


def test_editions_are_exported_and_follow_their_articles(site: Site) -> None:
    services = site.services
    services.store.editions.start_digests(["daily"], services.clock())
    for number in (1, 2):
        site.workplace.clock.advance(hours=1)
        tell(services, f"new {number}", title=f"新{number}")
        now = services.clock()
        assert services.store.editions.open_edition(services.digests["daily"], now, now)
    site.export()
    files = site.files()
    assert {path for path in files if path.startswith("digests/daily/")} == {
        f"digests/daily/{name}"
        for name in ("index.html", "atom.xml", "1/index.html", "2/index.html")
    }
    assert b"sample" not in files["digests/daily/index.html"]
    before = site.times()
    tell(services, "new 1", title="改")
    site.export()
    assert "改".encode() in site.files()["digests/daily/1/index.html"]
    site.workplace.clock.advance(hours=1)
    assert "digests/notes/index.html" not in site.changed(before)


def test_a_database_that_fails_leaves_what_was_done(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> object:
        raise StoreError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(PageSnapshot, "contents", fail)
        with pytest.raises(StoreError):
            site.export()
    there = site.files()
    assert page_of("a") in there
    done = site.export()
    assert (done.unchanged, done.in_the_way) == (len(there), ())


def test_files_are_readable_for_web_servers(site: Site) -> None:
    old = os.umask(0o022)
    try:
        site.export()
    finally:
        os.umask(old)
    for path in (site.folder, *site.folder.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_the_feeds_of_an_export_keep_their_limit_of_bytes(workplace: Workplace) -> None:
    workplace.configure("\n[feeds]\nmax_bytes = 100_000\n", base=CONFIGURATION)
    with site_of(workplace) as site:
        for number in range(5):
            one = reading(f"{number}.md", title="长", body=f"<p>{'长' * 20_000}</p>")
            site.services.store.articles.record(
                [one], site.services.clock() + timedelta(minutes=number)
            )
        site.export()
        for path, content in site.files().items():
            if path.startswith("feeds/") and path.endswith((".xml", ".json")):
                assert len(content) <= 100_000, path
        assert site.files()["feeds/atom.xml"].count(b"<entry") == 5
