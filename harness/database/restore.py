"""Restore a dump, and distinguish a server that refuses it from one that could not be asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.database import Database, liveness, programs, remarks
from harness.dump import Dump, DumpError
from harness.dump.text import Text
from harness.engine.commands import CommandResult
from harness.errors import InfrastructureError, UsageError

# Messages of a full disk: ER_RECORD_FILE_FULL, ER_DISK_FULL, and errno 28 of the operating system.
_FULL = re.compile(
    r"^ERROR (?:1114|1021) |\berr(?:no|code|or)(?: number)?:? 28\b|no space left on device|out of disk space"
    r"|disk (?:is )?full",
    re.IGNORECASE | re.MULTILINE,
)
_ADVICE = (
    (
        re.compile(r"^ERROR (?:1044|1049|1142|1146|1305|1356) ", re.MULTILINE),
        "a view or a routine of the dump needs a table, a database or a function that is not in it: dump with "
        "--routines, or leave it out with --ignore-table",
    ),
    (
        re.compile(r"^ERROR 1227 ", re.MULTILINE),
        "the dump asks for what only an administrator may do: leave the object or the setting in that line out",
    ),
    (
        re.compile(r"^ERROR 1062 ", re.MULTILINE),
        "two values that are distinct on the site are the same under this server's collation, which tables get "
        "for which the dump names none: rename one on the site, or name their collation in the dump (COLLATE=)",
    ),
    (
        re.compile(r"^ERROR 1231 ", re.MULTILINE),
        "the dump sets a variable to a value that this server does not know: make the trigger, the routine or the "
        "event behind that line anew on the site, under an SQL mode that both servers have, or leave it out",
    ),
    (
        re.compile(r"^ERROR 1064 ", re.MULTILINE),
        "what the dump holds at the line that the error names is no SQL to this server: if the dump was edited, "
        "dump again; if it is as its program wrote it, choose the server that it was made on",
    ),
    (re.compile(""), "choose the server that the dump was made on, or a newer one of the same product"),
)
"""Errors of the client, and what to do about them: the first that matches."""
_NO_MODES = {"mysql": ("NO_AUTO_CREATE_USER",)}
"""SQL modes that a product has given up since dumps name them (MySQL 8.0): they were about GRANT alone."""
_OF_RT = frozenset(("tickets", "users"))
"""Tables that identify a dump as a whole one of RT, in lower case because some servers store them so."""
_LEFT_OUT = frozenset(("sessions",))
"""Tables that a nightly backup omits (--ignore-table), including their structure."""
_PACKERS = {"gzip": "gzip", "xz": "xz", "bzip2": "bzip2", "zstd": "zstd"}
"""Packing programs by the format of a dump; the output of a second run may be appended to that of the first."""


@dataclass
class Restored:
    """Remarks on a restored dump.

    notes: differences from the site that cannot be avoided. unproven: losses that a new dump could avoid.
    uncollated: columns that get another collation than the site's if the dump is restored unchanged, as table to
    column to character set; "" is the table's own default. called: the database's name in the dump, "" if the dump
    does not say.
    """

    notes: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    uncollated: dict[str, dict[str, str]] = field(default_factory=dict)
    called: str = ""


def restore(database: Database, dump: Dump) -> Restored:
    """Feed a dump to the server's client and compare the rows with the manifest's.

    Raises UsageError if the server refuses it, DumpError if it does not match its manifest, and
    InfrastructureError if the server or its disk failed: then it is unknown whether the server can hold the dump.
    """
    text = Text(without=_NO_MODES.get(database.server.product, ()))
    warned: Counter[int] = Counter()
    done = programs.run_client(database, dump.chunks(text), warned)
    if done.code:
        _need_server(database, done, f"the restore of {dump.path.name}")
        raise UsageError(
            f"{database.server.name} cannot hold the dump {dump.path.name}: its client ended with {done.code}.",
            [("Server", _end(done.err))],
            next(advice for error, advice in _ADVICE if error.search(done.err)),
        )
    counted = database.counts()
    if not counted:
        raise DumpError(f"The dump {dump.path.name} holds no tables.")
    called = text.databases[0] if text.databases else ""
    _need_structures(dump, called, counted)
    if dump.manifest:
        wrong = {
            table: (dump.manifest.rows.get(table), counted.get(table))
            for table in {*dump.manifest.rows, *counted}
            if dump.manifest.rows.get(table) != counted.get(table)
        }
        if wrong:
            lines = [f"{table}: manifest {said}, restored {real}" for table, (said, real) in sorted(wrong.items())]
            raise DumpError(
                f"After restoring {dump.path.name}, {len(wrong)} tables hold other rows than its manifest says.",
                [("Tables", "\n".join(lines))],
                "make dump and manifest again together (make fixtures)",
            )
    affected = remarks.uncollated(database, text)
    notes = [*remarks.differences(database, text), *remarks.given_collations(database, text, affected)]
    unproven = [
        *remarks.lost_values(database, text, warned, counted),
        *remarks.lost_characters(text),
        *remarks.unknown_collations(database, text),
    ]
    return Restored(notes, unproven, affected, called)


def append_structure(dump: Dump, called: str, tables: str) -> str:
    """Return the repair of a dump that lacks tables whose rows nobody needs: a sentence, and a command.

    called: as in `Restored`. tables: names, separated by blanks.
    """
    packed = f" | {packer} -c" if (packer := _PACKERS.get(dump.format)) else ""
    return (
        "append its structure to the dump, which stays one of one database:\n"
        f"mariadb-dump --no-data {called or 'rt5'} {tables}{packed} >> {dump.path.name}"
    )


def _need_structures(dump: Dump, called: str, tables: Iterable[str]) -> None:
    """Raise DumpError if a dump of RT lacks a table whose rows are not kept, but whose structure RT needs."""
    present = {name.lower() for name in tables}
    missing = _LEFT_OUT - present
    if not missing or not present >= _OF_RT:
        return
    names = ", ".join(sorted(missing))
    raise DumpError(
        f"The dump {dump.path.name} lacks the table {names}: nobody needs its rows, but RT and its upgrade "
        "need the table itself.",
        repair=append_structure(dump, called, " ".join(sorted(missing))),
    )


def _need_server(database: Database, done: CommandResult, what: str) -> None:
    said, log = _end(done.err), liveness.log(database)
    if _FULL.search(said) or _FULL.search(log):
        raise InfrastructureError(
            f"The disk of {database.server.name} was full before the end of {what}.",
            [("Server", said), ("Its log", log)],
            "make room below the engine's directory (docker info names it) and run it again",
        )
    liveness.need(database, what)
    if done.timed_out or done.code < 0:
        raise InfrastructureError(
            f"The client of {database.server.name} was ended during {what} (exit code {done.code}).",
            [("Server", said), ("Its log", log)],
            "see whether the machine ran out of memory, and run it again",
        )


def _end(text: str) -> str:
    return "\n".join(liveness.without_values(text).splitlines()[-5:])
