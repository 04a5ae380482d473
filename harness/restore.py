"""Restore a dump, and tell a server that refuses it from one that could not be asked."""

from __future__ import annotations

import re

from harness import standing
from harness.commands import Done
from harness.database import Database
from harness.dump import Dump, DumpError
from harness.errors import InfrastructureError, UsageError

# What servers say of a full disk: ER_RECORD_FILE_FULL, ER_DISK_FULL, and errno 28 of the operating system.
_FULL = re.compile(
    r"^ERROR (?:1114|1021) |\berr(?:no|code|or)(?: number)?:? 28\b|no space left on device|out of disk space"
    r"|disk (?:is )?full",
    re.IGNORECASE | re.MULTILINE,
)


def restore(database: Database, dump: Dump) -> None:
    """Feed a dump to the server's client and compare the rows with the manifest's.

    Raises UsageError when the server refuses it, DumpError when it is not what its manifest says, and
    InfrastructureError when the server or its disk gave way: then nobody knows whether it can hold the dump.
    """
    done = database.client_program(dump.chunks())
    if done.code:
        _need_server(database, done, f"the restore of {dump.path.name}")
        raise UsageError(
            f"{database.server.name} cannot hold the dump {dump.path.name}: its client ended with {done.code}.",
            [("Server", _end(done.err))],
            "choose the server that the dump was made on, or a newer one of the same product",
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


def _need_server(database: Database, done: Done, what: str) -> None:
    said, log = _end(done.err), standing.log(database)
    if _FULL.search(said) or _FULL.search(log):
        raise InfrastructureError(
            f"The disk of {database.server.name} was full before the end of {what}.",
            [("Server", said), ("Its log", log)],
            "make room below the engine's directory (docker info names it) and run it again",
        )
    standing.need(database, what)
    if done.timed_out or done.code < 0:
        raise InfrastructureError(
            f"The client of {database.server.name} was ended during {what} (exit code {done.code}).",
            [("Server", said), ("Its log", log)],
            "see whether the machine ran out of memory, and run it again",
        )


def _end(text: str) -> str:
    return "\n".join(standing.without_values(text).splitlines()[-5:])
