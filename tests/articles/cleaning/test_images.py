"""Of all the addresses that a page offers for an image, the largest sensible one comes first."""

from __future__ import annotations

import re

import pytest

from digest.articles.cleaning.images import MAX_CANDIDATES, candidates, check_proxy, proxied
from digest.articles.cleaning.media import MediaOptions
from digest.articles.cleaning.tidy import tidy
from digest.articles.cleaning.uris import MAX_LENGTH, absolute


def offered(image: dict[str, str | None], *sources: dict[str, str | None]) -> list[str]:
    return [address for address in candidates(image, sources) if address]


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("a 320w, b 640w, c 1280w", ["c", "b", "a"]),
        ("a 640w, b 2048w, c 2049w, d 9000w", ["b", "a", "c", "d"]),
        ("a 4000w,b 3000w", ["b", "a"]),
        ("a 1x, b 2x, c 3x", ["a", "b", "c"]),
        ("a 2x, b", ["b", "a"]),
        ("a 0.5x, b 1.5x", ["a", "b"]),
        ("a", ["a"]),
        ("a,b", ["a,b"]),
        ("a, b 2x", ["a", "b"]),
        ("a,, b", ["a", "b"]),
        ("a ,b 2x", ["a", "b"]),
        ("https://e.org/w_9,h_9/a.png 800w, b 400w", ["https://e.org/w_9,h_9/a.png", "b"]),
        ("a 640w 480h, b 320w", ["a", "b"]),
        ("\n  a\t640w ,\n  b 320w ,", ["a", "b"]),
        ("a nonsense, b 2x", ["a", "b"]),
        ("a 0w", ["a"]),
        (", ,", []),
        ("", []),
    ],
)
def test_a_set_is_ranked(srcset: str, expected: list[str]) -> None:
    assert offered({"srcset": srcset}) == expected
    assert offered({"data-srcset": srcset}) == expected
    assert offered({}, {"srcset": srcset}) == expected


def test_widths_come_before_the_plain_address_and_densities_after_it() -> None:
    image: dict[str, str | None] = {"src": "src", "srcset": "x 2x, w 100w", "data-src": "late"}
    assert offered(image) == ["w", "late", "src", "x"]


def test_a_picture_offers_what_every_screen_and_program_shows() -> None:
    sources: list[dict[str, str | None]] = [
        {"srcset": "avif 900w", "type": "image/avif"},
        {"srcset": "dark 900w", "media": "(prefers-color-scheme: dark)"},
        {"srcset": "webp 800w", "type": " IMAGE/WebP "},
        {"srcset": "any 700w"},
        {"srcset": None},
        {"srcset": "one", "type": "image/jpeg", "media": ""},
    ]
    assert offered({"src": "src", "srcset": "own 600w"}, *sources) == [
        "webp",
        "any",
        "own",
        "src",
        "one",
    ]


@pytest.mark.parametrize(
    "attributes",
    [
        'real_src="{}" src="https://e.org/skin/1265.gif"',
        'data-breeze="{}" src="data:image/svg+xml,x"',
        'data-normal="{}" src="data:," data-page="https://e.org/share"',
        'zoomfile="{}" file="https://e.org/small.jpg" src="https://e.org/none.gif"',
        'data-flickity-lazyload="{}"',
        'data-runner-src="{}" src="data:image/gif;base64,R0"',
        'data-croporisrc="{}" src="https://e.org/blank.gif" alt="A"',
        'data-link="https://e.org/page.jpg" data-image="{}"',
        'data-thumb="https://e.org/thumb.jpg" lazy-src="{}"',
        'data-config="src" data-load="x y" data-file-id="12" original="{}"',
        'src="{}" data-big="https://e.org/big.jpg"',
    ],
)
def test_scripts_look_for_images_under_names_of_their_own(attributes: str) -> None:
    address = "https://e.org/real.jpg"
    assert f'src="{address}"' in tidy(f"<img {attributes.format(address)}>", base=None)


def test_an_image_behind_the_one_for_others_is_shown_once() -> None:
    image = '<img src="https://e.org/a.jpg">'
    lazy = '<img src="data:image/svg+xml,x" class="lazy" data-actualsrc="https://e.org/a.jpg">'
    other = '<img src="data:image/svg+xml,x" class="lazy" data-actualsrc="https://e.org/b.jpg">'
    shown = tidy(f"<noscript>{image}</noscript> <!-- x -->{lazy}", base=None)
    assert shown == image
    shown = tidy(f"<noscript>{image}</noscript>{other}", base=None)
    assert shown.count("<img") == 2


def test_an_image_of_amp_is_an_image() -> None:
    amp = '<amp-img src="https://e.org/a.jpg" width="300" alt="A" layout="fill"></amp-img>'
    shown = tidy(f"<p>{amp}</p>", base=None)
    assert shown == '<p><img src="https://e.org/a.jpg" alt="A" width="300"></p>'


def test_of_endless_sets_only_the_start_is_read() -> None:
    assert len(offered({"srcset": "a 1w, " * 10_000})) == MAX_CANDIDATES


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "https://img.example/{url}",
            "https://img.example/https%3A%2F%2Fe.org%2F%25E5%3Fa%3D1%26b%23c",
        ),
        (
            "http://img.example:8080/?u={url}&w=640",
            "http://img.example:8080/?u=https%3A%2F%2Fe.org%2F%25E5%3Fa%3D1%26b%23c&w=640",
        ),
    ],
)
def test_a_proxy_shows_an_image(template: str, expected: str) -> None:
    check_proxy(template)
    shown = proxied("https://e.org/%E5?a=1&b#c", template)
    assert shown == expected
    assert absolute(expected) == expected
    assert proxied(expected, template) == expected


def test_an_image_whose_address_is_too_long_for_the_proxy_is_none() -> None:
    address = "https://e.org/" + "/" * (MAX_LENGTH // 2)
    assert proxied(address, "https://img.example/{url}") is None
    markup = f'<p>a<img src="{address}" srcset="https://e.org/b.png 2x"></p>'
    assert (
        tidy(markup, base=None, media=MediaOptions(image_proxy="https://img.example/{url}"))
        == "<p>a</p>"
    )
    assert address in tidy(markup, base=None)


def test_cleaning_proxied_images_again_changes_nothing() -> None:
    template = "https://img.example/{url}"
    once = tidy(
        '<img src="https://e.org/a.png">', base=None, media=MediaOptions(image_proxy=template)
    )
    assert tidy(once, base=None, media=MediaOptions(image_proxy=template)) == once


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{url}",
        "https://img.example/",
        "https://img.example/{URL}",
        "https://img.example/{url}/{url}",
        "https://{url}",
        "https://{url}.img.example/",
        "https://img.example{url}",
        "ftp://img.example/{url}",
        "//img.example/{url}",
        "javascript:alert(1)//{url}",
        "https://img.example/a b/{url}",
        "https://user:secret@img.example/{url}",
        "https://img.example:99999/{url}",
    ],
)
def test_what_is_no_proxy_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"with one \{url\} in it"):
        check_proxy(template)


@pytest.mark.parametrize(
    "markup",
    [
        '<img class="lazy" src="/blank.gif"><noscript><img src="/real.jpg" alt="Real"></noscript>',
        '<img data-src="/small.jpg"> <!-- c --> <noscript><img src="/real.jpg"></noscript>',
        '<b><img src="data:image/gif;base64,R0"></b><noscript><img src="/real.jpg"></noscript>',
        '<noscript><img src="/real.jpg"></noscript>',
        '<img src="/real.jpg"><noscript><img src="/real.jpg"></noscript>',
        '<img src="/blank.gif" data-srcset="/real.jpg 2x">',
        '<img src="/blank.gif" data-srcset="/small.jpg 300w, /real.jpg 900w">',
        '<img src="/spacer.png" srcset="/real.jpg">',
        '<picture><source data-srcset="/real.jpg"><img src="/placeholder.svg"></picture>',
        '<picture><source srcset="/real.jpg 800w" type="image/webp"><img src="/s.jpg"></picture>',
        '<img src="/img/loading.gif" data-lazyload="/real.jpg">',
        '<img data-cfsrc="/real.jpg" style="display:none">',
        '<img src="/thumb.jpg" data-orig-file="/real.jpg">',
    ],
)
def test_the_real_image_takes_the_place_of_its_stand_in(markup: str) -> None:
    result = tidy(f"<p>a {markup} b</p>", base="https://e.org/")
    assert re.findall(r'src="([^"]*)"', result) == ["https://e.org/real.jpg"]


def test_all_pictures_of_a_noscript_are_shown_in_their_order() -> None:
    tags = "".join(f'<img src="/{number}.jpg">' for number in range(3))
    counter = '<img width="1" height="1" src="/count.gif">'
    result = tidy(f"<p>a</p><noscript>{counter}{tags}</noscript>", base="https://e.org/")
    assert re.findall(r'src="([^"]*)"', result) == [f"https://e.org/{n}.jpg" for n in range(3)]


@pytest.mark.parametrize(
    "markup",
    [
        '<noscript><img height="1" width="1" src="https://e.org/count.gif"></noscript>',
        '<noscript><img style="display:none" src="https://e.org/count.gif"></noscript>',
        '<noscript><img src="https://www.facebook.com/tr?id=1"></noscript>',
        "<noscript>Please enable JavaScript.</noscript>",
        '<noscript><iframe src="https://www.googletagmanager.com/ns.html"></iframe></noscript>',
    ],
)
def test_a_noscript_without_a_picture_goes(markup: str) -> None:
    assert tidy(f"<p>a</p>{markup}", base=None) == "<p>a</p>"
