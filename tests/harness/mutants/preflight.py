"""Define conditions that make an upgrade fail or lose data, planted into an old database before it.

They can be planted one after the other into one database of a release before the steps in question.
"""

from __future__ import annotations

from tests.harness.mutants import Mutant

_ATTACHMENT = (
    "INSERT INTO Attachments (TransactionId, Parent, Creator, Content) VALUES (1, 0, 1, REPEAT('x', 20000000))"
)
_OLDER = "CONVERT TO CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci"  # as an older server's dump has it
_SPELT = ("'Masse'", "CONVERT(0x4D61C39F65 USING utf8mb3)")  # the same in the newest collations alone
_RIGHT = "INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, Creator, LastUpdatedBy)"
_USER = "INSERT INTO Users (Name, Creator, LastUpdatedBy) VALUES"
_DEFECTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "orphan-via",
        "a foreign key that a later step adds is refused",
        ("UPDATE CachedGroupMembers SET Via = 999999 WHERE Via = id ORDER BY id DESC LIMIT 1",),
    ),
    (
        "colliding-users",
        "two names are one under the newer collation: the conversion stops half way",
        (
            f"ALTER TABLE Users {_OLDER}",
            f"{_USER} ('strasse', 1, 1), (CONVERT(0x73747261C39F65 USING utf8mb3), 1, 1)",
        ),
    ),
    (
        "colliding-queues",
        "two names are one under the newer collation",
        (
            f"ALTER TABLE Queues {_OLDER}",
            "INSERT INTO Queues (Name, Creator, LastUpdatedBy) VALUES ('Strasse', 1, 1),"
            " (CONVERT(0x53747261C39F65 USING utf8mb3), 1, 1)",
        ),
    ),
    (
        "one-template",
        "RT loads templates by name, and no index keeps two apart that become one: a scrip sends the other one",
        (
            f"ALTER TABLE Templates {_OLDER}",
            f"INSERT INTO Templates (Queue, Name, Content) VALUES (0, {_SPELT[0]}, 'a'), (0, {_SPELT[1]}, 'b')",
        ),
    ),
    (
        "one-field",
        "a scrip asks for a custom field by its name, and gets another one",
        (
            f"ALTER TABLE CustomFields {_OLDER}",
            f"INSERT INTO CustomFields (Name, LookupType) VALUES ({_SPELT[0]}, 'RT::Queue-RT::Ticket'),"
            f" ({_SPELT[1]}, 'RT::Queue-RT::Ticket')",
            f"INSERT INTO ObjectCustomFields (CustomField, ObjectId) SELECT id, 0 FROM CustomFields"
            f" WHERE Name IN ({_SPELT[0]}, {_SPELT[1]})",
        ),
    ),
    (
        "one-group",
        "a group is loaded by its name, and another one is found",
        (
            f"ALTER TABLE `Groups` {_OLDER}",
            f"INSERT INTO `Groups` (Name, Domain) VALUES ({_SPELT[0]}, 'UserDefined'),"
            f" ({_SPELT[1]}, 'UserDefined')",
        ),
    ),
    (
        "one-address",
        "a mail belongs to another user than it did",
        (
            f"ALTER TABLE Users {_OLDER}",
            f"{_USER} ('first', 1, 1), ('second', 1, 1)",
            f"UPDATE Users SET EmailAddress = CONCAT({_SPELT[0]}, '@example.com') WHERE Name = 'first'",
            f"UPDATE Users SET EmailAddress = CONCAT({_SPELT[1]}, '@example.com') WHERE Name = 'second'",
        ),
    ),
    (
        "compact",
        "a row format of long ago, in which the converted table's index is too long: the conversion stops",
        ("ALTER TABLE Queues ROW_FORMAT = COMPACT",),
    ),
    (
        "redundant",
        "the same of an index that is not unique",
        ("ALTER TABLE Attachments ROW_FORMAT = REDUNDANT",),
    ),
    (
        "right-of-nobody",
        "a step grants rights to a group that somebody has deleted by SQL, and logs errors",
        (f"{_RIGHT} SELECT 'Group', 999999, 'ModifySelf', 'RT::System', 1, 1, 1",),
    ),
    (
        "right-on-nothing",
        "and on a queue that is gone",
        (f"{_RIGHT} SELECT 'Group', MIN(id), 'ModifySelf', 'RT::Queue', 999999, 1, 1 FROM `Groups`",),
    ),
    (
        "right-of-a-strange-class",
        "and on what an extension has brought that is gone: the step dies, and others get nothing",
        (f"{_RIGHT} SELECT 'Group', MIN(id), 'ModifySelf', 'RTx::Gone', 1, 1, 1 FROM `Groups`",),
    ),
    ("myisam", "RT refuses other engines, after the upgrade", ("ALTER TABLE Topics ENGINE = MyISAM",)),
    (
        "latin1",
        "text in another character set than RT writes",
        ("ALTER TABLE ObjectTopics CONVERT TO CHARACTER SET latin1",),
    ),
    (
        "half-converted",
        "the conversion stopped half way",
        ("ALTER TABLE ObjectClasses CONVERT TO CHARACTER SET utf8mb4",),
    ),
    (
        "lower-case",
        "a dump that went through a server without capitals in names",
        ("RENAME TABLE Articles TO articles",),
    ),
    (
        "zero-date",
        "a strict server refuses the row when it rebuilds the table",
        (
            "SET STATEMENT sql_mode = '' FOR"
            " INSERT INTO Tickets (Queue, EffectiveId, Due) VALUES (1, 1, '0000-00-00')",
        ),
    ),
    (
        "circle",
        "RT follows merges without an end: whoever opens the ticket takes a process and all memory",
        ("INSERT INTO Tickets (id, Queue, EffectiveId) VALUES (801, 1, 803), (802, 1, 801), (803, 1, 802)",),
    ),
    ("packet", "a value that no packet holds can be neither dumped nor restored", (_ATTACHMENT,)),
    (
        "key-there",
        "a second run over the step adds the same key again",
        (
            "UPDATE CachedGroupMembers SET Via = id",
            "ALTER TABLE CachedGroupMembers ADD FOREIGN KEY (Via)"
            " REFERENCES CachedGroupMembers (id) ON DELETE CASCADE",
        ),
    ),
    (
        "table-there",
        "a backup was restored over an upgraded database: the step that makes the table dies",
        ("CREATE TABLE Configurations (id INT PRIMARY KEY)",),
    ),
    (
        "column-there",
        "somebody added by hand what the step adds: it dies",
        ("ALTER TABLE CustomRoles ADD COLUMN LookupType VARCHAR(255)",),
    ),
    (
        "queue-lifecycle",
        "RT cannot read a ticket whose lifecycle no configuration brings along",
        ("UPDATE Queues SET Lifecycle = 'equipment' WHERE Name = 'General'",),
    ),
    ("catalog-lifecycle", "nor an asset", ("UPDATE Catalogs SET Lifecycle = 'rooms' ORDER BY id LIMIT 1",)),
)
MUTANTS = tuple(Mutant(name, "preflight", reason, statements) for name, reason, statements in _DEFECTS)
SERVER = {
    "zero-date": "SET GLOBAL sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE'",
    "packet": "SET GLOBAL max_allowed_packet = 16777216",
}
"""Settings of the server (set as root, after the mutant's own rows are in) that make it a defect."""
