"""The manifest: what an export wrote into its folder, and so may replace and remove."""

# pure
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Where it lies in the folder.
MANIFEST = ".digest-export.json"
#: Of the manifest's own form; another Digest may write another one.
_FORMAT = 1
_ABOUT = "What `digest export` wrote here. Without it, these files are taken for somebody else's."


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was written."""

    version: str | None  #: of what it was made from; None where that is not known
    digest: str  #: of its content, see ``content_hash``
    size: int  #: bytes
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of an export."""

    fingerprint: str = ""  #: of the program, templates and configuration that wrote it
    files: Mapping[str, FileState] = field(default_factory=dict)  #: by path
    #: Paths that an export which has not ended may have written since.
    begun: frozenset[str] = frozenset()

    def encode(self) -> bytes:
        """Return it as JSON in UTF-8, a line for each file; the same for the same."""
        head: dict[str, Any] = {
            "about": _ABOUT,
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "begun": sorted(self.begun),
        }
        lines = [
            f"{_json(path)}:{_json([state.version, state.digest, state.size, state.mtime_ns])}"
            for path, state in sorted(self.files.items())
        ]
        text = f'{_json(head)[:-1]},"files":{{\n' + ",\n".join(lines) + "\n}}\n"
        return text.encode()

    @classmethod
    def decode(cls, content: bytes) -> Manifest:
        """Return the manifest that ``encode`` wrote. Raises ValueError where it is none."""
        try:
            fields = json.loads(content.decode())
            if fields["format"] != _FORMAT:
                raise ValueError(f"it has format {fields['format']!r}, expected {_FORMAT}")
            files = {str(path): _state(*state) for path, state in fields["files"].items()}
            begun = frozenset(map(str, fields["begun"]))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("it is not what `digest export` writes") from error
        for path in (*files, *begun):
            if not is_inside(path):
                raise ValueError(f"it names a path that leads out of the folder: {path!r}")
        return cls(
            fingerprint=str(fields["fingerprint"]),
            files=files,
            begun=begun,
        )


def content_hash(content: bytes) -> str:
    """Return the hash of a content: 128 bits of BLAKE2b, hex."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def is_inside(path: str) -> bool:
    """Tell whether a relative path leads to a file below its folder, by its form alone."""
    return all(part not in ("", ".", "..") and "\0" not in part for part in path.split("/"))


def _state(version: str | None, digest: str, size: int, mtime_ns: int) -> FileState:
    return FileState(
        None if version is None else str(version), str(digest), int(size), int(mtime_ns)
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
