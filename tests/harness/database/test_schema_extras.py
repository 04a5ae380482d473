"""A structure read from a server tells what decides about rows besides columns and keys."""

from __future__ import annotations

import pytest

from harness.database import schema
from harness.database.schema import Schema
from harness.database.schema_extras import fills
from harness.releases import server, servers
from harness.upgrade.lifecycle import Lifecycle

_SINCE = {"DESC": {"mariadb": (10, 8)}, "IGNORED": {"mariadb": (10, 6)}}
"""Releases of a product before which it knows no such index; MySQL's here all do."""


def knows(name: str, word: str) -> bool:
    """Tell whether a server knows a kind of index."""
    product, _, version = name.partition("-")
    since = _SINCE[word].get(product, (0, 0))
    return tuple(map(int, version.split("."))) >= since


@pytest.mark.engine
@pytest.mark.parametrize("name", sorted(servers()))
def test_each_server_tells_all_of_a_table(name: str, lifecycle: Lifecycle) -> None:
    """What one product calls invisible another one calls ignored; one answers with the counter of yesterday."""
    unused = "IGNORED" if name.startswith("mariadb") else "INVISIBLE"
    with lifecycle.baselines.cloned(
        lifecycle.baselines.empty(server(name), lifecycle.server_image(name))
    ) as database:
        database.execute(
            "CREATE TABLE Log (id INT PRIMARY KEY AUTO_INCREMENT, What INT) ENGINE=InnoDB",
            "CREATE TABLE Things (id INT PRIMARY KEY AUTO_INCREMENT, Size INT, CONSTRAINT small CHECK (Size < 9),"
            " INDEX one (Size DESC, id), INDEX other (Size)) AUTO_INCREMENT = 700 ENGINE=InnoDB",
        )
        first = schema.read(database).tables["Things"]
        database.execute(
            "CREATE TRIGGER logs AFTER INSERT ON Things FOR EACH ROW INSERT INTO Log (What) VALUES (NEW.id)",
            "ALTER TABLE Things AUTO_INCREMENT = 800",
        )
        if knows(name, "IGNORED"):
            database.execute(f"ALTER TABLE Things ALTER INDEX other {unused}")
        read = schema.read(database)
    things = read.tables["Things"]
    assert first.counter == 700
    assert things.counter == 800
    assert [one.name for one in things.checks] == ["small"]
    (trigger,) = things.triggers
    assert (trigger.name, trigger.timing, trigger.event, trigger.fills) == ("logs", "AFTER", "INSERT", ("Log",))
    order = " DESC" if knows(name, "DESC") else ""
    hidden = " IGNORED" if knows(name, "IGNORED") else ""
    assert {one.signature for one in things.indexes} == {
        "PRIMARY KEY (id)",
        f"INDEX (Size{order}, id)",
        f"INDEX (Size){hidden}",
    }
    again = Schema.from_json(read.to_json())
    assert again == read
    assert trigger.body == "INSERT INTO Log (What) VALUES (NEW.id)"
    assert trigger.body not in read.to_json()
    assert again.tables["Things"].counter == 800


@pytest.mark.parametrize(
    ("statement", "filled"),
    [
        ("INSERT INTO audit (a) VALUES (1)", ("audit",)),
        ("begin insert ignore into `my log` select 1; replace rt.other set a = 1; end", ("my log", "other")),
        ("BEGIN INSERT INTO elsewhere.audit (a) VALUES (1); REPLACE `elsewhere`.audit SET a = 1; END", ()),
        ("INSERT INTO audit PARTITION (p0) (a) VALUES (1)", ("audit",)),
        ("INSERT INTO audit WITH one AS (SELECT 1 AS a) SELECT a FROM one", ("audit",)),
        ("INSERT INTO `rt` . `audit` TABLE x", ("audit",)),
        (
            "BEGIN /* INSERT INTO never (a) */ -- INSERT INTO never VALUES\n SET @a = INSERT('x', 1, 1, 'y'); END",
            (),
        ),
        ("SET @a = 'it''s INSERT INTO never (a)', @b = \"\\\" REPLACE never SET a\"", ()),
        ("BEGIN INSERT INTO `it's`(a) VALUES ('#'); INSERT INTO audit VALUES ('--'); END", ("audit", "it's")),
        ("BEGIN UPDATE counts SET n = n + 1; CALL log_it(); END", ()),
    ],
)
def test_the_tables_that_a_trigger_fills(statement: str, filled: tuple[str, ...]) -> None:
    """Comments, texts, functions of that name and tables of other databases are none of them."""
    assert fills(statement) == filled
