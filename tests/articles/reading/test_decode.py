"""Bytes become text in the encodings that files come in; what is no text says so."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.reading import decode as module
from digest.articles.reading.decode import plausibility, utf16
from tests.effort import effort


def decode(content: bytes) -> str:
    return module.decode(content).text


CHINESE = (
    "中国人民银行周三宣布，下调金融机构存款准备金率，释放长期资金约一万亿元。市场普遍预计利率将随之下行。\n"
    * 4
)
TAIWANESE = (
    "臺灣的經濟成長率今年預估為百分之三，主計總處表示，出口與投資的動能都比去年強勁，民間消費也持續回溫。\n"
    * 4
)
MAINLAND = "央行周三宣布下调存款准备金率，市场预计利率将随之下行。"
TAIWAN = "臺灣今年的經濟成長率預估為百分之三，出口與投資的動能都比去年強勁。"
JAPANESE = "今日は朝から雨が降っていたので、図書館で本を読んで過ごしました。"
FRENCH = "L’été dernier, nous étions à la plage — le café était fermé, mais où aller ?"
GERMAN = "Die Straße führt über die Brücke zum Fluß; größere Häuser müssen älter sein."
RUSSIAN = "Сегодня с утра шёл дождь, поэтому я читал книги в библиотеке."


@pytest.mark.parametrize(
    "content",
    [
        CHINESE.encode(),
        codecs.BOM_UTF8 + CHINESE.encode(),
        codecs.BOM_UTF16_LE + CHINESE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + CHINESE.encode("utf-32-le"),
        CHINESE.encode("gb18030"),
        CHINESE.replace("\n", "\r\n").encode(),
    ],
)
def test_the_same_text_from_every_encoding(content: bytes) -> None:
    assert decode(content) == CHINESE


def test_big5_is_not_taken_for_gb18030() -> None:
    assert decode(TAIWANESE.encode("big5")) == TAIWANESE


def test_a_declared_encoding_counts_where_the_bytes_are_no_utf8() -> None:
    page = '<html><head><meta charset="gb2312"><title>短</title></head>'
    assert decode(page.encode("gb2312")) == page


def test_the_declaration_of_xml_counts() -> None:
    page = '<?xml version="1.0" encoding="windows-1251"?>\n<html><p>Да</p></html>'
    decoded = module.decode(page.encode("cp1251"))
    assert (decoded.text, decoded.troubles) == (page, ())


@pytest.mark.parametrize("text", [MAINLAND, TAIWAN, JAPANESE, FRENCH * 2, RUSSIAN])
def test_utf_8_that_is_cut_within_a_character_is_read(text: str) -> None:
    whole = f"---\ntitle: x\n---\n{text}"
    assert decode(f"{whole}字".encode()[:-1]) == f"{whole}\ufffd"


def test_japanese_in_bytes_of_ascii_is_read() -> None:
    assert decode(JAPANESE.encode("iso-2022-jp")) == JAPANESE
    assert decode(b"a \x1b$ b") == "a $ b"  # no Japanese


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("declared", ["", "gb2312", "big5", "windows-1252", "shift_jis", "utf-8"])
@pytest.mark.parametrize(
    ("line", "encodings"),
    [
        (MAINLAND, ["gb18030", "utf-16-le", "utf-16-be"]),
        (TAIWAN, ["big5", "gb18030", "utf-16-le", "utf-16-be"]),
        (JAPANESE, ["shift_jis", "utf-16-le", "utf-16-be"]),
        (FRENCH, ["cp1252", "utf-16-le", "utf-16-be"]),
        (GERMAN, ["cp1252"]),
        (RUSSIAN, ["cp1251"]),
    ],
)
def test_what_the_bytes_say_wins_over_what_is_declared(
    line: str, encodings: list[str], declared: str, times: int
) -> None:
    front = f"---\ntitle: x\ncharset: {declared}\n---\n"
    meta = f'<meta charset="{declared}">\n' if declared else ""
    for text in (meta + line * times, f"{front}{meta}<p>{line * times}</p>\n"):
        for encoding in encodings:
            assert decode(text.encode(encoding)) == text, encoding


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("It’s a fine day. We went out into the rain and saw nothing at all.", "cp1252"),
        ("Price: 5 £ or 6 €. That is all there is to say.", "cp1252"),
        ("El niño comió piña en España. ¿Qué tal? ¡Adiós, señor!", "cp1252"),
        ("Zażółć gęślą jaźń, proszę bardzo. Nie ma sprawy.", "cp1250"),
        ("# 短\nPlain English text with one word that is none.", "gb18030"),
        ("title: '2021年度报告'\n\n<p>全文见附件。</p>", "gb18030"),
        ("title: テスト\n\n<p>です</p>", "shift_jis"),
        ("오늘은 아침부터 비가 와서 책을 읽으며 시간을 보냈습니다.", "euc_kr"),
    ],
)
def test_a_few_characters_beyond_ascii_are_enough(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "encoding", "label"),
    [
        ("他站在屋裏，一粧一恒都看得清楚，牆邊的墻壁已經斑駁了。", "cp950", "big5"),
        ("香港今日天氣好熱，佢哋喺銅鑼灣食咗嘢，啲人話好嘢嚟㗎。", "big5hkscs", "big5-hkscs"),
        (
            "①会場は㈱日本海です。髙橋さんは午前９時～午後５時まで働いています。",
            "cp932",
            "shift_jis",
        ),
        ("뷁 똠방각하 오늘은 아침부터 비가 와서 책을 읽으며 시간을 보냈습니다.", "cp949", "euc-kr"),
        ("朱镕基总理的〇七年讲话，㐀字在里面。", "gb18030", "gb2312"),
    ],
)
def test_the_usual_extensions_of_an_encoding_are_read_with_it(
    text: str, encoding: str, label: str
) -> None:
    assert module.decode(text.encode(encoding)).text == text
    page = f"<meta charset={label}>{text}"
    assert module.decode(page.encode(encoding)) == module.Decoded(text=page)


@pytest.mark.parametrize("encoding", ["euc_jp", "shift_jis"])
def test_japanese_is_told_from_chinese(encoding: str) -> None:
    assert decode((JAPANESE * 4).encode(encoding)) == JAPANESE * 4


def test_utf16_with_half_a_line_end_or_with_no_ascii_is_read() -> None:
    assert decode((MAINLAND + "\n").encode("utf-16-le") + b"\n") == MAINLAND + "\n"
    assert (
        decode("今日は朝から雨が降っていた。".encode("utf-16-le")) == "今日は朝から雨が降っていた。"
    )


@pytest.mark.parametrize("declared", ["no-such-code", "ascii", "undefined", "hex", "idna"])
def test_a_false_declaration_is_passed_over(declared: str) -> None:
    page = f'<meta charset="{declared}">{CHINESE}'
    assert decode(page.encode("gb18030")) == page


def test_one_broken_character_does_not_make_utf8_another_encoding() -> None:
    content = CHINESE.encode()
    assert decode(content[:100] + b"\xff" + content[102:]).count("\ufffd") <= 3
    assert decode(content[:-2]).startswith(CHINESE[:80])


@pytest.mark.parametrize(
    ("declared", "encoding", "trouble"),
    [
        ("gb2312", "gb18030", None),
        ("GBK", "gb18030", None),
        ("utf-8", "utf-8", None),
        ("UTF8", "utf-8-sig", None),
        ("", "gb18030", "it does not tell its encoding; gb18030 was guessed"),
        ("gb2312", "utf-8", "it declares the encoding gb2312, but was read as utf-8"),
        ("utf-8", "gb18030", "it declares the encoding utf-8, but was read as gb18030"),
        ("x-none", "gb18030", "it declares the encoding x-none, but was read as gb18030"),
        ("idna", "gb18030", "it declares the encoding idna, but was read as gb18030"),
        ("shift_jis", "gb18030", "it declares the encoding shift_jis, but was read as gb18030"),
    ],
)
def test_a_wrong_declaration_is_told(declared: str, encoding: str, trouble: str | None) -> None:
    page = f'<meta charset="{declared}">{CHINESE}'
    found = module.decode(page.encode(encoding))
    assert found.text == page
    assert found.troubles == ((trouble,) if trouble else ())


def test_a_declaration_means_what_browsers_take_it_for() -> None:
    page = "<meta charset=gb2312>朱镕基总理周三在北京宣布下调利率"
    assert module.decode(page.encode("gbk")) == module.Decoded(text=page)
    page = "<meta charset=iso-8859-1>naïve – “yes”"
    assert module.decode(page.encode("cp1252")) == module.Decoded(text=page)


def test_nobody_cares_which_encoding_ascii_declares() -> None:
    assert module.decode(b"<meta charset=big5>text").troubles == ()


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (CHINESE.encode()[:-2], "1 of its characters is broken and became \ufffd"),
        (CHINESE.encode("utf-16")[:-3], "1 of its characters is broken and became \ufffd"),
        ("\ufffd in the text itself".encode(), None),
    ],
)
def test_broken_characters_are_told(content: bytes, trouble: str | None) -> None:
    assert module.decode(content).troubles == ((trouble,) if trouble else ())


@pytest.mark.parametrize(
    "content", [b"", b" \r\n\t", codecs.BOM_UTF8, codecs.BOM_UTF8 + b"\n", b"\x7f\x7f"]
)
def test_a_file_without_text_is_empty(content: bytes) -> None:
    with pytest.raises(ValueError, match="empty"):
        decode(content)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"title: a\x00b",
        "无标记".encode("utf-16-le") + b"\x00",
        b"\x01\x02\x03abc",
    ],
)
def test_binary_is_no_text(content: bytes) -> None:
    with pytest.raises(ValueError, match="binary"):
        decode(content)


def test_bytes_of_no_encoding_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.articles.reading.decode._LEGACY", ["ascii"])
    monkeypatch.setattr("digest.articles.reading.single_byte.guess", lambda *_: ("", 0.0))
    with pytest.raises(ValueError, match="save it as UTF-8"):
        decode(bytes(range(0x80, 0x100)))


@settings(max_examples=effort(20, soak=60))
@given(st.binary(max_size=60))
def test_bytes_become_text_or_a_value_error(content: bytes) -> None:
    try:
        text = decode(content)
    except ValueError:
        return
    text.encode("utf-8")
    assert "\x00" not in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain\n\ttext",
        "央行宣布，下调利率。",
        "臺灣的經濟成長率",
        "図書館で本を読んだ。",
        "오늘은 비가 와서 책을 읽었습니다.",
        "où à la créée — l’été, c’est là",
        "Straße, größer; Ångström",
        "“Zażółć” – gęślą jaźń",
        "Сегодня шёл дождь",
        "Καλημέρα",
    ],
)
def test_texts_are_legible(text: str) -> None:
    assert plausibility(text) >= 0.9


@pytest.mark.parametrize(
    ("text", "encoding", "wrong"),
    [
        ("央行宣布下调存款准备金率", "gb18030", "cp1252"),
        ("央行宣布下调存款准备金率", "gb18030", "euc_kr"),
        ("央行宣布下调存款准备金率", "utf-16-le", "utf-16-be"),
        ("臺灣今年的經濟成長率預估為", "big5", "gb18030"),
        ("図書館で本を読んで過ごし", "shift_jis", "cp1252"),
        ("Die Straße führt über Brücken", "cp1252", "gb18030"),
        ("Сегодня с утра шёл дождь", "cp1251", "cp1252"),
        ("abcdef", "utf-8", "utf-16-le"),
    ],
)
def test_another_encoding_is_not(text: str, encoding: str, wrong: str) -> None:
    misread = text.encode(encoding).decode(wrong, "replace")
    assert plausibility(misread) < 0.9
    assert plausibility(misread) < plausibility(text)


def test_signs_side_by_side_are_characters_of_another_encoding() -> None:
    assert plausibility("¼½¾ £§") < 0.5
    assert plausibility("5 £, § 3") == 1


@pytest.mark.parametrize("char", ["\x00", "\x07", "\x7f", "\x9f"])
def test_controls_are_in_no_text(char: str) -> None:
    assert plausibility(f"text {char}") == 0


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_known_without_a_mark(encoding: str) -> None:
    for text in ("title: x\n", "一二三\n", "--- café ---"):
        assert utf16(text.encode(encoding), 65_536) == (encoding, text)


@pytest.mark.parametrize(
    "content", [b"\x00", b"title: a\x00b\n", b"\x89PNG\r\n\x1a\n\x00\x00", b"\xd8" * 8]
)
def test_anything_else_is_no_utf16(content: bytes) -> None:
    assert utf16(content + b"\x00" * 3, 65_536) is None


@settings(max_examples=effort(33, soak=100))
@given(st.text(max_size=40) | st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=20))
def test_legibility_is_a_share(text: str) -> None:
    assert 0 <= plausibility(text) <= 1


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1254", "Dün akşam köyde yağmur yağdı; çocuklar ağacın altında şarkı söyledi."),
        ("cp1250", "Wczoraj wieczorem padał deszcz, więc zostaliśmy w domu i graliśmy w szachy."),
        ("iso8859_2", "Včera večer pršelo, takže jsme zůstali doma a hráli šachy u krbu."),
        ("cp1250", "Tegnap este esett az eső, ezért otthon maradtunk és sakkoztunk a tűz mellett."),
        ("cp1250", "Sinoć je padala kiša, pa smo ostali kod kuće i igrali šah uz vatru."),
        ("cp1253", "Χθες το βράδυ έβρεχε, γι' αυτό μείναμε στο σπίτι και παίξαμε σκάκι."),
        ("iso8859_7", "Χθες το βράδυ έβρεχε και μείναμε στο σπίτι δίπλα στη φωτιά."),
        ("cp1255", "אתמול בערב ירד גשם, לכן נשארנו בבית ושיחקנו שחמט ליד האח"),
        ("cp1256", "هطل المطر مساء أمس فبقينا في البيت ولعبنا الشطرنج قرب النار"),
        ("koi8_r", "Вчера вечером шёл дождь, поэтому мы остались дома и играли в шахматы."),
        ("cp866", "Вчера вечером шёл дождь, поэтому мы остались дома и играли в шахматы."),
        ("koi8_u", "Учора ввечері йшов дощ, тож ми лишилися вдома й грали в шахи біля її печі."),
        ("cp1251", "Снощи валя дъжд, затова останахме у дома и играхме шах до печката."),
        ("cp874", "เมื่อคืนฝนตก เราจึงอยู่บ้านและเล่นหมากรุกข้างเตาไฟ"),
        ("cp1257", "Vakar vakare lijo, todėl likome namie ir žaidėme šachmatais."),
        ("cp1252", "Gestern Abend regnete es, daher spielten wir zu Hause über Stunden Schach."),
        ("cp1252", "Í gær rigndi og það var gott að vera heima við eldinn með þér."),
        ("cp850", "Hier soir il a plu, nous sommes restés à la maison près de la cheminée."),
    ],
)  # fmt: skip
def test_an_old_encoding_is_told_by_the_letters_of_its_language(encoding: str, text: str) -> None:
    decoded = module.decode(f"---\ntitle: {text}\n---\n{text}\n".encode(encoding))
    assert text in decoded.text
    assert any("was guessed" in trouble for trouble in decoded.troubles)


def test_the_language_that_a_file_or_the_site_names_decides_between_what_is_as_likely() -> None:
    content = "titre: caf\xe8, pr\xe8s, tr\xe8s\n".encode("latin-1")
    assert "cafè" in module.decode(content).text
    assert "cafč" in module.decode(content, "hr").text
    assert "cafč" in module.decode(b"lang: sl-SI\n" + content).text
    russian = "Да".encode("cp1251") + b" and English words"
    assert "Да" in module.decode(russian, "ru-RU").text


HINDI = "---\ntitle: नमस्ते\n---\nयह एक लेख है और इसमें कई शब्द हैं।\n"
MARKS = [
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
]


@pytest.mark.parametrize(("mark", "name"), MARKS)
@pytest.mark.parametrize("text", ["---\ntitle: Plain words\n---\nText.", MAINLAND, HINDI])
def test_utf_8_behind_a_mark_of_another_encoding_is_read(mark: bytes, name: str, text: str) -> None:
    trouble = f"its byte order mark says {name}, but it was read as utf-8"
    for between in (b"", codecs.BOM_UTF8):
        decoded = module.decode(mark + between + text.encode())
        assert decoded == module.Decoded(text=text, troubles=(trouble,))


@pytest.mark.parametrize("mark", [mark for mark, _ in MARKS])
@pytest.mark.parametrize(
    "content",
    [
        b"\x01\x02abc",
        bytes(range(256)) * 2,
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        bytes.fromhex("d7a1ff33e2900c81bb4e57f61e9ad3c5f0b4d8e1a7c29f83d1ee"),
        (MAINLAND * 9).encode("gb18030"),
    ],
)
def test_other_bytes_behind_the_mark_of_a_wide_encoding_are_no_text(
    mark: bytes, content: bytes
) -> None:
    with pytest.raises(ValueError, match=r"binary|no known encoding"):
        decode(mark + content)


@pytest.mark.parametrize("order", ["le", "be"])
def test_letters_of_any_script_are_read_with_a_mark_and_without(order: str) -> None:
    for text in (HINDI, "# სათაური\n\nეს არის ტექსტი.\n", "👍 and words", "नमस्ते\n"):
        mark = codecs.BOM_UTF16_LE if order == "le" else codecs.BOM_UTF16_BE
        content = text.encode(f"utf-16-{order}")
        assert decode(mark + content) == text
        assert decode(content) == text
        assert decode(mark + content + b"\n") == text


def test_the_byte_order_that_a_mark_says_may_be_the_wrong_one() -> None:
    for text in (MAINLAND + "\n一一", HINDI, "---\ntitle: Words\n---\n"):
        decoded = module.decode(codecs.BOM_UTF16_LE + text.encode("utf-16-be"))
        trouble = "its byte order mark says utf-16, but it was read as utf-16-be"
        assert decoded == module.Decoded(text=text, troubles=(trouble,))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (MAINLAND * 4, "gb18030"),
        (JAPANESE * 4, "cp932"),
        (FRENCH, "cp1252"),
        ("Words — and “quotes”\n", "utf-16-le"),
    ],
)
def test_another_encoding_behind_the_mark_of_utf_8_is_read(text: str, encoding: str) -> None:
    decoded = module.decode(codecs.BOM_UTF8 + text.encode(encoding))
    trouble = f"its byte order mark says utf-8, but it was read as {encoding}"
    assert decoded == module.Decoded(text=text, troubles=(trouble,))


def test_marks_behind_each_other_are_passed_over() -> None:
    assert decode(codecs.BOM_UTF8 + codecs.BOM_UTF16_LE + HINDI.encode("utf-16-le")) == HINDI
    with pytest.raises(ValueError, match="binary"):
        decode(codecs.BOM_UTF16_LE * 9 + b"text")


def test_a_byte_order_mark_within_a_text_is_taken_out() -> None:
    assert decode("---\na: T\n---\n\ufeff## Sub\n".encode()) == "---\na: T\n---\n## Sub\n"
    assert decode(codecs.BOM_UTF8 * 2 + b"# T") == "# T"
    assert decode("ï»¿# T\n\ufeffText".encode()) == "# T\nText"
