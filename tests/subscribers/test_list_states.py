"""Opt-outs of lists: none is overlooked, whatever it is called, and nobody is taken for one."""

from __future__ import annotations

import pytest

from digest.subscribers.list_states import names_opt_outs
from digest.subscribers.lists import BadRow, ListedSubscriber, read_list
from digest.subscribers.model import SubscriberState

ACTIVE, UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED
SUPPRESSED = SubscriberState.SUPPRESSED
_LETTERS = {"A": ACTIVE, "U": UNSUBSCRIBED, "S": SUPPRESSED, "-": None}


def state(header: str, *values: str) -> SubscriberState | None:
    content = f"email,{header}\na@x.example,{','.join(values)}\n"
    (row,) = read_list(content.encode(), {}).rows()
    assert isinstance(row, ListedSubscriber), row
    return row.state


#: A column, and values with the letter of the state that each tells.
@pytest.mark.parametrize(
    ("column", "values"),
    [
        # of exports
        ("subscription_status", "confirmed=A unsubscribed=U unconfirmed=-"),
        ("EMAIL_BLACKLISTED", "false=A true=S"),
        ("Email Opt Out", "0=A 1=U"),
        ("Do not allow Bulk Emails", "Allow=A Do-Not-Allow=U"),
        ("Stop Time", "=A 2021-01-02=U"),
        ("deactivated", "=A 0=A 2021-01-02=U"),
        ("activated", "2021-01-02=A 0=- =-"),
        ("double_opt_in", "1=A 0=- =A"),
        ("email_verified", "1=A 0=- =A"),
        ("emailstop", "0=A 1=U"),
        ("undeliverability_date", "=A 2024-01-01=S"),
        ("is_deleted", "0=A 1=U"),
        ("enabled", "1=A 0=U"),
        ("Status", "C=A S=- U=U B=S archived=U revoked=U Temp-Hold=S"),
        ("permission", "granted=A revoked=U"),
        # of consent
        ("consent", "yes=A no=U =A by-a-form=A 2021-01-02=A withdrawn=U pending=-"),
        ("GDPR consent", "true=A false=U"),
        ("Einwilligung", "ja=A nein=U"),
        ("Consentement", "oui=A non=U"),
        ("Receive newsletter?", "Yes=A No=U"),
        ("wants_newsletter", "true=A false=U"),
        ("newsletter_subscriber", "1=A 0=U"),
        ("Accepte de recevoir la newsletter", "Oui=A Non=U"),
        ("メルマガ希望", "希望する=A 希望しない=U"),
        ("이메일 수신동의", "동의=A 거부=U Y=A N=U"),
        ("是否订阅", "是=A 否=U"),
        # in other languages
        ("État", "Inscrit=A Désinscrit=U En-attente=-"),
        ("Situação", "Ativo=A Inativo=U"),
        ("Fecha de baja", "=A 2021-01-02=U"),
        ("Werbesperre", "Nein=A Ja=U"),
        ("Widerspruch", "nein=A ja=U"),
        ("Gesperrt", "=A 1=S"),
        ("Status", "Zapisany=A Wypisany=U"),
        ("Status", "Prenumererar=A Avslutad=U Avregistrerad=U"),
        ("Status", "Tilmeldt=A Afmeldt=U"),
        ("Status", "Påmeldt=A Avmeldt=U"),
        ("Tila", "Tilaaja=A Peruutettu=U"),
        ("Κατάσταση", "Ενεργός=A Διαγραμμένος=U"),
        ("Статус", "Підписаний=A Відписаний=U"),
        ("Durumu", "Aktif=A Pasif=U"),
        ("Trạng thái", "Đã-đăng-ký=A Đã-hủy-đăng-ký=U"),
        ("Status", "Berlangganan=A Berhenti-berlangganan=U"),
        ("الحالة", "نشط=A ألغى-الاشتراك=U"),
        ("סטטוס", "פעיל=A הוסר=U"),
        ("สถานะ", "สมัครแล้ว=A ยกเลิกการสมัคร=U"),
        ("Status", "Pretplaćen=A Odjavljen=U"),
        ("登録状況", "登録済=A 登録解除=U"),
        ("解約日", "=A 2021/3/4=U"),
        ("退订日期", "=A 2021年3月4日=U"),
        ("Estado de suscripción", "Suscrito=A Dado-de-baja=U Confirmado=A Sin-confirmar=-"),
        ("Email Marketing", "Subscribed=A Unsubscribed=U Non-Subscribed=- Cleaned=S"),
        ("Newsletter-Status", "bestätigt=A nicht-bestätigt=- eingetragen=A wartend=-"),
        ("Statut", "Confirmé=A DÃ©sabonnÃ©=U Plainte=S Rebond=S"),
        ("Nieuwsbrief", "Ja=A Nee=U"),
        ("メルマガ配信", "可=A 不可=U 停止=U"),
        ("接收邮件", "愿意=A 不愿意=U"),
        ("是否有效", "有效=A 无效=S"),
        ("Подписка", "Да=A Нет=U Активна=A Отменена=U"),
        ("구독여부", "Y=A N=U 구독=A 해지=U"),
        ("Recebe e-mails", "Sim=A Não=U"),
        ("Abonelik", "Var=A Yok=U İptal=U"),
        ("Status", "Still-subscribed=A Active-(confirmed)=A No-longer-subscribed=U"),
        # of no name that is known
        ("Kondisyon", "good=A unsubscribed=U Désabonnée=U hard_bounced=S 已退订=U"),
    ],
)
def test_each_value_of_a_column_tells_its_state(column: str, values: str) -> None:
    for pair in values.split():
        value, _, letter = pair.rpartition("=")
        assert (
            state(column, value.replace("-", " ") if "20" not in value else value)
            is (_LETTERS[letter])
        ), value


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("SMS_BLACKLISTED", "true"), ("SMS Marketing Consent", "UNSUBSCRIBED")),
        *(("smsStatus", "unsubscribed"), ("Do Not Call", "1"), ("Fax Opt Out", "1")),
        *(("WhatsApp opt-in", "no"), ("Push notifications", "unsubscribed")),
        *(("短信退订", "是"), ("Telefon Opt-out", "ja")),
        *(("Order status", "cancelled"), ("Payment status", "inactive")),
        *(("Emails received", "0"), ("Received emails", "0"), ("Newsletters opened", "0")),
        *(("Notes", "unsubscribed"), ("Tags", "unsubscribed"), ("Last campaign", "bounced")),
        *(("Opt-out status", "Opted in"), ("Unsubscribed", "Subscribed"), ("Bounced", "none")),
        *(("Unsubscribed", "Not unsubscribed"), ("Fecha de suscripción", "2021-01-02")),
        *(("attributes", "{optout: true}"), ("Motto", "unsubscribe " * 9)),
        *(("Situación laboral", "inactivo"), ("Employment status", "inactive")),
        *(("emailStatusDate", "2021-01-02"), ("Date d'inscription", "2021-01-02")),
        *(
            ("City", "Leftwich"),
            ("Cancel date", "2021-01-02"),
            ("Unsubscribe count", "unsubscribed"),
        ),
    ],
)
def test_nobody_is_taken_for_an_opt_out(column: str, value: str) -> None:
    assert state(column, value) is ACTIVE


@pytest.mark.parametrize(
    ("header", "values", "expected"),
    [
        ("status,subscription_status", ("enabled", "unsubscribed"), UNSUBSCRIBED),
        ("status,subscription_status", ("odd", "unsubscribed"), UNSUBSCRIBED),
        ("newsletter,marketing consent", ("yes", "no"), UNSUBSCRIBED),
        ("is confirmed,confirmed", ("1", ""), ACTIVE),
        ("is confirmed,confirmed", ("", "1"), ACTIVE),
        ("is confirmed,confirmed", ("0", "1"), None),
        ("is confirmed,confirmed", ("1", "0"), None),
        ("is confirmed,confirmed", ("", ""), None),
    ],
)
def test_of_several_columns_each_counts(
    header: str, values: tuple[str, ...], expected: SubscriberState | None
) -> None:
    assert state(header, *values) is expected


def test_a_state_that_is_not_known_is_told() -> None:
    (row,) = read_list(b"email,status\na@x.example,delivered\n", {}).rows()
    assert row == BadRow(line=2, problem="has the state 'delivered', which is not known")


def test_words_of_consent_are_kept_and_say_nothing_of_leaving() -> None:
    words = "by the form: unsubscribe whenever you like"
    (row,) = read_list(f"email,consent\na@x.example,{words}\n".encode(), {}).rows()
    assert isinstance(row, ListedSubscriber)
    assert (row.state, row.fields["consent"]) == (ACTIVE, words)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        *(("unsubscribed_members_export_1", True), ("Abgemeldete", True), ("bounces-2026", True)),
        *(("nonsubscribed_members", True), ("subscribed_members_export_1", False), ("list", False)),
    ],
)
def test_the_name_of_a_file_tells_opt_outs(file: str, told: bool) -> None:
    assert names_opt_outs(file) is told
