"""The benchmark of sources follows as many as asked, by conditional requests, with a set clock."""

from __future__ import annotations

import re

import pytest

from benchmarks import sources


def test_sources_are_followed_and_mostly_unchanged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--sources", "12", "--hours", "1", "--look", "1800"]
    monkeypatch.setattr("sys.argv", ["sources", *options])
    sources.main()
    told = capsys.readouterr().out
    # The first seven are due by the second look, and one of them has a new entry.
    assert re.search(r"12 sources, an hour each: [0-9.]+ % of two cores .* a day", told)
    assert re.search(r"7 requests in 1 h, 6 unchanged, 1 files; .* ms each = [0-9.]+ times", told)
    assert re.search(r"memory: [+-][0-9.]+ MB", told)


@pytest.mark.parametrize("option", ["--sources", "--hours", "--look"])
def test_nothing_to_follow_is_refused(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["sources", option, "0"])
    with pytest.raises(SystemExit):
        sources.main()
