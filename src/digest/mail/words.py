"""The mail's own words, a table per language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: What is said, by key. What depends on a number is kept by its plural category (Unicode
#: Technical Standard 35), with ``{count}`` where the number stands.
Words = Mapping[str, str | Mapping[str, str]]

_ENGLISH: Words = {
    "greeting": "Hello {name},",
    "greeting_nobody": "Hello,",
    "intro": {
        "one": "here is {count} new article.",
        "other": "here are {count} new articles.",
    },
    "welcome": "welcome to “{title}”. The next issue is yours; until then, this is what came last.",
    "welcome_subject": "Welcome to {title}",
    "number": "No. {number}",
    "articles": {"one": "{count} article", "other": "{count} articles"},
    "inside": "In this issue",
    "read": "Read the article",
    "online": "Read online",
    "more": {"one": "and {count} more article", "other": "and {count} more articles"},
    "links": "Links",
    "uncategorised": "Other articles",
    "reason": "You receive this mail because you subscribed to “{title}”.",
    "unsubscribe": "Unsubscribe",
    "archive": "Past issues",
    "previous": "Previous issue",
    "next": "Next issue",
    "sample": "This is a preview: what the next issue would hold if it were made now.",
    "no_issues": "There is no issue yet.",
    "separator": ", ",
}
_SIMPLIFIED: Words = {
    "greeting": "{name}，您好：",
    "greeting_nobody": "您好：",
    "intro": {"other": "为您送上 {count} 篇新文章。"},
    "welcome": "感谢您订阅“{title}”。从下一期起我们会按时送达，先请您看看最近的文章。",
    "welcome_subject": "欢迎订阅“{title}”",
    "number": "第 {number} 期",
    "articles": {"other": "{count} 篇文章"},
    "inside": "本期内容",
    "read": "阅读全文",
    "online": "在线阅读",
    "more": {"other": "还有 {count} 篇文章"},
    "links": "链接",
    "uncategorised": "其他文章",
    "reason": "您收到这封邮件，是因为您订阅了“{title}”。",
    "unsubscribe": "退订",
    "archive": "往期",
    "previous": "上一期",
    "next": "下一期",
    "sample": "这是预览：如果现在出刊，下一期就是这些内容。",
    "no_issues": "还没有出过刊。",
    "separator": "、",
}
_TRADITIONAL: Words = {
    "greeting": "{name}，您好：",
    "greeting_nobody": "您好：",
    "intro": {"other": "為您送上 {count} 篇新文章。"},
    "welcome": "感謝您訂閱「{title}」。從下一期起我們會按時送達，先請您看看最近的文章。",
    "welcome_subject": "歡迎訂閱「{title}」",
    "number": "第 {number} 期",
    "articles": {"other": "{count} 篇文章"},
    "inside": "本期內容",
    "read": "閱讀全文",
    "online": "線上閱讀",
    "more": {"other": "還有 {count} 篇文章"},
    "links": "連結",
    "uncategorised": "其他文章",
    "reason": "您收到這封郵件，是因為您訂閱了「{title}」。",
    "unsubscribe": "取消訂閱",
    "archive": "過往各期",
    "previous": "上一期",
    "next": "下一期",
    "sample": "這是預覽：如果現在出刊，下一期就是這些內容。",
    "no_issues": "還沒有出過刊。",
    "separator": "、",
}
_JAPANESE: Words = {
    "greeting": "{name} 様",
    "greeting_nobody": "読者の皆様",
    "intro": {"other": "新着記事 {count} 件をお届けします。"},
    "welcome": "「{title}」へのご登録ありがとうございます。次号からお届けします。"
    "まずは最近の記事をご覧ください。",
    "welcome_subject": "「{title}」へようこそ",
    "number": "第 {number} 号",
    "articles": {"other": "記事 {count} 件"},
    "inside": "目次",
    "read": "記事を読む",
    "online": "ブラウザで読む",
    "more": {"other": "ほか {count} 件の記事"},
    "links": "リンク",
    "uncategorised": "その他の記事",
    "reason": "このメールは「{title}」を購読されている方にお送りしています。",
    "unsubscribe": "配信停止",
    "archive": "バックナンバー",
    "previous": "前の号",
    "next": "次の号",
    "sample": "これは見本です。いま発行した場合の次号の内容を表示しています。",
    "no_issues": "まだ発行された号はありません。",
    "separator": "、",
}
_GERMAN: Words = {
    "greeting": "Hallo {name},",
    "greeting_nobody": "Hallo,",
    "intro": {
        "one": "hier ist {count} neuer Artikel.",
        "other": "hier sind {count} neue Artikel.",
    },
    "welcome": "willkommen bei „{title}“. Die nächste Ausgabe kommt zu Ihnen; "
    "bis dahin das, was zuletzt erschienen ist.",
    "welcome_subject": "Willkommen bei „{title}“",
    "number": "Nr. {number}",
    "articles": {"one": "{count} Artikel", "other": "{count} Artikel"},
    "inside": "In dieser Ausgabe",
    "read": "Artikel lesen",
    "online": "Online lesen",
    "more": {"one": "und {count} weiterer Artikel", "other": "und {count} weitere Artikel"},
    "links": "Links",
    "uncategorised": "Weitere Artikel",
    "reason": "Sie erhalten diese E-Mail, weil Sie „{title}“ abonniert haben.",
    "unsubscribe": "Abbestellen",
    "archive": "Frühere Ausgaben",
    "previous": "Vorige Ausgabe",
    "next": "Nächste Ausgabe",
    "sample": "Das ist eine Vorschau: So sähe die nächste Ausgabe aus, wenn sie jetzt erschiene.",
    "no_issues": "Es gibt noch keine Ausgabe.",
    "separator": ", ",
}
_FRENCH: Words = {
    "greeting": "Bonjour {name},",
    "greeting_nobody": "Bonjour,",
    "intro": {
        "one": "voici {count} nouvel article.",
        "many": "voici {count} de nouveaux articles.",
        "other": "voici {count} nouveaux articles.",
    },
    "welcome": "merci de vous être abonné à «\u00a0{title}\u00a0». "
    "Vous recevrez le prochain numéro\u00a0; en attendant, voici les derniers articles.",
    "welcome_subject": "Bienvenue\u00a0: {title}",
    "number": "Nº {number}",
    "articles": {
        "one": "{count} article",
        "many": "{count} d’articles",
        "other": "{count} articles",
    },
    "inside": "Dans ce numéro",
    "read": "Lire l’article",
    "online": "Lire en ligne",
    "more": {
        "one": "et {count} autre article",
        "many": "et {count} d’autres articles",
        "other": "et {count} autres articles",
    },
    "links": "Liens",
    "uncategorised": "Autres articles",
    "reason": "Vous recevez ce message parce que vous êtes abonné à «\u00a0{title}\u00a0».",
    "unsubscribe": "Se désabonner",
    "archive": "Numéros précédents",
    "previous": "Numéro précédent",
    "next": "Numéro suivant",
    "sample": "Ceci est un aperçu\u00a0: le prochain numéro, s’il paraissait maintenant.",
    "no_issues": "Aucun numéro n’est encore paru.",
    "separator": ", ",
}
_SPANISH: Words = {
    "greeting": "Hola, {name}:",
    "greeting_nobody": "Hola:",
    "intro": {
        "one": "aquí tiene {count} artículo nuevo.",
        "many": "aquí tiene {count} de artículos nuevos.",
        "other": "aquí tiene {count} artículos nuevos.",
    },
    "welcome": "gracias por suscribirse a «{title}». Recibirá el próximo número; "
    "hasta entonces, aquí tiene los últimos artículos.",
    "welcome_subject": "Bienvenida: {title}",
    "number": "N.º {number}",
    "articles": {
        "one": "{count} artículo",
        "many": "{count} de artículos",
        "other": "{count} artículos",
    },
    "inside": "En este número",
    "read": "Leer el artículo",
    "online": "Leer en línea",
    "more": {
        "one": "y {count} artículo más",
        "many": "y {count} de artículos más",
        "other": "y {count} artículos más",
    },
    "links": "Enlaces",
    "uncategorised": "Otros artículos",
    "reason": "Recibe este correo porque se suscribió a «{title}».",
    "unsubscribe": "Darse de baja",
    "archive": "Números anteriores",
    "previous": "Número anterior",
    "next": "Número siguiente",
    "sample": "Esto es una vista previa: así sería el próximo número si saliera ahora.",
    "no_issues": "Todavía no ha salido ningún número.",
    "separator": ", ",
}

#: By language, for Chinese by script too; ``zh`` alone is Simplified, as CLDR has it.
WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "en": _ENGLISH,
        "zh": _SIMPLIFIED,
        "zh-Hant": _TRADITIONAL,
        "ja": _JAPANESE,
        "de": _GERMAN,
        "fr": _FRENCH,
        "es": _SPANISH,
    }
)
