"""The words that lists of subscribers have for states, for yes and for no, in many languages."""

# pure
from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from digest.subscribers.model import SubscriberState

_OF_SUBSCRIPTION = re.compile(r"\bde[\s_]+(?=suscri)", re.IGNORECASE)


@lru_cache(maxsize=256)  # the columns and most states come again in every row
def plain(text: str) -> str:
    """Return a name without case, accents, spaces and punctuation.

    "De suscripción" is one of a subscription; "desuscripción" is the end of one.
    """
    text = _OF_SUBSCRIPTION.sub("", text)
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return re.sub(r"\W|_", "", unicodedata.normalize("NFC", letters))


def any_of(words: str) -> str:
    """Return the pattern of any of some words, as ``plain`` returns them."""
    return "|".join(map(plain, words.split()))


_ACTIVE, _UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED
_SUPPRESSED = SubscriberState.SUPPRESSED

#: Parts of words for who left, in English and other languages.
LEFT = any_of(
    "unsub optout optedout optingout désabon désinscri desuscri dadodebaja donatdebaixa disiscri"
    " descadastr uitgeschreven uitschrijf afgemeld afmeld abgemeldet abbestell ausgetragen"
    " avregistr avprenum avanmäl avmeld frameld opsagt wypisan odsubskryb odhlás odhlas odjav"
    " leiratkoz dezabon peruut отпис отказал отмен відпис διαγρ απεγγρ hủyđăngký"
    " berhentiberlangganan 退订 退訂 取消订阅 取消訂閱 登録解除 配信停止 退会 수신거부"
    " 구독취소 구독해지 수신동의철회 abonelikten إلغاءالاشتراك ألغىالاشتراك ยกเลิก"
)
#: Parts of words for addresses whose mail came back, or who complained.
CAME_BACK = any_of(
    "bounce complain spam blocklist blacklist suppress undeliver unzustellbar blockiert rebotad"
    " rimbalz devolvid bloquea bloccat geblokkeerd zablokowan заблокир 黑名单 黑名單 拒收 退信"
    " ブラックリスト バウンス"
)
_YES = (
    "yes true 1 on oui ja si sim da 是 はい 예 t wahr vrai verdadero vero verdadeiro истина prawda"
    " waar evet tak ano igen 可 愿意 願意 var"
)
_NO_SUBSCRIPTION = (
    "no false 0 off nein non nee nej nei nao nie нет 否 いいえ 아니요 不可 不愿意 不願意 yok"
)
#: What states are called elsewhere. None: the person has not confirmed yet. The numbers are
#: Mailtrain's, the letters those of The Newsletter Plugin.
_STATE_WORDS: dict[SubscriberState | None, str] = {
    _ACTIVE: "active subscribed enabled confirmed regular premium gifted trialed paid free member"
    " valid verified optedin optin subscriber c aktiv angemeldet abonniert abonne actif inscrit"
    " confirme suscrito suscrita activo activa iscritto iscritta ativo ativa inscrito inscrita"
    " actief ingeschreven aangemeld aktywny aktywna zapisany zapisana активен активный активна"
    " активний подписан подписана підписаний 有效 已订阅 已訂閱 正常 有効 登録済み 登録済 配信中"
    " 購読中 订阅中 訂閱中 구독 구독중 동의 수신동의 granted express implied allow allowed"
    " prenumererar prenumerant tilmeldt påmeldt tilaaja tilannut abonat abonato subscrit aktif"
    " abone přihlášen prihlaseny prihlásený odebírá feliratkozott ενεργός εγγεγραμμένος абониран"
    " pretplaćen prijavljen aktivan aktivní đăngký đãđăngký berlangganan مشترك نشط פעיל מנוי"
    " สมัครแล้ว 希望する 希望 受信する 接收 同意"
    " bestätigt eingetragen confirmado confirmada confermato bevestigd активирована",
    _UNSUBSCRIBED: "unsubscribed cancelled canceled removed optedout optout unsub left inactive"
    " disabled deleted churned paused 2 archived u expired revoked withdrawn declined denied"
    " refused stopped former deactivated inaktiv désabonné désinscrit inactif inactivo inactiva"
    " baja baixa dadodebaja storniert gekündigt widerrufen disattivo disattivato inativo inativa"
    " cancelado cancelada cancellato cancellata annullato annullata annulé résilié anulado anulada"
    " opgezegd inactief nieaktywny nieaktywna неактивен неактивный неактивний pasif avslutad"
    " avsluttet eronnut ανενεργός neaktivan neaktivní inaktív 거부 미동의 אינופעיל"
    " לאפעיל הוסר בוטל ملغي غيرنشط 已取消 已退订 已退訂 해지 iptal 解除 解約 停止 停用"
    " 希望しない 受信しない 不要 不同意 不接收 donotallow notallowed donotcontact"
    " donotemail donotmail",
    _SUPPRESSED: "suppressed bounced softbounced hardbounced softbounce hardbounce cleaned"
    " undeliverable complained complaint spam spammy junk markedasspam spamcomplaint abuse"
    " blocklisted blacklisted blocked banned invalid 3 4 b unreachable gesperrt bloqué rebotado"
    " rechazado plainte rebond temphold onhold ungültig 无效 無效 無効",
    None: "pending unconfirmed unactivated validating needsattention nonsubscribed transactional"
    " notconfirmed neversubscribed notsubscribed waiting s notoptedin unverified"
    " unbestätigt nichtbestätigt nonconfirmé enattente pendiente غيرمشترك nepřihlášen"
    " wartend sinconfirmar",
}
_EXPLICIT = {plain(word): state for state, words in _STATE_WORDS.items() for word in words.split()}
#: States by their words, without case, accents and punctuation.
STATES: Mapping[str, SubscriberState | None] = {
    **{plain(word): _ACTIVE for word in _YES.split()},
    **{plain(word): _UNSUBSCRIBED for word in _NO_SUBSCRIPTION.split()},
    **_EXPLICIT,
}
_NOT_LEFT = r"^(not|never)(unsub|optedout|bounced)"
#: Parts of states that are not in the table; the first that fits decides.
_STATE_PARTS: tuple[tuple[str, SubscriberState | None], ...] = (
    (_NOT_LEFT, _ACTIVE),
    (r"^(still|currently)(subscribed|active)$|^(email)?active(confirmed|subscriber)?$", _ACTIVE),
    (r"^(nolonger|notcurrently)", _UNSUBSCRIBED),
    (r"unconfirm|notconfirm|pending|unbestatigt", None),
    (any_of("ausstehend inattesa pendente wachtend afwachting oczekuj ожида 待确认 未确认"), None),
    (r"^(nicht|non|no|nao|niet|ikke|inte|не|未|not|never)(abon|subscri|confirm|bestat)", None),
    (r"^(nicht|non|no|nao|niet|ikke|inte|не|未)(angemeldet|i?n?scri|suscri|ingeschr|подпис)", None),
    (r"^未(订阅|訂閱|確認|登録)|^仮", None),
    (rf"{CAME_BACK}|^[45][0-9]{{2,}}$", _SUPPRESSED),
    (rf"{LEFT}|cancel", _UNSUBSCRIBED),
)
#: Characters of a value that tells a state in whatever column.
_MAX_TOLD = 80
_TOLD_ANYWHERE = re.compile(
    rf"(?:hard|soft|user|已)?(?:{LEFT}|{any_of('bounced complained')})\w{{0,12}}"
)
#: No and false, as people write them and as spreadsheets and databases do.
_NO = (
    "false no n 0 off none null never na nein non nao nee nej nei ei nie hayır hayir 否 不"
    " 不可 不愿意 不願意 yok ne nem nu όχι không tidak いいえ 아니요 아니오 нет ні لا f nil"
    " undefined falsch faux falso ложь"
    " fałsz onwaar falskt falsk usann yanlış yanlis epätosi nepravda hamis fals לא ไม่"
)
_FALSE = {*map(plain, _NO.split())}
#: Words that say only of a reader, not of an opt-out, that it is so.
_READS = {
    plain(word)
    for word in [
        "subscribed",
        "optedin",
        "optin",
        "allow",
        "allowed",
        "angemeldet",
        "abonniert",
        "abonné",
        "inscrit",
        "suscrito",
        "iscritto",
        "inscrito",
        "ingeschreven",
        "aangemeld",
        "zapisany",
        "подписан",
        "已订阅",
        "已訂閱",
        "订阅中",
        "訂閱中",
        "購読中",
        "配信中",
        "구독",
        "구독중",
        "希望する",
        "受信する",
    ]
}
#: Signs that say no; any other sign says yes, as ticks do. What is neither is nothing.
_NO_SIGNS = frozenset("✗✘✕✖×⨯❌❎☐□◻⬜−")


def is_no(word: str) -> bool:
    """Return whether a value says no: a word or a sign, nothing, or zeros such as 0000-00-00."""
    plain_word = plain(word)
    if not plain_word:
        signs = {char for char in word if unicodedata.category(char) in ("Sm", "So")}
        return signs <= _NO_SIGNS
    return plain_word in _FALSE or not plain_word.strip("0")


def denies(word: str) -> bool:
    """Return whether a value of a column of opt-outs says that there is none.

    It says no, or names the state of a reader, such as ``Opted in``; ``enabled`` is a yes there.
    """
    name = plain(word)
    return is_no(word) or name in _READS or re.match(_NOT_LEFT, name) is not None


def state_of(word: str) -> SubscriberState | None:
    """Return the state that a word means, None for unconfirmed; raise KeyError if unknown.

    UTF-8 that was read as windows-1252 is understood, too.
    """
    for form in (word, _misread(word)):
        name = plain(form)
        if name in STATES:
            return STATES[name]
        for parts, state in _STATE_PARTS:
            if re.search(parts, name):
                return state
    raise KeyError(word)


def _misread(word: str) -> str:
    try:
        return word.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return ""


def explicit_state(word: str) -> SubscriberState | None:
    """Return the state that a word means by itself, not as a yes or no; raise KeyError if none."""
    name = plain(word)
    if name in STATES and (name not in _EXPLICIT or len(name) == 1):
        raise KeyError(word)
    return state_of(word)


def says_no_mail(word: str) -> bool:
    """Return whether a value means by itself, in whatever column, that no mail is wanted there."""
    if len(word) > _MAX_TOLD or word.startswith(("{", "[")):
        return False
    return _TOLD_ANYWHERE.fullmatch(plain(word)) is not None


def names_opt_outs(file: str) -> bool:
    """Return whether the name of a file says that the readers in it want or get no mail."""
    return re.search(rf"{LEFT}|{CAME_BACK}|cleaned|nonsubscribed", plain(file)) is not None
