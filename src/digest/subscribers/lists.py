"""Lists of subscribers as CSV: our own export, and those of other newsletter programs."""

# pure
from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from digest.articles.reading.decode import decode
from digest.subscribers.model import NewSubscriber, PastState, SubscriberState
from digest.subscribers.tokens import is_person

#: The columns of our own export.
COLUMNS = (
    "address",
    "digest",
    "name",
    "categories",
    "language",
    "timezone",
    "state",
    "since",
    "reason",
    "consent",
    "paused_until",
    "created_at",
    "person",
    "old_ids",
    "history",
)


def _plain(text: str) -> str:
    """Return a name without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return re.sub(r"\W|_", "", unicodedata.normalize("NFC", letters))


_DELIMITERS = ",;\t|"
#: Characters of a value, the limit that the module csv has by itself. It would break off the list
#: there, and to go on in the middle of a value would make subscribers of its lines.
_MAX_VALUE = 131_072
csv.field_size_limit(2**31 - 1)
#: Columns that an error names, and characters of each name.
_MAX_TOLD = 40
_ACTIVE, _UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED
_SUPPRESSED = SubscriberState.SUPPRESSED

#: What columns are called elsewhere (listmonk, Mailchimp, Substack, Ghost, Buttondown, Sendy,
#: beehiiv, Kit, MailerLite, phpList, Mailtrain and others), without case and punctuation.
_SYNONYMS = {
    "address": "email emailaddress mail mailaddress emailid subscriber subscriberemail contactemail"
    " emailadresse mailadresse adresseemail adressemail courriel correo correoelectronico"
    " eposta epost indirizzoemail 邮箱 邮箱地址 电子邮件 电子邮箱 郵箱 電子郵件"
    " メールアドレス メール",
    "name": "fullname subscribername displayname contactname attribname 姓名 氏名 お名前",
    "first name": "firstname first fname givenname forename vorname prenom nombre",
    "last name": "lastname last lname surname familyname nachname nom apellido apellidos",
    "language": "lang locale preferredlanguage sprache",
    "timezone": "tz",
    "state": "status subscriptionstatus subscriberstatus subscriberstate emailstatus memberstatus",
    "type": "subscribertype",
    "since": "changedat lastchanged statuschangedat",
    "reason": "unsubreason unsubscribereason unsubscriptionreason bouncereason",
    "created_at": "created createdat creationdate subscribedat subscriptiondate dateadded addedat"
    " added entered signupdate signupat optinat dateadd joindate datejoined addedtime createdon"
    " datesubscribed registriertam",
    "consent": "gdprconsent consentgiven",
    "subscribed": "subscribedtoemails issubscribed optedin optin active isactive newsletter"
    " acceptsmarketing acceptsemailmarketing emailoptin emailconsent",
    "confirmed": "isconfirmed isthissubscriberconfirmed aktiviertam",
    "unsubscribed": "unsubtime unsubscribedat unsubscriptiondate dateunsubscribed optedout optout"
    " optedoutat emaildisabled emailsdisabled deletedat isunsubscribed",
    "suppressed": "cleantime bounced bouncedat complained complainedat blacklisted blocklisted"
    " isthissubscriberblacklisted isblacklisted suppressedat",
}
_FIELDS = {
    _plain(synonym): field for field, synonyms in _SYNONYMS.items() for synonym in synonyms.split()
} | {_plain(field): field for field in (*COLUMNS, *_SYNONYMS)}
#: What columns of other names tell all the same: an opt-out that is overlooked is mail to somebody
#: who wants none. Values that are not understood count for nothing there.
_HINTS = tuple(
    (field, re.compile(words))
    for field, words in (
        ("unsubscribed", r"unsub|optout|optedout|donotcontact|donotemail|^dnc$|abgemeldet|abmelde"),
        ("unsubscribed", r"desabon|desinscri|^baja|退订|退訂|解除|停止"),
        ("suppressed", r"block?list|blacklist|bounced?$|complain|suppress"),
        ("hint", r"status|statut|stato$|estado|zustand|abonniert|状态|狀態|ステータス|状態"),
    )
)
_NO_HINT = re.compile(r"campaign|reason|link|url|token|hash|source|count|title|number|marital")
#: Columns whose values are kept as evidence of consent, with their names.
_EVIDENCE = {
    *("optintime", "optinip", "confirmtime", "confirmip"),
    *("signupip", "optinsource", "confirmedat", "source"),
}
#: What states are called elsewhere, likewise. None: the person has not confirmed yet. The numbers
#: are Mailtrain's.
_STATE_WORDS: dict[SubscriberState | None, str] = {
    _ACTIVE: "active subscribed enabled confirmed regular premium gifted trialed paid free member"
    " valid verified yes true 1 optedin optin on subscriber c aktiv angemeldet abonniert abonne"
    " actif inscrit confirme suscrito activo 有效 已订阅 已訂閱 有効 登録済み",
    _UNSUBSCRIBED: "unsubscribed cancelled canceled removed optedout optout unsub left inactive"
    " disabled deleted churned paused no false 0 2 off archived u expired abgemeldet inaktiv"
    " desabonne desinscrit inactif inactivo baja dadodebaja 已退订 已退訂 退订 退訂 解除 配信停止",
    _SUPPRESSED: "suppressed bounced softbounced hardbounced softbounce hardbounce cleaned"
    " undeliverable complained complaint spam spammy junk markedasspam spamcomplaint abuse"
    " blocklisted blacklisted blocked invalid 3 4 b unreachable gesperrt bloque rebotado",
    None: "pending unconfirmed unactivated validating needsattention nonsubscribed transactional"
    " notconfirmed waiting unbestatigt nichtbestatigt nonconfirme enattente pendiente",
}
_STATES = {word: state for state, words in _STATE_WORDS.items() for word in words.split()}
#: Parts of states that are not in the table; the first that fits decides.
_STATE_PARTS: tuple[tuple[str, SubscriberState | None], ...] = (
    (r"unconfirm|notconfirm|pending|unbestatigt", None),
    (r"bounce|complain|spam|blocklist|blacklist|suppress|undeliver|^[45][0-9]{2,}$", _SUPPRESSED),
    (r"unsub|optout|optedout|abgemeldet|desabon|desinscri|cancel|退订|退訂", _UNSUBSCRIBED),
)
#: A name before an address, and what links to it begin with.
_NAMED = re.compile(
    r"(?:\"?([^<>\"]*+)\"?\s*+<\s*+)?(?:mailto:)?([^<>\s@]++@[^<>\s]++)\s*+>?", re.IGNORECASE
)
#: Day, month and year as dots part them; year, month and day as slashes do.
_DOTTED = re.compile(r"(\d{1,2})[.](\d{1,2})[.](\d{4})(?!\d)")
_SLASHED = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?!\d)")
_FALSE = {"", "false", "no", "n", "0", "off", "none", "null", "never", "na", "nein", "non", "否"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSubscriber:
    """A row of a list: text as it stands there, states and times as they are understood."""

    line: int
    fields: Mapping[str, str]  #: by the names of COLUMNS; what the list does not tell is missing
    state: SubscriberState | None  #: None: never confirmed
    since: datetime | None = None
    created_at: datetime | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that cannot be read."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberList:
    """A CSV file: what each of its columns is, and its rows."""

    columns: tuple[str, ...]  #: as its header calls them; empty without a header
    fields: tuple[str | None, ...]  #: what each column is; None: it is not read
    body: str
    first_line: int  #: the number of the first line of ``body``
    delimiter: str

    @property
    def ignored(self) -> tuple[str, ...]:
        """The columns that are not read."""
        pairs = zip(self.columns, self.fields, strict=False)
        return tuple(
            name for name, field in pairs if field is None and _plain(name) not in _EVIDENCE
        )

    def rows(self) -> Iterator[ListedSubscriber | BadRow]:
        """Yield the rows in order; empty lines are skipped."""
        text = io.StringIO(self.body, newline="")
        reader = csv.reader(text, delimiter=self.delimiter, strict=True)
        try:
            for row in reader:
                line = self.first_line + reader.line_num - 1
                if any(map(str.strip, row[len(self.fields) :])):
                    yield BadRow(line=line, problem="has more values than the header has names")
                elif (longest := max(map(len, row), default=0)) > _MAX_VALUE:
                    problem = f"has a value of {longest:,} characters; at most {_MAX_VALUE:,} count"
                    yield BadRow(line=line, problem=problem)
                elif any(map(str.strip, row)):
                    yield self._row(line, [value.strip() for value in row[: len(self.fields)]])
        except csv.Error as error:
            line = self.first_line + reader.line_num - 1
            yield BadRow(line=line, problem=f"is no CSV: {error}; the list ends here")

    def _row(self, line: int, row: list[str]) -> ListedSubscriber | BadRow:
        fields: dict[str, str] = {}
        states: list[SubscriberState | None] = []
        evidence = []
        for number, value in enumerate(row):
            field = self.fields[number]
            if field == "hint":
                with suppress(KeyError):
                    states.append(_state(value))
            elif field is not None:
                fields[field] = fields.get(field) or value
            elif value and self.columns and _plain(self.columns[number]) in _EVIDENCE:
                evidence.append(f"{self.columns[number]}: {value}")
        if named := _NAMED.fullmatch(fields.get("address", "")):
            fields["address"] = named[2]
            if named[1] and not fields.get("name"):
                fields["name"] = named[1].strip()
        names = fields.pop("first name", ""), fields.pop("last name", "")
        if any(names) and not fields.get("name"):
            fields["name"] = " ".join(filter(None, names))
        if evidence and not fields.get("consent"):
            fields["consent"] = "; ".join(evidence)
        created_at = moment(fields.pop("created_at", ""))
        since = moment(fields.pop("since", ""))
        paused_until = moment(fields.pop("paused_until", ""))
        word = fields.pop("state", "")
        if word:
            try:
                states.append(_state(word))
            except KeyError:
                return BadRow(line=line, problem=f"has the state {word!r}, which is not known")
        states.append(_STATES.get(_plain(fields.pop("type", "")), _ACTIVE))
        confirmed = _plain(fields.pop("confirmed", "yes"))
        if confirmed in _FALSE or _STATES.get(confirmed, _ACTIVE) is None:
            states.append(None)
        subscribed = fields.pop("subscribed", "")
        if subscribed and _plain(subscribed) in _FALSE:
            states.append(_UNSUBSCRIBED)
        elif subscribed and _plain(subscribed) in _STATES:
            states.append(_STATES[_plain(subscribed)])
        elif subscribed:
            created_at = created_at or moment(subscribed)  # some write the date there
        for state in (_UNSUBSCRIBED, _SUPPRESSED):
            told = fields.pop(str(state), "")
            if _plain(told) not in _FALSE:
                states.append(state)
                since = since or moment(told)
        order = (_UNSUBSCRIBED, _SUPPRESSED, None, _ACTIVE)
        return ListedSubscriber(
            line=line,
            fields=fields,
            state=min(states, key=order.index),
            since=since,
            created_at=created_at,
            paused_until=paused_until,
        )


def _state(word: str) -> SubscriberState | None:
    """Return what a word for a state means; KeyError where that is not known."""
    plain = _plain(word)
    if plain in _STATES:
        return _STATES[plain]
    for parts, state in _STATE_PARTS:
        if re.search(parts, plain):
            return state
    raise KeyError(word)


def _field(name: str) -> str | None:
    """Return what a column is by its name; None where that is not known."""
    plain = _plain(name)
    if plain in _FIELDS or plain in _EVIDENCE or _NO_HINT.search(plain):
        return _FIELDS.get(plain)
    return next((field for field, words in _HINTS if words.search(plain)), None)


def _told(names: Sequence[str]) -> str:
    """Return the names of columns as an error tells them."""
    told = ", ".join(name[:_MAX_TOLD] for name in names[:_MAX_TOLD])
    return f"{told} and {len(names) - _MAX_TOLD:,} more" if len(names) > _MAX_TOLD else told


def read_list(content: bytes, mapped: Mapping[str, str]) -> SubscriberList:
    """Return a list of subscribers, whatever its encoding and delimiter.

    ``mapped`` says what columns are: names of COLUMNS (or ``first name``, ``last name``) by the
    file's own. Raises ValueError if there is no column of addresses.
    """
    text = decode(content).text
    preamble = re.match(r"(?:\s*\n|#.*\n)*(?:sep=(.)\n)?", text)  # a hint for spreadsheet programs
    body_start = preamble.end() if preamble else 0
    delimiter = preamble[1] if preamble else None
    end = text.find("\n", body_start)
    while end >= 0 and text.count('"', body_start, end) % 2:  # a quoted name over several lines
        end = text.find("\n", end + 1)
    header = text[body_start:] if end < 0 else text[body_start:end]
    if delimiter is None:
        unquoted = re.sub(r'"[^"]*"', "", header)
        delimiter = max(_DELIMITERS, key=unquoted.count)
    try:
        header_text = io.StringIO(header, newline="")
        names = tuple(
            map(str.strip, next(csv.reader(header_text, delimiter=delimiter, strict=True)))
        )
    except (csv.Error, StopIteration) as error:
        raise ValueError(f"is no CSV: {error}") from error
    given = {_plain(name): field for name, field in mapped.items()}
    if missing := [name for name in mapped if _plain(name) not in map(_plain, names)]:
        raise ValueError(f"has no column {missing[0]!r}; it has {_told(names)}")
    fields = [given.get(_plain(name)) or _field(name) for name in names]
    if "bouncecount" in map(_plain, names):  # phpList, whose optedin says nothing of a subscription
        fields = [
            None if _plain(name) == "optedin" else field
            for name, field in zip(names, fields, strict=True)
        ]
    if "address" in fields:
        body_start = len(text) if end < 0 else end + 1
    elif sum("@" in name for name in names) == 1 and not mapped:  # addresses without a header
        fields = ["address" if "@" in name else None for name in names]
        names = ()
    else:
        raise ValueError(
            f"has no column of addresses in its first line ({_told(names)}); it may be called"
            " address, email and the like, or be given with --map COLUMN=address"
        )
    return SubscriberList(
        columns=names,
        fields=tuple(fields),
        body=text[body_start:],
        first_line=text.count("\n", 0, body_start) + 1,
        delimiter=delimiter,
    )


def write_list(subscribers: Iterable[NewSubscriber], categories: Mapping[int, str]) -> str:
    """Return a list as ``read_list`` reads it; ``categories`` as text, by position."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, subscriber in enumerate(subscribers):
        history = [
            [state.state, state.since.isoformat(), state.reason] for state in subscriber.history
        ]
        writer.writerow(
            (
                subscriber.address,
                subscriber.digest,
                subscriber.name,
                categories[number],
                subscriber.language or "",
                subscriber.timezone or "",
                subscriber.state,
                subscriber.since.isoformat() if subscriber.since else "",
                subscriber.reason or "",
                subscriber.consent or "",
                subscriber.paused_until.isoformat() if subscriber.paused_until else "",
                subscriber.created_at.isoformat() if subscriber.created_at else "",
                subscriber.person or "",
                " ".join(subscriber.old_ids),
                json.dumps(history, ensure_ascii=False) if history else "",
            )
        )
    return text.getvalue()


def check_person(text: str) -> str | None:
    """Return a person's identifier, None for empty text; raise ValueError for anything else."""
    if text and not is_person(text):
        raise ValueError(f"has the person {text!r}, which is no identifier of a person")
    return text or None


def check_old_ids(text: str) -> tuple[str, ...]:
    """Return the identifiers in links already sent; raise ValueError if a part is none."""
    identifiers = tuple(text.split())
    for identifier in identifiers:
        if not is_person(identifier) and not re.fullmatch(r"[1-9][0-9]{0,18}", identifier):
            raise ValueError(f"has {identifier!r} in old_ids, which is no identifier")
    return identifiers


def check_history(text: str) -> tuple[PastState, ...]:
    """Return the past states of a subscription; raise ValueError if the text does not tell them."""
    try:
        return tuple(
            PastState(
                state=SubscriberState(state),
                since=datetime.fromisoformat(since).astimezone(UTC),
                reason=str(reason),
            )
            for state, since, reason in json.loads(text or "[]")
        )
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"has a history that cannot be read: {error}") from error


def moment(text: str) -> datetime | None:
    """Return a date and time, UTC where no zone is told; None if it cannot be read."""
    text = _SLASHED.sub(r"\1-\2-\3", _DOTTED.sub(r"\3-\2-\1", text))
    text = re.sub(r"-(\d)(?=[-T ]|$)", r"-0\1", text)
    for form in (text, text.removesuffix("UTC").strip()):
        try:
            read = datetime.fromisoformat(form)
            return read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None
