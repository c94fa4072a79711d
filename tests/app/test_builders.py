"""Parts made from the configuration: folders of templates, and the fingerprint of feeds."""

from __future__ import annotations

import pytest

from digest.app.builders import feed_fingerprint, template_folders
from digest.errors import ConfigurationError
from tests.conftest import Workplace


def test_a_folder_of_templates_that_is_none_is_told(workplace: Workplace) -> None:
    workplace.configure('[paths]\ntemplates = "own"\n')
    with pytest.raises(ConfigurationError, match=r"own: is no folder"):
        template_folders(workplace.settings())
    (workplace.folder / "own").mkdir()
    own, default = template_folders(workplace.settings())
    assert own == workplace.folder / "own"
    assert (default / "mail" / "digest.html").is_file()


def test_feeds_are_compared_wherever_something_of_them_is_configured_otherwise(
    workplace: Workplace,
) -> None:
    def fingerprint(text: str = "", style_sheet: bytes = b"") -> str:
        workplace.configure(text)
        settings = workplace.settings()
        return feed_fingerprint(settings.feed_plan(settings.site()), style_sheet)

    before = fingerprint()
    assert fingerprint() == before
    others = {
        fingerprint(style_sheet=b"feed {}"),
        fingerprint("[feeds]\nlimit = 7\n"),
        fingerprint('[feeds]\ncontent = "summary"\n'),
        fingerprint('[feeds]\nformats = ["rss"]\n'),
        fingerprint("[feeds]\narchives = false\n"),
        fingerprint("[feeds]\nmax_bytes = 100000\n"),
        fingerprint('[feeds]\nhubs = ["https://hub.example/"]\n'),
        fingerprint('[feeds.custom.tea]\nwords = ["tea"]\n'),
    }
    assert len(others) == 8
    assert before not in others
    assert fingerprint("[feeds]\nreaders = {}\n") == before, "pages alone name readers"
