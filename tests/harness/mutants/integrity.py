"""Define defects that rt-validator finds, planted into a real database after its upgrade."""

from __future__ import annotations

from tests.harness.mutants import Mutant

_DEFECTS = (
    (
        "orphan-via",
        "an orphan Via keeps a later upgrade from adding its foreign key",
        ("SET foreign_key_checks = 0; UPDATE CachedGroupMembers SET Via = 999999 ORDER BY id DESC LIMIT 1"),
    ),
    (
        "member-not-cached",
        "a member whose cached membership is gone has lost its rights",
        (
            "SET foreign_key_checks = 0; DELETE FROM CachedGroupMembers WHERE id = (SELECT * FROM (SELECT"
            " MAX(c.id) FROM CachedGroupMembers c JOIN GroupMembers m USING (GroupId, MemberId)"
            " WHERE c.GroupId <> c.MemberId) AS last)"
        ),
    ),
    (
        "unknown-creator",
        "a transaction of nobody",
        ("UPDATE Transactions SET Creator = 999999 ORDER BY id DESC LIMIT 1"),
    ),
    (
        "user-without-principal",
        "a user without a principal cannot be given rights",
        ("DELETE FROM Principals WHERE id = (SELECT id FROM Users WHERE Name = 'Nobody')"),
    ),
    (
        "scrip-without-template",
        "a scrip whose template is gone sends nothing",
        ("UPDATE Scrips SET Template = 'No such template' ORDER BY id DESC LIMIT 1"),
    ),
    (
        "attribute-of-nobody",
        "an attribute of an object that is gone",
        (
            "INSERT INTO Attributes (Name, Content, ObjectType, ObjectId, Creator, LastUpdatedBy)"
            " VALUES ('Bookmarks', '', 'RT::User', 999999, 1, 1)"
        ),
    ),
    (
        "transaction-of-nothing",
        "a transaction of an object that is gone",
        (
            "UPDATE Transactions SET ObjectId = 999999 WHERE ObjectType IN ('RT::User', 'RT::Group')"
            " ORDER BY id DESC LIMIT 1"
        ),
    ),
)
MUTANTS = tuple(
    Mutant(name, "integrity", reason, tuple(statements.split("; "))) for name, reason, statements in _DEFECTS
)
