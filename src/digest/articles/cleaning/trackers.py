"""Trackers: images and parts of addresses that are there to count readers, as data."""

# pure
from __future__ import annotations

from urllib.parse import unquote, urlsplit

from digest.articles.cleaning.policy import elements

#: Hosts (those below them too) whose images count readers, with the starts of those paths.
PIXELS: dict[str, tuple[str, ...]] = {
    "2o7.net": ("/",),
    "adnxs.com": ("/",),
    "analytics.twitter.com": ("/",),
    "bat.bing.com": ("/",),
    "beacon.sina.com.cn": ("/",),
    "chartbeat.net": ("/",),
    "cnzz.com": ("/",),
    "counter.yadro.ru": ("/",),
    "criteo.com": ("/",),
    "doubleclick.net": ("/",),
    "facebook.com": ("/tr",),
    "feeds.feedburner.com": ("/~r/", "/~ff/"),
    "feedsportal.com": ("/",),
    "google-analytics.com": ("/",),
    "googletagmanager.com": ("/",),
    "hm.baidu.com": ("/",),
    "imrworldwide.com": ("/",),
    "ads.linkedin.com": ("/",),
    "mc.yandex.ru": ("/",),
    "medium.com": ("/_/stat",),
    "omtrdc.net": ("/",),
    "outbrain.com": ("/pixel",),
    "pingjs.qq.com": ("/",),
    "pixel.wp.com": ("/",),
    "quantserve.com": ("/",),
    "scorecardresearch.com": ("/",),
    "statcounter.com": ("/",),
    "stats.wordpress.com": ("/",),
    "taboola.com": ("/libtrc/", "/log/"),
    "t.co": ("/i/adsct",),
    "tongji.baidu.com": ("/",),
    "top-fwz1.mail.ru": ("/",),
}
#: Files of counters that anybody may host.
COUNTERS = frozenset({"__utm.gif", "matomo.php", "piwik.php"})

#: Parameters that tell where a reader came from; no page shows anything else without them.
PARAMETERS = elements(
    "_bta_c _bta_tid _hsenc _hsmi _openstat dclid epik fbclid gbraid gclid gclsrc igsh igshid "
    "li_fat_id mc_cid mc_eid mkt_tok msclkid oly_anon_id oly_enc_id pk_campaign pk_cid pk_content "
    "pk_keyword pk_kwd pk_medium pk_source rb_clickid spm srsltid ttclid twclid vero_conv vero_id "
    "wbraid wickedid wt_mc yclid ysclid"
)
#: What the names of further such parameters start with.
PREFIXES = ("hsa_", "matomo_", "mtm_", "piwik_", "utm_")


def counts_readers(address: str) -> bool:
    """Tell whether an image at an absolute address is there to count readers."""
    parts = urlsplit(address)
    if parts.path.rpartition("/")[2] in COUNTERS:
        return True
    host = (parts.hostname or "").rstrip(".")
    while host:
        if (parts.path or "/").startswith(PIXELS.get(host, ("\0",))):
            return True
        host = host.partition(".")[2]
    return False


def without_parameters(address: str) -> str:
    """Return an absolute address without parameters that track; the rest stays to the letter."""
    start, mark, fragment = address.partition("#")
    path, asked, query = start.partition("?")
    if not asked:
        return address
    parameters = query.split("&")
    kept = [parameter for parameter in parameters if not _tracks(parameter)]
    if len(kept) == len(parameters):
        return address
    return path + ("?" + "&".join(kept) if kept else "") + mark + fragment


def _tracks(parameter: str) -> bool:
    name = unquote(parameter.partition("=")[0]).lower()
    return name in PARAMETERS or name.startswith(PREFIXES)
