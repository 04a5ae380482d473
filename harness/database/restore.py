"""Restore a dump, and distinguish a server that refuses it from one that could not be asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.common.wording import amount, listed
from harness.database import Database, liveness, programs
from harness.database.schema import default_collation
from harness.dump import Dump, DumpError, collations
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
    (re.compile(""), "choose the server that the dump was made on, or a newer one of the same product"),
)
"""Errors of the client, and what to do about them: the first that matches."""
_SHOWN = 5
_WIDE = r"(utf8\w*|ucs2|utf16|utf32)\b"
_NAMED = (
    rf"sed -E '/^\) ENGINE=/{{/COLLATE/!s/CHARSET={_WIDE}/& COLLATE=\1_general_ci/}};"
    rf"/^ +`[^`]+` [a-z0-9()]+ CHARACTER SET /{{/ SET \w+ COLLATE/!s/ SET {_WIDE}/& COLLATE \1_general_ci/}}'"
)
"""Program that adds the collations which old servers omitted from a dump, in lines of tables and of columns."""

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
    text = Text()
    done = programs.run_client(database, dump.chunks(text))
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
    uncollated = _uncollated(database, text)
    notes = [*_notes(database, text), *_collations(database, text, uncollated)]
    return Restored(notes, [*_unproven(text), *_bare(database, text)], uncollated, called)


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


def _charsets(named: Mapping[str, Mapping[str, str]]) -> list[str]:
    return sorted({charset for columns in named.values() for charset in columns.values()})


def _uncollated(database: Database, text: Text) -> dict[str, dict[str, str]]:
    """Return the columns to which this server would have given another collation than the omitted one."""
    other = [
        one
        for one in _charsets(text.collated)
        if _plain(default_collation(database, one)) != _plain(collations.default_of(one))
    ]
    found = {
        table: {column: charset for column, charset in columns.items() if charset in other}
        for table, columns in text.collated.items()
    }
    return {table: columns for table, columns in found.items() if columns}


def _plain(collation: str) -> str:
    """Return a collation without its character set, which has two names."""
    return collation.partition("_")[2]


def _collations(database: Database, text: Text, uncollated: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Report the collation given to tables, or columns of them, for which the dump names none."""
    charsets = _charsets(uncollated)
    if not charsets:
        return []
    left_out = ", ".join(map(collations.default_of, charsets))
    here = ", ".join(default_collation(database, one) for one in charsets)
    return [
        f"The dump names no collation for {len(uncollated)} tables or columns of them: server {text.server} "
        f"leaves out its default, {left_out}. The copies have that, as the site has. A restore of the dump as it "
        f"is on {database.server.name} gives them {here}, and what that would do to their values was asked as "
        f"well. To keep the site's, name it: {_NAMED} rt.sql"
    ]


def _bare(database: Database, text: Text) -> list[str]:
    """Report the tables whose collation is unknown: the dump's server would have written it."""
    if not text.bare:
        return []
    named = listed(list(text.bare), _SHOWN)
    here = ", ".join(default_collation(database, one) for one in _charsets(text.bare))
    server = f"its server, {text.server}, writes one" if text.server else "does not say which server wrote it"
    return [
        f"The dump names no collation for {len(text.bare)} tables or columns of them ({named}), and {server}. "
        f"Which of their values are the same on the site is not known; here it is what {here} says. Dump again, "
        "and take no COLLATE out."
    ]


def _notes(database: Database, text: Text) -> list[str]:
    """Report tables whose engine differs from the dump's, and the objects other than tables that the dump holds.

    With the SQL mode of a dump, a server that lacks an engine uses another one without an error.
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
    """Report where characters were lost when the dump was written: no server can bring them back."""
    unproven = []
    if text.unsaid:
        unproven.append(
            "The dump does not say in which character set it was written (SET NAMES), and "
            f"{amount(len(text.unsaid), 'tables')} of it {'holds' if len(text.unsaid) == 1 else 'hold'} text "
            f"({listed(text.unsaid, _SHOWN)}): characters may be lost or others than on the site, and nobody "
            "looked at them. Dump again without --skip-set-charset, and with --default-character-set=utf8mb4."
        )
    for charset, tables in sorted(text.narrow.items()):
        named = listed(tables, _SHOWN)
        unproven.append(
            f"The dump was written in {charset}, and {len(tables)} of its tables hold more ({named}): characters "
            "that do not fit are question marks in it, and nobody looked at them. Dump again with "
            "--default-character-set=utf8mb4."
        )
    return unproven


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
