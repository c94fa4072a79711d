"""What servers say, and who has to act on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import (
    AccessDenied,
    AddressRefused,
    DeliveryDeferred,
    DeliveryError,
    DeliveryRefused,
    MessageBlocked,
    RecipientRefused,
    RecipientUnknown,
    SenderBlocked,
    ServerUnavailable,
)
from digest.mail.transports.smtp.reply_codes import TABLE, Stage, enhanced_code, error_of

SESSION, LOGIN, SENDER, RECIPIENT, DATA, MESSAGE = Stage

#: Replies as servers write them.
REPLIES = [
    # Tried again: greylisting, a full mailbox, no room, a filter that is busy.
    (RECIPIENT, 450, "4.2.0 <a@example.net>: Recipient address rejected: Greylisted", "deferred"),
    (RECIPIENT, 451, "4.7.1 Greylisting in action, please come back later", "deferred"),
    (RECIPIENT, 452, "4.2.2 The email account is over quota", "deferred"),
    (RECIPIENT, 450, "5.1.1 mixed up: the first digit decides", "deferred"),
    (MESSAGE, 452, "4.3.1 Insufficient system storage", "deferred"),
    (MESSAGE, 451, "no enhanced code", "deferred"),
    # The server: left alone for a while.
    (RECIPIENT, 421, "4.7.0 Try again later, closing connection", "server"),
    (MESSAGE, 421, "4.7.28 unusual rate of mail from your address", "server"),
    (SENDER, 421, "5.7.1 what is said behind 421 does not count", "server"),
    (SESSION, 554, "No SMTP service here", "server"),
    (SESSION, 454, "4.7.0 TLS not available due to temporary reason", "server"),
    (SESSION, 502, "5.5.1 command not implemented", "server"),
    (LOGIN, 454, "4.7.0 Temporary authentication failure", "server"),
    (SENDER, 452, "4.3.1 Insufficient system storage", "server"),
    (SENDER, 451, "4.3.0 later", "server"),
    (MESSAGE, -1, "rubbish", "server"),
    (MESSAGE, 354, "a step too many", "server"),
    # The operator: the login.
    (LOGIN, 535, "5.7.8 Username and password not accepted", "access"),
    (LOGIN, 534, "5.7.9 Application-specific password required", "access"),
    (LOGIN, 538, "5.7.11 Encryption required for requested mechanism", "access"),
    (LOGIN, 504, "5.5.4 Unrecognized authentication type", "access"),
    (SENDER, 530, "5.7.0 Must issue a STARTTLS command first", "access"),
    (RECIPIENT, 530, "5.7.1 Authentication required", "access"),
    (MESSAGE, 535, "login expired", "access"),
    (SESSION, 554, "5.7.1 your address is on a list", "access"),
    # The operator: what is sent, and who sends.
    (SENDER, 550, "5.7.1 not from you", "sender"),
    (SENDER, 553, "5.1.8 sender's domain does not exist", "sender"),
    (SENDER, 501, "5.1.7 bad sender", "sender"),
    (SENDER, 550, "no", "sender"),
    (DATA, 554, "5.7.1 not from you", "message"),
    # The operator, if it concerns more recipients than one.
    (RECIPIENT, 554, "5.7.1 Relay access denied", "message"),
    (RECIPIENT, 550, "relay not permitted", "message"),
    (RECIPIENT, 550, "5.7.1 Unable to relay", "message"),
    (
        RECIPIENT,
        553,
        "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "message",
    ),
    (RECIPIENT, 504, "5.5.2 <localhost>: Helo command rejected: need fully-qualified", "message"),
    (RECIPIENT, 550, "5.1.8 sender rejected", "message"),
    (RECIPIENT, 550, "5.7.23 SPF validation failed", "message"),
    (RECIPIENT, 550, "Recipient address rejected: Message rejected due to: SPF fail", "message"),
    (RECIPIENT, 554, "5.7.1 Service unavailable; blocked using zen.spamhaus.org", "message"),
    (RECIPIENT, 550, "5.4.5 Daily user sending limit exceeded", "message"),
    (MESSAGE, 550, "5.7.26 Unauthenticated email is not accepted\n5.7.26 DMARC", "message"),
    (MESSAGE, 550, "5.7.515 Access denied, sending domain does not meet the level", "message"),
    # Nobody is blamed: it may be the recipient's policy, or what is sent.
    (RECIPIENT, 550, "5.7.1 not wanted", "refused"),
    (MESSAGE, 554, "5.7.1 we do not like it", "refused"),
    # The reader's address: suppressed.
    (RECIPIENT, 550, "5.1.1 The email account does not exist", "address"),
    (RECIPIENT, 550, "5.1.1", "address"),
    (RECIPIENT, 556, "5.1.10 Recipient address has null MX", "address"),
    (RECIPIENT, 553, "5.1.3 bad address syntax", "address"),
    (RECIPIENT, 550, "5.1.6 mailbox has moved", "address"),
    (MESSAGE, 550, "5.1.1 no such user, said an LMTP server at last", "address"),
    (MESSAGE, 550, "the account\n5.1.1 does not exist", "address"),
    # This one message, and nothing else.
    (RECIPIENT, 501, "5.5.4 syntax", "refused"),
    (RECIPIENT, 503, "bad sequence", "refused"),
    (DATA, 550, "5.1.1 whose?", "refused"),
    (MESSAGE, 550, "no", "refused"),
    (RECIPIENT, 552, "5.2.2 mailbox full", "refused"),
    (RECIPIENT, 550, "5.1.9 relayed to a mailer of another kind", "refused"),
    (MESSAGE, 550, "version 5.1.1 of our server says no", "refused"),
    (MESSAGE, 550, "5.1.1.8 is no code", "refused"),
    # The recipient, in words or by a code that is not always used as meant: several times count.
    (RECIPIENT, 550, "No such user here", "unknown"),  # Exim, Gmail's relays
    (RECIPIENT, 550, "5.5.0 Requested action not taken: mailbox unavailable", "recipient"),
    (RECIPIENT, 550, "5.4.1 Recipient address rejected: Access denied", "recipient"),  # Outlook
    (RECIPIENT, 550, "5.2.1 The email account that you tried to reach is disabled", "recipient"),
    (RECIPIENT, 550, "5.7.1 No such user!", "unknown"),  # Yandex
    (
        RECIPIENT,
        554,
        "5.7.1 <b@example.org>: Recipient address rejected: Access denied",
        "recipient",
    ),
    (MESSAGE, 554, "delivery error: dd This user doesn't have a yahoo.com account", "unknown"),
    (MESSAGE, 554, "delivery error: This account has been disabled or discontinued", "recipient"),
    (RECIPIENT, 550, "Mailbox not found. http://service.mail.qq.com/", "unknown"),  # QQ
    (RECIPIENT, 550, "User not found: a@163.com", "unknown"),
    (RECIPIENT, 550, "Requested action not taken: mailbox unavailable", "recipient"),  # GMX
    (RECIPIENT, 550, "Invalid user", "unknown"),
    (MESSAGE, 550, "Message was not accepted -- invalid mailbox. user not found", "unknown"),
    (
        RECIPIENT,
        550,
        "<a@proton.me>: Recipient address rejected: Address does not exist",
        "unknown",
    ),
    (RECIPIENT, 550, "sorry, no mailbox here by that name (#5.1.1 - chkusr)", "unknown"),
    (RECIPIENT, 550, "Unrouteable address", "recipient"),
    (RECIPIENT, 550, "mailbox unavailable, for whatever reason", "recipient"),
    (RECIPIENT, 550, "for whatever reason", "recipient"),
    (RECIPIENT, 551, "user not local", "recipient"),
    (RECIPIENT, 550, "5.2.1 no", "recipient"),
    (MESSAGE, 554, "5.6.0 bad content", "refused"),
    (MESSAGE, 552, "5.3.4 message too big", "refused"),
    (SENDER, 552, "size exceeds limit", "refused"),
    (SENDER, 554, "5.3.4 message too big for system", "refused"),
    (MESSAGE, 550, "5.10.1 is not 5.1", "refused"),
    (MESSAGE, 550, "5.70.1 is not 5.7", "refused"),
    # IronPort, NetEase, QQ, Exim, Postfix, Exchange, SES, SendGrid, Mailgun, Proofpoint, Yandex.
    (RECIPIENT, 550, "5.4.5 Daily sending quota exceeded. t1 - gsmtp", "message"),
    (
        RECIPIENT,
        550,
        "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery r",
        "recipient",
    ),
    (RECIPIENT, 554, "5.7.1 : (DYN:T1) https://postmaster.aol.com/error-codes#554rtrbb", "refused"),
    (MESSAGE, 550, "5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", "message"),
    (
        RECIPIENT,
        550,
        "Requested action not taken: mailbox unavailable\nSender address is not allowed.",
        "message",
    ),
    (RECIPIENT, 550, "5.7.1 Policy rejection on the target address", "recipient"),
    (
        MESSAGE,
        554,
        "DT:SPM 163 smtp10,D8CowAB,please see http://mail.163.com/help/help_spam_16.htm?ip=192.0.",
        "message",
    ),
    (RECIPIENT, 550, "MI:FRL 163 mx17 please see http://mail.163.com/help", "message"),
    (RECIPIENT, 550, "Connection frequency limited. https://service.mail.qq.com", "message"),
    (RECIPIENT, 550, "Ip frequency limited", "message"),
    (
        RECIPIENT,
        550,
        "5.1.0 <news@example.org>: Sender address rejected: User unknown in virtual alias table",
        "message",
    ),
    (RECIPIENT, 554, "5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", "message"),
    (
        RECIPIENT,
        550,
        "Domain example.org has exceeded the max emails per hour (500/500 (100%)) allowed. Messag",
        "message",
    ),
    (RECIPIENT, 553, "5.5.4 <news>... Domain name required for sender address news", "message"),
    (RECIPIENT, 550, "#5.1.0 Address rejected.", "address"),
    (SENDER, 550, "5.7.60 SMTP; Client does not have permissions to send as this sender", "sender"),
    (
        MESSAGE,
        550,
        "5.7.60 SMTP; Client does not have permissions to send as this sender",
        "message",
    ),
    (
        MESSAGE,
        554,
        "5.2.252 SendAsDenied; user@example.org not allowed to send as news@example.org",
        "message",
    ),
    (
        MESSAGE,
        554,
        "Message rejected: Email address is not verified. The following identities failed the che",
        "message",
    ),
    (
        MESSAGE,
        550,
        "The from address does not match a verified Sender Identity. Mail cannot be sent until th",
        "message",
    ),
    (
        RECIPIENT,
        550,
        "5.7.1 Please add the address to authorized recipients",
        "message",
    ),
    (RECIPIENT, 550, "authenticate first", "message"),
    (RECIPIENT, 550, "5.7.1 your server isn't allowed to send on behalf of it", "message"),
    (MESSAGE, 554, "HL:ITC 163 smtp5,see the help", "message"),
    (MESSAGE, 550, "疑似垃圾邮件", "message"),
    (RECIPIENT, 554, "temporarily unavailable", "deferred"),
    (RECIPIENT, 550, "5.4.6 routing loop detected", "refused"),
    (RECIPIENT, 554, "5.4.14 Hop count exceeded", "refused"),
    (RECIPIENT, 550, "<a@example.net> does not exist here", "unknown"),
    (RECIPIENT, 550, "There is no one at this address", "unknown"),
    (RECIPIENT, 550, "5.3.0 a@example.net... Addressee unknown", "unknown"),
    (RECIPIENT, 550, "Mailbox size limit exceeded", "refused"),
    (RECIPIENT, 550, "Boîte aux lettres pleine", "refused"),
    (RECIPIENT, 550, "Das Postfach ist voll", "refused"),
    (RECIPIENT, 550, "Buzón de correo lleno", "refused"),
    (RECIPIENT, 550, "Почтовый ящик переполнен", "refused"),
    (RECIPIENT, 550, "用户邮箱已满", "refused"),
    (RECIPIENT, 550, "5.2.0 User's mailbox is full", "refused"),
    (RECIPIENT, 550, "mailbox is full", "refused"),
    (RECIPIENT, 550, "Quota exceeded (mailbox for user is full)", "refused"),
    (
        RECIPIENT,
        550,
        "Administrative prohibition - envelope blocked - https://community.mimecast.com",
        "refused",
    ),
    (
        MESSAGE,
        554,
        "Your access to this mail system has been rejected due to the sending MTA's poor reputati",
        "message",
    ),
    (
        SESSION,
        554,
        "Your access to this mail system has been rejected due to the sending MTA's poor reputati",
        "server",
    ),
    (RECIPIENT, 550, "Benutzer unbekannt", "unknown"),
    (RECIPIENT, 550, "Utilisateur inconnu", "unknown"),
    (RECIPIENT, 550, "用户不存在", "unknown"),
    (RECIPIENT, 550, "5.7.1 el buzon no existe", "unknown"),
    (RECIPIENT, 552, "Too many recipients", "deferred"),
    (RECIPIENT, 550, "Greylisted, please try again later", "deferred"),
    (RECIPIENT, 550, "5.7.1 Greylisting in effect, try later", "deferred"),
    (RECIPIENT, 550, "Temporary lookup failure", "deferred"),
    (RECIPIENT, 550, "Protocol violation", "refused"),
    (RECIPIENT, 550, "Callback setup failed while verifying <news@example.org>", "message"),
    (DATA, 554, "5.7.1 <b@example.org>: Recipient address rejected: blocked", "recipient"),
    (DATA, 550, "no such user here", "unknown"),
    (SENDER, 550, "5.6.7 Non-ASCII addresses not permitted", "refused"),
    (SENDER, 555, "5.5.4 Unsupported option: SMTPUTF8", "refused"),
    (RECIPIENT, 550, "no such user (#5.1.1)", "address"),
    (RECIPIENT, 550, "5.7.1 the account is temporarily deferred", "deferred"),
]
KINDS: dict[str, type[DeliveryError]] = {
    "deferred": DeliveryDeferred,
    "server": ServerUnavailable,
    "access": AccessDenied,
    "sender": SenderBlocked,
    "message": MessageBlocked,
    "recipient": RecipientRefused,
    "unknown": RecipientUnknown,
    "address": AddressRefused,
    "refused": DeliveryRefused,
}


@pytest.mark.parametrize(("stage", "code", "text", "means"), REPLIES)
def test_a_reply_means_what_it_says(stage: Stage, code: int, text: str, means: str) -> None:
    error = error_of(stage, code, text)
    assert type(error) is KINDS[means]
    assert error.code == (code if code > 0 else None)
    assert error.problem == text


@pytest.mark.parametrize(
    "address",
    [
        *("helo@example.org", "spam@example.org", "spf@example.org", "try-later@rbl.example"),
        *("relay.denied@dkim.example", "abuse+spamcop@example.org", "rcpthosts@example.org"),
        *("greylist@greylist.example", "over-quota@example.org", "policy@prohibit.example"),
    ],
)
@pytest.mark.parametrize("form", ["<{}>: {}", "{} {}", "<{}>... {}", "{}: {}", "({}) {}"])
def test_parts_of_an_address_are_no_words_of_the_server(address: str, form: str) -> None:
    for words, error in [
        ("no such user", RecipientUnknown),
        ("mailbox disabled", RecipientRefused),
        ("refused", RecipientRefused),
    ]:
        assert type(error_of(RECIPIENT, 550, form.format(address, words))) is error
    assert type(
        error_of(MESSAGE, 554, form.format("inconnu@user-unknown.example", "not taken"))
    ) is (DeliveryRefused)


@pytest.mark.parametrize(
    "words",
    [
        *("Utente sconosciuto", "La casella non esiste", "Usuário desconhecido", "Não existe"),
        *("Onbekende gebruiker", "Postbus bestaat niet", "Okänd mottagare", "Ukendt modtager"),
        *("Nie ma takiego użytkownika", "Neznámý uživatel", "Kullanıcı bulunamadı", "查無此人"),
        *(
            "無此帳號",
            "ユーザーが見つかりません",
            "нет такого пользователя",
            "존재하지 않는 사용자",
        ),
        *("Tuntematon vastaanottaja", "L'utilisateur n'existe pas", "Buzón desconocido"),
    ],
)
def test_nobody_is_there_in_other_languages(words: str) -> None:
    assert type(error_of(RECIPIENT, 550, words)) is RecipientUnknown


def test_every_row_of_the_table_is_needed() -> None:
    decided = {
        next(
            number
            for number, row in enumerate(TABLE)
            if row.fits(stage, str(code) if code > 0 else "", text)
        )
        for stage, code, text, _ in REPLIES
    }
    assert decided == set(range(len(TABLE)))


@given(
    st.sampled_from(Stage),
    st.integers(min_value=-1, max_value=999),
    st.one_of(st.text(), st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3} .*")),
)
def test_every_reply_means_something_and_readers_are_blamed_by_name_alone(
    stage: Stage, code: int, text: str
) -> None:
    error = error_of(stage, code, text, "as told")
    assert error.problem == "as told"
    if isinstance(error, AddressRefused):
        assert stage in (RECIPIENT, MESSAGE)
        assert 500 <= code < 600
        assert enhanced_code(text).startswith("5.1.")
    if isinstance(error, DeliveryRefused):
        assert 500 <= code < 600
    if 400 <= code < 500:
        assert isinstance(error, DeliveryDeferred)


def test_an_enhanced_code_stands_at_the_start_of_a_line() -> None:
    assert enhanced_code("5.7.26 no\n5.7.27 no") == "5.7.26"
    assert enhanced_code("see below\n4.2.2 full") == "4.2.2"
    assert enhanced_code("3.1.1 no class") == ""
    assert enhanced_code("") == ""
