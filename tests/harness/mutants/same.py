"""Define differences between databases that should be equal: two upgrades of one dump, a backup and its origin.

Those of one group are in different tables, so that they are planted together and told apart by the table.
"""

from __future__ import annotations

from functools import partial

from tests.harness.mutants.planting import LAST, LINK, RowMutant, by_sql, frozen
from tests.harness.mutants.schema import SchemaMutant, altered

Group = tuple[RowMutant, ...]
_HISTORY = "Name = 'UpgradeHistory' AND ObjectType = 'RT::System'"
_CONVERTED = "CONVERT(CONVERT(Content USING latin1) USING utf8mb4)"
_MISREAD = "CONVERT(CONVERT(CONCAT(Subject, 'ü') USING utf8mb4) USING latin1)"


def _row(check: str, name: str, table: str, reason: str, statement: str) -> RowMutant:
    return by_sql(check, name, table, reason, statement.format(last=LAST))


_repeated, _rollback = partial(_row, "repeated"), partial(_row, "rollback")


def _history(name: str, perl: str, reason: str) -> Group:
    return (frozen("repeated", name, _HISTORY, perl, reason),)


REPEATED: tuple[Group, ...] = (
    (
        _repeated(
            "template-altered",
            "Templates",
            "the text that a step brings is another one",
            "UPDATE Templates SET Content = CONCAT(Content, ' ') {last}",
        ),
        _repeated(
            "stamp-after-the-upgrade",
            "ACL",
            "somebody else wrote to one of the two",
            "UPDATE ACL SET Created = Created + INTERVAL 1 DAY {last}",
        ),
        _repeated(
            "old-stamp-renewed",
            "Users",
            "one upgrade touched a row that the other left alone",
            "UPDATE Users SET LastUpdated = (SELECT MAX(Created) FROM ACL) {last}",
        ),
        _repeated(
            "stamp-of-a-ticket",
            "Tickets",
            "an upgrade has no business there",
            "UPDATE Tickets SET LastUpdated = LastUpdated + INTERVAL 1 SECOND {last}",
        ),
        _repeated(
            "record-lost",
            "Transactions",
            "one upgrade did not say what it did",
            "DELETE FROM Transactions {last}",
        ),
        _repeated(
            "link-twice",
            "Links",
            "one upgrade made it twice",
            f"INSERT INTO Links ({LINK}) SELECT {LINK} FROM Links {{last}}",
        ),
        _repeated(
            "renumbered",
            "ScripActions",
            "the same in another order has other numbers",
            "UPDATE ScripActions SET id = id + 100 {last}",
        ),
    ),
    (
        _repeated(
            "link-elsewhere",
            "Links",
            "one upgrade linked a dashboard with something else",
            "UPDATE Links SET Target = CONCAT(Target, '1') {last}",
        ),
    ),
    _history("step-not-recorded", "pop @{ $value->{RT} };", "the two tell of other events"),
    _history(
        "step-in-another-order",
        "@{ $value->{RT} }[-3, -2] = @{ $value->{RT} }[-2, -3];",
        "the same events in another order",
    ),
    _history("by-other-code", "$value->{RT}[-1]{rt_version} = '1.0.0';", "another release carried it out"),
    (
        _repeated(
            "history-cut-off",
            "Attributes",
            "a history that cannot be read tells nothing",
            f"UPDATE Attributes SET Content = LEFT(Content, 100) WHERE {_HISTORY}",
        ),
    ),
)
UNTOUCHED: tuple[Group, ...] = (
    (
        _repeated(
            "begun-and-called-untouched",
            "Attributes",
            "the history tells of what was done",
            f"UPDATE Attributes SET Content = LEFT(Content, 100) WHERE {_HISTORY}",
        ),
        _repeated(
            "granted-and-called-untouched",
            "ACL",
            "a step had granted rights before it was cut off",
            "DELETE FROM ACL {last}",
        ),
    ),
)
ROLLBACK: tuple[Group, ...] = (
    (
        _rollback(
            "bytes-as-text",
            "Attachments",
            "a dump without --hex-blob",
            f"UPDATE Attachments SET Content = {_CONVERTED} WHERE LENGTH({_CONVERTED}) > LENGTH(Content) {{last}}",
        ),
        _rollback(
            "read-as-latin1",
            "Tickets",
            "the client spoke another character set",
            f"UPDATE Tickets SET Subject = {_MISREAD} {{last}}",
        ),
        _rollback(
            "broken-off",
            "Transactions",
            "the backup ended early, and nobody looked",
            "DELETE FROM Transactions {last}",
        ),
        _rollback(
            "restored-twice",
            "Links",
            "rows of a table without a key of its own are there twice",
            f"INSERT INTO Links ({LINK}) SELECT {LINK} FROM Links {{last}}",
        ),
        _rollback(
            "another-time-zone",
            "Groups",
            "times were shifted on the way",
            "UPDATE `Groups` SET Created = Created + INTERVAL 1 HOUR {last}",
        ),
        _rollback(
            "zero-for-null",
            "ObjectCustomFieldValues",
            "NULL is not the empty text",
            "UPDATE ObjectCustomFieldValues SET LargeContent = IF(LargeContent IS NULL, '', NULL) {last}",
        ),
        _rollback(
            "table-without-rows",
            "Articles",
            "a table was left out of the backup's data",
            "DELETE FROM Articles",
        ),
    ),
)


def _structure(check: str, name: str, table: str, reason: str, statement: str) -> SchemaMutant:
    return SchemaMutant(name, check, reason, (statement,), table)


# These are not reverted, so they come last.
STRUCTURES: tuple[SchemaMutant, ...] = (
    altered("repeated", "index-lost", "Queues", "DROP INDEX Queues1", "one of two upgrades did less"),
    altered(
        "repeated",
        "collation",
        "Catalogs",
        "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "one of two upgrades converted otherwise",
    ),
    _structure(
        "repeated",
        "left-over",
        "Leftover",
        "one of two upgrades did not tidy up",
        "CREATE TABLE Leftover (id INT PRIMARY KEY)",
    ),
    _structure(
        "rollback",
        "table-of-the-new-release",
        "Newer",
        "the backup was restored over what was there",
        "CREATE TABLE Newer (id INT PRIMARY KEY)",
    ),
    altered(
        "rollback", "column-left-wide", "CustomFields", "MODIFY Pattern LONGTEXT", "a table was not made anew"
    ),
    _structure(
        "rollback", "table-lost", "ObjectTopics", "a table was left out of the backup", "DROP TABLE ObjectTopics"
    ),
)
