"""The names that other newsletter programs have for columns and states of subscriber lists."""

# pure
from __future__ import annotations

import re
import unicodedata

from digest.subscribers.model import SubscriberState

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


def plain(text: str) -> str:
    """Return a name without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return re.sub(r"\W|_", "", unicodedata.normalize("NFC", letters))


_ACTIVE, _UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED
_SUPPRESSED = SubscriberState.SUPPRESSED

#: What columns are called elsewhere (listmonk, Mailchimp, Substack, Ghost, Buttondown, Sendy,
#: beehiiv, Kit, MailerLite, phpList, Mailtrain and others), without case and punctuation.
_SYNONYMS = {
    "address": "email email1 email1value emailaddress mail mailaddress emailid subscriber"
    " subscriberemail contactemail"
    " emailadresse mailadresse adresseemail adressemail courriel correo correoelectronico"
    " eposta epost epostadres epostaadresi epostadress epostadresse emailadresi sahkoposti"
    " indirizzoemail indirizzomail postaelettronica correu enderecodeemail adresemail emailcim"
    " почта электроннаяпочта эпочта элпочта email주소 이메일 이메일주소 메일주소 邮箱 邮箱地址"
    " 电子邮件 电子邮箱 郵箱 電子郵件 メールアドレス メール abonnent",
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
    " acceptsmarketing acceptsemailmarketing emailoptin emailconsent emailmarketingconsent"
    " marketingconsent",
    "confirmed": "isconfirmed isthissubscriberconfirmed aktiviertam",
    "unsubscribed": "unsubtime unsubscribedat unsubscriptiondate dateunsubscribed optedout optout"
    " optedoutat emaildisabled emailsdisabled deletedat isunsubscribed isexcludedfromcampaigns",
    "suppressed": "cleantime bounced bouncedat complained complainedat blacklisted blocklisted"
    " isthissubscriberblacklisted isblacklisted suppressedat",
}
_FIELDS = {
    plain(synonym): field for field, synonyms in _SYNONYMS.items() for synonym in synonyms.split()
} | {plain(field): field for field in (*COLUMNS, *_SYNONYMS)}


def _any_of(words: str) -> str:
    return "|".join(map(plain, words.split()))


#: Parts of words for who left, and for addresses whose mail came back, in other languages.
_LEFT = _any_of(
    "désabon désinscri desuscri dadodebaja disiscri descadastr uitgeschreven uitschrijf afgemeld"
    " afmeld abbestell ausgetragen avregistr avprenum avanmäl avmeld opsagt wypisan odsubskryb"
    " odhlás odhlas leiratkoz dezabon отпис отказал відпис 退订 退訂 取消订阅 取消訂閱 退会"
    " 수신거부 구독취소 구독해지 수신동의철회 abonelikten"
)
_CAME_BACK = _any_of(
    "undeliverab unzustellbar blockiert gebounced rebotad rimbalz devolvid blocklist bloquea"
    " bloccat geblokkeerd zablokowan заблокир 黑名单 黑名單 拒收 退信 ブラックリスト バウンス"
)
#: What columns of other names tell all the same: an opt-out that is overlooked is mail to somebody
#: who wants none. Values that are not understood count for nothing there.
_HINTS = tuple(
    (field, re.compile(words))
    for field, words in (
        ("unsubscribed", r"unsub|optout|optedout|donotcontact|donotemail|^dnc$|abgemeldet|abmelde"),
        ("unsubscribed", rf"^baja|解除|停止|{_LEFT}"),
        ("suppressed", rf"block?list|blacklist|blocked$|bounced?$|complain|suppress|{_CAME_BACK}"),
        ("hint", r"status|statut|stato$|estado|zustand|状态|狀態|ステータス|状態"),
        ("hint", r"subscribed$|abonniert|abonne$|inscrit|suscrit|iscritto|подписан"),
        ("hint", r"статус|상태|구독여부|수신동의|订阅$|訂閱$|durum|stav$|allapot"),
    )
)
_NO_HINT = re.compile(
    r"campaign|reason|link|url|token|hash|source|(?<!ac)count|title|number|marital"
    r"|lien|enlace|链接|連結|リンク|링크|ссылк|(?<!status)code|key$|uuid"
)
#: Columns whose values are kept as evidence of consent, with their names.
EVIDENCE = {
    *("optintime", "optinip", "confirmtime", "confirmip"),
    *("signupip", "optinsource", "confirmedat", "source"),
}
#: What states are called elsewhere, likewise. None: the person has not confirmed yet. The numbers
#: are Mailtrain's.
_STATE_WORDS: dict[SubscriberState | None, str] = {
    _ACTIVE: "active subscribed enabled confirmed regular premium gifted trialed paid free member"
    " valid verified yes true 1 optedin optin on subscriber c aktiv angemeldet abonniert abonne"
    " actif inscrit confirme suscrito activo ja oui si sim да 是 はい 예 有效 已订阅 已訂閱"
    " 有効 登録済み t wahr vrai verdadero vero verdadeiro истина prawda waar attivo iscritto ativo"
    " inscrito actief ingeschreven aangemeld aktywny активен активный подписан evet tak ano igen"
    " 订阅中 購読中 구독 구독중",
    _UNSUBSCRIBED: "unsubscribed cancelled canceled removed optedout optout unsub left inactive"
    " disabled deleted churned paused no false 0 2 off archived u expired abgemeldet inaktiv"
    " desabonne desinscrit inactif inactivo baja dadodebaja nein non nee nej nei nao nie нет 否"
    " いいえ 아니요 已退订 已退訂 退订 退訂 解除 配信停止 disattivo disattivato inativo cancelado"
    " cancellato annullato annule resilie anulado opgezegd storniert gekundigt widerrufen inactief"
    " nieaktywny неактивен неактивный 已取消",
    _SUPPRESSED: "suppressed bounced softbounced hardbounced softbounce hardbounce cleaned"
    " undeliverable complained complaint spam spammy junk markedasspam spamcomplaint abuse"
    " blocklisted blacklisted blocked invalid 3 4 b unreachable gesperrt bloque rebotado",
    None: "pending unconfirmed unactivated validating needsattention nonsubscribed transactional"
    " notconfirmed neversubscribed notsubscribed waiting"
    " unbestatigt nichtbestatigt nonconfirme enattente pendiente",
}
STATES = {plain(word): state for state, words in _STATE_WORDS.items() for word in words.split()}
#: Parts of states that are not in the table; the first that fits decides.
_STATE_PARTS: tuple[tuple[str, SubscriberState | None], ...] = (
    (r"unconfirm|notconfirm|pending|unbestatigt", None),
    (_any_of("ausstehend inattesa pendente wachtend afwachting oczekuj ожида 待确认 未确认"), None),
    (r"^(nicht|non|no|nao|niet|ikke|inte|не|未|not|never)(abon|subscri|confirm|bestat)", None),
    (r"^(nicht|non|no|nao|niet|ikke|inte|не|未)(angemeldet|i?n?scri|suscri|ingeschr|подпис)", None),
    (r"^未(订阅|訂閱|確認|登録)|^仮", None),
    (r"bounce|complain|spam|blocklist|blacklist|suppress|undeliver|^[45][0-9]{2,}$", _SUPPRESSED),
    (_CAME_BACK, _SUPPRESSED),
    (rf"unsub|optout|optedout|abgemeldet|cancel|{_LEFT}", _UNSUBSCRIBED),
)
#: No and false, as people write them and as spreadsheets and databases do.
_NO = (
    "false no n 0 off none null never na nein non nao nee nej nei ei nie hayır hayir 否 不 ne nem"
    " nu όχι không tidak いいえ 아니요 아니오 нет ні لا f nil undefined falsch faux falso ложь"
    " fałsz onwaar falskt falsk usann yanlış yanlis epätosi nepravda hamis fals"
)
_FALSE = {*map(plain, _NO.split())}
#: Signs that say no; any other sign says yes, as ticks do. What is neither is nothing.
_NO_SIGNS = frozenset("✗✘✕✖×⨯❌❎☐□◻⬜−")


def is_no(word: str) -> bool:
    """Return whether a value says no: a word or a sign, nothing, or zeros such as 0000-00-00."""
    plain_word = plain(word)
    if not plain_word:
        signs = {char for char in word if unicodedata.category(char) in ("Sm", "So")}
        return signs <= _NO_SIGNS
    return plain_word in _FALSE or not plain_word.strip("0")


def state_of(word: str) -> SubscriberState | None:
    """Return the state that a word means, None for unconfirmed; raise KeyError if unknown."""
    name = plain(word)
    if name in STATES:
        return STATES[name]
    for parts, state in _STATE_PARTS:
        if re.search(parts, name):
            return state
    raise KeyError(word)


def field_of(name: str) -> str | None:
    """Return the field that a column has by its name; None if unknown."""
    column = plain(name)
    if column in _FIELDS or column in EVIDENCE or _NO_HINT.search(column):
        return _FIELDS.get(column)
    return next((field for field, words in _HINTS if words.search(column)), None)
