"""The same articles give the same bytes, whatever the process that publishes them is like."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.corpus import sample
from tests.conftest import CONFIGURATION

#: Locale, zone, seed of hashes: what differs from machine to machine and from run to run.
PROCESSES = (
    {"LC_ALL": "C", "TZ": "Pacific/Marquesas", "PYTHONHASHSEED": "1"},
    {"LC_ALL": "C.UTF-8", "TZ": "Asia/Shanghai", "PYTHONHASHSEED": "4711", "LANG": "de_DE.UTF-8"},
)


def test_two_builds_in_other_locales_zones_and_seeds_write_the_same(tmp_path: Path) -> None:
    for number in range(20):
        one = sample(number, paragraphs=2)
        if "date: Invalid Date" not in one.text:  # first sight would be its date
            file = tmp_path / "articles" / one.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(one.text, encoding="utf-8")
    builds = []
    for place, process in enumerate(PROCESSES):
        configuration = tmp_path / f"{place}.toml"
        configuration.write_text(
            CONFIGURATION.replace("workers = 1", "workers = 2")
            + f'\n[paths]\narticles = "articles"\noutput = "out{place}"\ndata = "data{place}"\n',
            encoding="utf-8",
        )
        builds.append(
            subprocess.Popen(
                [sys.executable, "-m", "digest", "--config", str(configuration), "build"],
                env=os.environ | process | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        )
    for build in builds:
        _, complaints = build.communicate()
        assert build.returncode == 0, complaints.decode(errors="replace")
    first, second = (published(tmp_path / f"out{place}") for place in range(len(PROCESSES)))
    assert len(first) > 40
    assert sorted(first) == sorted(second)
    assert [path for path in first if first[path] != second[path]] == []


def published(output: Path) -> dict[str, bytes]:
    return {
        file.relative_to(output).as_posix(): file.read_bytes()
        for file in output.rglob("*")
        if file.is_file() and file.name != ".digest-output"  # tells a folder from any other
    }
