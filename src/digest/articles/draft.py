"""Draft: a source file as a clean article, by one set of options."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Protocol
from zoneinfo import ZoneInfo

from digest.articles.categories import renamed, renames, within_limit
from digest.articles.cleaning import anchors, images, trackers
from digest.articles.cleaning.images import proxied
from digest.articles.cleaning.media import LocalFiles, MediaOptions
from digest.articles.cleaning.policy import TAGS
from digest.articles.cleaning.rules import Rule, RuleLimitExceeded
from digest.articles.cleaning.sanitize import clean
from digest.articles.cleaning.tidy import tidy
from digest.articles.draft_options import DraftOptions, hashed
from digest.articles.duplicates import content_signature
from digest.articles.model import (
    AssetState,
    CategoryPath,
    Draft,
    Note,
    Severity,
    SourceFile,
    UnchangedText,
    VolatileFields,
    noted,
)
from digest.articles.reading.parse import NO_IMAGE_ADDRESS, Header, parse_body, parse_header
from digest.articles.reading.volatile_lines import raw_hash
from digest.articles.revision import content_digest
from digest.articles.summary import plain_text, summarize, summary_of
from digest.errors import NotAnArticle, SourceError
from digest.languages import text_direction

#: References (``&…;``) in a body; each is four characters or more where the file may have had one.
MAX_REFERENCES = 500_000
#: nh3 looks from each ampersand and each hard blank to the end of its text: so many characters
#: take it about 0.2 s. 20,000 of them in a text of a million are as many.
MAX_LOOKING = 20_000_000_000

#: Files of an article that are told to be missing.
MAX_ASSET_NOTES = 20

#: What stands before a reference, so that a word of the text is not taken for it.
_REFERRING = rb"(?:\[\[|\]\([^\s()]{0,20}|\{[%{][^\n]{0,60}?)"
#: What stands between two texts, for nh3 too; elements that it takes out do not.
_TAG = re.compile(rf"</?(?:{'|'.join(sorted(TAGS))})[ >]")

#: An image as nh3 writes it: attributes in double quotes, which may hold ``>``.
#: Letters that are written from right to left.
_RIGHT_TO_LEFT = re.compile("[\u05d0-\u08ff\ufb1d-\ufdfb\ufe70-\ufefc]")
#: Characters of markup in which the first letter of a text is.
_MAX_BEGINNING = 1_000


class ArticleFiles(LocalFiles, Protocol):
    """Publishes the files that one article shows or links to, and records the results."""

    @property
    def states(self) -> tuple[AssetState, ...]:
        """Return the state of each file that was looked up."""

    @property
    def problems(self) -> Mapping[str, str]:
        """Return why files were not published, by the reference to each."""


def make_draft(source: SourceFile, options: DraftOptions) -> Draft:
    """Return the draft of an article file. Deterministic: it depends on the arguments alone.

    Files that the article refers to are not published. Raises SourceError, with line and cause, for
    a file that is no article.
    """
    header = _header(source, options)
    return _made(header, source, options, None, text_hash=_text_hash(header))


def draft_rewritten(
    source: SourceFile, options: DraftOptions, now: datetime, files: ArticleFiles | None = None
) -> Draft | UnchangedText:
    """Return the draft of a rewritten file, or UnchangedText if its text is the same as before.

    The text is compared by the hash in ``source``, which was made with the same options: crawlers
    rewrite files with nothing but other dates and pictures. ``now`` is aware UTC. ``files``
    publishes the files that the article refers to. Raises SourceError like ``make_draft``.
    """
    zone = ZoneInfo(options.timezone)
    raw = raw_hash(source.content, zone, options.placeholder_hosts, now)
    header = _header(source, options)
    text_hash = _text_hash(header)
    if source.text_hash != text_hash:
        return _made(header, source, options, files, text_hash=text_hash, raw=raw)
    parsed = parse_body(header, source.path)
    volatile = VolatileFields(
        published_at=header.publication.published_at,
        image=_shown(header.image, options.image_proxy),
        enclosure=parsed.enclosure,
        pinned=header.pinned,
        notes=parsed.notes,
    )
    return UnchangedText(volatile=volatile, raw_hash=raw)


def _header(source: SourceFile, options: DraftOptions) -> Header:
    header = parse_header(
        source,
        ZoneInfo(options.timezone),
        options.placeholder_hosts,
        category_style=options.category_style,
        site_language=options.language,
    )
    return _in_few_feeds(header, options.max_feeds)


def _in_few_feeds(header: Header, most: int) -> Header:
    """Return a file with authors and categories that have ``most`` feeds at most, at all levels.

    Authors come first, but never take more than half of them.
    """
    if len(header.authors) * 2 + sum(len(path.names) for path in header.categories) <= most:
        return header
    authors = header.authors[: most // 2]
    categories = within_limit(header.categories, most - len(authors))
    if (authors, categories) == (header.authors, header.categories):
        return header
    cause = (
        f"it would be in over {most} feeds (articles.max_feeds); "
        "some categories or authors are left out"
    )
    notes = (*header.notes, noted(None, cause))
    return replace(header, authors=authors, categories=categories, notes=notes)


def _made(
    header: Header,
    source: SourceFile,
    options: DraftOptions,
    files: ArticleFiles | None,
    *,
    text_hash: str,
    raw: str = "",
) -> Draft:
    """Return the draft of a file; raise NotAnArticle where it is held back and has none."""
    limits = header.publication.availability
    try:
        draft = _cleaned(header, source, options, files)
        return replace(draft, content=content_digest(draft), text_hash=text_hash, raw_hash=raw)
    except SourceError as error:
        if limits is None or limits.held_back is None:
            raise
        note = limits.held_back
        failed = note.severity is Severity.FAILED
        raise NotAnArticle(source.path, note.line, note.cause, failed=failed) from error


def _cleaned(
    header: Header, source: SourceFile, options: DraftOptions, files: ArticleFiles | None
) -> Draft:
    parsed = parse_body(header, source.path)
    filed = renamed(parsed.categories, renames(options.category_map))
    rules: list[Rule] = []
    if options.rules:
        # A rule corrects what a source has wrong, whatever its category is called by now.
        either = replace(parsed, categories=(*parsed.categories, *filed))
        rules = [rule for rule in options.rules if rule.applies(either, source.path)]
    try:
        markup = tidy(
            parsed.markup,
            base=parsed.link,
            id_prefix=anchors.id_prefix(parsed.identity),
            title=parsed.title,
            rules=rules,
            media=MediaOptions(
                embeds=options.embeds,
                placeholder_hosts=options.placeholder_hosts,
                image_proxy=options.image_proxy,
                files=files,
            ),
        )
    except RuleLimitExceeded as error:
        raise SourceError(source.path, None, str(error)) from error
    if markup.count("&") > MAX_REFERENCES or _looking(markup) > MAX_LOOKING:
        raise SourceError(source.path, None, "the body has too many escaped characters")
    body = clean(
        _directed(markup, parsed.language, options.language),
        options.engines,
        options.referrer_policy,
    )
    words = plain_text(body).replace(" ", "")  # all the white space that is in it
    image = _shown(parsed.image, options.image_proxy)
    notes = parsed.notes
    if files and header.local_image:
        image = files.address(header.local_image, picture=True)
        notes = tuple(note for note in notes if not note.cause.endswith(NO_IMAGE_ADDRESS))
    notes = (*notes, *_asset_notes(source, files))
    if not body and header.body.strip() and not any("left out" in note.cause for note in notes):
        cause = "nothing of its text can be shown"
        notes = (*notes, Note(severity=Severity.NOTED, line=None, cause=cause))
    return Draft(
        identity=parsed.identity,
        title=parsed.title,
        authors=parsed.authors,
        categories=filed,
        published_at=parsed.published_at,
        link=parsed.link,
        image=image or images.first_shown(body),
        language=parsed.language,
        summary=(
            summarize(parsed.summary, options.summary_length)
            if parsed.summary
            else summary_of(body, options.summary_length)
        ),
        body=body,
        fingerprint=_fingerprint(parsed.title, words, parsed.authors, filed, parsed.link),
        updated_at=parsed.updated_at,
        availability=parsed.availability,
        enclosure=parsed.enclosure,
        pinned=parsed.pinned,
        announced=header.announced,
        credit=header.credit,
        signature=content_signature(parsed.title, words, parsed.link, sketched=options.sketched),
        notes=notes,
        assets=files.states if files else (),
    )


def _asset_notes(source: SourceFile, files: ArticleFiles | None) -> list[Note]:
    """Return a note for each file that could not be published, with the line that refers to it."""
    notes = []
    for reference, problem in islice(files.problems.items() if files else (), MAX_ASSET_NOTES):
        raw = re.escape(reference.encode("utf-8", "surrogateescape"))
        place = re.search(_REFERRING + raw, source.content) or re.search(raw, source.content)
        line = source.content.count(b"\n", 0, place.end()) + 1 if place else None
        notes.append(noted(line, f"the file {reference[:200]!r} {problem}"))
    return notes


def _looking(markup: str) -> int:
    """Return how many characters nh3 would look at for ampersands and hard blanks."""
    whole = _wanted(markup) * len(markup)
    if whole <= MAX_LOOKING:
        return whole
    return sum(_wanted(text) * len(text) for text in _TAG.split(markup))


def _wanted(text: str) -> int:
    return text.count("&amp;") + text.count("&nbsp;")


def _shown(image: str | None, proxy: str | None) -> str | None:
    """Return the address at which readers get the image that a file names."""
    if image is None:
        return None
    address = trackers.without_parameters(image)
    return proxied(address, proxy) if proxy else address


def _directed(markup: str, language: str | None, site_language: str) -> str:
    """Return a body with its direction, where that is or may be from right to left."""
    if markup and language and text_direction(language) == "rtl":
        return f'<div dir="rtl">{markup}</div>'
    if language or markup.isascii():
        return markup
    direction = text_direction(site_language)
    # Where letters tell it, the first of them do (HTML section 3.2.6.4).
    end = len(markup) if direction == "rtl" else _MAX_BEGINNING
    if _RIGHT_TO_LEFT.search(markup, 0, end):
        return f'<div dir="{direction}">{markup}</div>'
    return markup


def _fingerprint(
    title: str,
    words: str,
    authors: Iterable[str],
    categories: Iterable[CategoryPath],
    link: str | None,
) -> str:
    """Return a hash, in hex, that changes with the article's content.

    Dates, images and white space are no part of it.
    """
    paths = ["\x1f".join(category.names) for category in categories]
    return hashed([title, words, "\x1e".join(authors), "\x1e".join(paths), link or ""])


def _text_hash(header: Header) -> str:
    """Return a hash, in hex, over all inputs of a draft except ``VolatileFields``.

    Whether there is an image is part of it: without one, the first image of the body counts.
    """
    paths = ["\x1f".join(category.names) for category in header.categories]
    inputs = [header.identity, header.title, "\x1e".join(header.authors), "\x1e".join(paths)]
    inputs += [header.link or "", header.language or "", header.summary, header.body]
    if header.publication.availability:
        inputs.append(repr(header.publication.availability))
    if header.credit:
        inputs.append(repr(header.credit))
    return hashed([*inputs, f"{header.present} {header.image is None}", header.local_image])
