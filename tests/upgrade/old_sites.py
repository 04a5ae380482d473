"""Make a dump of RT 4.4 look like one of 4.2."""

from __future__ import annotations

from tests.harness.mutants.planting import by_sql

# Undo the changes of the steps from 4.3.1 to 4.4.2 to the tables; without the data that only later releases have.
_NEW_ROLES = "g.Domain LIKE 'RT::Asset%' OR g.Domain LIKE 'RT::Catalog%'"
_SLA = "JOIN ScripActions a ON a.id = s.ScripAction WHERE a.ExecModule LIKE 'SLA%'"
AS_OF_4_2 = (
    "ALTER TABLE CustomFields DROP COLUMN UniqueValues, DROP COLUMN CanonicalizeClass, DROP COLUMN EntryHint",
    "ALTER TABLE Queues DROP COLUMN SortOrder, DROP COLUMN SLADisabled, ADD COLUMN InitialPriority INT NOT NULL"
    " DEFAULT 0, ADD COLUMN FinalPriority INT NOT NULL DEFAULT 0, ADD COLUMN DefaultDueIn INT NOT NULL DEFAULT 0",
    "UPDATE Queues SET DefaultDueIn = 3 WHERE Name = 'General'",
    "ALTER TABLE Articles DROP COLUMN Disabled",
    "ALTER TABLE Tickets DROP COLUMN SLA, ADD COLUMN IssueStatement INT NOT NULL DEFAULT 0,"
    " ADD COLUMN Resolution INT NOT NULL DEFAULT 0, ADD COLUMN Disabled SMALLINT NOT NULL DEFAULT 0",
    "ALTER TABLE Users ADD COLUMN EmailEncoding VARCHAR(16), ADD COLUMN WebEncoding VARCHAR(16),"
    " ADD COLUMN ExternalContactInfoId VARCHAR(100), ADD COLUMN ContactInfoSystem VARCHAR(30),"
    " ADD COLUMN ExternalAuthId VARCHAR(100), ADD COLUMN AuthSystem VARCHAR(30), ADD COLUMN PGPKey TEXT",
    "ALTER TABLE Principals ADD COLUMN ObjectId INT, ADD INDEX Principals2 (ObjectId)",
    "ALTER TABLE `Groups` ADD COLUMN Type VARCHAR(64), ADD INDEX Groups4 (Domain, Type, Instance)",
    "DELETE m FROM CachedGroupMembers m JOIN `Groups` g ON g.id IN (m.GroupId, m.ImmediateParentId, m.MemberId)"
    f" WHERE {_NEW_ROLES}",
    f"DELETE m FROM GroupMembers m JOIN `Groups` g ON g.id = m.GroupId WHERE {_NEW_ROLES}",
    f"DELETE p FROM Principals p JOIN `Groups` g ON g.id = p.id WHERE {_NEW_ROLES}",
    f"DELETE g FROM `Groups` g WHERE {_NEW_ROLES}",
    "DROP TABLE Assets, Catalogs, CustomRoles, ObjectCustomRoles",
    f"DELETE o FROM ObjectScrips o JOIN Scrips s ON s.id = o.Scrip {_SLA}",
    f"DELETE s FROM Scrips s {_SLA}",
    "DELETE FROM ScripActions WHERE ExecModule LIKE 'SLA%'",
    "DELETE FROM ScripConditions WHERE ExecModule LIKE 'SLA%'",
    "DELETE FROM ScripConditions WHERE ExecModule IN ('TimeWorkedChange', 'ViaInterface')",
    # Steps create fields and recipients of their own from these.
    "UPDATE CustomFieldValues SET Category = NULL",
    "DELETE FROM Attributes WHERE Name = 'Subscription'",
)
_OF_HASTY = "ObjectId = (SELECT id FROM Users WHERE Name = 'hasty')"
_FIRST_SHOWN = f"Name = 'Pref-DefaultDashboard' AND ObjectType = 'RT::User' AND {_OF_HASTY}"
HOMEPAGES = [
    by_sql("rows", name, "Attributes", reason, statement)
    for name, reason, statement in (
        ("choice-lost", "neither of the two dashboards is shown", f"DELETE FROM Attributes WHERE {_FIRST_SHOWN}"),
        (
            "choice-of-another",
            "somebody sees a dashboard of another",
            "UPDATE Attributes SET Content = (SELECT * FROM (SELECT MIN(id) FROM Attributes WHERE"
            f" Name = 'Dashboard') AS first) WHERE {_FIRST_SHOWN}",
        ),
        (
            "choice-doubled",
            "the step makes one choice, however many homepages there were",
            "INSERT INTO Attributes (Name, Description, Content, ContentType, ObjectType, ObjectId, Creator,"
            " Created, LastUpdatedBy, LastUpdated) SELECT Name, Description, Content, ContentType, ObjectType,"
            f" ObjectId, Creator, Created, LastUpdatedBy, LastUpdated FROM Attributes WHERE {_FIRST_SHOWN}",
        ),
        (
            "dashboard-lost",
            "one of the two homepages became nothing",
            f"DELETE FROM Attributes WHERE Name = 'Dashboard' AND {_OF_HASTY} LIMIT 1",
        ),
    )
]
"""Defects in the conversion of two homepages of one user, called hasty."""
