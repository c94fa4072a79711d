"""The keys of front matter by purpose; the first present key of a row wins.

Hexo, Jekyll, Hugo, Zola, Pelican, Eleventy, Astro, Gatsby, Docusaurus, Material for MkDocs, Ghost,
Obsidian and exporters of WordPress use them, and themes that many sites share.
"""

# pure
from __future__ import annotations

from collections.abc import Mapping

#: Before this moment nobody may read the article.
PUBLISH_KEYS = (
    *("publishdate", "publish_date", "pubdate", "pub_date", "pubdatetime", "publish_at"),
    *("publishat", "publish_on", "publish_after", "publish_time", "publishtime", "scheduled"),
    *("scheduled_at", "scheduledat", "scheduled_for", "embargo", "embargo_until", "not_before"),
    *(
        "publish_from",
        "publishfrom",
        "go_live",
        "golive",
        "go_live_at",
        "go_live_date",
        "show_from",
    ),
    *("visible_from", "visiblefrom", "available_from", "availablefrom", "valid_from", "validfrom"),
    *("embargoed_until", "release_at"),
)
#: From this moment on nobody may read the article any more.
EXPIRY_KEYS = (
    *("expirydate", "expiry_date", "expiry", "expires", "expires_at", "expiresat", "expires_on"),
    *("expire", "expiredate", "expire_date", "expireat", "expire_at", "expiration"),
    *("expirationdate", "expiration_date", "unpublish", "unpublishdate", "unpublish_date"),
    *("unpublish_at", "unpublishat", "unpublish_on", "valid_until", "validuntil", "unpublishon"),
    *("publish_until", "publishuntil", "published_until", "publisheduntil", "show_until"),
    *(
        "showuntil",
        "visible_until",
        "visibleuntil",
        "available_until",
        "availableuntil",
        "valid_to",
    ),
    *("validto", "valid_through", "validthrough", "expired", "expired_at", "expiredat"),
    *("expired_on", "hide_after", "delete_after", "remove_after", "removal_date"),
)
DATE_KEYS = (
    *("date", "published", *PUBLISH_KEYS[:5], "date_published", "created"),
    *("datepublished", "published_at", "publishedat", "published_on", "published_date"),
    *("publisheddate", "published_time", "datetime", "post_date", "postdate", "posted"),
    *("posted_at", "posted_on", "created_at", "createdat", "created_on", "created_date"),
    *("createddate", "created_time", "create_time", "createtime", "createdate", "date_created"),
    *("datecreated", "creation_date", "creationdate", "issued", *PUBLISH_KEYS[5:]),
    *("date_gmt", "post_date_gmt"),
)
#: A later date of the article's text; the date of a file that tells no other, even in its name.
UPDATE_KEYS = (
    *("updated", "lastmod", "modified", "last_modified_at", "date_modified", "datemodified"),
    *("last_modified", "lastmodified", "last_modified_date", "last_updated", "lastupdated"),
    *("last_update", "lastupdate", "updated_at", "updatedat", "updated_on", "updated_date"),
    *("updateddate", "updated_time", "update_date", "updatedate", "update_time", "updatetime"),
    *("update", "modified_at", "modifiedat", "modified_on", "modified_date", "modifieddate"),
    *("modified_time", "moddate", "moddatetime", "mod_date", "date_updated", "dateupdated"),
    *("edited", "edited_at", "last_edited", "revised", "revision_date", "post_modified"),
    *("modified_gmt", "post_modified_gmt"),
)
LINK_KEYS = (
    *("link", "source", "external_url", "externalurl", "canonical", "canonical_url"),
    *("canonicalurl", "original_url"),
)
#: An address or, with Hexo, Jekyll and Eleventy, the pattern of one.
PATTERN_KEYS = ("permalink", "url")
#: Where the page lies in the author's site: no address, but perhaps with a date in it.
PATH_KEYS = (*PATTERN_KEYS, "path", "slug")
IMAGE_KEYS = (
    *("headimg", "thumbnail", "cover", "image", "images", "featured_image", "featuredimage"),
    *("feature_image", "og_image", "banner", "cover_image", "coverimage", "header_image"),
    *("index_img", "banner_img", "top_img", "photos", "hero_image", "heroimage", "social_image"),
    *("socialimage", "ogimage", "img", "thumb"),
)
#: A recording: an address, or a table with one and its type, bytes and duration.
ENCLOSURE_KEYS = (
    *("enclosure", "enclosures", "audio", "podcast", "audio_url", "mp3", "audio_file"),
    *("audiofile", "audiourl", "podcast_url", "podcast_file", "enclosure_url"),
)
#: Whether editions may announce the article when it is new.
ANNOUNCE_KEY = "announce"
#: The source that an article was taken from, and the address of its page.
SOURCE_NAME_KEY, SOURCE_URL_KEY = "source_name", "source_url"
#: How far ahead of the others an article stands in an edition: a truth or a number.
PIN_KEYS = ("pinned", "pin", "sticky", "top")
LANGUAGE_KEYS = ("lang", "language", "locale")
IDENTITY_KEYS = ("id", "guid")
SUMMARY_KEYS = ("summary", "excerpt", "description", "custom_excerpt", "abstract")
AUTHOR_KEYS = ("author", "authors")
CATEGORY_KEYS = ("categories", "category")
TAG_KEYS = ("tags", "tag", "keywords")

#: Keys of a table that stands where an address is expected, such as ``cover: {image: …}``.
ADDRESS_NAMES = ("src", "url", "href", "image", "path", "link", "file")
#: Keys of a table that stands where a name is expected, such as ``author: {name: …}``.
NAME_KEYS = (
    *("name", "full_name", "fullname", "display_name", "displayname", "label", "literal"),
    *("nickname", "nick", "username", "login", "handle", "screen_name"),
)
#: Keys of a person's name in parts; the first of each row that is there counts.
GIVEN_KEYS = ("given", "given_name", "givenname", "first", "first_name", "firstname", "forename")
MIDDLE_KEYS = ("middle", "middle_name", "particle", "non-dropping-particle", "dropping-particle")
FAMILY_KEYS = ("family", "family_name", "familyname", "last", "last_name", "lastname", "surname")

#: Values that say nothing.
NOTHING = frozenset({"", "~", "null"})
TRUE = frozenset({"true", "yes", "on", "1", "y"})
FALSE = frozenset({"false", "no", "off", "0", "n"})
STATE_KEYS = (
    *("status", "post_status", "state", "visibility", "post_visibility", "publish_status"),
    *("publication_status", "stage", "access"),
)
DRAFT_KEYS = ("draft", "is_draft", "isdraft")
#: Values of these keys with which a file is none; with any other one it is a draft.
NO_DRAFT = NOTHING | FALSE | {"none", "never", "nein", "non", "nej", "não", "нет", "否"}
DRAFT_STATES = frozenset(
    {"draft", "drafts", "pending", "auto-draft", "wip", "in progress", "in-progress", "in_progress"}
    | {"in review", "in-review", "unfinished", "incomplete", "not published", "idea", "todo"}
    | {
        "work in progress",
        "work-in-progress",
        "草稿",
        "未发布",
        "未完成",
        "下書き",
        "초안",
        "entwurf",
    }
    | {"brouillon", "borrador", "bozza", "rascunho", "черновик", "szkic", "koncept", "taslak"}
)
#: Values with which a file keeps itself back, and what it is then, by key.
HOLDING_VALUES: Mapping[str, tuple[tuple[frozenset[str], str], ...]] = {
    **dict.fromkeys(("drafts", "wip", "unfinished"), ((TRUE, "a draft"),)),
    **dict.fromkeys(("layout", "type"), ((frozenset({"draft"}), "a draft"),)),
    "expired": ((TRUE, "over"),),
    **dict.fromkeys(("members_only", "membersonly"), ((TRUE, "for members"),)),
    **dict.fromkeys(("published", "publish", "is_published", "ispublished"), ((FALSE, "a draft"),)),
    **dict.fromkeys(
        ("hidden", "hide", "private", "unlisted", "headless", "eleventyexcludefromcollections"),
        ((TRUE, "hidden"),),
    ),
    **dict.fromkeys(("public", "visible", "permalink", "render"), ((FALSE, "hidden"),)),
    **dict.fromkeys(("encrypt", "encrypted", "protected"), ((TRUE, "encrypted"),)),
    **dict.fromkeys(
        STATE_KEYS,
        (
            (DRAFT_STATES, "a draft"),
            (frozenset({"hidden", "private", "unlisted", "skip", "internal"}), "hidden"),
            (frozenset({"trash", "trashed", "unpublished", "deleted", "withdrawn"}), "withdrawn"),
            (frozenset({"expired"}), "over"),
            (frozenset({"members", "paid", "tiers"}), "for members"),
        ),
    ),
}
#: Any password keeps a file back, and is shown to nobody.
PASSWORD_KEYS = ("password", "post_password", "passwd", "passwords")
#: Values of a state with which a date to come is no mistake, however far ahead it lies.
SCHEDULED = frozenset({"scheduled", "future"})
#: Hugo's table that says what is made of a page, and what in it means nothing.
BUILD_KEYS, UNBUILT = ("build", "_build"), frozenset({"never", "false", "link"})

#: Keys whose value is a text and never anything else: what looks like a list is none.
PROSE_KEYS = frozenset({"title", *SUMMARY_KEYS})
#: Keys whose value may be one line of text.
TEXT_KEYS = PROSE_KEYS.union(
    *(DATE_KEYS, EXPIRY_KEYS, UPDATE_KEYS, LINK_KEYS, PATH_KEYS, IMAGE_KEYS, ENCLOSURE_KEYS),
    *(LANGUAGE_KEYS, IDENTITY_KEYS, PIN_KEYS),
)
#: Keys whose value is a name or a list of them.
LIST_KEYS = frozenset({*AUTHOR_KEYS, *CATEGORY_KEYS, *TAG_KEYS})
#: All keys that say something.
KNOWN_KEYS = TEXT_KEYS.union(
    *(LIST_KEYS, HOLDING_VALUES, DRAFT_KEYS, PASSWORD_KEYS, (ANNOUNCE_KEY, SOURCE_NAME_KEY)),
    (SOURCE_URL_KEY,),
)
