"""Checks: whether the folders of a configuration may be used as it says."""

from __future__ import annotations

from pathlib import Path

from digest.articles.ingest.tree import TOP, Tree
from digest.errors import ConfigurationError
from digest.settings import Settings
from digest.settings.exposure import private_paths


def check_roots(tree: Tree) -> None:
    """Look into every root, and whether one is in the way of another on disk.

    Raises ConfigurationError, and OSError for a root that cannot be looked into.
    """
    real = {name: root.resolve() for name, root in tree.roots.items()}
    for name, root in real.items():
        key = "paths.articles" if name == TOP else f"paths.articles.{name}"
        next(root.iterdir(), None)
        for other, folder in real.items():
            if other != name and root.is_relative_to(folder):
                raise ConfigurationError(key, str(root), f"must not lie in the folder {folder}")
        if name != TOP and TOP in real and (hidden := real[TOP] / name).is_dir():
            raise ConfigurationError(
                key, str(root), f"hides the folder {hidden} with its articles; choose another name"
            )


def check_export_folder(settings: Settings, folder: Path) -> None:
    """Raise ConfigurationError where an export would be among files of another use."""
    paths = settings.paths
    others = {"paths.output": paths.output, **dict(private_paths(settings))}
    if paths.templates is not None:
        others["paths.templates"] = paths.templates
    own = folder.resolve()
    for key, other in others.items():
        real = other.resolve()
        if own == real or own.is_relative_to(real) or real.is_relative_to(own):
            where = "is" if own == real else "lies in" if own.is_relative_to(real) else "holds"
            problem = f"{where} the folder of {key} ({other}); expected one apart from it"
            raise ConfigurationError("export to", str(folder), problem)


def unreachable_pages(settings: Settings) -> str:
    """Return a warning if mails link to pages that their readers cannot reach, or nothing."""
    reason = settings.unreachable()
    if not reason or not settings.digests:
        return ""
    if settings.mail.unsubscribe_address:
        return f"{reason}; readers can unsubscribe by mail to mail.unsubscribe_address only"
    return (
        f"{reason}: readers cannot unsubscribe. Set mail.unsubscribe_address, so that they can by "
        "mail, or have the pages served at an address of site.url that readers reach"
    )
