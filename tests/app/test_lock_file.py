"""Claims: two daemons never share a data folder or an address."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from digest.app.lock_file import AlreadyRunningError, daemon_id, daemon_runs, listen, only_daemon
from digest.errors import ConfigurationError


def test_one_data_folder_takes_one_daemon(tmp_path: Path) -> None:
    with only_daemon(tmp_path):
        with pytest.raises(AlreadyRunningError) as caught, only_daemon(tmp_path):
            pass
        assert caught.value.pid.isdigit()
    with only_daemon(tmp_path):
        pass


def test_a_data_folder_that_cannot_be_locked_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "run.lock").mkdir()
    with (
        pytest.raises(ConfigurationError, match=r"run\.lock: cannot be locked: Is a directory"),
        only_daemon(tmp_path),
    ):
        pass


def test_an_address_that_is_taken_names_the_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}") as caught:
            listen("127.0.0.1", port)
    assert caught.value.key == "web.port"


def test_ipv6_can_be_listened_at() -> None:
    with listen("::1", 0) as listener:
        assert listener.family is socket.AF_INET6


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_what_a_connection_is_given_waits_for_no_acknowledgement(host: str) -> None:
    with listen(host, 0) as listener:
        address = listener.getsockname()[:2]
        with socket.create_connection(address), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_whether_a_daemon_runs_is_told_by_its_lock(tmp_path: Path) -> None:
    assert not daemon_runs(tmp_path)
    with only_daemon(tmp_path):
        assert daemon_runs(tmp_path)
    assert not daemon_runs(tmp_path)


def test_a_data_folders_daemon_has_an_id_that_stays(tmp_path: Path) -> None:
    first = daemon_id(tmp_path / "new")
    assert daemon_id(tmp_path / "new") == first
    assert daemon_id(tmp_path) != first
    (tmp_path / "daemon.id").write_text("")  # a loss of power left it empty
    assert daemon_id(tmp_path) == daemon_id(tmp_path) != ""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"daemon\.id"):
        daemon_id(tmp_path / "file")
