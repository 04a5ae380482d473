"""Plant a defect into the rows of one table, and restore the table afterwards."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from harness.database import NAME, Database
from harness.database.schema import quote
from harness.errors import InfrastructureError
from harness.rt import Rt
from tests.harness.mutants import Mutant

ASIDE = "aside"
"""Database of root, on the same server, that keeps a copy of a table while it is altered."""


@dataclass(frozen=True)
class RowMutant(Mutant):
    """A defect in the rows of `table`.

    select, perl: for frozen content: which rows of Attributes, and Perl that alters $value, the thawed content.
    """

    table: str = ""
    select: str = ""
    perl: str = ""


LAST = "ORDER BY id DESC LIMIT 1"
LINK = "Base, Target, Type, LocalBase, LocalTarget, Creator, Created, LastUpdatedBy, LastUpdated"
"""Columns of a link, without its id."""


def by_sql(check: str, name: str, table: str, reason: str, *statements: str) -> RowMutant:
    """Return a mutant made by SQL statements."""
    return RowMutant(name, check, reason, statements, table)


def frozen(check: str, name: str, select: str, perl: str, reason: str) -> RowMutant:
    """Return a mutant that alters frozen content with Perl."""
    return RowMutant(name, check, reason, (), "Attributes", select, perl)


# Only RT's Perl can freeze content for RT's Perl. The statement bypasses RT, which would record the change.
_PROGRAM = r"""
use strict; use warnings; use lib '/opt/rt/share/lib';
use RT; use JSON::PP; use MIME::Base64; use Storable;
my $order = decode_json($ARGV[0]);
RT::LoadConfig(); RT::ConnectToDatabase();
my $dbh = $RT::Handle->dbh;
my ($id, $frozen) = $dbh->selectrow_array(
    "SELECT id, Content FROM Attributes WHERE $order->{select} AND ContentType = 'storable' ORDER BY id LIMIT 1");
die "nothing to alter\n" unless $id;
my $value = Storable::thaw(decode_base64($frozen));
eval "$order->{perl}; 1" or die $@;
my $anew = encode_base64(Storable::nfreeze($value));
$dbh->do("UPDATE Attributes SET Content = ? WHERE id = ?", undef, $anew, $id);
print "planted in $id\n";
"""


@contextlib.contextmanager
def planted(mutant: RowMutant, database: Database, tools: Rt) -> Iterator[None]:
    """Plant a defect for a `with` block and restore the table afterwards.

    tools: an RT container connected to the database.
    Raises InfrastructureError if nothing was planted.
    """
    table = quote(mutant.table)
    database.execute(
        f"CREATE DATABASE IF NOT EXISTS {ASIDE}",
        f"DROP TABLE IF EXISTS {ASIDE}.{table}",
        f"CREATE TABLE {ASIDE}.{table} AS SELECT * FROM {NAME}.{table}",
        root=True,
    )
    try:
        _plant(mutant, database, tools)
        yield
    finally:
        database.execute(
            "SET foreign_key_checks = 0",
            f"DELETE FROM {NAME}.{table}",
            f"INSERT INTO {NAME}.{table} SELECT * FROM {ASIDE}.{table}",
            root=True,
        )


def _plant(mutant: RowMutant, database: Database, tools: Rt) -> None:
    if mutant.perl:
        done = tools.perl(_PROGRAM, json.dumps({"select": mutant.select, "perl": mutant.perl}))
        if "planted in" not in done.out:
            raise InfrastructureError(f"{mutant.name} could not be planted.", [("Perl", done.out + done.err)])
        return
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        touched = sum(cursor.execute(statement) for statement in mutant.statements)
    if not touched:
        raise InfrastructureError(f"{mutant.name} touched no row, so it proves nothing.")
