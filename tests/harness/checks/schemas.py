"""Make schemas of a few tables, to be compared by the schema check."""

from __future__ import annotations

from harness.database.schema import Column, Index, Schema, Table


def table(name: str, charset: str = "utf8mb4", **columns: str) -> Table:
    """Return a table of text columns, each in the character set given."""
    made = {
        column: Column(column, "varchar(9)", own, f"{own}_general_ci", nullable=True, default=None, extra="")
        for column, own in columns.items()
    }
    return Table(name, "InnoDB", f"{charset}_general_ci", made, [Index("PRIMARY", True, ("id",), "BTREE")], [])


def database(*tables: Table) -> Schema:
    """Return a schema of these tables."""
    return Schema("mariadb-10.11", {one.name: one for one in tables})


FRESH = database(table("Things", Name="utf8mb4", Kind="ascii"))
