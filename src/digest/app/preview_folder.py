"""A folder with every mail and page, in every language, with sample data, to click through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from html import escape
from pathlib import Path
from typing import Literal

from digest.app.builders import make_mail_templates, make_pages
from digest.app.mail_logo import LogoFile, read_logo
from digest.articles.model import Article
from digest.articles.samples import SAMPLED_AT, SHOWN_IMAGE, shown_articles
from digest.editions.delivery import DeliveryState, Pause
from digest.editions.model import Digest
from digest.editions.progress import EditionResult, Progress
from digest.errors import OutputError
from digest.languages import direction, own_name
from digest.mail.composer import Composer
from digest.mail.message import Envelope
from digest.mail.operator_mail import approval_message, pause_message, report_message
from digest.mail.translations import WORDS
from digest.scheduling.schedule import Schedule
from digest.settings import Settings
from digest.web.sample_pages import sample_edition, sample_pages, sample_proposals

#: In place of the sample articles' picture.
_PICTURE = "picture.svg"
_DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 675">'
    '<rect width="1200" height="675" fill="#9fb8c8"/>'
    '<rect y="430" width="1200" height="245" fill="#46687c"/>'
    '<path d="M250 400h700l-90 120H340z" fill="#7a2e25"/>'
    '<path d="M560 130h16v270h-16zM590 160l220 220H590z" fill="#f3f1ec"/></svg>'
)
_CONTENTS: tuple[Literal["summary", "full", "lead"], ...] = ("summary", "full", "lead")
_OPERATOR = "operator@example.org"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Preview</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme"
content="light dark"><style>body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 64rem; margin:
2rem auto; padding: 0 1rem; }} li {{ display: inline-block; margin-right: 1rem; }} ul {{ padding: 0;
}}</style><h1>Every mail and page</h1>{sections}"""


def write_previews(settings: Settings, folder: Path) -> int:
    """Write every mail and page into a folder, with an index; return the number of files.

    The folder is created if missing; files of the same names are replaced.
    Raises OutputError, TemplateError, ConfigurationError.
    """
    logo = read_logo(settings)
    sections: dict[str, list[str]] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _PICTURE).write_text(_DRAWING, "utf-8")
        if logo:
            (folder / logo.name).write_bytes(logo.content)
        written = 0
        for language in WORDS:
            (folder / language).mkdir(exist_ok=True)
            for name, content in _previews(settings, language, logo):
                content = content.replace(SHOWN_IMAGE.encode(), f"../{_PICTURE}".encode())
                if logo:
                    url = logo.url(settings.site()).encode()
                    content = content.replace(url, f"../{logo.name}".encode())
                (folder / language / name).write_bytes(content)
                sections.setdefault(language, []).append(name)
                written += 1
        (folder / "index.html").write_text(_index(sections), "utf-8")
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
    return written


def _index(sections: dict[str, list[str]]) -> str:
    parts = []
    for language, names in sections.items():
        heading = escape(f"{own_name(language)} ({language})")
        parts.append(f'<h2 lang="{language}" dir="{direction(language)}">{heading}</h2>')
        for kind in ("mail", "page"):
            shown = [name for name in names if name.startswith(kind)]
            links = [
                f'<li><a href="{language}/{name}">{escape(name[len(kind) + 1 :])}</a></li>'
                for name in shown
            ]
            parts.append(f"<h3>{kind.title()}s</h3><ul>{''.join(links)}</ul>")
    return _PAGE.format(sections="".join(parts))


def _previews(
    settings: Settings, language: str, logo: LogoFile | None
) -> Iterator[tuple[str, bytes]]:
    """Yield file names and contents of one language."""
    yield from _mails(settings, language, logo)
    site = replace(settings.site(), language=language)
    digest = Digest(name="daily", title=site.title, language=language)
    schedules = {"daily": Schedule("weekly mon,thu 07:00", site.timezone)}
    pages = make_pages(settings, site, {"daily": digest}, schedules, search=True, subscribe=True)
    style = site.link("assets/style.css").removeprefix(site.link("").rstrip("/"))
    numbers: Counter[str] = Counter()
    articles = shown_articles(language)
    for name, page in sample_pages(pages, articles, (language,)):
        numbers[name] += 1
        shown = page.replace(f'href="{style}"'.encode(), b'href="style.css"')
        yield f"page-{name.replace(' ', '-')}-{numbers[name]}.html", shown
    yield "style.css", pages.style()


def _mails(settings: Settings, language: str, logo: LogoFile | None) -> Iterator[tuple[str, bytes]]:
    site, sender = replace(settings.site(), language=language), settings.sender()
    articles = shown_articles(language)
    templates = make_mail_templates(settings, site, logo)
    composer = Composer(templates=templates, site=site, sender=sender, token_key=b"preview")
    themes = dict.fromkeys(["digest", "plain", *(t.template for t in settings.digests.values())])
    for theme in themes:
        for content in _CONTENTS:
            digest = Digest(
                name="daily",
                title=site.title,
                language=language,
                timezone=site.timezone,
                template=theme,
                content=content,
            )
            yield from _mail(f"mail-{theme}-{content}", composer, digest, articles)
        yield from _mail(f"mail-{theme}-welcome", composer, digest, articles, welcome=True)
    asked = [site.title], site.link("confirm/…"), language, site.timezone, SAMPLED_AT
    for name, notice in ("confirm", False), ("moved", True):
        _, text = templates.confirmation(*asked, notice=notice)
        yield f"mail-{name}.txt", text.encode()
    if language == "en":  # the operator's mails have no other
        made = sample_edition()
        states = dict.fromkeys(DeliveryState, 0) | {
            DeliveryState.SENT: 1_204,
            DeliveryState.FAILED: 3,
        }
        progress = Progress(states=states, lately=0, since=timedelta(), ended_at=SAMPLED_AT)
        outcome = EditionResult(
            edition=made, progress=progress, errors=[("550 5.1.1 no such user", 3)]
        )
        pause = Pause(
            digest="daily", since=SAMPLED_AT, probe_at=SAMPLED_AT, reason="550 relay not permitted"
        )
        for name, envelope in (
            (
                "approval",
                approval_message(
                    sample_proposals()[0],
                    sender,
                    _OPERATOR,
                    SAMPLED_AT,
                    link=site.link("approve/…"),
                ),
            ),
            ("report", report_message(outcome, site.title, sender, _OPERATOR, SAMPLED_AT)),
            ("pause", pause_message(pause, site.title, sender, _OPERATOR, SAMPLED_AT)),
        ):
            yield f"mail-{name}.txt", _text(envelope)


def _mail(
    name: str,
    composer: Composer,
    digest: Digest,
    articles: tuple[Article, ...],
    *,
    welcome: bool = False,
) -> Iterator[tuple[str, bytes]]:
    content = composer.preview(digest, articles, now=SAMPLED_AT, welcome=welcome).content
    yield f"{name}.html", content.html.encode()
    yield f"{name}.txt", content.text.encode()


def _text(envelope: Envelope) -> bytes:
    message = message_from_bytes(envelope.message, policy=policy.default)
    text = f"Subject: {message['Subject']}\n\n{message.get_content()}"
    return text.encode()
