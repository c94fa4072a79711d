"""What is wrong with a configuration is told by key, value and what is allowed, all at once."""

from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from digest.errors import ConfigurationError
from digest.settings import find, load, problems
from tests.effort import effort


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "digest.toml"
    path.write_text("")
    return path


def told(file: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return every mistake as a person reads it, the file's folder left out."""
    file.write_text(text, "utf-8")
    return [str(error).replace(f"{file.parent}/", "") for error in problems(file, environ or {})]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        # keys
        ("[site]\ntitel = 'x'", "site.titel: no such key; did you mean 'title'?"),
        ("[mial]\nfrom = 'x'", "mial: no such key; did you mean 'mail'?"),
        ("[log]\nzzz = 1", "log.zzz: no such key; known here: level, format"),
        ("_env_file = 'x'", None),
        ("self = 1", None),
        (
            "[mail.smtp]\npasword = 'hunter2'",
            "mail.smtp.pasword: no such key; did you mean 'password'?",
        ),
        ("[mail]\npassword = 'x'", "mail.password: no such key; did you mean mail.smtp.password?"),
        ("report_to = 'x'", "report_to: no such key; did you mean mail.report_to?"),
        (
            "[mail]\nschedule = 'x'",
            "mail.schedule: no such key; did you mean digests.NAME.schedule?",
        ),
        (
            "[mail.smtp]\npassword_file = 'x'",
            (
                "mail.smtp.password_file: no such key; the file of a secret is named by "
                "$DIGEST_MAIL__SMTP__PASSWORD_FILE"
            ),
        ),
        (
            "[metrics]\nport = 'x'",
            'metrics.port = "x": must be a whole number from 0 to 65,535',
        ),
        ("[[rules]]\ndrp = []", "rules[0].drp: no such key; did you mean 'drop'?"),
        ("[digests.d]\ncron = ''", None),
        (
            "[[rules]]\n[[rules.replace]]\npattern = '(a'",
            (
                'rules[0].replace[0].pattern = "(a": must be a regular expression: '
                "missing ) at position 2"
            ),
        ),
        (
            "[[rules]]\n[[rules.replace]]\npattern = ''",
            'rules[0].replace[0].pattern = "": must be a text of 1 to 1,000 characters',
        ),
        ("[[rules]]\n[[rules.replace]]\nwith = ''", None),
        (
            "[[rules]]\n[[rules.replace]]\npattern = 'a'\nwith = '\\1'",
            'rules[0].replace[0].with = "\\\\1": must fit the pattern: invalid group reference',
        ),
        (
            "[articles]\nimage_proxy = 'https://img.example/'",
            (
                'articles.image_proxy = "https://img.example/": must be an http(s) address '
                "with one {url} in it, such as 'https://img.example/{url}'"
            ),
        ),
        ("[articles]\nreferrer_policy = 'never'", None),
        (
            "[articles]\ncategory_style = 'tree'",
            "articles.category_style = \"tree\": must be 'path' or 'flat'",
        ),
        (
            "[articles.category_map]\n'a//b' = 'c'",
            (
                'articles.category_map.a//b = "a//b": must be the names of categories joined by '
                "'/', such as '科技/网络'"
            ),
        ),
        (
            "[articles.category_map]\n'a' = 'b/'",
            (
                "articles.category_map.a = \"b/\": must be the names of categories joined by '/', "
                "such as '科技/网络'"
            ),
        ),
        (
            "[articles.category_map]\n'a' = 5",
            "articles.category_map.a = 5: must be a text in quotes",
        ),
        (
            "[articles.category_map]\n'a' = '—'",
            "articles.category_map.a = \"—\": must be 1 to 12 names joined by '/'",
        ),
        (
            "[articles.category_map]\n'甲.x' = '乙/丙'\n'乙' = ''",
            "articles.category_map.甲.x = \"乙/丙\": must not lie in '乙', which is moved itself",
        ),
        (
            "[articles.category_map]\n'AI' = 'x'\n'ａｉ' = 'y'",
            "articles.category_map.ａｉ: is the same category as 'AI'",
        ),
        (
            "[articles.category_map]\n'金融' = '财经'\n[digests.daily]\ncategories = ['金融/银行']",
            (
                "digests.daily.categories = \"金融/银行\": is called '财经/银行' by "
                "articles.category_map"
            ),
        ),
        (
            "[articles.category_map]\n'广告' = ''\n[digests.daily]\ncategories = ['x', '广告']",
            'digests.daily.categories = "广告": is hidden by articles.category_map',
        ),
        # tables
        ("site = 'x'", 'site = "x": must be a table'),
        ("mail = 'user:hunter2@host'", "mail: must be a table"),
        ("rules = 'x'", 'rules = "x": must be a list, such as ["one", "two"]'),
        ("digests = 5", "digests = 5: must be a table"),
        ("[digests]\ndaily = 5", "digests.daily = 5: must be a table"),
        (
            "[digests.Daily]",
            "digests.Daily: must be a name of a-z, 0-9, '-' and '_', such as 'daily'",
        ),
        # texts
        ("[site]\ntitle = ''", 'site.title = "": must be a text of 1 to 200 characters'),
        ("[site]\ntitle = 5", "site.title = 5: must be a text of 1 to 200 characters"),
        (
            '[site]\ntitle = "a\\r\\nBcc: b"',
            'site.title = "a\\r\\nBcc: b": must be one line, without control characters',
        ),
        (
            "[site]\nlanguage = 'zh_CN'",
            (
                'site.language = "zh_CN": must be a language tag (BCP 47), '
                "such as 'en', 'zh-CN' or 'zh-Hans'"
            ),
        ),
        (
            "[site]\nicon = 'icon.png'",
            ("site.icon = \"icon.png\": must be an address such as 'https://example.org/icon.png'"),
        ),
        (
            "[site]\nurl = 'example.org'",
            (
                'site.url = "example.org": must be an address such as '
                "'https://example.org' or 'https://example.org/news'"
            ),
        ),
        (
            "[site]\nurl = 'ftp://example.org'",
            (
                'site.url = "ftp://example.org": must be an address such as '
                "'https://example.org' or 'https://example.org/news'"
            ),
        ),
        (
            "[site]\nurl = 'https://example.org:port/'",
            (
                'site.url = "https://example.org:port/": must be an address such as '
                "'https://example.org' or 'https://example.org/news'"
            ),
        ),
        (
            "[site]\nurl = 'https://example.org/?a'",
            (
                'site.url = "https://example.org/?a": must be an address without user, query and '
                "fragment"
            ),
        ),
        *(
            (
                f"[feeds]\nhubs = ['{hub}']",
                f'feeds.hubs[0] = "{hub.replace("me:you@", "…@")}": must be {expected}',
            )
            for hub, expected in (
                ("hub.example", "an address such as 'https://hub.example/'"),
                ("https://hub.example:x/", "an address such as 'https://hub.example/'"),
                ("https://<hub>/", "an address such as 'https://hub.example/'"),
                ("ftp://127.0.0.1/", "an address such as 'https://hub.example/'"),
                ("https://me:you@hub.example/", "an address without user and fragment"),
                ("https://hub.example/#a", "an address without user and fragment"),
            )
        ),
        (
            "[feeds]\nhubs = ['http://127.0.0.1/', 'http://hub.example/']",
            (
                'feeds.hubs = "http://hub.example/": must be an https address, unless '
                "hubs_over_http = true"
            ),
        ),
        (
            "[feeds]\nhubs = ['https://hub.example', 'https://hub.example/']",
            (
                'feeds.hubs = ["https://hub.example", "https://hub.example/"]: '
                "must name at most five hubs, each once"
            ),
        ),
        (
            "[site]\ntimezone = 'Asia/Shanhai'",
            (
                'site.timezone = "Asia/Shanhai": must be a time zone (IANA name); did you mean '
                "'Asia/Shanghai'?"
            ),
        ),
        (
            "[site]\ntimezone = 'Berlin'",
            (
                'site.timezone = "Berlin": must be a time zone (IANA name); did you mean '
                "'Europe/Berlin'?"
            ),
        ),
        (
            "[site]\ntimezone = '??'",
            (
                'site.timezone = "??": must be a time zone (IANA name), '
                "such as 'Asia/Shanghai' or 'UTC'"
            ),
        ),
        (
            "[site]\nemail = 'nobody'",
            (
                "site.email = \"nobody\": must be a mail address, such as 'news@example.org': "
                "an address has one @"
            ),
        ),
        (
            "[site]\nauthority = 'example.org'",
            (
                'site.authority = "example.org": must be a host and a year in which it was yours, '
                "such as 'example.org,2026'"
            ),
        ),
        # paths
        ("[paths]\noutput = ''", 'paths.output = "": must be a path'),
        ("[paths]\noutput = 5", "paths.output = 5: must be a path in quotes"),
        ("[paths]\ntemplates = '~no-such-user/t'", None),
        # numbers, durations, switches
        ("[web]\nport = 65536", "web.port = 65536: must be a whole number from 0 to 65,535"),
        ("[web]\nport = 80.5", "web.port = 80.5: must be a whole number from 0 to 65,535"),
        ("[web]\nport = 'http'", 'web.port = "http": must be a whole number from 0 to 65,535'),
        ("[web]\nenabled = 'maybe'", 'web.enabled = "maybe": must be true or false'),
        ("[web]\nenabled = 5", "web.enabled = 5: must be true or false"),
        ("[web]\nenabled = []", "web.enabled = []: must be true or false"),
        (
            "[web]\nhost = 'a b'",
            "web.host = \"a b\": must be the name of a host, such as 'example.org'",
        ),
        (
            "[web]\nproxies = ['10.0.0.0/33']",
            (
                'web.proxies[0] = "10.0.0.0/33": '
                "must be an IP address or a network, such as '10.0.0.0/8'"
            ),
        ),
        (
            "[web]\nhost = 'a..b'",
            "web.host = \"a..b\": must be the name of a host, such as 'example.org'",
        ),
        ("[feeds]\nlimit = 0", "feeds.limit = 0: must be a whole number from 1 to 1,000"),
        (
            "[articles]\nsettle = 3",
            "articles.settle = 3: must be a duration from 0s to 10m, such as '90s', '10m' or '12h'",
        ),
        (
            "[articles]\nscan_every = '1s'",
            (
                'articles.scan_every = "1s": must be a duration from 5s to 7d, '
                "such as '90s', '10m' or '12h'"
            ),
        ),
        # choices and lists
        (
            "[mail]\ntransport = 'smpt'",
            (
                "mail.transport = \"smpt\": must be 'maildir', 'smtp', 'lmtp' or 'sendmail'; did "
                "you mean 'smtp'?"
            ),
        ),
        (
            "[log]\nlevel = 'x'",
            "log.level = \"x\": must be 'debug', 'info', 'warning' or 'error'",
        ),
        (
            "[feeds]\nformats = []",
            "feeds.formats = []: must name one or more of 'rss', 'atom', 'json', each once",
        ),
        (
            "[feeds]\nformats = ['rss', 'rss']",
            (
                'feeds.formats = ["rss", "rss"]: must name one or more of '
                "'rss', 'atom', 'json', each once"
            ),
        ),
        (
            "[feeds]\nformats = ['rss', 'atm']",
            "feeds.formats[1] = \"atm\": must be 'rss', 'atom' or 'json'; did you mean 'atom'?",
        ),
        (
            "[sanitizer]\nengines = ['nh3', 'bleach']",
            'sanitizer.engines = ["nh3", "bleach"]: must be ["bleach", "nh3"] or ["nh3"]',
        ),
        (
            "[articles]\ninclude = '*.md'",
            'articles.include = "*.md": must be a list, such as ["one", "two"]',
        ),
        ("[articles]\ninclude = [5]", "articles.include[0] = 5: must be a text in quotes"),
        (
            "[articles]\ninclude = []",
            "articles.include = []: must name at least one pattern",
        ),
        (
            "[articles]\nexclude = ['[z-a]']",
            "articles.exclude = [\"[z-a]\"]: '[z-a]' is no pattern of paths, such as '**/*.md'",
        ),
        (
            "[articles]\nexclude = ['/tmp']",
            "articles.exclude = [\"/tmp\"]: '/tmp' must be relative to the articles folder",
        ),
        (
            "[[rules]]\n[[rules]]\ndrop = ['.a', 'p[']",
            (
                'rules[1].drop = [".a", "p["]: must be CSS selectors, such as \'.advertisement\', '
                "but 'p[' is none"
            ),
        ),
        (
            "[[rules]]\nattributes = { 'on x' = 'src' }",
            "rules[0].attributes: must be names of attributes, such as { data-src = 'src' }",
        ),
        # feeds of the operator's
        (
            "[feeds.custom.a]\ntitle = 'x'\nwords = []",
            (
                "feeds.custom.a: must tell what it takes: categories, authors, words, languages "
                "or exclude"
            ),
        ),
        (
            "[feeds.custom.a]\nword = ['x']",
            "feeds.custom.a.word: no such key; did you mean 'words'?",
        ),
        (
            "[feeds.custom.a.exclude]\ntitle = 'x'",
            (
                "feeds.custom.a.exclude.title: no such key; known here: categories, authors, "
                "words, languages"
            ),
        ),
        (
            "[feeds.custom.A]\nwords = ['x']",
            "feeds.custom.A: must be a name of a-z, 0-9, '-' and '_', such as 'daily'",
        ),
        ("[feeds.custom]\na = 5", "feeds.custom.a = 5: must be a table"),
        (
            "[feeds.custom.a]\nwords = 'x'",
            'feeds.custom.a.words = "x": must be a list, such as ["one", "two"]',
        ),
        (
            "[feeds.custom.a]\nauthors = ['Ada', ' ']",
            'feeds.custom.a.authors[1] = " ": must be something to look for, not an empty text',
        ),
        (
            "[feeds.custom.a]\nwords = ['x']\nlimit = 0",
            "feeds.custom.a.limit = 0: must be a whole number from 1 to 1,000",
        ),
        (
            "[feeds.custom.a]\nwords = ['x']\ncontent = 'ful'",
            ("feeds.custom.a.content = \"ful\": must be 'full' or 'summary'; did you mean 'full'?"),
        ),
        (
            "[feeds.custom.a]\nwords = ['x']\nformats = []",
            (
                "feeds.custom.a.formats = []: must name one or more of 'rss', 'atom', 'json', "
                "each once"
            ),
        ),
        # digests
        (
            "[digests.d]\nschedule = '61 7 * * *'",
            (
                "digests.d.schedule = \"61 7 * * *\": minute '61': must be 0-59, *, a list (1,2), "
                "a range (1-5) or a step (*/2)"
            ),
        ),
        (
            "[digests.d]\nschedule = ['daily 07:00', 'weekly mo 07:00']",
            (
                'digests.d.schedule = ["daily 07:00", "weekly mo 07:00"]: \'weekly mo 07:00\': '
                "weekday 'mo': must be mon, tue, wed, thu, fri, sat, sun, a list (mon,thu) or a "
                "range (mon-fri); did you mean 'mon'?"
            ),
        ),
        (
            "[digests.d]\nschedule = []",
            (
                "digests.d.schedule = []: must be a text such as 'daily 07:00', or a list of such "
                "texts"
            ),
        ),
        (
            "[digests.d]\nschedule = [7]",
            (
                "digests.d.schedule = [7]: must be a text such as 'daily 07:00', or a list of such "
                "texts"
            ),
        ),
        (
            "[digests.d]\nskip = ['sat', '02-30']",
            "digests.d.skip[1] = \"02-30\": '02-30': there is no such day",
        ),
        (
            "[digests.d]\nskip = [2026-10-01T00:00:00]",
            'digests.d.skip[0] = "2026-10-01 00:00:00": must be a text in quotes',
        ),
        (
            "[digests.d]\nskip = 'sat'",
            'digests.d.skip = "sat": must be a list, such as ["one", "two"]',
        ),
        (
            "[digests.d]\nschedule = 'weekly sat,sun 07:00'\nskip = ['sat-sun']",
            "digests.d.skip = [\"sat-sun\"]: leaves no run of 'weekly sat,sun 07:00'",
        ),
        (
            "[digests.d]\ntimezone = 'subscribers'",
            (
                'digests.d.timezone = "subscribers": must be a time zone (IANA name) or '
                "'subscriber'"
            ),
        ),
        (
            "[digests.d]\ntimezone = 'Europe/Berlim'",
            (
                'digests.d.timezone = "Europe/Berlim": must be a time zone (IANA name); '
                "did you mean 'Europe/Berlin'?"
            ),
        ),
        (
            "[digests.d]\ncategories = ['a//b']",
            (
                'digests.d.categories[0] = "a//b": must be the names of categories '
                "joined by '/', such as '科技/网络'"
            ),
        ),
        (
            "[digests.d]\ntemplate = '../../etc/passwd'",
            (
                'digests.d.template = "../../etc/passwd": must be a name of a-z, 0-9, '
                "'-' and '_', such as 'daily'"
            ),
        ),
        # mail
        (
            "[mail]\nfrom = 'nobody'",
            (
                "mail.from = \"nobody\": must be like 'news@example.org' or "
                "'Our news <news@example.org>'"
            ),
        ),
        (
            "[mail]\nfrom = 'Größe <größe@example.org>'",
            (
                "mail.from = \"Größe <größe@example.org>\": must be like 'news@example.org' or "
                "'Our news <news@example.org>'"
            ),
        ),
        (
            "[mail.style]\nlogo = 'ftp://example.org/logo.png'",
            (
                'mail.style.logo = "ftp://example.org/logo.png": must be an address such as '
                "'https://example.org/icon.png'"
            ),
        ),
        ("[mail.style]\nlogo = ''", 'mail.style.logo = "": must be a path'),
        (
            "[mail.style]\nlogo = 3",
            (
                "mail.style.logo = 3: must be the http(s) address of a picture or the path of a "
                "file, in quotes"
            ),
        ),
        (
            "[mail]\ntransport = 'smtp'\n[mail.smtp]\nhost = 'h'",
            "mail.from: is required with transport = 'smtp'",
        ),
        (
            "[mail]\ntransport = 'smtp'\nfrom = 'a@example.org'",
            "mail.smtp.host: is required with transport = 'smtp'",
        ),
        (
            "[mail.smtp]\nusername = 'me'",
            "mail.smtp.password: is required where there is a username",
        ),
        (
            "[mail.smtp]\npassword = 'hunter2'",
            "mail.smtp.username: is required where there is a password",
        ),
        (
            (
                "[mail.smtp]\nhost = 'mail.example.org'\ntls = 'none'\nusername = 'me'\n"
                "password = 'hunter2'"
            ),
            "mail.smtp.tls = \"none\": must be 'starttls' or 'tls' where there is a password",
        ),
        (
            (
                "[mail.smtp]\nhost = 'mail.example.org'\ntls = 'opportunistic'\nusername = 'me'\n"
                "password = 'hunter2'"
            ),
            (
                "mail.smtp.tls = \"opportunistic\": must be 'starttls' or 'tls' where there is a "
                "password"
            ),
        ),
        (
            "[mail]\ntransport = 'lmtp'\nfrom = 'a@example.org'",
            "mail.smtp.host: is required with transport = 'lmtp'",
        ),
        (
            "[mail]\ntransport = 'sendmail'",
            "mail.from: is required with transport = 'sendmail'",
        ),
        (
            "[mail.smtp]\nkey_file = 'key.pem'",
            "mail.smtp.cert_file: is required where there is a key_file",
        ),
        (
            "[mail.sendmail]\ncommand = ['sendmail']",
            (
                'mail.sendmail.command = ["sendmail"]: must be a program by its whole path and its '
                'arguments, such as ["/usr/sbin/sendmail", "-i"]'
            ),
        ),
        (
            "[digests.daily]\nexpires = '10m'",
            (
                'digests.daily.expires = "10m": must be a duration from 1h to 30d, such as '
                "'90s', '10m' or '12h'"
            ),
        ),
        ("[mail.smtp]\npassword = 5", "mail.smtp.password: must be a text in quotes"),
        *(
            (
                f"[fetching]\nproxy = '{proxy}'",
                (
                    "fetching.proxy: must be like 'http://proxy.example:3128' or "
                    "'http://user:password@host'"
                ),
            )
            for proxy in ("socks5://hunter2@x", "http://", "http://x:y", "http://x/hunter2")
        ),
        # database
        (
            "[database]\nurl = 'mysql://root:hunter2@host/x'",
            (
                "database.url: must be like 'sqlite:////srv/digest/digest.db' or "
                "'postgresql://user:password@host/name'"
            ),
        ),
        (
            "[database]\nurl = 'hunter2'",
            (
                "database.url: must be like 'sqlite:////srv/digest/digest.db' or "
                "'postgresql://user:password@host/name'"
            ),
        ),
        (
            "[database]\nurl = 'sqlite:///digest.db'",
            "database.url: must name an absolute path: 'sqlite:///' and '/srv/digest/digest.db'",
        ),
    ],
)
def test_a_mistake_is_told_by_key_value_and_what_is_allowed(
    file: Path, text: str, problem: str | None
) -> None:
    found = told(file, text)
    assert len(found) == 1
    assert problem is None or found == [problem]
    assert "hunter2" not in found[0]


@pytest.mark.parametrize("category", ["财经", "财经/综合", "财经/综合/银行", "丙/乙", "其他"])
def test_a_digest_may_name_what_the_map_makes(file: Path, category: str) -> None:
    file.write_text(
        "[articles.category_map]\n'财经' = '财经/综合'\n'甲' = '丙'\n'丙/乙' = '丁'\n"
        f"[digests.daily]\ncategories = ['{category}']",
        "utf-8",
    )
    assert load(file, {}).digests["daily"].categories == (category,)


def test_the_keys_of_the_loader_itself_are_no_options(file: Path) -> None:
    assert told(file, "_env_file = 'x'\nself = 1\nsite_table = {}") == [
        f"{key}: no such key; known here: site, paths, database, articles, fetching, sources, "
        "rules, sanitizer, feeds, digests, mail, web, metrics, log"
        for key in ("_env_file", "self", "site_table")
    ]


def test_a_home_that_does_not_exist_is_told(file: Path) -> None:
    assert told(file, "[paths]\ntemplates = '~no-such-user/t'") == [
        'paths.templates = "~no-such-user/t": must be a path; there is no such user'
    ]


def test_a_long_value_is_cut(file: Path) -> None:
    (found,) = told(file, f"[log]\nlevel = '{'x' * 500}'")
    assert found.startswith(f'log.level = "{"x" * 118}…: must be')


def test_all_mistakes_are_told_and_the_first_is_raised(file: Path) -> None:
    text = "[web]\nport = -1\n[feeds]\nlimit = 0\n"
    assert told(file, text) == [
        "feeds.limit = 0: must be a whole number from 1 to 1,000",
        "web.port = -1: must be a whole number from 0 to 65,535",
    ]
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    assert (caught.value.key, caught.value.value) == ("feeds.limit", "0")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[site]\ntitle == 'x'\n", "digest.toml:2:8: no TOML: Invalid value"),
        (
            b"[site]\ntitle = 'x'\ntitle = 'y'\n",
            "digest.toml:3:12: no TOML: Cannot overwrite a value",
        ),
        (b"[site", "digest.toml: no TOML: Expected ']' at the end of a table declaration"),
        (b"[site]\n\ntitle = '\xff'\n", "digest.toml:3: must be written in UTF-8"),
        (b"a = " + b"[" * 5_000, "digest.toml: no TOML that can be read: maximum recursion depth"),
        (b"a = " + b"9" * 5_000, "digest.toml: no TOML that can be read: Exceeds the limit"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_line_and_column(
    file: Path, content: bytes, problem: str
) -> None:
    file.write_bytes(content)
    (found,) = problems(file, {})
    assert str(found).replace(f"{file.parent}/", "").startswith(problem)


def test_a_bom_and_windows_line_ends_do_no_harm(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf[site]\r\ntitle = 'x'\r\n")
    assert load(file, {}).site().title == "x"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, {})
    assert str(found) == f"{tmp_path}: cannot be read: Is a directory"


class TestEnvironment:
    """Any option can come from a variable, which wins over the file."""

    def test_it_wins_over_the_file_key_by_key(self, file: Path) -> None:
        file.write_text("[site]\ntitle = 'file'\nauthor = 'file'\n[web]\nport = 1\n")
        settings = load(
            file,
            {
                "DIGEST_SITE__TITLE": "variable",
                "digest_web__port": "8080",
                "DIGEST_MAIL__FROM": "News <news@example.org>",
                "DIGEST_FEEDS__FORMATS": '["atom"]',
                "DIGEST_WEB__STATUS": "false",
                "DIGEST_ARTICLES__SETTLE": "1m",
                "DIGEST_DIGESTS__WEEKLY__SCHEDULE": "0 7 * * mon",
                "DIGEST_RULES": '[{"category": "科技", "drop": [".x"]}]',
                "DIGEST_CONFIG": "/elsewhere",
                "DIGEST_HOME": "not an option",
                "HOME": "/root",
            },
        )
        assert (settings.site().title, settings.site().author) == ("variable", "file")
        assert settings.web.port == 8080
        assert settings.web.status is False
        assert settings.sender().address == "news@example.org"
        assert settings.feeds.formats == ("atom",)
        assert settings.articles.settle.total_seconds() == 60
        assert settings.digests["weekly"].schedule == "0 7 * * mon"
        assert settings.rules[0].drop == (".x",)

    def test_the_environment_of_the_process_is_not_looked_at(self, file: Path) -> None:
        with patch.dict("os.environ", {"DIGEST_SITE__TITLE": "process", "DIGEST_WEB__PORT": "x"}):
            assert load(file, {}).site().title == "Digest"

    def test_a_relative_path_in_it_starts_at_the_files_folder_too(self, file: Path) -> None:
        settings = load(file, {"DIGEST_PATHS__OUTPUT": "out"})
        assert settings.paths.output == file.parent / "out"

    @pytest.mark.parametrize("given", ["logo.png", "./images/../logo.png"])
    def test_a_logo_is_a_path_or_an_address(self, file: Path, given: str) -> None:
        logo = load(file, {"DIGEST_MAIL__STYLE__LOGO": given}).mail.style.logo
        assert logo == file.parent / "logo.png"
        address = "HTTPS://example.org/a/../logo.png"
        settings = load(file, {"DIGEST_MAIL__STYLE__LOGO": address})
        assert settings.mail_style().logo.casefold() == address.casefold()

    @pytest.mark.parametrize(
        ("environ", "problem"),
        [
            (
                {"DIGEST_WEB__PORT": "x"},
                'web.port = "x": must be a whole number from 0 to 65,535 (from $DIGEST_WEB__PORT)',
            ),
            (
                {"DIGEST_MAIL__SMTP__PASWORD": "hunter2"},
                (
                    "mail.smtp.pasword: no such key; did you mean 'password'? "
                    "(from $DIGEST_MAIL__SMTP__PASWORD)"
                ),
            ),
            ({"DIGEST_MIAL__FROM": "x"}, "$DIGEST_MIAL__FROM: no such key; did you mean 'mail'?"),
            (
                {"DIGEST_ARTICLES__INCLUDE": "*.md"},
                (
                    'articles.include = "*.md": must be a list in JSON, such as ["one", "two"] '
                    "(from $DIGEST_ARTICLES__INCLUDE)"
                ),
            ),
            ({"DIGEST_SITE": "x"}, 'site = "x": must be a table (from $DIGEST_SITE)'),
            (
                {"DIGEST_SITE__TITLE_FILE": "x"},
                (
                    "site.title_file: no such key; did you mean 'title'? "
                    "(from $DIGEST_SITE__TITLE_FILE)"
                ),
            ),
            (
                {"DIGEST_MAIL__SMTP__PASSWORD_FILE": "/no/such/file"},
                (
                    "$DIGEST_MAIL__SMTP__PASSWORD_FILE = /no/such/file: cannot be read: "
                    "No such file or directory"
                ),
            ),
            (
                {
                    "DIGEST_DATABASE__URL": "postgresql://u:hunter2@h/d",
                    "DIGEST_DATABASE__URL_FILE": "/x",
                },
                "$DIGEST_DATABASE__URL_FILE = /x: $DIGEST_DATABASE__URL is set too",
            ),
        ],
    )
    def test_a_mistake_in_it_names_the_variable(
        self, file: Path, environ: dict[str, str], problem: str
    ) -> None:
        assert told(file, "", environ) == [problem]

    def test_a_secret_comes_from_a_file_without_its_line_end(
        self, file: Path, tmp_path: Path
    ) -> None:
        secret = tmp_path / "secret"
        secret.write_text(" pass word \n")
        settings = load(
            file,
            {
                "DIGEST_MAIL__SMTP__HOST": "mail.example.org",
                "DIGEST_MAIL__SMTP__USERNAME": "me",
                "DIGEST_MAIL__SMTP__PASSWORD_FILE": str(secret),
            },
        )
        assert settings.smtp().password == " pass word "
        assert "pass word" not in repr(settings)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [(b"\xff", "not UTF-8"), (b"x" * 65_537, "too large for a secret")],
    )
    def test_a_file_that_is_no_secret_is_told(
        self, file: Path, tmp_path: Path, content: bytes, problem: str
    ) -> None:
        secret = tmp_path / "secret"
        secret.write_bytes(content)
        assert told(file, "", {"DIGEST_DATABASE__URL_FILE": str(secret)}) == [
            f"$DIGEST_DATABASE__URL_FILE = secret: cannot be read: {problem}"
        ]


class TestFind:
    """The file is looked for where the documentation says, in that order."""

    def test_the_option_comes_first(self, tmp_path: Path) -> None:
        for name in ("option.toml", "variable.toml", "digest.toml"):
            (tmp_path / name).touch()
        environ = {"DIGEST_CONFIG": "variable.toml"}
        assert find(Path("option.toml"), environ, tmp_path) == tmp_path / "option.toml"
        assert find(None, environ, tmp_path) == tmp_path / "variable.toml"
        assert find(None, {}, tmp_path) == tmp_path / "digest.toml"

    def test_the_config_folder_comes_last(self, tmp_path: Path) -> None:
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "digest.toml").touch()
        assert find(None, {"DIGEST_CONFIG": ""}, tmp_path) == tmp_path / "config" / "digest.toml"
        (tmp_path / "digest.toml").touch()
        assert find(None, {}, tmp_path) == tmp_path / "digest.toml"

    @pytest.mark.parametrize(
        ("option", "environ", "problem"),
        [
            (Path("gone.toml"), {}, "--config = gone.toml: there is no such file"),
            (None, {"DIGEST_CONFIG": "gone"}, "$DIGEST_CONFIG = gone: there is no such file"),
        ],
    )
    def test_a_named_file_must_be_there(
        self, tmp_path: Path, option: Path | None, environ: dict[str, str], problem: str
    ) -> None:
        (tmp_path / "digest.toml").touch()
        with pytest.raises(ConfigurationError) as caught:
            find(option, environ, tmp_path)
        assert str(caught.value) == problem

    def test_none_at_all_says_where_it_looked_and_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError) as caught:
            find(None, {}, tmp_path)
        assert str(caught.value) == (
            f"configuration file: none found, looked at: --config, $DIGEST_CONFIG, "
            f"{tmp_path}/digest.toml, {tmp_path}/config/digest.toml. 'digest init' writes one"
        )


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
_KEYS = st.sampled_from(
    [
        "DIGEST_ARTICLES__SETTLE",
        "DIGEST_DIGESTS__D__SCHEDULE",
        "DIGEST_DIGESTS__X",
        "DIGEST_MAIL__FROM",
        "DIGEST_MAIL__SMTP",
        "DIGEST_PATHS__DATA",
        "DIGEST_RULES",
        "DIGEST_SITE",
        "DIGEST_SITE__URL",
        "DIGEST_SITE__",
        "DIGEST_WEB__PORT",
        "DIGEST_X__Y",
        "DIGEST___",
    ]
)


@given(environ=st.dictionaries(_KEYS, _VALUES.map(str), max_size=4))
@trying(max_examples=effort(20, soak=60), deadline=None)
def test_whatever_the_environment_holds_is_taken_or_told(
    tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]
) -> None:
    file = tmp_path_factory.getbasetemp() / "empty.toml"
    file.touch()
    for error in problems(file, environ):
        assert error.key
        assert error.problem


class TestRuleFiles:
    """`articles.rule_files` holds rules for more than one configuration."""

    @pytest.fixture
    def folder(self, file: Path) -> Path:
        folder = file.parent / "rules"
        folder.mkdir()
        (folder / "a.toml").write_text("[[rules]]\ndrop = ['.a']\n[[rules]]\ndrop = ['.b']")
        (folder / "c.toml").write_text("[[rules]]\ndrop = ['.c']")
        return folder

    def test_their_rules_come_first_in_the_order_of_the_files(
        self, file: Path, folder: Path
    ) -> None:
        file.write_text(
            f"[articles]\nrule_files = ['rules/c.toml', '{folder}/a.toml']\n"
            "[[rules]]\ndrop = ['.own']"
        )
        found = load(file, {})
        assert [rule.drop for rule in found.draft_options().rules] == [
            (".c",),
            (".a",),
            (".b",),
            (".own",),
        ]
        assert found.articles.rule_files == (folder / "c.toml", folder / "a.toml")

    def test_the_environment_can_name_them(self, file: Path, folder: Path) -> None:
        found = load(file, {"DIGEST_ARTICLES__RULE_FILES": '["rules/c.toml"]'})
        assert [rule.drop for rule in found.draft_options().rules] == [(".c",)]

    def test_a_file_may_be_in_the_home_folder(self, file: Path, folder: Path) -> None:
        file.write_text("[articles]\nrule_files = ['~/c.toml']")
        with patch.dict("os.environ", {"HOME": str(folder)}):
            assert load(file, {}).draft_options().rules[0].drop == (".c",)

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (
                "[[rules]]\ndrp = []",
                "rules/x.toml: rules[0].drp: no such key; did you mean 'drop'?",
            ),
            (
                "[[rules]]\ndrop = ['[[']",
                (
                    'rules/x.toml: rules[0].drop = ["[["]: must be CSS selectors, such as '
                    "'.advertisement', but '[[' is none"
                ),
            ),
            ("[site]", "rules/x.toml: site: no such key; known here: rules"),
            ("[[rules]", None),
        ],
    )
    def test_a_mistake_in_one_is_told_by_file_and_key(
        self, file: Path, folder: Path, text: str, problem: str | None
    ) -> None:
        (folder / "x.toml").write_text(text)
        found = told(file, "[articles]\nrule_files = ['rules/x.toml', 'rules/a.toml']")
        assert len(found) == 1
        assert found[0].startswith("rules/x.toml:")
        assert problem is None or found == [problem]

    def test_every_mistake_of_every_file_is_told(self, file: Path, folder: Path) -> None:
        (folder / "a.toml").write_text("[[rules]]\nx = 1\ny = 2")
        found = told(file, "[articles]\nrule_files = ['rules/gone.toml', 'rules/a.toml']")
        assert [text.split(": ")[0] for text in found] == [
            "rules/gone.toml",
            "rules/a.toml",
            "rules/a.toml",
        ]
        assert "cannot be read" in found[0]

    @pytest.mark.parametrize(
        ("value", "key"), [("'a.toml'", ""), ("['']", "[0]"), ("[1]", "[0]"), ("1", "")]
    )
    def test_only_a_list_of_paths_names_them(self, file: Path, value: str, key: str) -> None:
        found = told(file, f"[articles]\nrule_files = {value}")
        assert len(found) == 1
        assert found[0].startswith(f"articles.rule_files{key} = ")
