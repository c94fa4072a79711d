"""What the configuration means to the packages below: values, with their own defaults."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from pydantic import ValidationError

from digest.app.builders import make_schedules, make_transport
from digest.articles.cleaning.rules import Rule
from digest.articles.draft_options import AssetOptions, LinkOptions
from digest.articles.filters import ArticleFilter, Criteria
from digest.articles.model import CategoryPath
from digest.editions.model import Digest
from digest.errors import ConfigurationError
from digest.feeds.catalog import CustomFeed
from digest.feeds.model import ATOM, JSON, RSS
from digest.mail.delivery.rate_limit import Limits
from digest.mail.transports.maildir import MaildirTransport
from digest.mail.transports.model import SendmailCommand
from digest.mail.transports.sendmail import SendmailTransport
from digest.mail.transports.smtp.pool import SmtpTransport
from digest.scheduling.schedule import Schedule
from digest.settings import Settings, load
from digest.settings.options import ArticlesTable
from tests.defaults import default_options


def settings(tmp_path: Path, text: str = "") -> Settings:
    path = tmp_path / "digest.toml"
    path.write_text(text, "utf-8")
    return load(path, {})


def test_an_empty_file_is_enough(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.paths.articles == {".": tmp_path / "articles"}
    assert found.paths.output == tmp_path / "public"
    assert found.mail.maildir == tmp_path / "mail"
    assert found.database_url() == f"sqlite:///{tmp_path}/data/digest.db"
    assert found.sender().address == "digest@localhost"
    assert found.feed_plan(found.site()).formats == (RSS, ATOM, JSON)


class TestFeeds:
    TEXT = """
[site]
language = "zh-cn"

[feeds.custom.ships]
title = "航运"
words = ["船", "ship"]
categories = ["商业/ 航运"]
limit = 7
content = "summary"
formats = ["json", "rss"]

[feeds.custom.others.exclude]
authors = ["某人"]
languages = ["en"]
"""

    def test_those_of_the_operators_are_taken_apart(self, tmp_path: Path) -> None:
        found = settings(tmp_path, self.TEXT)
        ships = Criteria(words=("船", "ship"), categories=(CategoryPath(("商业", "航运")),))
        others = Criteria(authors=("某人",), languages=("en",))
        assert found.ingest_policy().filters == (
            ArticleFilter(name="ships", wanted=ships),
            ArticleFilter(name="others", unwanted=others),
        )
        assert found.custom_feeds() == (
            CustomFeed(name="ships", title="航运", full=False, formats=(JSON, RSS), limit=7),
            CustomFeed(name="others"),
        )

    def test_articles_without_a_language_speak_the_sites(self, tmp_path: Path) -> None:
        assert settings(tmp_path, self.TEXT).ingest_policy().language == "zh-CN"

    def test_the_environment_may_define_one(self, tmp_path: Path) -> None:
        path = tmp_path / "digest.toml"
        path.write_text("")
        found = load(path, {"DIGEST_FEEDS__CUSTOM__SHIPS__WORDS": '["ship"]'})
        assert found.ingest_policy().filters == (
            ArticleFilter(name="ships", wanted=Criteria(words=("ship",))),
        )

    def test_there_are_none_by_default(self, tmp_path: Path) -> None:
        found = settings(tmp_path)
        assert found.ingest_policy().filters == ()
        assert found.custom_feeds() == ()
        assert found.feeds.authors
        assert found.feeds.languages


def test_nothing_can_be_changed_afterwards(tmp_path: Path) -> None:
    found = settings(tmp_path)
    with pytest.raises(ValidationError):
        found.web.port = 1


class TestSite:
    def test_addresses_are_written_in_ascii_without_a_slash_at_the_end(
        self, tmp_path: Path
    ) -> None:
        site = settings(tmp_path, "[site]\nurl = 'https://例子.example:8443/新闻/'").site()
        assert site.url == "https://xn--fsqu00a.example:8443/%E6%96%B0%E9%97%BB"

    @pytest.mark.parametrize(
        ("url", "authority"),
        [
            ("https://news.example.org", "news.example.org,2026"),
            ("http://127.0.0.1:8000", "127.0.0.1,2026"),
            ("http://[::1]:8000", "1,2026"),
        ],
    )
    def test_its_authority_comes_from_its_address(
        self, tmp_path: Path, url: str, authority: str
    ) -> None:
        assert settings(tmp_path, f"[site]\nurl = '{url}'").site().authority == authority

    def test_pictures_and_rights_are_optional(self, tmp_path: Path) -> None:
        site = settings(tmp_path).site()
        assert (site.icon, site.logo, site.copyright) == ("", "", "")
        text = "[site]\nicon = 'https://例子.example/图.png'\ncopyright = ' © 2026 Ferry '"
        site = settings(tmp_path, text).site()
        assert site.icon == "https://xn--fsqu00a.example/%E5%9B%BE.png"
        assert site.copyright == "© 2026 Ferry"

    def test_hubs_are_written_in_ascii_with_a_path(self, tmp_path: Path) -> None:
        hubs = (
            "'https://枢纽.example', 'https://hub.example:8443/push?to=新',"
            "'http://127.0.0.1:9000/', 'http://[::1]/', 'http://hub.localhost/'"
        )
        assert settings(tmp_path, f"[feeds]\nhubs = [{hubs}]").site().hubs == (
            "https://xn--mtv572c.example/",
            "https://hub.example:8443/push?to=%E6%96%B0",
            "http://127.0.0.1:9000/",
            "http://[::1]/",
            "http://hub.localhost/",
        )

    def test_a_hub_in_a_network_of_ones_own_may_speak_http(self, tmp_path: Path) -> None:
        text = "[feeds]\nhubs = ['http://hub.internal:8080']\nhubs_over_http = true"
        assert settings(tmp_path, text).site().hubs == ("http://hub.internal:8080/",)

    def test_a_known_authority_wins_so_that_ids_stay(self, tmp_path: Path) -> None:
        found = settings(tmp_path, "[site]\nauthority = 'old.example.org,2019-05'")
        assert found.site().authority == "old.example.org,2019-05"
        assert found.site("first.example.org,2018").authority == "first.example.org,2018"


class TestDraftOptions:
    def test_its_defaults_are_those_of_the_value(self, tmp_path: Path) -> None:
        options = settings(tmp_path).draft_options()
        assert options == default_options(language="en", assets=options.assets)
        assert options.assets
        assert options.assets.foreign == ()

    def test_what_upstream_feeds_write_is_foreign(self, tmp_path: Path) -> None:
        text = "[sources.harbour]\nurl = 'https://harbour.example/feed'"
        assets = settings(tmp_path, text).draft_options().assets
        assert assets
        assert assets.foreign == ("sources",)

    def test_it_holds_every_option(self, tmp_path: Path) -> None:
        text = r"""
            [site]
            url = "https://news.example"
            timezone = "Europe/Berlin"
            [paths]
            assets = "copies"
            [database]
            url = "sqlite:///FOLDER/a.db"
            [mail]
            maildir = "letters"
            token_keys = ["old.key"]
            [articles]
            assets = ["static"]
            asset_types = ["pdf"]
            max_asset_bytes = 2048
            max_asset_folder_bytes = 3000000
            summary_length = 99
            placeholder_hosts = ["Placeholder.Example"]
            embeds = ["Video.Example"]
            image_proxy = "https://img.example/?u={url}&w=640"
            referrer_policy = "same-origin"
            category_style = "flat"
            [articles.category_map]
            "a / Ａ" = "b/ c"
            "广告" = ""
            [sanitizer]
            engines = ["nh3"]
            [[rules]]
            category = "a / b"
            host = "*.example.org"
            path = "a/*"
            drop = [".d"]
            unwrap = [".u"]
            keep = [".k"]
            strong = [".s"]
            attributes = { data-large = "src" }
            [[rules.replace]]
            pattern = "a(b)"
            with = '<\g<1>>'
            [[rules.replace]]
            pattern = "c"
            [[rules]]
        """
        text = text.replace("FOLDER", str(tmp_path))
        assert settings(tmp_path, text).draft_options() == default_options(
            language="en",
            assets=AssetOptions(
                url="https://news.example/assets/",
                target=str(tmp_path / "copies"),
                roots=((".", str(tmp_path / "articles")),),
                folders=(str(tmp_path / "static"),),
                hidden=tuple(
                    str(tmp_path / name)
                    for name in (
                        *("public", "copies", "digest.toml", "data"),
                        *("a.db", "a.db-wal", "a.db-shm", "a.db-journal", "letters", "old.key"),
                    )
                ),
                linked=("pdf",),
                max_bytes=2_048,
                max_folder_bytes=3_000_000,
                links=LinkOptions(
                    site="https://news.example/",
                    timezone="Europe/Berlin",
                    include=ArticlesTable().include,
                    exclude=ArticlesTable().exclude,
                ),
            ),
            timezone="Europe/Berlin",
            engines=("nh3",),
            summary_length=99,
            placeholder_hosts=("placeholder.example",),
            embeds=("video.example",),
            image_proxy="https://img.example/?u={url}&w=640",
            referrer_policy="same-origin",
            category_style="flat",
            category_map=(("a/Ａ", "b/c"), ("广告", "")),
            rules=(
                Rule(
                    category=CategoryPath(("a", "b")),
                    host="*.example.org",
                    path="a/*",
                    drop=(".d",),
                    unwrap=(".u",),
                    keep=(".k",),
                    strong=(".s",),
                    attributes=(("data-large", "src"),),
                    replace=(("a(b)", r"<\g<1>>"), ("c", "")),
                ),
                Rule(),
            ),
        )


class TestDigest:
    def test_what_it_does_not_say_comes_from_the_site(self, tmp_path: Path) -> None:
        text = (
            "[site]\ntitle = '新闻'\nlanguage = 'zh-CN'\ntimezone = 'Asia/Shanghai'\n"
            "[digests.daily]\ncategories = [' 科技 / 网络 ', 'Cafe\u0301']"
        )
        assert settings(tmp_path, text).digest("daily") == Digest(
            name="daily",
            title="新闻",
            categories=(CategoryPath(("科技", "网络")), CategoryPath(("Caf\u00e9",))),
            language="zh-CN",
            timezone="Asia/Shanghai",
        )

    def test_what_it_says_wins(self, tmp_path: Path) -> None:
        text = (
            "[digests.weekly]\ntitle = 'Week'\nsubject = 'S'\ntemplate = 'short'\nmax_items = 7\n"
            "language = 'en-GB'\ntimezone = 'Europe/Berlin'"
        )
        assert settings(tmp_path, text).digest("weekly") == Digest(
            name="weekly",
            title="Week",
            subject="S",
            template="short",
            max_items=7,
            language="en-GB",
            timezone="Europe/Berlin",
        )

    @pytest.mark.parametrize(
        ("zone", "expected"),
        [
            ("", "Asia/Tokyo"),
            ("timezone = 'Europe/Berlin'", "Europe/Berlin"),
            ("timezone = 'subscriber'", "Asia/Tokyo"),
        ],
    )
    def test_its_schedule_is_made_of_what_it_says(
        self, tmp_path: Path, zone: str, expected: str
    ) -> None:
        text = (
            "[site]\ntimezone = 'Asia/Tokyo'\n[digests.d]\n"
            "schedule = ['weekly mon  07:00', '0 9 * * sat']\nskip = ['sun', 2026-10-01]\n"
        )
        found = make_schedules(settings(tmp_path, text + zone))["d"]
        assert found == Schedule(
            ("weekly mon 07:00", "0 9 * * sat"),
            expected,
            skip=("sun", "2026-10-01"),
            local="subscriber" in zone,
        )
        digest = settings(tmp_path, text + zone).digest("d")
        assert (digest.timezone, digest.local) == (expected, "subscriber" in zone)

    def test_the_environment_may_say_several_times(self, tmp_path: Path) -> None:
        path = tmp_path / "digest.toml"
        path.write_text("")
        lists = ('["daily 07:00", "weekly sat 09:30"]', '["12-25"]')
        variables = ("DIGEST_DIGESTS__D__SCHEDULE", "DIGEST_DIGESTS__D__SKIP")
        table = load(path, dict(zip(variables, lists, strict=True))).digests["d"]
        assert (table.schedule, table.skip) == (("daily 07:00", "weekly sat 09:30"), ("12-25",))

    def test_its_defaults_are_those_of_the_value(self, tmp_path: Path) -> None:
        table = settings(tmp_path, "[digests.daily]").digests["daily"]
        defaults = {field.name: field.default for field in fields(Digest)}
        assert table.subject == defaults["subject"]
        assert table.template == defaults["template"]
        assert table.max_items == defaults["max_items"]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("[digests.daily]", "there is no such digest; did you mean 'daily'?"),
            ("[digests.a]\n[digests.b]", "there is no such digest; known are: a, b"),
            ("", "there is no such digest; known are: none"),
        ],
    )
    def test_one_that_is_not_there_is_told(self, tmp_path: Path, text: str, problem: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            settings(tmp_path, text).digest("dayly")
        assert str(caught.value) == f"digests = dayly: {problem}"


class TestMail:
    def test_the_sender_is_taken_apart(self, tmp_path: Path) -> None:
        sender = settings(
            tmp_path,
            "[mail]\nfrom = '每日 <news@例子.example>'\nreply_to = 'me@example.org'\n"
            "unsubscribe_address = 'leave@example.org'\n"
            "postal_address = '''\n1 Main Street  \nTown\n'''",
        ).sender()
        assert (sender.name, sender.address) == ("每日", "news@xn--fsqu00a.example")
        assert sender.reply_to == "me@example.org"
        assert sender.unsubscribe == "leave@example.org"
        assert sender.postal_address == "1 Main Street\nTown"

    def test_the_server_gets_all_there_is(self, tmp_path: Path) -> None:
        server = settings(
            tmp_path,
            "[mail]\ntransport = 'smtp'\nfrom = 'news@example.org'\n[mail.smtp]\n"
            "host = 'mail.example.org'\nport = 465\ntls = 'tls'\nusername = 'me'\n"
            "password = 'hunter2'\nconnections = 3\ntimeout = 'PT5S'\nca_file = 'ca.pem'",
        ).smtp()
        assert (server.host, server.port, server.tls) == ("mail.example.org", 465, "tls")
        assert (server.username, server.password) == ("me", "hunter2")
        assert (server.connections, server.timeout) == (3, timedelta(seconds=5))
        assert server.ca == tmp_path / "ca.pem"

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
    def test_a_password_may_go_unencrypted_to_this_machine(self, tmp_path: Path, host: str) -> None:
        text = f"[mail.smtp]\nhost = '{host}'\ntls = 'none'\nusername = 'me'\npassword = 'x'"
        assert settings(tmp_path, text).smtp().tls == "none"

    def test_without_a_server_there_is_none_to_ask_for(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"mail\.smtp\.host: is required"):
            settings(tmp_path).smtp()


class TestFolders:
    def test_paths_start_at_the_files_folder(self, tmp_path: Path) -> None:
        with patch.dict("os.environ", {"HOME": "/home/somebody"}):
            paths = settings(
                tmp_path, "[paths]\narticles = '../a'\noutput = '/srv/out'\ndata = '~/data'"
            ).paths
        assert paths.articles == {".": tmp_path.parent / "a"}
        assert paths.output == Path("/srv/out")
        assert paths.data == Path("/home/somebody/data")

    @pytest.mark.parametrize(
        ("paths", "problem"),
        [
            ("output = '.'", "must not hold the folder of paths.articles"),
            ("output = 'articles'", "must not hold the folder of paths.articles"),
            ("data = 'public/.data'", "must not hold the folder of paths.data"),
            ("output = 'articles/public'", "must not lie in the folder of paths.articles"),
        ],
    )
    def test_the_output_is_apart(self, tmp_path: Path, paths: str, problem: str) -> None:
        with pytest.raises(ConfigurationError, match=problem) as caught:
            settings(tmp_path, f"[paths]\n{paths}")
        assert caught.value.key == "paths.output"
        beside = settings(tmp_path, "[paths]\noutput = 'articles.public'").paths
        assert beside.output == tmp_path / "articles.public"

    def test_several_folders_of_articles_have_names(self, tmp_path: Path) -> None:
        table = '{ "." = "main", "博客 one.two" = "/srv/blog", home = "~/a" }'
        with patch.dict("os.environ", {"HOME": "/home/somebody"}):
            paths = settings(tmp_path, f"[paths]\narticles = {table}").paths
        assert paths.articles == {
            ".": tmp_path / "main",
            "博客 one.two": Path("/srv/blog"),
            "home": Path("/home/somebody/a"),
        }

    @pytest.mark.parametrize(
        ("paths", "key", "problem"),
        [
            ("articles = 1", "articles", "must be a path in quotes, or a table"),
            ("articles = {}", "articles", "must be a path in quotes, or a table"),
            ("articles = { a = 1 }", "articles", "must be a path in quotes, or a table"),
            ("articles = { a = '' }", "articles", "must be a path"),
            ("articles = { '.a' = 'a' }", "articles", "'.a' must be the name of a folder"),
            ("articles = { '..' = 'a' }", "articles", "'..' must be the name of a folder"),
            ("articles = { 'a/b' = 'a' }", "articles", "'a/b' must be the name of a folder"),
            ("articles = { '' = 'a' }", "articles", "'' must be the name of a folder"),
            ('articles = { "a\\nb" = "a" }', "articles", "must be one line"),
            ('articles = { "é" = "a", "e\u0301" = "b" }', "articles", "'é' is there twice"),
            ("articles = { a = 'x', b = 'x/y' }", "articles.b", "lie in the folder of paths.arti"),
            ("articles = { '.' = 'x', b = 'x' }", "articles", "lie in the folder of paths.art"),
            ("articles = { a = 'public/a' }", "output", "hold the folder of paths.articles.a"),
            ("articles = { a = '.' }", "output", "lie in the folder of paths.articles.a"),
            ("articles = { a = 'data/a' }", "data", "hold the folder of paths.articles.a"),
            ("articles = 'a'\ndata = 'a/d'", "data", "lie in the folder of paths.articles"),
        ],
    )
    def test_folders_of_articles_have_good_names_and_are_apart(
        self, tmp_path: Path, paths: str, key: str, problem: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            settings(tmp_path, f"[paths]\n{paths}")
        assert caught.value.key == f"paths.{key}"
        assert problem in caught.value.problem

    def test_configured_templates_win(self, tmp_path: Path) -> None:
        assert settings(tmp_path, "[paths]\ntemplates = 'own'").template_folder() == (
            tmp_path / "own"
        )

    def test_templates_come_with_the_program_otherwise(self, tmp_path: Path) -> None:
        assert (settings(tmp_path).template_folder() / "mail").is_dir()

    def test_a_database_of_another_kind_is_named_by_its_address(self, tmp_path: Path) -> None:
        url = "postgresql://u:p@localhost/digest"
        found = settings(tmp_path, f"[database]\nurl = '{url}'")
        assert found.database_url() == url
        assert "u:p" not in repr(found)


def test_how_mail_leaves_is_told_to_the_transport(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [mail]
        transport = "lmtp"
        from = "news@example.org"
        report_to = "ops@example.org"
        [mail.smtp]
        socket = "run/lmtp"
        cert_file = "client.pem"
        key_file = "client.key"
        verify = false
        idle = "3s"
        messages_per_connection = 7
        [mail.limits]
        messages_per_second = 5
        connections_per_domain = 2
        [mail.sendmail]
        command = ["/usr/bin/msmtp"]
        timeout = "5s"
        [digests.daily]
        expires = "2d"
        """,
    )
    server = found.smtp()
    assert server.address == str(tmp_path / "run" / "lmtp")
    assert (server.lmtp, server.tls, server.verify) == (True, "none", False)
    assert (server.certificate, server.key) == (tmp_path / "client.pem", tmp_path / "client.key")
    assert (server.idle, server.messages_per_connection) == (timedelta(seconds=3), 7)
    assert found.limits() == Limits(per_second=5, per_hour=None, per_domain=2)
    assert found.sendmail() == SendmailCommand(
        command=("/usr/bin/msmtp",), timeout=timedelta(seconds=5)
    )
    assert found.digest("daily").expires == timedelta(days=2)


@pytest.mark.parametrize(
    ("transport", "kind"),
    [
        ("smtp", SmtpTransport),
        ("lmtp", SmtpTransport),
        ("sendmail", SendmailTransport),
        ("maildir", MaildirTransport),
    ],
)
def test_every_transport_is_made(tmp_path: Path, transport: str, kind: type) -> None:
    text = f"[mail]\ntransport = '{transport}'\nfrom = 'a@example.org'\n[mail.smtp]\nhost = 'h'"
    assert type(make_transport(settings(tmp_path, text))) is kind


_MAIL = '[mail]\ntransport = "smtp"\nfrom = "a@b.org"\nsmtp.host = "h"\n'
_PUBLIC = '[site]\nurl = "https://news.example:8443/sub"\n'


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("", False),
        (_MAIL, False),
        (_PUBLIC, False),
        (_PUBLIC + _MAIL, True),
        (_PUBLIC + _MAIL + "[web]\nenabled = false\n", False),
        (_PUBLIC + _MAIL + "[web]\nsubscribe = false\n", False),
        ("[web]\nsubscribe = true\n", True),
        ("[web]\nsubscribe = true\nenabled = false\n", False),
    ],
)
def test_readers_subscribe_where_mail_reaches_them(
    tmp_path: Path, text: str, possible: bool
) -> None:
    assert settings(tmp_path, text).subscribing() is possible


def test_requests_to_subscribe_are_limited_as_configured(tmp_path: Path) -> None:
    web = (
        '[web]\nproxies = ["10.1.2.3/8", "::1"]\nblocked_domains = ["Bücher.example"]\n'
        "signups_per_day = 7\nsignups_per_network = 3\n"
    )
    policy = settings(tmp_path, _PUBLIC + web).signup_policy()
    assert policy.origin == "https://news.example:8443"
    assert [str(network) for network in policy.proxies] == ["10.0.0.0/8", "::1/128"]
    assert policy.blocked == ("xn--bcher-kva.example",)
    assert (policy.limits.total, policy.limits.network) == (7, 3)
