"""Plant single random defects, the same ones for the same seed, to find kinds that were not planted on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from harness.database import Database
from harness.database.schema import quote
from tests.harness.mutants.planting import RowMutant
from tests.harness.mutants.schema import SchemaMutant

LEFT_ALONE = ("sessions",)
"""Tables that no check looks at: an upgrade logs all users out and empties their sessions."""
_NUMBERS = ("int", "bigint", "smallint", "tinyint", "mediumint", "decimal")
_TIMES = ("datetime", "timestamp", "date")


@dataclass(frozen=True)
class _Column:
    table: str
    name: str
    kind: str
    nullable: bool


class Chance:
    """Draws defects for one database. Raises LookupError if there are no candidates left."""

    def __init__(self, seed: int, database: Database) -> None:
        """Read the tables, columns and indexes."""
        self.random, self.database = Random(seed), database
        self.counts = {name: rows for name, rows in database.counts().items() if rows and name not in LEFT_ALONE}
        self.columns = [
            _Column(table, name, kind, nullable == "YES")
            for table, name, kind, nullable in database.rows(
                "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
                " WHERE table_schema = DATABASE() AND column_key <> 'PRI' ORDER BY table_name, ordinal_position"
            )
        ]
        # An index that a foreign key needs cannot be dropped.
        self.indexes = database.rows(
            "SELECT DISTINCT s.table_name, s.index_name FROM information_schema.statistics s"
            " LEFT JOIN information_schema.key_column_usage k ON k.table_schema = s.table_schema"
            " AND k.table_name = s.table_name AND k.column_name = s.column_name"
            " AND k.referenced_table_name IS NOT NULL"
            " WHERE s.table_schema = DATABASE() AND s.index_name <> 'PRIMARY' AND k.table_name IS NULL"
            " ORDER BY 1, 2"
        )

    # Rows: tables are drawn first, so that small ones are drawn as often as large ones.

    def row(self) -> RowMutant:
        """Draw a lost row, a lost right, or a changed cell."""
        kinds = (self._lost, self._lost, self._right, self._cell, self._cell, self._cell, self._cell)
        return self.random.choice(kinds)()

    def _key(self, table: str) -> str:
        """Return a condition that holds for one row."""
        offset = self.random.randrange(self.counts[table])
        found = self.database.rows(f"SELECT id FROM {quote(table)} ORDER BY id LIMIT 1 OFFSET {offset}")
        return f"id = {int(found[0][0])}"

    def _lost(self) -> RowMutant:
        table = self.random.choice(sorted(self.counts))
        key = self._key(table)
        return RowMutant(
            f"row lost: {table} {key}", "rows", "", (f"DELETE FROM {quote(table)} WHERE {key}",), table
        )

    def _right(self) -> RowMutant:
        key = self._key("ACL")
        return RowMutant(f"right lost: ACL {key}", "rows", "", (f"DELETE FROM ACL WHERE {key}",), "ACL")

    def _cell(self) -> RowMutant:
        column = self.random.choice([one for one in self.columns if one.table in self.counts])
        key, name = self._key(column.table), quote(column.name)
        if column.kind in _NUMBERS:
            value = f"IFNULL({name}, 0) + 1"
        elif column.kind in _TIMES:
            value = f"IF(IFNULL({name}, 0) > '1971-01-01', {name} + INTERVAL 1 DAY, '2001-02-03')"
        elif column.nullable and self.random.random() < 0.3:
            value = f"IF({name} IS NULL, 'x', NULL)"
        else:
            value = f"CONCAT('x', IFNULL({name}, ''))"
        statement = f"UPDATE {quote(column.table)} SET {name} = {value} WHERE {key}"
        return RowMutant(
            f"cell changed: {column.table}.{column.name} {key}", "rows", "", (statement,), column.table
        )

    # Structure.

    def structure(self) -> SchemaMutant:
        """Draw a lost column or index."""
        if self.random.random() < 0.5:
            table, name = self.random.choice(self.indexes)
            return SchemaMutant(
                f"index lost: {table}.{name}",
                "schema",
                "",
                (f"ALTER TABLE {quote(table)} DROP INDEX {quote(name)}",),
                table,
            )
        column = self.random.choice([one for one in self.columns if one.name != "Via"])
        return SchemaMutant(
            f"column lost: {column.table}.{column.name}",
            "schema",
            "",
            (f"ALTER TABLE {quote(column.table)} DROP COLUMN {quote(column.name)}",),
            column.table,
        )
