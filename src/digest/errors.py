"""The errors of Digest: one tree, a class per person who must act.

Every error takes its attributes as positional arguments (``args`` equals the
signature), so that it can be pickled on its way back from a worker process.
"""

# pure
from __future__ import annotations

import re
from pathlib import PurePath

#: A name and a password in a URL.
_LOGIN = re.compile(r"://[^\s/@:]*:[^\s@]*@")


class DigestError(Exception):
    """Anything that Digest raises on purpose."""


class SourceError(DigestError):
    """An article file cannot be read as an article; its author must edit it.

    The file is skipped and its last good version stays published.
    """

    def __init__(self, path: PurePath, line: int | None, problem: str) -> None:
        super().__init__(path, line, problem)
        self.path = path
        self.line = line  #: 1-based; None for the whole file
        self.problem = problem

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        return f"{where}: {self.problem}"


class NotAnArticle(SourceError):
    """An article file is not meant to be published; an article that came of it is withdrawn."""

    def __init__(
        self, path: PurePath, line: int | None, problem: str, *, failed: bool = True
    ) -> None:
        super().__init__(path, line, problem)
        self.failed = failed  #: somebody may want to look at it


class ConfigurationError(DigestError):
    """The configuration cannot be used; the operator must edit it."""

    def __init__(self, key: str, value: str | None, problem: str) -> None:
        super().__init__(key, value, problem)
        self.key = key  #: dotted, such as ``digests.daily.schedule``
        self.value = value  #: as given; None where there is none, or it is a secret
        self.problem = problem  #: what is wrong and what is allowed

    def __str__(self) -> str:
        given = "" if self.value is None else f" = {_LOGIN.sub('://…@', self.value)}"
        return f"{self.key}{given}: {self.problem}"


class TemplateError(DigestError):
    """A template cannot be rendered; whoever edited it must fix it."""

    def __init__(self, template: str, line: int | None, problem: str) -> None:
        super().__init__(template, line, problem)
        self.template = template  #: relative to the templates folder
        self.line = line  #: 1-based; None for the whole file
        self.problem = problem

    def __str__(self) -> str:
        where = f"{self.template}:{self.line}" if self.line else self.template
        return f"template {where}: {self.problem}"


class OutputError(DigestError):
    """A published file cannot be written; the operator must make room or give permission."""

    def __init__(self, path: PurePath, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"cannot write {self.path}: {self.problem}"


class StoreError(DigestError):
    """The database cannot be used now; the operator must look, the daemon tries again."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"database: {self.problem}"


class DeliveryError(DigestError):
    """A message was not taken by its server.

    ``code`` is the SMTP reply code (RFC 5321 section 4.2), None where there was no reply.
    """

    def __init__(self, code: int | None, problem: str) -> None:
        super().__init__(code, problem)
        self.code = code
        self.problem = problem

    def __str__(self) -> str:
        return self.problem if self.code is None else f"{self.code} {self.problem}"


class DeliveryDeferred(DeliveryError):
    """The message cannot be handed over now: try again later."""


class ServerUnavailable(DeliveryDeferred):
    """No message can be handed over now, whoever it is for; the operator may have to look.

    The server is away or went away, its certificate is refused, or the mail folder is full. The
    message is as if it had not been tried.
    """


class AccessDenied(ServerUnavailable):
    """The server does not let us send at all, as with a wrong login; the operator must act."""


class SenderBlocked(DeliveryDeferred):
    """The server blocks the sender, whoever the recipient is; the operator must act."""


class MessageBlocked(DeliveryDeferred):
    """The server blocks a message because of its sender, as with SPF, DMARC, spam or relaying.

    The operator must act if this concerns more recipients than one.
    """


class DeliveryRefused(DeliveryError):
    """The server will not take this message, now or later: do not repeat it."""


class RecipientRefused(DeliveryRefused):
    """The server refuses this recipient, perhaps not for ever: several times mean that it is."""


class RecipientUnknown(RecipientRefused):
    """The server knows no such recipient: about this one alone, however many are told the same."""


class AddressRefused(RecipientUnknown):
    """The server refuses this recipient for ever: the address does not exist."""
