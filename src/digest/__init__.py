"""Digest: an RSS, Atom and JSON Feed republisher and digest mailer."""

__version__ = "0.1.0"
