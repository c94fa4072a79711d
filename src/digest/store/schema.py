"""The tables, as the newest migration leaves them; a test compares both.

A key that may be longer than an index takes is kept beside its hash (see ``types.hashed``).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from digest.articles.model import Credit
from digest.articles.reading.enclosures import Enclosure
from digest.store.types import AsObject, Categories, Moment, Names, PlainText, Seconds, Whole

#: Every revision of the schema, oldest first; the last one is what this Digest works with.
REVISIONS = tuple(f"{number:04}" for number in range(1, 26))  # last: notices of moves

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _number() -> Column[int]:
    """Return a primary key that grows and is never used twice."""
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("id", kind, Identity(), primary_key=True)


def _reference(
    name: str,
    target: str,
    *,
    ondelete: str = "CASCADE",
    key: bool = False,
    index: bool = False,
    nullable: bool = False,
) -> Column[int]:
    """Return a column that refers to a numbered row; ``key`` makes it part of the primary key."""
    kind = BigInteger().with_variant(Integer, "sqlite")
    reference = ForeignKey(target, ondelete=ondelete)
    return Column(name, kind, reference, primary_key=key, index=index, nullable=nullable)


def _partial_index(
    name: str, *columns: Column[Any], where: ColumnElement[bool], unique: bool = False
) -> Index:
    """Return an index of the rows that meet a condition, in the database of either kind."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


#: Single values: ``authority``; by which rules facets were decided
#: (``facet_rules``), and which folders are ``mail_only``; how far the ``search_index`` goes; each
#: ``notice`` that waits for a hub; the ``failures`` of output folders; when unused assets were
#: looked for.
meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", PlainText, nullable=False),
)

#: ``id`` is the sequence. The long texts come last, so that SQLite reads the others without them.
article = Table(
    "article",
    metadata,
    _number(),
    Column("key", Text, nullable=False, unique=True),
    Column("tag", Text, nullable=False),  #: the public id, a tag URI
    Column("identity", PlainText, nullable=False),
    Column("by_path", Boolean, nullable=False),  #: the identity came from a path
    Column("fingerprint", Text, nullable=False),
    Column("content", Text, nullable=False),  #: ``revision.content_digest``
    Column("published_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("language", PlainText),
    Column("link", PlainText),
    Column("image", PlainText),
    Column("title", PlainText, nullable=False),
    Column("authors", Names, nullable=False),
    Column("summary", PlainText, nullable=False),
    Column("body", PlainText, nullable=False),
    Column("enclosure", AsObject(Enclosure)),
    Column("pinned", Integer, nullable=False, server_default="0"),
    Column("credit", AsObject(Credit)),
    Index(None, "published_at", "id"),
    sqlite_autoincrement=True,
)

#: One row for each article: what is asked of many articles at once, apart from their long texts.
#: ``hidden`` is ``visibility.Hidden``, 0 where everybody may see the article. ``revision`` is the
#: content revision of the last change to anything that its page or its entries in feeds show.
#: ``announced`` tells whether editions take the article when it is new.
article_state = Table(
    "article_state",
    metadata,
    _reference("article", "article.id", key=True),
    Column("hidden", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False, index=True),
    Column("announced", Boolean, nullable=False, server_default=true()),
)
_partial_index(
    "ix_article_state_hidden", article_state.c.article, where=article_state.c.hidden != 0
)

category = Table(
    "category",
    metadata,
    _number(),
    Column("key", Text, nullable=False, unique=True),  #: hash of the folder
    Column("folder", PlainText, nullable=False),
    Column("names", Names, nullable=False),
    sqlite_autoincrement=True,
)

#: One row for each article in each category at every level. ``position`` is the category's place
#: in the file's own list, NULL where only a category below it is named there.
membership = Table(
    "membership",
    metadata,
    _reference("article", "article.id", key=True),
    _reference("category", "category.id", key=True),
    Column("published_at", Moment, nullable=False),
    Column("position", Integer),
    Index(None, "category", "published_at", "article"),
    sqlite_with_rowid=False,
)

#: Authors, languages and the operator's feeds (``articles.model.Facet``).
facet = Table(
    "facet",
    metadata,
    _number(),
    Column("key", Text, nullable=False, unique=True),  #: hash of kind and name
    Column("kind", Text, nullable=False),
    Column("name", PlainText, nullable=False),
    sqlite_autoincrement=True,
)

#: One row for each article in each of its facets.
facet_article = Table(
    "facet_article",
    metadata,
    _reference("article", "article.id", key=True),
    _reference("facet", "facet.id", key=True),
    Column("published_at", Moment, nullable=False),
    Index(None, "facet", "published_at", "article"),
    sqlite_with_rowid=False,
)

#: At most one row: how often published content has changed. ``number`` only grows, and it is
#: committed with the change; ``changed_at`` never goes back.
content_revision = Table(
    "content_revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

#: The last change of each selection of articles that may have a feed: everything, a category, an
#: author, a language, a feed of the operator's.
feed_change = Table(
    "feed_change",
    metadata,
    Column("key", Text, primary_key=True),  #: hash of kind and names
    Column("kind", Text, nullable=False),
    Column("names", Names, nullable=False),
    Column("revision", BigInteger, nullable=False, index=True),
    Column("changed_at", Moment, nullable=False),
)

#: What was written into an output folder: up to which content revision, and by what program and
#: configuration. ``token`` lies in the folder, too.
output = Table(
    "output",
    metadata,
    Column("token", Text, primary_key=True),
    Column("revision", BigInteger),  #: NULL: it was never complete
    Column("fingerprint", Text, nullable=False),
)

#: The documents of feeds in an output folder as they were written. Whatever else is found there
#: is written anew.
published_file = Table(
    "published_file",
    metadata,
    Column("output", Text, ForeignKey("output.token", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),  #: hash of the path
    Column("path", PlainText, nullable=False),  #: relative to the output folder
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: Processes that have written into an output folder and not yet seen to it that the disk has it
#: all. A row of another boot tells that the machine lost power before.
unsynced_writer = Table(
    "unsynced_writer",
    metadata,
    Column("output", Text, ForeignKey("output.token", ondelete="CASCADE"), primary_key=True),
    Column("boot", Text, primary_key=True),  #: the boot id of the kernel
    Column("pid", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

#: The articles in the search index (``store.search``) and the content revision that it has of each.
#: A changed article gets another number; the index itself is made by the program.
search_document = Table(
    "search_document",
    metadata,
    _number(),
    _reference("article", "article.id"),
    Column("revision", BigInteger, nullable=False),
    UniqueConstraint("article"),
    sqlite_autoincrement=True,
)

#: By what articles are recognized in other files (``articles.duplicates``).
content_signature = Table(
    "likeness",
    metadata,
    _reference("article", "article.id", key=True),
    Column("title", Text, nullable=False),
    Column("exact", Text, nullable=False),
    Column("linked", Boolean, nullable=False),
    Column("sketch", LargeBinary, nullable=False),
    Index(None, "exact"),
    Index(None, "title", "article"),
)

#: The articles of which more is known than that they are there. ``at`` is when the article was
#: withdrawn, NULL where it is shown. ``word`` is a ``withdrawals.Moderation``, NULL where
#: the files decide.
withdrawal = Table(
    "withdrawal",
    metadata,
    _reference("article", "article.id", key=True),
    Column("at", Moment),
    Column("word", Text),
)
_partial_index(
    "ix_withdrawal_at", withdrawal.c.at, withdrawal.c.article, where=withdrawal.c.at.is_not(None)
)

#: The archives of each feed (``feeds.archive``), and what each holds, for ever. ``changed_at`` and
#: ``gone`` are of the version for which the article was put there; ``changed_at`` is NULL once the
#: article has another.
archive = Table(
    "archive",
    metadata,
    _number(),
    Column("feed", Text, nullable=False),  #: hash of the feed's folder
    Column("number", Integer, nullable=False),  #: 1, 2, 3 …
    UniqueConstraint("feed", "number"),
    sqlite_autoincrement=True,
)

archive_entry = Table(
    "archive_entry",
    metadata,
    _reference("archive", "archive.id", key=True),
    _reference("article", "article.id", key=True, index=True),
    Column("changed_at", Moment),
    Column("gone", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

#: One file of an article leads: it says what the article says; the others add their categories.
file = Table(
    "file",
    metadata,
    Column("key", Text, primary_key=True),  #: hash of the path
    Column("path", PlainText, nullable=False),
    Column("size", Whole, nullable=False),
    Column("mtime_ns", Whole, nullable=False),
    Column("content", Text, nullable=False),
    Column("recipe", PlainText, key="options_hash", nullable=False),
    Column("missing_at", Moment),  #: since when the file is gone; NULL while it is there
    _reference("article", "article.id", ondelete="SET NULL", index=True, nullable=True),
    Column("leads", Boolean, nullable=False, server_default=false()),
    Column("fingerprint", Text),  #: of the draft that the file gave last; NULL: none, or unknown
    Column("categories", Categories),  #: of that draft
    Column("rival", Text),  #: key of the file whose article has the id that this one names, too
    Column("embargo_at", Moment),  #: when the file is to be looked at; NULL: no embargo
    Column("expires_at", Moment),  #: when its article is to be withdrawn; NULL: never
    Column("held", Boolean, nullable=False, server_default=false()),  #: wants its article unread
    Column("text_hash", Text),  #: of that draft; NULL: whatever the file says is to be read
    Column("raw_hash", Text),  #: likewise
)
#: A file on disk that an article file refers to, as it was when that was read last.
file_asset = Table(
    "file_asset",
    metadata,
    Column("file", Text, ForeignKey("file.key", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),  #: hash of the path
    Column("path", PlainText, nullable=False),  #: absolute
    Column("size", Whole, nullable=False),  #: -1 where there was no file
    Column("mtime_ns", Whole, nullable=False),
    Column("name", Text, nullable=False),  #: of the copy; "" or NO_ROOM where it was not published
    Index(None, "key"),
    Index(None, "name"),
)

#: Copies of assets that no article file refers to, and since when that is known.
unused_asset = Table(
    "unused_asset",
    metadata,
    Column("name", Text, primary_key=True),
    Column("since", Moment, nullable=False),
)
_partial_index("ix_file_embargo_at", file.c.embargo_at, where=file.c.embargo_at.is_not(None))
_partial_index("ix_file_expires_at", file.c.expires_at, where=file.c.expires_at.is_not(None))
Index(
    "ix_file_held",
    file.c.article,
    sqlite_where=text("held = 1"),  # as queries say it there
    postgresql_where=file.c.held,
)
_partial_index("ix_file_missing_content", file.c.content, where=file.c.missing_at.is_not(None))

#: What files have wrong, in the order of their lines.
problem = Table(
    "problem",
    metadata,
    Column("file", Text, ForeignKey("file.key", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("severity", Text, nullable=False),
    Column("line", Whole),
    Column("cause", PlainText, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

#: Upstream feeds that are followed, as ``sources.model.SourceState`` has them.
source = Table(
    "source",
    metadata,
    Column("name", PlainText, primary_key=True),
    Column("url", PlainText, nullable=False),
    Column("moved_to", PlainText, nullable=False),
    Column("redirects", Integer, nullable=False),
    Column("redirect_to", PlainText, nullable=False),
    Column("entity_tag", PlainText, nullable=False),
    Column("last_modified", PlainText, nullable=False),
    Column("asked_at", Moment),
    Column("changed_at", Moment),
    Column("next_at", Moment),
    Column("interval", Seconds, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("health", Text, nullable=False),
    Column("answer", PlainText, nullable=False),
    Column("title", PlainText, nullable=False),
    Column("home", PlainText, nullable=False),
)

#: Entries of sources that were taken, as ``sources.model.EntryRecord`` has them; for ever, so that
#: an entry whose file was deleted does not come back.
source_entry = Table(
    "source_entry",
    metadata,
    Column("source", PlainText, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("alias", Text, nullable=False),
    Column("path", PlainText, nullable=False),
    Column("content", Text, nullable=False),
    Column("written", Text, nullable=False),
    Column("taken_at", Moment, nullable=False),
    Index(None, "source", "alias"),
    Index(None, "source", "taken_at"),
    sqlite_with_rowid=False,
)

#: Everybody who subscribes, or once did, by address. ``identifier`` is random; links in mails hold
#: it, and it goes along to another database.
person = Table(
    "person",
    metadata,
    _number(),
    Column("identifier", Text, nullable=False, unique=True),
    Column("address", PlainText, nullable=False),
    Column("folded", PlainText, nullable=False, unique=True),  #: ``address_key``
    sqlite_autoincrement=True,
)

#: Other names of persons in links already sent: the numbers of subscriptions in databases before
#: revision 0012 (with their digest), and identifiers from other databases. ``person`` is NULL once
#: the person was removed.
person_alias = Table(
    "person_alias",
    metadata,
    Column("identifier", Text, primary_key=True),
    _reference("person", "person.id", ondelete="SET NULL", index=True, nullable=True),
    Column("digest", PlainText),
)

#: One row for each person in each digest.
subscriber = Table(
    "subscriber",
    metadata,
    _number(),
    _reference("person", "person.id", index=True),
    Column("digest", PlainText, nullable=False),
    Column("name", PlainText, nullable=False),
    Column("categories", Categories, nullable=False),
    Column("language", PlainText),
    Column("timezone", PlainText),  #: IANA name; NULL: the site's
    Column("state", Text, nullable=False),
    Column("since", Moment, nullable=False),  #: of the state
    Column("reason", PlainText),  #: of the state
    Column("consent", PlainText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("welcome", Boolean, nullable=False, server_default=false()),  #: is owed one
    Column("paused_until", Moment),  #: until then nothing is sent; NULL: no pause
    UniqueConstraint("digest", "person"),
    sqlite_autoincrement=True,
)
Index(
    "ix_subscriber_welcome",
    subscriber.c.digest,
    sqlite_where=text("welcome = 1"),  # as queries say it there
    postgresql_where=subscriber.c.welcome,
)

#: Requests that a mail asks to confirm, and notices of changes of address; of an address the last
#: only. They are kept after they were confirmed, too: limits count them.
signup = Table(
    "signup",
    metadata,
    Column("identifier", Text, primary_key=True),
    Column("folded", PlainText, nullable=False, unique=True),  #: ``address_key``
    Column("address", PlainText, nullable=False),
    Column("digests", Names, nullable=False),
    Column("categories", Categories, nullable=False),
    Column("language", PlainText, nullable=False),  #: of a notice empty where it is the digest's
    Column("network", PlainText, nullable=False),
    Column("wording", PlainText, nullable=False),
    Column("requested_at", Moment, nullable=False),  #: of a notice, when its mail may be sent
    Column("sent_at", Moment),  #: NULL: the mail waits to be sent
    Column("confirmed_at", Moment),
    Column("timezone", PlainText),  #: IANA name; NULL: the site's
    Column("person", Text),  #: identifier of who wants this address instead; NULL: subscribes
    Column("notice", Boolean, nullable=False, server_default=false()),  #: it was theirs before
)

#: Addresses of persons who had everything erased, as ``tokens.erasure_mark`` makes them.
erased_address = Table(
    "erased_address",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("erased_at", Moment, nullable=False),
)

#: The states that a subscription had before its present one, in order of ``id``.
past_state = Table(
    "past_state",
    metadata,
    _number(),
    _reference("subscriber", "subscriber.id", index=True),
    Column("state", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("reason", PlainText),
    sqlite_autoincrement=True,
)

#: Where each digest began: articles up to ``start`` are old for it.
digest = Table(
    "digest",
    metadata,
    Column("name", PlainText, primary_key=True),
    Column("start", BigInteger, nullable=False),
    Column("started_at", Moment, nullable=False),
)

edition = Table(
    "edition",
    metadata,
    _number(),
    Column("digest", PlainText, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("after", BigInteger, nullable=False),
    Column("upto", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reported_at", Moment),  #: when the operator was told how it ended
    Column("announced_at", Moment),  #: when the operator was asked to approve it
    Column("cancelled_at", Moment),
    Column("by_hand", Boolean, nullable=False, server_default=false()),
    Column("welcome", Boolean, nullable=False, server_default=false()),  #: for new subscribers
    Column("note", PlainText, nullable=False, server_default=""),  #: stands above the articles
    UniqueConstraint("digest", "due_at"),
    sqlite_autoincrement=True,
)
_partial_index(
    "uq_edition_digest_number",
    edition.c.digest,
    edition.c.number,
    unique=True,
    where=edition.c.number > 0,
)
_partial_index("ix_edition_open", edition.c.id, where=edition.c.state == "open")
_partial_index("ix_edition_draft", edition.c.id, where=edition.c.state == "draft")

#: The note that each digest's next edition takes.
edition_note = Table(
    "edition_note",
    metadata,
    Column("digest", PlainText, primary_key=True),
    Column("text", PlainText, nullable=False),
)

#: What an edition holds, frozen when it is made.
edition_article = Table(
    "edition_article",
    metadata,
    _reference("edition", "edition.id", key=True),
    _reference("article", "article.id", key=True),
    sqlite_with_rowid=False,
)

#: ``created_at`` is from when it could be sent: when its edition was opened, or the reader's hour
#: if that came later. ``due_at`` is when the row next has something to do: an attempt, or the end
#: of its lease; NULL once it has ended. A removed subscriber leaves NULL: the count stays, the
#: person does not.
delivery = Table(
    "delivery",
    metadata,
    _number(),
    _reference("edition", "edition.id"),
    _reference("subscriber", "subscriber.id", ondelete="SET NULL", index=True, nullable=True),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("changed_at", Moment, nullable=False),
    Column("error", PlainText),
    Column("claimed_by", Text),  #: id of the daemon that claimed it; NULL for other processes
    #: So it counts against a person.
    Column("refused", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("edition", "subscriber"),
    sqlite_autoincrement=True,
)
_partial_index(
    "ix_delivery_due", delivery.c.due_at, delivery.c.id, where=delivery.c.due_at.is_not(None)
)
_partial_index("ix_delivery_pending", delivery.c.edition, where=delivery.c.due_at.is_not(None))

#: Why nothing is sent for a digest, or, where ``digest`` is empty, nothing at all.
pause = Table(
    "pause",
    metadata,
    Column("digest", PlainText, primary_key=True),
    Column("since", Moment, nullable=False),
    Column("probe_at", Moment, nullable=False),
    Column("reason", PlainText, nullable=False),
)
