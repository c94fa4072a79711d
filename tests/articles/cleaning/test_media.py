"""Frames, films, recordings and objects leave a link, with what is known of them."""

from __future__ import annotations

import pytest

from digest.articles.cleaning.embeds import HOSTS
from digest.articles.cleaning.media import MediaOptions
from digest.articles.cleaning.sanitize import clean
from digest.articles.cleaning.tidy import tidy
from tests.articles.attacks import ATTACKS, violations


def tidied(markup: str, base: str | None = None) -> str:
    return tidy(markup, base=base, media=MediaOptions(embeds=HOSTS))


@pytest.mark.parametrize(
    ("element", "address"),
    [
        ('<video src="https://e.org/a.mp4" controls></video>', "https://e.org/a.mp4"),
        (
            '<video><source src="https://e.org/a.webm" type="video/webm">x</video>',
            "https://e.org/a.webm",
        ),
        ('<video><source data-src="https://e.org/b.mp4"></video>', "https://e.org/b.mp4"),
        (
            '<script src="https://gist.github.com/ann/1a.js?file=x"></script>',
            "https://gist.github.com/ann/1a",
        ),
        (
            '<script src="https://asciinema.org/a/14.js" async></script>',
            "https://asciinema.org/a/14",
        ),
        ('<script src="//pastebin.com/embed_js/Ab1"></script>', "https://pastebin.com/Ab1"),
        (
            (
                '<blockquote data-instgrm-permalink="https://e.org/p/1/"></blockquote>'
                "<script src=x></script>"
            ),
            "https://e.org/p/1/",
        ),
        ('<b data-instgrm-permalink="https://e.org/p/1/"></b>', "https://e.org/p/1/"),
        ('<b class="fb-video" data-href="https://e.org/v/1/"></b>', "https://e.org/v/1/"),
        ('<b class="tiktok-embed" cite="https://e.org/v/1"></b>', "https://e.org/v/1"),
        ('<video data-src="//e.org/a.mp4" src=""></video>', "https://e.org/a.mp4"),
        ('<audio src="https://e.org/a.mp3">No player</audio>', "https://e.org/a.mp3"),
        ('<audio controls><source src="https://e.org/a.ogg"></audio>', "https://e.org/a.ogg"),
        ('<object data="https://e.org/a.pdf"></object>', "https://e.org/a.pdf"),
        (
            '<object><param name="movie" value="https://e.org/a.swf"></object>',
            "https://e.org/a.swf",
        ),
        ('<embed src="https://e.org/a.pdf">', "https://e.org/a.pdf"),
        (
            '<object><param name="quality" value="x"><param name="src" value="//e.org/b"></object>',
            "https://e.org/b",
        ),
        ('<iframe src="https://e.org/any"></iframe>', "https://e.org/any"),
        ('<iframe data-src="https://e.org/late" src="about:blank"></iframe>', "https://e.org/late"),
        ('<amp-iframe src="https://e.org/amp"></amp-iframe>', "https://e.org/amp"),
        (
            '<lite-youtube videoid="dQw4w9WgXcQ"></lite-youtube>',
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        ),
        (
            '<amp-youtube data-videoid="dQw4w9WgXcQ"></amp-youtube>',
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        ),
        (
            '<iframe src="https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ"></iframe>',
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        ),
        (
            '<iframe src="https://youtube.com/embed/dQw4w9WgXcQ"></iframe>',
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        ),
        (
            '<iframe src="https://open.spotify.com/embed/album/0sNOF9WDwhWunNAHPD3Baj"></iframe>',
            "https://open.spotify.com/album/0sNOF9WDwhWunNAHPD3Baj",
        ),
        (
            '<iframe src="https://www.google.com/maps/embed?pb=!1m18"></iframe>',
            "https://www.google.com/maps/embed?pb=!1m18",
        ),
    ],
)
def test_a_player_becomes_a_link(element: str, address: str) -> None:
    for around in ("<p>a</p>{}<p>b</p>", "<p>a {} b</p>", "<ul><li>{}</li></ul>"):
        assert f'<a href="{address}">' in tidied(around.format(element))
        assert f'<a href="{address}">' in tidied("<hr>" * 600 + around.format(element))


def test_a_post_that_is_linked_already_is_not_linked_again() -> None:
    post = '<blockquote data-instgrm-permalink="https://e.org/p"><a href="https://e.org/p">P</a>'
    shown = tidied(f"{post}</blockquote><script src=x></script>")
    assert shown == '<blockquote><a href="https://e.org/p">P</a></blockquote>'


def test_a_film_has_its_title_and_poster() -> None:
    film = '<video src="/a.mp4" poster="/p.jpg" title=" A  <b> "></video>'
    assert tidied(film, "https://e.org/x") == (
        '<p><a href="https://e.org/a.mp4">'
        '<img src="https://e.org/p.jpg" alt=""><br>A &lt;b&gt;</a></p>'
    )


@pytest.mark.parametrize(
    ("element", "rest"),
    [
        (
            '<object data="https://e.org/a.pdf"><a href="https://e.org/a.pdf">PDF</a></object>',
            '<a href="https://e.org/a.pdf">PDF</a>',
        ),
        (
            '<object data="https://e.org/a.pdf"><p>No <b>plugin</b></p></object>',
            '<p><a href="https://e.org/a.pdf">https://e.org/a.pdf</a></p><p>No <b>plugin</b></p>',
        ),
        (
            '<object data="x.svg"><img src="https://e.org/a.png"></object>',
            '<img src="https://e.org/a.png">',
        ),
        (
            '<object data="https://e.org/1"><object data="https://e.org/2">t</object></object>',
            (
                '<p><a href="https://e.org/1">https://e.org/1</a></p>'
                '<p><a href="https://e.org/2">https://e.org/2</a></p>t'
            ),
        ),
    ],
)
def test_what_an_object_holds_for_others_stays(element: str, rest: str) -> None:
    assert tidied(element) == rest


@pytest.mark.parametrize(
    "element",
    [
        '<iframe src="https://www.googletagmanager.com/ns.html?id=1"></iframe>',
        '<iframe src="https://e.org/" width="1" height="1"></iframe>',
        '<iframe src="https://e.org/" style="display:none"></iframe>',
        '<iframe src="javascript:alert(1)"></iframe>',
        '<iframe srcdoc="<p>a"></iframe>',
        '<video src="data:video/mp4;base64,AA"></video>',
        "<video></video><audio></audio><embed><object></object>",
        '<lite-youtube videoid="../../x"></lite-youtube>',
    ],
)
def test_what_nobody_can_see_leaves_nothing(element: str) -> None:
    assert tidied(f"<p>a</p>{element}") == "<p>a</p>"


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize("vector", ATTACKS)
def test_no_player_carries_an_attack(vector: str) -> None:
    for element in (
        f"<object data='https://e.org/a'>{vector}</object>",
        f"<video src='https://e.org/a' title='{vector}'>{vector}</video>",
        f"<noscript>{vector}<img src='https://e.org/a.png' alt='{vector}'></noscript>",
        f"<math><mfrac><mi>{vector}</mi><mi>{vector}</mi></mfrac></math>",
        f"<i class='katex'>{vector}<math></math></i><script type='math/tex'>{vector}</script>",
    ):
        cleaned = clean(tidied(element))
        assert violations(cleaned) == []
        assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("https://e.org/talk.mp4", "https://e.org/talk.mp4"),
        ("https://e.org/talk.MP3#t=5", "https://e.org/talk.MP3#t=5"),
        ("a.ogg", "https://e.org/p/a.ogg"),
        ("https://youtu.be/dQw4w9WgXcQ", "https://youtu.be/dQw4w9WgXcQ"),
        ("https://vimeo.com/76979871", "https://vimeo.com/76979871"),
    ],
)
def test_what_is_played_though_written_as_a_picture_is_a_link(source: str, address: str) -> None:
    tidied_image = tidied(f'<div><img src="{source}" alt="A talk"></div>', "https://e.org/p/")
    assert f'<a href="{address}">A talk</a>' in tidied_image
    assert "<img" not in tidied_image
    assert f">{address}</a>" in tidied(f'<p>x <img src="{source}"></p>', "https://e.org/p/")


def test_the_page_of_a_video_that_is_written_as_a_picture_shows_its_picture() -> None:
    shown = tidied('<p><img src="https://www.youtube.com/watch?v=dQw4w9WgXcQ" alt=""></p>')
    assert 'href="https://www.youtube.com/watch?v=dQw4w9WgXcQ"' in shown
    assert '<img src="https://i.ytimg.com/vi/dQw4w9WgXcQ/hqdefault.jpg"' in shown


@pytest.mark.parametrize(
    "image",
    [
        '<img src="https://e.org/a.mp4?vframe/jpg/offset/1">',
        '<img src="https://e.org/a.mp4.jpg">',
        '<a href="https://e.org/"><img src="https://e.org/a.mp4"></a>',
        '<img src="a.mp4">',
    ],
)
def test_other_images_stay_what_they_are(image: str) -> None:
    shown = tidied(f"<p>x {image}</p>")
    assert "a.mp4</a>" not in shown
    assert ("<img" in shown) == ("e.org" in image)
