"""A table with system versioning (MariaDB: WITH SYSTEM VERSIONING) must be handled like any other."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from harness.database import Database, schema
from harness.database.digest import digest_table, reader, rows_of_chunk, shape
from harness.releases import server
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
MADE = (
    "CREATE TABLE audit (id INT PRIMARY KEY, what VARCHAR(20), INDEX of_what (what)) WITH SYSTEM VERSIONING",
    "CREATE TABLE periods (id INT PRIMARY KEY, what VARCHAR(20),"
    " since TIMESTAMP(6) GENERATED ALWAYS AS ROW START, until TIMESTAMP(6) GENERATED ALWAYS AS ROW END,"
    " PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING",
    "CREATE VIEW recent AS SELECT * FROM audit",
    "CREATE SEQUENCE numbers",
    *(f"INSERT INTO {table} (id, what) VALUES (1, 'one'), (2, 'two')" for table in ("audit", "periods")),
    *(f"UPDATE {table} SET what = 'three' WHERE id = 2" for table in ("audit", "periods")),
)


@pytest.fixture(params=["mariadb-10.5", "mariadb-11.8"])
def database(request: pytest.FixtureRequest, lifecycle: Lifecycle, clone: CloneFactory) -> Database:
    """A database with two such tables, a view and a sequence."""
    name: str = request.param
    made = clone(lifecycle.baselines.empty(server(name), lifecycle.server_image(name)))
    made.execute(*MADE)
    return made


def test_it_is_read_with_its_indexes(database: Database) -> None:
    """A site's own audit table once made every check fail."""
    found = schema.read(database).tables
    assert set(found) == {"audit", "periods"}
    assert {index.name for index in found["audit"].indexes} == {"PRIMARY", "of_what"}
    assert list(found["audit"].columns) == ["id", "what"]


@pytest.mark.parametrize("table", ["audit", "periods"])
def test_its_rows_are_counted_and_compared(database: Database, table: str) -> None:
    """If it were skipped silently, a lost row would go unnoticed."""
    assert database.counts() == {"audit": 2, "periods": 2}
    what = shape(schema.read(database).tables[table])
    with reader(database) as connection:
        before = digest_table(connection, what)
    database.execute(f"UPDATE {table} SET what = 'four' WHERE id = 2")
    with reader(database) as connection:
        after = digest_table(connection, what)
        assert sum(len(rows_of_chunk(connection, what, chunk)) for chunk in after["chunks"]) == 2
    assert before["rows"] == after["rows"] == 2
    assert before["chunks"] != after["chunks"]
