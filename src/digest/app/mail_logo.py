"""The logo of mails, if it is a file of the operator's: checked, and published as an asset."""

from __future__ import annotations

import os
import stat
from base64 import b64encode
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import structlog

from digest.articles.ingest.assets import AssetError, asset_folder
from digest.assets import ASSETS, HEAD, asset_name, media_type, picture_extension
from digest.errors import ConfigurationError
from digest.settings import Settings
from digest.site import Site

#: Bytes. Telephones fetch it for every mail.
MAX_LOGO = 1_000_000
#: Pictures that every large mail program shows; SVG, WebP and AVIF are left blank by some.
_SHOWN = ("png", "jpg", "gif")
_KEY = "mail.style.logo"
_EXPECTED = "expected a PNG, JPEG or GIF picture"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoFile:
    """A file with the logo of mails."""

    path: Path
    name: str  #: of its copy in the folder of assets
    content: bytes

    def url(self, site: Site) -> str:
        """Return the address of the copy."""
        return site.link(f"{ASSETS}{self.name}")

    def inlined(self, html: str, site: Site) -> str:
        """Return a mail with the picture as a ``data:`` address, for a preview."""
        content = b64encode(self.content).decode("ascii")
        return html.replace(self.url(site), f"data:{media_type(self.name)};base64,{content}")


def read_logo(settings: Settings) -> LogoFile | None:
    """Return the logo; None if there is none, or it is at a web address.

    Raises ConfigurationError if the file is no picture for mails.
    """
    path = settings.mail.style.logo
    if not isinstance(path, Path):
        return None
    try:
        content = _content(path)
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}; {_EXPECTED}"
        raise ConfigurationError(_KEY, str(path), problem) from error
    if content is None:
        raise ConfigurationError(_KEY, str(path), f"is no file; {_EXPECTED}")
    if len(content) > MAX_LOGO:
        problem = f"has more than {MAX_LOGO:,} bytes; expected a smaller picture"
        raise ConfigurationError(_KEY, str(path), problem)
    extension = picture_extension(content[:HEAD])
    if extension is None:
        raise ConfigurationError(_KEY, str(path), f"is no picture; {_EXPECTED}")
    if extension not in _SHOWN:
        problem = f"is {extension.upper()}, which mail programs do not show; {_EXPECTED}"
        raise ConfigurationError(_KEY, str(path), problem)
    name = asset_name(blake2b(content, digest_size=16).hexdigest(), extension)
    return LogoFile(path=path, name=name, content=content)


def _content(path: Path) -> bytes | None:
    """Return a file's bytes, up to one more than the limit; None if it is no file."""
    # A pipe would keep whoever opens it waiting.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_LOGO + 1)
    finally:
        os.close(descriptor)


def publish_logo(settings: Settings, logo: LogoFile) -> None:
    """Copy the logo into the folder of assets; a failure is logged, not raised.

    Mails show the site's title instead then.
    """
    options = settings.draft_options().assets
    assert options is not None  # noqa: S101 - of settings
    path = logo.path.resolve()
    problem = "has changed meanwhile; it is taken up at the next start"
    try:
        folder = asset_folder(options)
        name, _ = folder.publish(path.parent, path.name, picture=True, left=MAX_LOGO)
    except (AssetError, OSError) as error:
        name, problem = "", str(error)
    if name != logo.name:
        _log.error("the logo of mails is not published", path=str(path), error=problem)
