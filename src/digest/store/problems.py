"""Problems of files, whether they became articles or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy import Connection, delete, distinct, func, select

from digest.articles.model import Note, Problem, Severity
from digest.store.schema import file, problem
from digest.store.statements import PreparedAmong, insert
from digest.store.types import chunks, hashed, storable

#: The condition that a file did not become an article.
FAILED = problem.c.severity == Severity.FAILED
_OF_FILES = PreparedAmong(
    select(problem).order_by(problem.c.file, problem.c.position), problem.c.file
)


def note(connection: Connection, noted: Mapping[str, Sequence[Note]], now: datetime) -> None:
    """Replace the problems of files, by path; a known problem keeps its date."""
    keys = {path: hashed(path) for path in noted}
    since = {}
    known: dict[str, list[tuple[str, int | None, str]]] = {}
    for row in _OF_FILES.run(connection, keys.values()):
        since[row.file, row.cause] = row.seen_at
        known.setdefault(row.file, []).append((row.severity, row.line, row.cause))
    # Most files that are written again have the same problems as before.
    noted = {
        path: notes
        for path, notes in noted.items()
        if known.get(keys[path], [])
        != [(note.severity, note.line, storable(note.cause)) for note in notes]
    }
    changed = [keys[path] for path in noted if keys[path] in known]
    for chunk in chunks(changed):
        connection.execute(delete(problem).where(problem.c.file.in_(chunk)))
    rows = [
        {
            "file": keys[path],
            "position": position,
            "severity": note.severity,
            "line": note.line,
            "cause": note.cause,
            "seen_at": since.get((keys[path], storable(note.cause)), now),
        }
        for path, notes in noted.items()
        for position, note in enumerate(notes)
    ]
    insert(connection, problem, rows)


def listed(connection: Connection, *, noted: bool) -> list[Problem]:
    """Return the problems of present files, in order of path, then as recorded.

    Those of severity NOTED are included only if ``noted``.
    """
    query = (
        select(file.c.path, problem)
        .join(file, file.c.key == problem.c.file)
        .where(file.c.missing_at.is_(None))
        .order_by(problem.c.file, problem.c.position)
    )
    if not noted:
        query = query.where(problem.c.severity != Severity.NOTED)
    claimant = file.alias("claimant")
    rivals = (
        select(file.c.path, claimant.c.path.label("other"), func.min(problem.c.seen_at).label("at"))
        .join(claimant, claimant.c.rival == file.c.key)
        .join(problem, problem.c.file == claimant.c.key)
        .where(file.c.missing_at.is_(None), claimant.c.missing_at.is_(None))
        .group_by(file.c.key, file.c.path, claimant.c.path)
    )
    claimed = [
        Problem(
            path=row.path,
            line=None,
            cause=f"its id is that of {row.other}, too, which says something else",
            seen_at=row.at,
            severity=Severity.NOTED,
        )
        for row in (connection.execute(rivals) if noted else ())
    ]
    own = [
        Problem(
            path=row.path,
            line=row.line,
            cause=row.cause,
            seen_at=row.seen_at,
            severity=Severity(row.severity),
        )
        for row in connection.execute(query)
    ]
    return sorted([*own, *claimed], key=attrgetter("path"))


def counted(connection: Connection) -> dict[Severity, int]:
    """Return the number of present files with problems, by severity, 0 included."""
    query = (
        select(problem.c.severity, func.count(distinct(problem.c.file)))
        .join(file, file.c.key == problem.c.file)
        .where(file.c.missing_at.is_(None))
        .group_by(problem.c.severity)
    )
    counts = {Severity(severity): number for severity, number in connection.execute(query)}
    return {severity: counts.get(severity, 0) for severity in Severity}
