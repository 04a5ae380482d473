"""Restore a dump, and tell a server that refuses it from one that could not be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.database import Database, liveness
from harness.dump import Dump, DumpError
from harness.dump.text import Text
from harness.engine.commands import Done
from harness.errors import InfrastructureError, UsageError

# What servers say of a full disk: ER_RECORD_FILE_FULL, ER_DISK_FULL, and errno 28 of the operating system.
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
    (re.compile(""), "choose the server that the dump was made on, or a newer one of the same product"),
)
"""Errors of the client, and what to do then: the first that fits."""
_SHOWN = 5


@dataclass
class Restored:
    """What is to be said of a restored dump.

    notes: what is not as on the site, which nobody can help. unproven: what was lost and can be had again.
    """

    notes: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)


def restore(database: Database, dump: Dump) -> Restored:
    """Feed a dump to the server's client and compare the rows with the manifest's.

    Raises UsageError when the server refuses it, DumpError when it is not what its manifest says, and
    InfrastructureError when the server or its disk gave way: then nobody knows whether it can hold the dump.
    """
    text = Text()
    done = database.client_program(dump.chunks(text))
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
    return Restored(_notes(database, text), _unproven(text))


def _notes(database: Database, text: Text) -> list[str]:
    """Say which tables are in another engine than the dump has them in, and what it holds beside tables.

    With the SQL mode of a dump, a server that lacks an engine takes another one without an error.
    """
    asked = "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()"
    here = {name: engine for name, engine in database.rows(asked) if engine}
    notes = [
        f"The table {table} is in the engine {engine}, which {database.server.name} does not have here, so its "
        f"copies are in {here[table]}: what RT finds by means of {engine} was not tried."
        for table, engine in sorted(text.engines.items())
        if table in here and here[table].lower() != engine.lower()
    ]
    if text.objects:
        named = [f"{kind} {name}" for kind, names in sorted(text.objects.items()) for name in sorted(names)]
        notes.append(
            f"The dump holds {len(named)} objects that are not RT's: {', '.join(named)}. They belong to the "
            "copies' own account there, and events do not run. Views are read after the upgrade; what the others "
            "do was not compared."
        )
    return notes


def _unproven(text: Text) -> list[str]:
    """Say where characters were lost when the dump was written: no server can bring them back."""
    unproven = []
    for charset, tables in sorted(text.narrow.items()):
        named = ", ".join([*tables[:_SHOWN], *["..."] * (len(tables) > _SHOWN)])
        unproven.append(
            f"The dump was written in {charset}, and {len(tables)} of its tables hold more ({named}): characters "
            "that do not fit are question marks in it, and nobody looked at them. Dump again with "
            "--default-character-set=utf8mb4."
        )
    return unproven


def _need_server(database: Database, done: Done, what: str) -> None:
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
