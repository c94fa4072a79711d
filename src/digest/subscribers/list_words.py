"""The names that other newsletter programs have for the columns of subscriber lists."""

# pure
from __future__ import annotations

import re

from digest.subscribers.list_states import LEFT, any_of, plain

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

#: Fields that tell the state of a reader; None stands for columns that are not known.
STATE_FIELDS = frozenset(
    {
        *("state", "hint", "region", "type", "confirmed", "verified", "consent", "subscribed"),
        *("unsubscribed", "suppressed", None),
    }
)
#: What columns are called elsewhere (listmonk, Mailchimp, Substack, Ghost, Buttondown, Sendy,
#: beehiiv, Kit, MailerLite, phpList, Mailtrain and others), without case and punctuation.
_SYNONYMS = {
    "address": "email email1 email1value emailaddress mail mailaddress emailid subscriber"
    " subscriberemail contactemail"
    " emailadresse mailadresse adresseemail adressemail courriel correo correoelectronico"
    " eposta epost epostadres epostaadresi epostadress epostadresse emailadresi sahkoposti"
    " indirizzoemail indirizzomail postaelettronica correu enderecodeemail adresemail emailcim"
    " почта электроннаяпочта эпочта элпочта email주소 이메일 이메일주소 메일주소 邮箱 邮箱地址"
    " 电子邮件 电子邮箱 郵箱 電子郵件 メールアドレス メール abonnent"
    " 电子邮件地址 邮件地址 電子郵件地址 電郵 電郵地址 電子信箱 eメール eメールアドレス emailadres"
    " адресэлектроннойпочты електроннапошта електроннаадреса имейл eпошта epošta alamatemail"
    " địachỉemail adresădeemail emailaddr correuelectrònic adreçaelectrònica emailcímed"
    " البريدالإلكتروني דואראלקטרוני דואל อีเมล ηλεκτρονικήδιεύθυνση",
    "name": "fullname subscribername displayname contactname attribname naam namn navn имя"
    " nomecompleto nombrecompleto nomcomplet adsoyad 姓名 氏名 お名前 名前 이름",
    "first name": "firstname first fname givenname forename vorname prenom nombre nome"
    " voornaam imię",
    "last name": "lastname last lname surname familyname nachname nom apellido apellidos"
    " achternaam cognome sobrenome"
    " nazwisko фамилия",
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
    " marketingconsent enabled isenabled emaildigests mailinglist wantsemail wantsmail einwilligung"
    " werbeeinwilligung zustimmung consentement consenso consentimiento consentimento toestemming"
    " zgoda согласие 同意 동의 수신동의 接收邮件 是否订阅 メルマガ希望 メール配信希望 配信希望"
    " nieuwsbrief nyhetsbrev nyhedsbrev uutiskirje hírlevél zpravodaj bülten ebülten infolettre"
    " boletín bulletin рассылка подписка メルマガ メルマガ配信 メール配信 뉴스레터 구독여부 电子报"
    " 電子報 rundbrief assinante abonelik",
    "confirmed": "isconfirmed isthissubscriberconfirmed aktiviertam activated activatedat",
    "verified": "emailverified isverified doubleoptin doubleoptedin doi",
    "unsubscribed": "unsubtime unsubscribedat unsubscriptiondate dateunsubscribed optedout optout"
    " optedoutat emaildisabled emailsdisabled deletedat isunsubscribed isexcludedfromcampaigns"
    " emailstop stoptime stopdate stoppedat deactivated deactivatedat deleted isdeleted removed"
    " isremoved removedat archived isarchived",
    "suppressed": "cleantime bounced bouncedat complained complainedat blacklisted blocklisted"
    " isthissubscriberblacklisted isblacklisted suppressedat undeliverabilitydate gesperrt invalid",
}
_FIELDS = {
    plain(synonym): field for field, synonyms in _SYNONYMS.items() for synonym in synonyms.split()
} | {plain(field): field for field in (*COLUMNS, *_SYNONYMS)}

#: Parts of columns' names for addresses whose mail came back.
_CAME_BACK = (
    "undeliverab unzustellbar blockiert gebounced rebotad rimbalz devolvid blocklist bloquea"
    " bloccat geblokkeerd zablokowan заблокир 黑名单 黑名單 拒收 退信 ブラックリスト バウンス"
)
#: Columns about other ways than mail, whose opt-outs are none here.
_OTHER_WAY = re.compile(
    rf"sms|mms|phone|mobile|whatsapp|telegram|viber|push|fax|donotcall|calls?$|"
    rf"{any_of('telefon móvil 短信 简讯 簡訊 手机 手機 電話 电话 전화 문자 телефон смс')}"
)
_MAIL = re.compile(r"mail|courriel|correo|почт|邮|郵|メール|메일")
_WANTS = (
    "accept|agree|wants?|receive(?!d)|recevoir|recoit|receber?|recibi?r|recibe|ricever?|ontvang"
)
_WHAT = "mail|newsletter|market|infolettre|bulletin|boletin|nieuwsbrief"
#: What columns of other names tell all the same: an opt-out that is overlooked is mail to somebody
#: who wants none. Values that are not understood count for nothing there.
_HINTS = tuple(
    (field, re.compile(words))
    for field, words in (
        ("unsubscribed", r"donot(contact|send|(allow)?(bulk|mass)?e?mail)|nomail$|^dnc$|abmelde"),
        ("unsubscribed", r"(^|de|da|di)(baja|baixa)$|^baja|widerspruch|kundig|werbesperr"),
        ("unsubscribed", rf"解除|停止|解約|{LEFT}"),
        ("suppressed", r"block?list|blacklist|blocked$|bounced?(date|time|on)?$|complain|suppress"),
        ("suppressed", rf"sperrliste|{any_of(_CAME_BACK)}"),
        ("subscribed", rf"({_WANTS})\w*({_WHAT})"),
        (
            "subscribed",
            r"newsletter(subscri|abo|anmeld|optin|consent|einwillig|erhalten|gewunscht)",
        ),
        ("subscribed", r"(market\w*|e?mail|gdpr)consent$|permission$|是否(订阅|訂閱|接收|有效)"),
        ("subscribed", r"수신(동의|여부)$"),
        ("hint", r"status|statut|stato$|estado|zustand|状态|狀態|ステータス|状態|状況|^e(s)?tat$"),
        (
            "hint",
            r"^situac\w{2,4}$|^tila$|καταστασ|trangthai|الحالة|סטטוס|^stare$|състояни|stanje|^stan$|^emailmarketing$",
        ),
        ("hint", r"subscribed$|abonniert|abonne$|inscri|suscrit|iscritto|подписан|optin$"),
        ("hint", r"статус|상태|구독여부|订阅$|訂閱$|durum|stav$|allapot|สถานะ"),
    )
)
_NO_HINT = re.compile(
    r"campaign|reason|link|url|token|hash|source|(?<!ac)count|title|number|marital"
    r"|lien|enlace|链接|連結|リンク|링크|ссылк|(?<!status)code|key$|uuid"
    r"|order|payment|invoice|billing|shipping|ticket|employment|status(date|time|changed)"
)
#: Columns whose values are kept as evidence of consent, with their names.
EVIDENCE = {
    *("optintime", "optinip", "confirmtime", "confirmip"),
    *("signupip", "optinsource", "confirmedat", "source"),
}
#: Characters of a column's name that are looked at.
_MAX_NAME = 200
#: Columns of free words.
_FREE = re.compile(r"note|comment|remark|tag|segment|group")
#: Characters of a column's name that are looked at: patterns take long for thousands.
_MAX_NAME = 200


def field_of(name: str) -> str | None:
    """Return the field that a column has by its name; None if unknown."""
    column = plain(name[:_MAX_NAME])
    if column in _FIELDS or column in EVIDENCE or _NO_HINT.search(column):
        return _FIELDS.get(column)
    if _is_other_way(column):
        return None
    return next((field for field, words in _HINTS if words.search(column)), None)


def may_tell_state(name: str) -> bool:
    """Return whether a column that is not known may hold the state of a reader."""
    column = plain(name[:_MAX_NAME])
    return not (_NO_HINT.search(column) or _FREE.search(column) or _is_other_way(column))


def _is_other_way(column: str) -> bool:
    return _OTHER_WAY.search(column) is not None and _MAIL.search(column) is None
