"""Compare a restored dump with the site that it was made of: what differs, and what the dump has lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.common.wording import amount, listed
from harness.database import Database
from harness.database.schema import default_collation
from harness.dump import collations
from harness.dump.text import Text

_SHOWN = 5
_WIDE = r"(utf8\w*|ucs2|utf16|utf32)\b"
ADD_COLLATIONS = (
    rf"sed -E '/^\) ENGINE=/{{/COLLATE/!s/CHARSET={_WIDE}/& COLLATE=\1_general_ci/}};"
    rf"/^ +`[^`]+` [a-z0-9()]+ CHARACTER SET /{{/ SET \w+ COLLATE/!s/ SET {_WIDE}/& COLLATE \1_general_ci/}}'"
)
"""Program that adds the collations which old servers omitted from a dump, in lines of tables and of columns."""
_LOSSES = {
    1048: "values NULL that may not be",
    1062: "rows with a key that another row has",
    1264: "numbers out of the range of their column",
    1265: "values cut off to fit into their column",
    1292: "values of another type than their column",
    1364: "values missing",
    1366: "values that their column cannot hold",
    1406: "values too long for their column",
    1452: "rows that refer to one that is not there",
    1526: "rows without a partition",
    1586: "rows with a key that another row has",
    3819: "rows that a CHECK forbids",
    4025: "rows that a CHECK forbids",
}
"""Warnings of a restore after which a row or a value is not what the dump says: code to what it is about."""


def _charsets(named: Mapping[str, Mapping[str, str]]) -> list[str]:
    return sorted({charset for columns in named.values() for charset in columns.values()})


def uncollated(database: Database, text: Text) -> dict[str, dict[str, str]]:
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


def given_collations(database: Database, text: Text, affected: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Report the collation given to tables, or columns of them, for which the dump names none."""
    charsets = _charsets(affected)
    if not charsets:
        return []
    left_out = ", ".join(map(collations.default_of, charsets))
    here = ", ".join(default_collation(database, one) for one in charsets)
    return [
        f"The dump names no collation for {len(affected)} tables or columns of them: server {text.server} "
        f"leaves out its default, {left_out}. The copies have that, as the site has. A restore of the dump as it "
        f"is on {database.server.name} gives them {here}, and what that would do to their values was asked as "
        f"well. To keep the site's, name it: {ADD_COLLATIONS} rt.sql"
    ]


def unknown_collations(database: Database, text: Text) -> list[str]:
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


def differences(database: Database, text: Text) -> list[str]:
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
    if text.missed:
        notes.append(
            f"Triggers, routines or events of the dump were made under the SQL mode {', '.join(text.missed)}, "
            f"which {database.server.name} does not know, so the copies have them without it. A restore of the "
            f"dump as it is there ends with ERROR 1231; take it out: {_without(text.missed)} rt.sql"
        )
    if text.objects:
        named = [f"{kind} {name}" for kind, names in sorted(text.objects.items()) for name in sorted(names)]
        notes.append(
            f"The dump holds {len(named)} objects that are not RT's: {', '.join(named)}. They belong to the "
            "copies' own account there, and events do not run. After the upgrade views are read, and triggers are "
            "fired and taken back; what they and the others do was not compared."
        )
    return notes


def lost_values(
    database: Database, text: Text, warned: Mapping[int, int], counted: Mapping[str, int]
) -> list[str]:
    """Report rows and values that the server dropped or changed as it restored the dump.

    It does so without an error under the SQL mode that a dump sets, and with INSERT IGNORE. warned: number of its
    warnings by code. counted: rows of each table afterwards.
    """
    unproven = []
    counts = {code: warned[code] for code in _LOSSES if warned.get(code)}
    if counts:
        named = ", ".join(f"{count} {_LOSSES[code]} ({code})" for code, count in counts.items())
        unproven.append(
            f"{database.server.name} dropped rows of the dump or changed values, with a warning and no error "
            f"(at least {named}): the copies are not what the site is. Dump again without --insert-ignore, do not "
            "edit the dump, and choose the server that it was made on, or a newer one of the same product."
        )
    if tables := text.replaced.unaccounted(counted):
        unproven.append(
            "The dump writes rows with REPLACE, and nothing shows that all of them are left "
            f"({listed(tables, _SHOWN)}): of those with equal keys on {database.server.name} only the last is, "
            "without a warning. Dump again without --replace."
        )
    return unproven


def lost_characters(text: Text) -> list[str]:
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


def _without(modes: Iterable[str]) -> str:
    """Return a program that takes SQL modes out of a dump's definitions."""
    commands = "; ".join(f"s/{mode},|,?{mode}//" for mode in modes)
    return f"sed -E '/^.{{0,12}}SET sql_mode +=/{{{commands}}}'"
