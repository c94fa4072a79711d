"""Known tracking images and tracking parameters of addresses, as data."""

# pure
from __future__ import annotations

from urllib.parse import unquote, urlsplit

from digest.articles.cleaning.policy import elements

#: Hosts (and their subdomains) of tracking images, with the starts of their paths.
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
#: File names of self-hosted counters.
COUNTERS = frozenset({"__utm.gif", "matomo.php", "piwik.php"})

#: Parameters that tell where a reader came from; pages are the same without them.
PARAMETERS = elements(
    "_bta_c _bta_tid _hsenc _hsmi _openstat dclid epik fbclid gbraid gclid gclsrc igsh igshid "
    "li_fat_id mc_cid mc_eid mkt_tok msclkid oly_anon_id oly_enc_id pk_campaign pk_cid pk_content "
    "pk_keyword pk_kwd pk_medium pk_source rb_clickid spm srsltid ttclid twclid vero_conv vero_id "
    "wbraid wickedid wt_mc yclid ysclid"
)
#: Prefixes of further such parameters.
PREFIXES = ("hsa_", "matomo_", "mtm_", "piwik_", "utm_")


def is_tracking_image(address: str) -> bool:
    """Return whether the image at an absolute address serves to track readers."""
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
    """Return an absolute address without tracking parameters, otherwise unchanged."""
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
