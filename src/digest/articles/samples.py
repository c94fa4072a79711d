"""Made-up articles, with which templates are tried before they meet real ones."""

# pure
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from digest.articles.model import Article, ArticleId, CategoryPath, SafeHtml, article_key

#: When the newest sample was published.
SAMPLED_AT = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)

_NEWS = CategoryPath(("Sample & 示例", "News"))


def sample_articles() -> tuple[Article, ...]:
    """Return four articles: a pinned one with all fields, one in Chinese, two minimal ones.

    The last one is pinned as well.
    """
    full = replace(
        _article(4, "Sample: the <first> ship of the year"),
        authors=("A. Writer", "某记者"),
        categories=(_NEWS, CategoryPath(("Sample & 示例",))),
        link="https://example.org/ships?year=1&first=yes",
        image="https://example.org/ship.png",
        language="en",
        summary="It came in at dawn, and nobody was there to see it.",
        body=SafeHtml("<p>It came in at <b>dawn</b>.</p>"),
        pinned=2,
    )
    chinese = replace(
        _article(3, "示例：今年第一艘船"),
        categories=(CategoryPath(("示例", "新闻")),),
        language="zh",
        summary="它在黎明进港，没有人看见。",
        body=SafeHtml("<p>它在<b>黎明</b>进港。</p>"),
    )
    kept = replace(_article(1, "Sample: kept"), pinned=1)
    return full, chinese, _article(2, "Sample: untold"), kept


#: Articles to look at, by language: category, title, first paragraph.
_SHOWN: dict[str, tuple[tuple[str, str, str], ...]] = {
    "en": (
        (
            "Harbour",
            "The first ship of the year came in at dawn",
            (
                "It carried oranges and a piano, and nobody on the quay knew who had ordered "
                "either. By noon both were gone."
            ),
        ),
        (
            "Harbour",
            "Dredging begins in March",
            (
                "The channel is to be two metres deeper. Fishermen fear for the spawning "
                "grounds, the port counts on larger ships."
            ),
        ),
        (
            "Town",
            "The library stays open at night",
            (
                "From Monday readers may come until two in the morning. Coffee is free, "
                "talking is not."
            ),
        ),
        (
            "Town",
            "A baker, a street, forty years",
            "She closes on Saturday. Her recipes go to the school.",
        ),
    ),
    "zh": (
        (
            "港口",
            "今年第一艘船在黎明进港",
            "船上装着橙子和一架钢琴，码头上没有人知道是谁订的。到了中午，两样都不见了。",
        ),
        ("港口", "三月开始疏浚航道", "航道将加深两米。渔民担心产卵场，港口则盼着更大的船。"),
        ("小镇", "图书馆通宵开放", "从周一起，读者可以待到凌晨两点。咖啡免费，说话不行。"),
        ("小镇", "一位面包师，一条街，四十年", "她周六关门，配方送给了学校。"),
    ),
    "zh-Hant": (
        (
            "港口",
            "今年第一艘船在黎明進港",
            "船上裝著橙子和一架鋼琴，碼頭上沒有人知道是誰訂的。到了中午，兩樣都不見了。",
        ),
        ("港口", "三月開始疏濬航道", "航道將加深兩公尺。漁民擔心產卵場，港口則盼著更大的船。"),
        ("小鎮", "圖書館通宵開放", "從週一起，讀者可以待到凌晨兩點。咖啡免費，說話不行。"),
        ("小鎮", "一位麵包師，一條街，四十年", "她週六關門，配方送給了學校。"),
    ),
    "ja": (
        (
            "港",
            "今年最初の船が夜明けに入港",
            "積み荷はオレンジとピアノ。誰が頼んだのか、岸壁の誰も知らなかった。昼にはどちらも消えていた。",
        ),
        (
            "港",
            "三月に浚渫が始まる",
            "航路を二メートル深くする。漁師は産卵場を心配し、港は大型船に期待する。",
        ),
        (
            "町",
            "図書館が夜も開く",
            "月曜から午前二時まで利用できる。コーヒーは無料、おしゃべりは禁止。",
        ),
        ("町", "パン屋と通りと四十年", "土曜に店を閉める。レシピは学校に譲る。"),
    ),
    "de": (
        (
            "Hafen",
            "Das erste Schiff des Jahres kam im Morgengrauen",
            (
                "Es brachte Orangen und ein Klavier, und niemand am Kai wusste, wer sie "
                "bestellt hatte. Mittags war beides fort."
            ),
        ),
        (
            "Hafen",
            "Im März beginnt die Fahrrinnenvertiefung",
            (
                "Zwei Meter tiefer soll die Rinne werden. Die Fischer sorgen sich um die "
                "Laichgründe, der Hafen hofft auf größere Schiffe."
            ),
        ),
        (
            "Stadt",
            "Die Bibliothek bleibt nachts geöffnet",
            "Ab Montag darf man bis zwei Uhr lesen. Kaffee ist frei, Reden nicht.",
        ),
        (
            "Stadt",
            "Eine Bäckerin, eine Straße, vierzig Jahre",
            "Am Samstag schließt sie. Die Rezepte bekommt die Schule.",
        ),
    ),
    "fr": (
        (
            "Port",
            "Le premier navire de l’année est arrivé à l’aube",
            (
                "Il apportait des oranges et un piano, et personne sur le quai ne savait qui "
                "les avait commandés. À midi, tout avait disparu."
            ),
        ),
        (
            "Port",
            "Le dragage commence en mars",
            (
                "Le chenal gagnera deux mètres. Les pêcheurs craignent pour les frayères, le "
                "port espère de plus gros navires."
            ),
        ),
        (
            "Ville",
            "La bibliothèque reste ouverte la nuit",
            "Dès lundi, on pourra lire jusqu’à deux heures. Le café est offert, la parole non.",
        ),
        (
            "Ville",
            "Une boulangère, une rue, quarante ans",
            "Elle ferme samedi. Ses recettes vont à l’école.",
        ),
    ),
    "es": (
        (
            "Puerto",
            "El primer barco del año llegó al amanecer",
            (
                "Traía naranjas y un piano, y nadie en el muelle sabía quién los había "
                "pedido. A mediodía ya no estaban."
            ),
        ),
        (
            "Puerto",
            "El dragado empieza en marzo",
            (
                "El canal tendrá dos metros más. Los pescadores temen por las zonas de "
                "desove; el puerto espera barcos mayores."
            ),
        ),
        (
            "Ciudad",
            "La biblioteca abre de noche",
            "Desde el lunes se podrá leer hasta las dos. El café es gratis; hablar, no.",
        ),
        (
            "Ciudad",
            "Una panadera, una calle, cuarenta años",
            "Cierra el sábado. Sus recetas quedan para la escuela.",
        ),
    ),
    "ar": (
        (
            "الميناء",
            "وصلت أول سفينة في العام مع الفجر",
            (
                "كانت تحمل برتقالًا وبيانو، ولم يعرف أحد على الرصيف من طلبهما. وعند الظهر "
                "كان كل شيء قد اختفى."
            ),
        ),
        (
            "الميناء",
            "يبدأ تعميق القناة في مارس",
            "ستصبح القناة أعمق بمترين. يخشى الصيادون على مواضع التكاثر، ويأمل الميناء في سفن أكبر.",
        ),
        (
            "المدينة",
            "المكتبة مفتوحة ليلًا",
            "ابتداءً من الاثنين يمكن القراءة حتى الثانية صباحًا. القهوة مجانية، أما الكلام فلا.",
        ),
        ("المدينة", "خبّازة وشارع وأربعون عامًا", "تغلق يوم السبت، ووصفاتها للمدرسة."),
    ),
}
#: The picture of the first of them.
SHOWN_IMAGE = "https://example.org/ship.png"


def shown_articles(language: str) -> tuple[Article, ...]:
    """Return sample articles in a language; English ones where there are none in it."""
    samples = _SHOWN.get(language) or _SHOWN["en"]
    return tuple(
        replace(
            _article(len(samples) - number, title),
            authors=("A. Writer",) if number % 2 else (),
            categories=(CategoryPath((category,)),),
            link=f"https://example.org/{number}",
            image=SHOWN_IMAGE if number % 2 == 0 else None,
            language=language,
            summary=text,
            body=SafeHtml(
                f"<p>{text}</p><blockquote><p>{title}</p></blockquote><p>{text}</p>"
                f"<ul><li>{title}</li></ul><pre><code>depth = 12.5</code></pre><p>{text}</p>"
            ),
        )
        for number, (category, title, text) in enumerate(samples)
    )


def _article(number: int, title: str) -> Article:
    """Return a minimal article: the higher its number, the newer; updated on another day."""
    published_at = SAMPLED_AT - timedelta(hours=4 - number)
    return Article(
        id=ArticleId(f"tag:example.org,2026:sample/{number}"),
        key=article_key(f"sample/{number}"),
        sequence=number,
        title=title,
        authors=(),
        categories=(),
        link=None,
        image=None,
        language=None,
        summary="",
        body=SafeHtml(""),
        published_at=published_at,
        updated_at=published_at + timedelta(days=1),
    )
