"""Every attack through the whole pipeline, in every kind of file."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from digest.articles.cleaning.policy import ENGINES
from digest.articles.cleaning.sanitize import clean
from digest.articles.draft import make_draft
from digest.articles.model import Draft, SourceFile
from digest.errors import SourceError
from tests.articles.attacks import ATTACKS, violations
from tests.defaults import default_options

pytestmark = pytest.mark.full_speed

CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def made(text: str, suffix: str, engines: tuple[str, ...]) -> Draft:
    """Return the draft of a file; one that is refused for control characters is tried without."""
    path = PurePosixPath(f"a.{suffix}")
    try:
        source = SourceFile(path=path, content=text.encode("utf-8", "replace"))
        return make_draft(source, default_options(engines=engines))
    except SourceError:
        printable = CONTROLS.sub("", text)
        assert printable != text
        return made(printable, suffix, engines)


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
@pytest.mark.parametrize("suffix", ["md", "html", "txt"])
def test_no_attack_survives_the_making_of_a_draft(suffix: str, engines: tuple[str, ...]) -> None:
    head = "---\ntitle: A title\nlink: https://example.org/a\n---\n\n<p>before</p>\n"
    for attack in ATTACKS:
        draft = made(head + attack, suffix, engines)
        assert violations(draft.body) == [], attack
        assert clean(draft.body, engines) == draft.body, attack
        assert "before" in draft.body, attack


def test_no_attack_survives_in_what_is_said_about_an_article() -> None:
    for attack in ATTACKS:
        line = " ".join(attack.split()).replace("'", "''")[:3_000]
        fields = "".join(
            f"{key}: '{line}'\n" for key in ("title", "author", "summary", "headimg", "link")
        )
        draft = made(
            f"---\n{fields}category: ['{line}']\n---\n\n# Heading\n\nText.", "md", ("nh3",)
        )
        for address in (draft.link, draft.image):
            assert address is None or address.startswith(("http://", "https://")), attack
        words = [draft.title, draft.summary, *draft.authors]
        words += [name for category in draft.categories for name in category.names]
        assert not any(character < " " for word in words for character in word), attack
