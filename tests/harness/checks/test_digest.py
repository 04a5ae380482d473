"""Checksums must be equal for equal data on every server and type, and differ for all other data."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from harness.database import schema
from harness.database.digest import ask, digest_table, fetch, reader, rows_of_chunk, shape
from harness.releases import server, servers
from harness.upgrade.lifecycle import Lifecycle

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("digest")]

# Every row but the first equals another one under some careless way of serialising rows.
ROWS = (
    "'a', 'b', NULL",
    "'ab', '', NULL",
    "'', 'ab', NULL",
    "'a', 'b', ''",
    "NULL, 'b', NULL",
    "'N', 'b', NULL",
    "'a,1:b', '', NULL",
    "'a', 'B', NULL",
    "'a', 'b ', NULL",
    "'ä', 'b', NULL",
    "'a', 'b', 0x00",
    "'a', 'b', 0xC3",
    "'a', 'b', 0xC328",
    "'a', REPEAT('x', 65), NULL",
    "'a', REPEAT('x', 66), NULL",
    "'a', REPEAT('x', 64), NULL",
    "'a', SHA2(REPEAT('x', 65), 256), NULL",
    "'a', 'b', NULL",
)
NUMBERS = ("1.234567", "1.234571")
"""A number of single precision in each row, and another one in the last: the two look alike on a server."""
TABLES = (
    ("Narrow", "utf8mb3", "id INT PRIMARY KEY, a VARCHAR(90), b TEXT, c BLOB, d DATETIME, e FLOAT"),
    ("Wide", "utf8mb4", "e FLOAT, c LONGBLOB, d DATETIME, id BIGINT PRIMARY KEY, b MEDIUMTEXT, a VARCHAR(99)"),
    ("Other", "latin1", "id INT PRIMARY KEY, b LONGTEXT, a VARCHAR(90), c LONGBLOB, d DATETIME, e FLOAT"),
)


@pytest.fixture(scope="module", params=sorted(servers()))
def checksums(request: pytest.FixtureRequest, lifecycle: Lifecycle) -> dict[str, dict[str, str]]:
    """Checksum by key of the same rows in tables of three structures."""
    name: str = request.param
    database = lifecycle.baselines.clone(lifecycle.baselines.empty(server(name), lifecycle.server_image(name)))
    found = {}
    try:
        for table, charset, columns in TABLES:
            values = ", ".join(
                f"({number - 3}, {row}, '2001-02-03 04:05:06', {NUMBERS[number == len(ROWS) - 1]})"
                for number, row in enumerate(ROWS)
            )
            database.execute(
                f"CREATE TABLE {table} ({columns}) CHARACTER SET {charset}",
                f"INSERT INTO {table} (id, a, b, c, d, e) VALUES {values}",
            )
            whole = shape(schema.read(database).tables[table])
            without_key = replace(whole, columns=tuple(one for one in whole.columns if one.name != "id"))
            with reader(database) as connection:
                assert digest_table(connection, whole)["rows"] == len(rows_of_chunk(connection, whole, "0"))
                assert fetch(connection, whole, [("-3",)])["-3",]["d"] == "2001-02-03 04:05:06"
                assert fetch(connection, whole, [("-3",)])["-3",]["e"] == "1.2345670461654663"
                rows = ask(connection, f"SELECT id, {without_key.checksum} FROM {table}")
            found[table] = {str(key): str(checksum) for key, checksum in rows}
    finally:
        lifecycle.baselines.discard(database)
    return found


def test_types_and_character_sets_do_not_matter(checksums: dict[str, dict[str, str]]) -> None:
    """A conversion to utf8mb4 or BIGINT must change no checksum."""
    assert checksums["Narrow"] == checksums["Wide"] == checksums["Other"]


def test_servers_do_not_matter(checksums: dict[str, dict[str, str]]) -> None:
    """A dump may be upgraded on another product: each server must serialise a row in this form."""
    written = "4,1,a,1,b,2001-02-03 04:05:06,1.2345670461654663"  # the third value, bit 4, is NULL
    assert checksums["Narrow"]["-3"] == hashlib.sha256(written.encode()).hexdigest()


def test_no_two_rows_are_alike(checksums: dict[str, dict[str, str]]) -> None:
    """NULL, the empty text, a trailing space, a comma in a value, the seventh digit of a number: all different."""
    assert len(set(checksums["Narrow"].values())) == len(ROWS)
