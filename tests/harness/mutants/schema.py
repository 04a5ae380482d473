"""Define defects in the structure, planted after a good upgrade; and structural differences that are no defect."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from tests.harness.mutants import Mutant


@dataclass(frozen=True)
class SchemaMutant(Mutant):
    """A defect in the structure of `table`.

    reverted_by: what removes it, where no repair is a statement because that might lose what the site put there.
    """

    table: str = ""
    reverted_by: tuple[str, ...] = field(default=(), kw_only=True)


OWN = (
    "ALTER TABLE Users ADD COLUMN site_badge VARCHAR(20) NULL, ADD INDEX site_badges (site_badge)",
    "ALTER TABLE Tickets MODIFY Subject VARCHAR(255) CHARACTER SET utf8mb4 NULL",
    "CREATE TABLE site_phones (id INT PRIMARY KEY AUTO_INCREMENT, phone VARCHAR(20) NOT NULL, note TEXT,"
    " INDEX by_phone (phone), FULLTEXT INDEX by_note (note), CONSTRAINT short CHECK (LENGTH(phone) < 19))"
    " AUTO_INCREMENT = 500 ENGINE=InnoDB",
    "CREATE TRIGGER site_cleans BEFORE INSERT ON site_phones FOR EACH ROW SET NEW.phone = TRIM(NEW.phone)",
)
"""What a site has added before the upgrade, and must keep."""


def altered(check: str, name: str, table: str, change: str, reason: str, *undo: str) -> SchemaMutant:
    """Return a mutant made by one change of a table; undo: changes that remove it."""
    changes = (f"ALTER TABLE `{table}` {one}" for one in undo)
    return SchemaMutant(
        name, check, reason, (f"ALTER TABLE `{table}` {change}",), table, reverted_by=tuple(changes)
    )


_alter = partial(altered, "schema")
_VIA = "FOREIGN KEY (Via) REFERENCES CachedGroupMembers (id)"
MUTANTS: tuple[SchemaMutant, ...] = (
    _alter("index-lost", "Transactions", "DROP INDEX Transactions1", "histories are read by a scan of the table"),
    _alter("index-doubled", "Tickets", "ADD INDEX again (Queue, Status)", "every write pays twice"),
    _alter(
        "index-no-longer-unique",
        "Queues",
        "DROP INDEX Queues1, ADD INDEX Queues1 (Name)",
        "nothing keeps two queues from having one name",
    ),
    _alter(
        "index-turned",
        "Groups",
        "DROP INDEX Groups1, ADD INDEX Groups1 (Instance, Name, Domain)",
        "the index no longer serves the question it was made for",
    ),
    _alter(
        "index-on-a-prefix",
        "Users",
        "DROP INDEX Users1, ADD UNIQUE INDEX Users1 (Name(20))",
        "two long names that begin alike collide",
    ),
    _alter(
        "foreign-key-doubled",
        "CachedGroupMembers",
        f"ADD {_VIA} ON DELETE CASCADE",
        "what a second run of the step leaves; the server does not mind",
    ),
    _alter(
        "foreign-key-lost",
        "CachedGroupMembers",
        "DROP FOREIGN KEY CachedGroupMembers_ibfk_1",
        "deleting a group leaves what hung on it",
    ),
    SchemaMutant(
        "foreign-key-without-cascade",
        "schema",
        "deleting a group fails",
        (
            "ALTER TABLE CachedGroupMembers DROP FOREIGN KEY CachedGroupMembers_ibfk_1",
            f"ALTER TABLE CachedGroupMembers ADD CONSTRAINT other {_VIA}",
        ),
        "CachedGroupMembers",
    ),
    _alter("column-lost", "Tickets", "DROP COLUMN TimeLeft", "a column with everything in it is gone"),
    _alter(
        "column-added",
        "Tickets",
        "ADD COLUMN Planted INT NULL",
        "a column that no release has",
        "DROP COLUMN Planted",
    ),
    _alter(
        "column-renamed",
        "Articles",
        "CHANGE Summary Abstract VARCHAR(255) NOT NULL DEFAULT ''",
        "RT does not find it",
        "DROP COLUMN Abstract",
    ),
    _alter("text-shortened", "Configurations", "MODIFY Content BLOB", "long values are refused from here on"),
    _alter(
        "length-shortened",
        "Links",
        "MODIFY Base VARCHAR(230) CHARACTER SET utf8mb4",
        "long values are cut or refused from here on",
    ),
    _alter(
        "key-narrowed",
        "Attachments",
        "MODIFY TransactionId INT NOT NULL",
        "the step that widened it did not, and the table runs full one day",
    ),
    _alter(
        "number-became-text",
        "Tickets",
        "MODIFY Priority VARCHAR(20) NOT NULL DEFAULT '0'",
        "priorities are sorted as text",
        "MODIFY Priority INT NOT NULL DEFAULT 0",
    ),
    _alter(
        "text-widened",
        "Queues",
        "MODIFY Name VARCHAR(250) CHARACTER SET utf8mb4 NOT NULL",
        "no step does so, and the site did not",
        "MODIFY Name VARCHAR(200) CHARACTER SET utf8mb4 NOT NULL",
    ),
    _alter(
        "null-allowed", "ObjectCustomFieldValues", "MODIFY ObjectId BIGINT NULL", "a value may belong to nothing"
    ),
    _alter("null-forbidden", "Shorteners", "MODIFY Created DATETIME NOT NULL", "rows without it are refused"),
    _alter("default-lost", "Tickets", "ALTER Priority DROP DEFAULT", "rows made without it are refused"),
    _alter("default-changed", "Principals", "ALTER Disabled SET DEFAULT 1", "everybody new is disabled"),
    _alter("no-longer-counting", "Topics", "MODIFY id INT NOT NULL", "the second new row is refused"),
    _alter(
        "primary-key-lost",
        "ObjectTopics",
        "MODIFY id INT NOT NULL, DROP PRIMARY KEY",
        "rows are no longer told apart",
    ),
    _alter(
        "one-table-in-another-charset",
        "ScripActions",
        "CONVERT TO CHARACTER SET latin1",
        "what an interrupted conversion leaves: most characters are refused",
    ),
    _alter(
        "one-table-in-another-collation",
        "Assets",
        "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "joins with the other tables fail",
    ),
    _alter(
        "only-the-tables-default-converted",
        "Catalogs",
        "DEFAULT CHARACTER SET latin1",
        "columns added later are of another character set",
    ),
    _alter(
        "one-column-in-another-collation",
        "Users",
        "MODIFY Name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
        "names are told apart by case, and joins fail",
    ),
    _alter("another-engine", "Topics", "ENGINE=MyISAM", "no transactions, and a dump of it is not consistent"),
    SchemaMutant("table-lost", "schema", "a table is gone", ("DROP TABLE Shorteners",), "Shorteners"),
    SchemaMutant(
        "table-from-nowhere",
        "schema",
        "a table that neither side knows",
        ("CREATE TABLE Planted (id INT PRIMARY KEY) ENGINE=InnoDB CHARACTER SET utf8mb3",),
        "Planted",
        reverted_by=("DROP TABLE Planted",),
    ),
    _alter("own-index-of-rts-lost", "Users", "DROP INDEX site_badges", "the site's own pages are read by a scan"),
    _alter("own-column-shortened", "Users", "MODIFY site_badge VARCHAR(10)", "what does not fit is gone"),
    _alter("own-wide-column-cut", "Tickets", "MODIFY Subject VARCHAR(230)", "what does not fit is gone"),
    _alter("own-index-lost", "site_phones", "DROP INDEX by_phone", "the site's own table is read by a scan"),
    _alter("full-text-lost", "site_phones", "DROP INDEX by_note", "searches in full text die"),
    _alter(
        "own-column-lost",
        "site_phones",
        "DROP COLUMN note",
        "what was in it is gone",
        "ADD COLUMN note TEXT",
        "ADD FULLTEXT INDEX by_note (note)",
    ),
    _alter("own-text-shortened", "site_phones", "MODIFY phone VARCHAR(12) NOT NULL", "numbers are cut or refused"),
    _alter(
        "own-no-longer-counting",
        "site_phones",
        "MODIFY id INT NOT NULL",
        "the second new row is refused",
        "AUTO_INCREMENT = 500",
    ),
    _alter(
        "own-check-lost",
        "site_phones",
        "DROP CONSTRAINT short",
        "what was refused is taken",
        "ADD CONSTRAINT short CHECK (LENGTH(phone) < 19)",
    ),
    _alter("check-added", "Tickets", "ADD CONSTRAINT planted CHECK (Priority < 1000)", "new rows are refused"),
    SchemaMutant(
        "trigger-added",
        "schema",
        "every new subject is cut",
        ("CREATE TRIGGER planted BEFORE INSERT ON Tickets FOR EACH ROW SET NEW.Subject = LEFT(NEW.Subject, 9)",),
        "Tickets",
        reverted_by=("DROP TRIGGER planted",),
    ),
    SchemaMutant(
        "trigger-altered",
        "schema",
        "what the site relied on is no longer done",
        (
            "DROP TRIGGER site_cleans",
            "CREATE TRIGGER site_cleans BEFORE INSERT ON site_phones FOR EACH ROW SET NEW.note = 'planted'",
        ),
        "site_phones",
        reverted_by=("DROP TRIGGER site_cleans", OWN[-1]),
    ),
    SchemaMutant(
        "trigger-lost",
        "schema",
        "what the site relied on is no longer done",
        ("DROP TRIGGER site_cleans",),
        "site_phones",
        reverted_by=(OWN[-1],),
    ),
    _alter("counter-back", "site_phones", "AUTO_INCREMENT = 400", "ids of shredded rows are given again"),
    _alter(
        "counter-at-its-end",
        "Links",
        "AUTO_INCREMENT = 2147483640",
        "seven more links can be made",
        "AUTO_INCREMENT = 1000",
    ),
    _alter("index-ignored", "Tickets", "ALTER INDEX Tickets1 IGNORED", "searches by queue are scans of the table"),
)
HARMLESS: tuple[SchemaMutant, ...] = (
    _alter("index-by-another-name", "Links", "RENAME INDEX links1 TO another", "names of indexes mean nothing"),
    _alter(
        "columns-in-another-order",
        "Tickets",
        "MODIFY TimeLeft INT NOT NULL DEFAULT 0 FIRST",
        "RT names its columns",
    ),
    _alter("counter-elsewhere", "Tickets", "AUTO_INCREMENT = 5000", "the next number is data, not structure"),
)
