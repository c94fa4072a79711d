"""Nothing secret is published, whatever links lead where, and no password is read by everybody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from digest.settings import exposed_secrets, load, problems


def told(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return every mistake of a configuration, the folder left out."""
    file = folder / "digest.toml"
    file.write_text(text, "utf-8")
    found = [str(error) for error in problems(file, environ or {})]
    return [error.replace(f"{folder}/", "") for error in found]


def test_what_is_apart_may_be_anywhere(tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "public").symlink_to("www")
    assert told(tmp_path, "") == []
    assert told(tmp_path, "[paths]\noutput = 'data/public'") == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[mail]\nmaildir = 'public/mail'", "mail.maildir = public/mail"),
        ("[mail]\nmaildir = 'public'", "mail.maildir = public"),
        ("[database]\nurl = 'sqlite:///FOLDER/public/d.db'", "database.url = public/d.db"),
        ("[mail.smtp]\ncert_file = 'public/c.pem'", "mail.smtp.cert_file = public/c.pem"),
        (
            "[mail.smtp]\ncert_file = 'c.pem'\nkey_file = 'public/k.pem'",
            "mail.smtp.key_file = public/k.pem",
        ),
    ],
)
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_secret_must_not_lie_in_the_output(
    tmp_path: Path, text: str, key: str, *, linked: bool
) -> None:
    text = text.replace("FOLDER", str(tmp_path))
    shown = "public"
    if linked:  # the secret names the folder by its own name, the output by a link
        (tmp_path / "public").mkdir()
        (tmp_path / "link").symlink_to("public")
        text, shown = f"[paths]\noutput = 'link'\n{text}", "link, which is public"
    (error,) = told(tmp_path, text)
    assert error.replace(str(tmp_path), ".").startswith(
        f"{key}: must not lie in the folder of paths.output ({shown})"
    ), error


@pytest.mark.parametrize(
    ("target", "key"), [("data", "paths.data"), ("articles", "paths.articles"), ("mail", "mail")]
)
def test_an_output_that_is_a_link_to_something_secret_is_refused(
    tmp_path: Path, target: str, key: str
) -> None:
    (tmp_path / target).mkdir()
    (tmp_path / "public").symlink_to(target)
    errors = told(tmp_path, "")
    assert any(error.startswith(key) and "must not lie in the folder" in error for error in errors)


def test_data_that_is_a_link_into_the_output_is_refused(tmp_path: Path) -> None:
    (tmp_path / "public/kept").mkdir(parents=True)
    (tmp_path / "data").symlink_to("public/kept")
    (error,) = told(tmp_path, "")
    assert error.startswith("paths.data = data: must not lie in the folder of paths.output")


@pytest.mark.parametrize(("key", "name"), [("paths.output", "public"), ("paths.data", "data")])
def test_a_folder_that_is_a_link_into_the_articles_is_refused(
    tmp_path: Path, key: str, name: str
) -> None:
    (tmp_path / "articles/own").mkdir(parents=True)
    (tmp_path / name).symlink_to("articles/own")
    (error,) = told(tmp_path, "")
    assert error.startswith(f"{key} = {name}: must not lie in the folder of paths.articles")


def test_neither_the_configuration_nor_a_password_file_may_be_published(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text("[paths]\noutput = '.'\narticles = '../articles'\n")
    (error, *_) = problems(tmp_path / "digest.toml", {})
    assert error.key in ("output", "paths.output")
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "password").write_text("hunter2")
    variable = "DIGEST_MAIL__SMTP__PASSWORD_FILE"
    text = "[mail.smtp]\nusername = 'u'"
    (told_error,) = told(tmp_path, text, {variable: str(tmp_path / "public" / "password")})
    assert told_error.startswith(f"${variable} = public/password: must not lie")
    link = tmp_path / "link.toml"
    (tmp_path / "public" / "digest.toml").write_text("[paths]\noutput = 'public'")
    link.symlink_to("public/digest.toml")
    (error,) = problems(link, {})
    assert error.key == "configuration file"


def test_a_maildir_that_is_not_used_and_not_there_is_no_secret(tmp_path: Path) -> None:
    text = (
        "[mail]\ntransport = 'smtp'\nfrom = 'a@example.org'\nmaildir = 'public/mail'\n"
        "[mail.smtp]\nhost = 'mail.example.org'\n"
    )
    assert told(tmp_path, text) == []
    (tmp_path / "public/mail").mkdir(parents=True)
    assert len(told(tmp_path, text)) == 1


def test_passwords_that_everybody_may_read_are_named(tmp_path: Path) -> None:
    file = tmp_path / "digest.toml"
    file.write_text(
        "[database]\nurl = 'postgresql://digest:hunter2@db.example/digest'\n"
        "[mail.smtp]\nusername = 'u'\npassword = 'hunter2'\n"
    )
    file.chmod(0o644)
    assert exposed_secrets(file, {}) == ["database.url", "mail.smtp.password"]
    file.chmod(0o640)
    assert exposed_secrets(file, {}) == []
    file.write_text("[database]\nurl = 'postgresql://db.example/digest'\n[mail]\nsmtp = 5\n")
    file.chmod(0o644)
    assert exposed_secrets(file, {}) == []


def test_a_password_file_that_everybody_may_read_is_named(tmp_path: Path) -> None:
    file, secret = tmp_path / "digest.toml", tmp_path / "password"
    file.write_text("[mail.smtp]\nusername = 'u'\n")
    secret.write_text("hunter2\n")
    environ = {"DIGEST_MAIL__SMTP__PASSWORD_FILE": str(secret)}
    assert load(file, environ).mail.smtp.password
    secret.chmod(0o604)
    assert exposed_secrets(file, environ) == ["$DIGEST_MAIL__SMTP__PASSWORD_FILE"]
    secret.chmod(0o600)
    assert exposed_secrets(file, environ) == []
    secret.unlink()
    assert exposed_secrets(file, environ) == []
