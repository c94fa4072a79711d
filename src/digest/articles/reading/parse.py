"""Parse an article file: metadata and hostile HTML, not cleaned yet."""

# pure
from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from digest.articles.categories import (
    MAX_NAME,
    categories,
    category_folders,
    is_bundle,
    is_jekyll_post,
)
from digest.articles.characters import one_line, plain_line
from digest.articles.cleaning import uris
from digest.articles.cleaning.tidy import texts_left_out
from digest.articles.model import (
    SUFFIXES,
    CategoryPath,
    Credit,
    Note,
    ParsedFile,
    SourceFile,
    noted,
    path_identity,
)
from digest.articles.reading import enclosures
from digest.articles.reading.authors import authors, unnamed
from digest.articles.reading.body import read_body, text_of
from digest.articles.reading.decode import decode
from digest.articles.reading.enclosures import Enclosure
from digest.articles.reading.fields import Value, shown
from digest.articles.reading.front_matter import FrontMatter, split
from digest.articles.reading.front_matter_keys import (
    ADDRESS_NAMES,
    ANNOUNCE_KEY,
    ENCLOSURE_KEYS,
    FALSE,
    IDENTITY_KEYS,
    IMAGE_KEYS,
    LANGUAGE_KEYS,
    LINK_KEYS,
    NOTHING,
    PATTERN_KEYS,
    PIN_KEYS,
    SOURCE_NAME_KEY,
    SOURCE_URL_KEY,
    SUMMARY_KEYS,
    TRUE,
)
from digest.articles.reading.publication import Publication, read_publication
from digest.articles.summary import summarize
from digest.errors import NotAnArticle, SourceError
from digest.languages import cased, own_name

#: Graphemes; longer titles are cut.
MAX_TITLE = 300
#: Notes on one file; more are dropped.
MAX_NOTES = 20
#: Of a pinned article; a larger number counts as this one, which a database keeps in four bytes.
MAX_PINNED = 2**31 - 1
#: Characters; identities are keys, so a longer one is refused, not cut.
MAX_IDENTITY = 1_000

_WHOLE_NUMBER = re.compile(r"0*(0|[1-9][0-9]*)", re.ASCII)
#: An address within a link of Markdown, within brackets, or of a note of Obsidian.
_LINKED = re.compile(
    r"!?\[[^\[\]]*+\]\(\s*+([^\s()]++)(?:\s[^()]*+)?\)|<([^\s<>]++)>"
    r"|!?\[\[([^\[\]|]++)(?:\|[^\[\]]*+)?\]\]"
)
#: Summaries that only tell whether there is to be one.
_TRUTHS = frozenset({"true", "false"})
#: Keys of a table with the title, before those that are languages.
_TITLES = ("rendered", "raw", "text", "value", "title", "name", "main", "default")
#: Hexo's and Hugo's ``:year``, and what templates fill in.
_PATTERN = re.compile(r"/:[a-z]|[{}]")
#: The list page of a section, with Hugo and Zola: ``_index.md``, ``_index.fr.md``.
_SECTION_PAGE = re.compile(r"_index(?:\.[a-z-]{2,8})?\.[a-z]+", re.IGNORECASE)
#: Copies that file synchronizers make of a file that two people changed: Syncthing, ownCloud and
#: Synology; Dropbox, Nextcloud and Seafile, in the languages of their users.
_CONFLICTED_COPY = re.compile(
    r"\.sync-conflict-[0-9]{8}-[0-9]{6}|_conflict-[0-9]{8}-[0-9]{6}|_Conflict\.[a-z]+\Z"
    r"|\([^()]*(?:conflicted copy|case conflict|SFConflict |In Konflikt stehende Kopie"
    r"|copie en conflit|copia en conflicto|copia in conflitto|cópia em conflito|冲突的副本"
    r"|衝突複本|競合コピー)[^()]*\)",
    re.IGNORECASE,
)
_DATE_BEFORE_NAME = re.compile(r"(?:[0-9]{4}([-_.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{8})[-_. ]+(?=\S)")
_LANGUAGE_BEHIND_NAME = re.compile(r"(?<=.)\.[a-z]{2}(?:[-_][a-z]{2,4})?\Z", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,4}", re.IGNORECASE)


#: What is wrong with an image that is a relative reference, unless it is a file beside the article.
NO_IMAGE_ADDRESS = "is no absolute address; the first image of the text counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A file whose front matter is parsed, and whose body is not; the fields of ``ParsedFile``."""

    title: str  #: empty where the body has it
    identity: str
    authors: tuple[str, ...]
    categories: tuple[CategoryPath, ...]
    publication: Publication
    link: str | None
    image: str | None
    local_image: str  #: a reference to a file beside the article, where ``image`` is None
    language: str | None  #: None where the body may have it
    summary: str  #: HTML or text, hostile; may be empty
    enclosure: Enclosure | None
    pinned: int
    announced: bool  #: by editions, when the article is new
    credit: Credit | None
    notes: tuple[Note, ...]
    present: bool  #: there is a front matter
    body: str  #: as it is written
    body_line: int  #: 1-based line in the file where the body begins


def parse_header(
    source: SourceFile,
    zone: ZoneInfo,
    placeholder_hosts: Collection[str] = (),
    *,
    category_style: str = "path",
    site_language: str = "",
) -> Header:
    """Return the file with its front matter parsed.

    ``zone`` applies to dates without a zone. Images on ``placeholder_hosts`` are ignored.
    ``category_style`` is one of ``categories.STYLES``; ``site_language`` (BCP 47) helps to detect
    the encoding. Raises SourceError for a file that is binary, empty, or has broken front matter,
    NotAnArticle for a file whose name says that it is not meant as an article.
    """
    path = source.path
    if path.suffix.lower() not in SUFFIXES:
        raise SourceError(path, None, f"not one of {', '.join(sorted(SUFFIXES))}")
    if path.name.startswith("_") and _SECTION_PAGE.fullmatch(path.name):
        raise NotAnArticle(path, None, "it is the list page of a section", failed=False)
    if _CONFLICTED_COPY.search(path.name):
        raise NotAnArticle(path, None, "it is the conflicted copy of a file synchronizer")
    try:
        decoded = decode(source.content, site_language)
    except ValueError as error:
        raise SourceError(path, None, str(error)) from error
    front = split(decoded.text, path)
    notes = [noted(None, trouble) for trouble in decoded.troubles]
    publication = read_publication(front, path, zone)
    pinned, unpinned = _pinned(front)
    link = _link(front.fields)
    image, local_image = _images(front.fields, placeholder_hosts)
    enclosure = enclosures.find(front.fields)
    language = _language(_texts(front.fields, LANGUAGE_KEYS))
    unused = _unusable(front, link, image, enclosure, language, placeholder_hosts)
    notes += sorted(
        [*front.notes, *publication.notes, *unpinned, *unnamed(front), *unused], key=_place
    )
    return Header(
        title=summarize(plain_line(_title(front.fields, site_language)), MAX_TITLE),
        identity=_identity(front, path),
        authors=authors(front.fields),
        categories=categories(
            front.fields, category_folders(path), category_style, spaced=is_jekyll_post(path)
        ),
        publication=publication,
        link=link,
        image=image,
        local_image=local_image,
        language=language or _language_in_name(path),
        summary=next(
            (text for text in _texts(front.fields, SUMMARY_KEYS) if text.lower() not in _TRUTHS), ""
        ),
        enclosure=enclosure,
        pinned=pinned,
        announced=_text(front.fields, ANNOUNCE_KEY).lower() not in FALSE,
        credit=_credit(front.fields),
        notes=tuple(notes[:MAX_NOTES]),
        present=front.present,
        body=front.body,
        body_line=decoded.text.count("\n", 0, len(decoded.text) - len(front.body)) + 1,
    )


def parse_body(header: Header, path: PurePosixPath) -> ParsedFile:
    """Return the file with its body parsed as well.

    If front matter and body have no title, it is made from the name of the file. Raises
    SourceError if there is no text either.
    """
    body = read_body(header.body, path, heading=not header.title, first_line=not header.present)
    remarks = (noted(header.body_line + remark.line, remark.cause) for remark in body.remarks)
    left_out = (noted(None, cause) for cause in texts_left_out(body.markup))
    notes = (*header.notes, *remarks, *left_out)[:MAX_NOTES]
    title = header.title or summarize(one_line(body.title), MAX_TITLE)
    if not title:
        if not header.body.strip():
            raise SourceError(path, None, "it has neither title nor text")
        title = _name_title(path)
        notes = (*notes[: MAX_NOTES - 1], noted(None, f"it has no title and is called '{title}'"))
    return ParsedFile(
        identity=header.identity,
        title=title,
        authors=header.authors,
        categories=header.categories,
        published_at=header.publication.published_at,
        updated_at=header.publication.updated_at,
        availability=header.publication.availability,
        link=header.link,
        image=header.image,
        language=header.language or _language([body.language]),
        summary=one_line(text_of(header.summary)) or None,
        markup=body.markup,
        enclosure=header.enclosure or enclosures.in_markup(body.markup, header.link),
        pinned=header.pinned,
        notes=notes,
    )


def _name_title(path: PurePosixPath) -> str:
    """Return a title made from the name of a file, or of its folder for a page bundle.

    Leading dates are removed; dashes become spaces if the name has none.
    """
    name = path.parent.name if is_bundle(path) and path.parent.name else path.stem
    name = _LANGUAGE_BEHIND_NAME.sub("", _DATE_BEFORE_NAME.sub("", name, count=1)) or name
    blanks = any(map(str.isspace, name)) or not any(map(str.isalpha, name))
    words = name if blanks else re.sub("[-_]+", " ", name)
    return summarize(one_line(words) or one_line(name) or "?", MAX_TITLE)


def _language_in_name(path: PurePosixPath) -> str | None:
    """Return the language that a file's name ends in, as Hugo has it: ``post.zh-cn.md``."""
    behind = _LANGUAGE_BEHIND_NAME.search(path.stem)
    tag = _language([behind[0][1:]]) if behind else None
    return tag if tag and own_name(tag) != tag else None


def _identity(front: FrontMatter, path: PurePosixPath) -> str:
    for key in IDENTITY_KEYS:
        identity = next(_texts(front.fields, (key,)), "")
        if len(identity) > MAX_IDENTITY:
            problem = f"{key} is longer than {MAX_IDENTITY} characters"
            raise SourceError(path, front.lines[key], problem)
        if identity:
            return identity
    return path_identity(path)


def _pinned(front: FrontMatter) -> tuple[int, list[Note]]:
    """Return the first valid pin; if there is none, 0 and a note on the first value."""
    odd: list[Note] = []
    for key in PIN_KEYS:
        value = front.fields.get(key, "")
        text = one_line(value).lower() if isinstance(value, str) else None
        if text in TRUE | FALSE:
            return int(text in TRUE), []
        if number := _WHOLE_NUMBER.fullmatch(text or ""):
            return min(int(number[1][:11]), MAX_PINNED), []
        if text not in NOTHING:
            what = key if text is None else f"{key} '{shown(text)}'"
            cause = f"{what} is neither true or false nor a whole number; the article is not pinned"
            odd.append(noted(front.lines[key], cause))
    return 0, odd[:1]


def _place(note: Note) -> int:
    return note.line or 0


def _link(fields: Mapping[str, Value]) -> str | None:
    candidates = [*_addresses(fields, LINK_KEYS)]
    candidates += (text for text in _addresses(fields, PATTERN_KEYS) if not _PATTERN.search(text))
    return next(filter(None, map(uris.absolute, candidates)), None)


def _credit(fields: Mapping[str, Value]) -> Credit | None:
    name = summarize(plain_line(_text(fields, SOURCE_NAME_KEY)), MAX_NAME)
    return Credit(name=name, url=uris.absolute(_text(fields, SOURCE_URL_KEY))) if name else None


def _unusable(
    front: FrontMatter,
    link: str | None,
    image: str | None,
    enclosure: Enclosure | None,
    language: str | None,
    placeholder_hosts: Collection[str],
) -> Iterator[Note]:
    """Yield a note for the first invalid address of each kind, if no other was usable."""
    wanted = (
        (link, LINK_KEYS, "is no absolute address; the article's page here counts"),
        (image, IMAGE_KEYS, NO_IMAGE_ADDRESS),
        (enclosure, ENCLOSURE_KEYS, "is no address of a recording whose type is known"),
        (language, LANGUAGE_KEYS, "is no language tag"),
    )
    for usable, keys, trouble in wanted:
        if usable is not None or front.fields.keys().isdisjoint(keys):
            continue
        for key in keys:
            text = next(_texts(front.fields, (key,)), "") if key in front.fields else ""
            if (
                text
                and text.lower() not in TRUE | FALSE
                and not _placeholder(text, placeholder_hosts)
            ):
                yield noted(front.lines[key], f"{key} '{shown(text)}' {trouble}")
                break


def _placeholder(text: str, hosts: Collection[str]) -> bool:
    return uris.on_host(uris.absolute(text) or "", hosts)


def _images(
    fields: Mapping[str, Value], placeholder_hosts: Collection[str]
) -> tuple[str | None, str]:
    """Return the first address of an image; where there is none, the first relative reference."""
    local = ""
    for text in _addresses(fields, IMAGE_KEYS):
        address = uris.absolute(text)
        if address is None:
            local = local or ("" if text.lower() in TRUE | FALSE else text)
        elif not uris.on_host(address, placeholder_hosts):
            return address, ""
    return None, local


def _language(candidates: Iterable[str]) -> str | None:
    """Return the first language tag that is well formed, in the usual case (RFC 5646 2.1.1)."""
    for text in candidates:
        tag = text.partition(".")[0].replace("_", "-")  # ``en_US.UTF-8``
        if _LANGUAGE.fullmatch(tag):
            return cased(tag)
    return None


def _texts(fields: Mapping[str, Value], keys: Iterable[str]) -> Iterator[str]:
    """Yield the non-empty values of these keys, as one line each."""
    for key in keys:
        value = fields.get(key)
        if not value:  # most keys are in no file
            continue
        for item in value if isinstance(value, list) else [value]:
            for text in map(item.get, ADDRESS_NAMES) if isinstance(item, dict) else [item]:
                line = one_line(text) if isinstance(text, str) else ""
                if line.lower() not in NOTHING:
                    yield line


def _addresses(fields: Mapping[str, Value], keys: Iterable[str]) -> Iterator[str]:
    """Yield the addresses in the values of these keys, without the links around them."""
    for text in _texts(fields, keys):
        link = _LINKED.fullmatch(text)
        yield next(filter(None, link.groups())) if link else text


def _title(fields: Mapping[str, Value], language: str) -> str:
    """Return the title as one line; of a table the one in ``language``, or that is shown."""
    value = fields.get("title")
    if not isinstance(value, dict):
        return _text(fields, "title")
    keys = (*_TITLES, language.lower(), language.lower().partition("-")[0], "en")
    return next((_text(value, key) for key in keys if _text(value, key)), "")


def _text(fields: Mapping[str, Value], key: str) -> str:
    """Return a value as one line; of a list its first, empty for anything else."""
    value = fields.get(key, "")
    if isinstance(value, list):
        value = value[0] if value else ""
    return one_line(value) if isinstance(value, str) else ""
