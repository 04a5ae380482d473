"""Define losses that users would notice, planted into an upgraded bundled database.

Each names the section of harness.checks.meaning that must report it. They can be planted together, except for two
that the others would hide.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.harness.mutants import Mutant


@dataclass(frozen=True)
class MeaningMutant(Mutant):
    """section: where the check must find it. shows: a pattern of the text in the finding.

    apart: whether it is planted without the defects that change all users' rights.
    """

    section: str = ""
    shows: str = ""
    apart: bool = False


def _one(table: str, where: str) -> str:
    """Return a condition on the row of a table with the smallest id that `where` holds for."""
    return f"id = (SELECT * FROM (SELECT MIN(id) FROM {table} WHERE {where}) AS first)"


_GROUP_MEMBER = "GroupId IN (SELECT id FROM `Groups` WHERE Domain = 'UserDefined') AND GroupId <> MemberId"
_REQUESTOR = (
    "GroupId = (SELECT * FROM (SELECT MIN(g.id) FROM `Groups` g JOIN GroupMembers m ON m.GroupId = g.id"
    " WHERE g.Domain = 'RT::Ticket-Role' AND g.Name = 'Requestor') AS first)"
)
_DEFECTS = (
    ("subject", "tickets", r"Subject:", "a ticket's subject is another one", (
        f"UPDATE Tickets SET Subject = CONCAT(Subject, '.') WHERE {_one('Tickets', 'Id > 0')}",)),
    ("status", "tickets", r"Status: .* -> stalled", "a ticket's status is another one", (
        "UPDATE Tickets SET Status = 'stalled' WHERE Status = 'open' ORDER BY id LIMIT 1",)),
    ("merge-lost", "tickets", r"merged into:", "a merged ticket stands alone again", (
        "UPDATE Tickets SET EffectiveId = id, IsMerged = NULL WHERE EffectiveId <> id ORDER BY id LIMIT 1",)),
    ("attachment-byte", "attachments", r"Content:", "the last byte of an attachment is cut off", (
        "UPDATE Attachments SET Content = LEFT(Content, LENGTH(Content) - 4) WHERE LENGTH(Content) > 100"
        " ORDER BY id LIMIT 1",)),
    ("attachment-name", "attachments", r"Filename:", "a file has lost its name", (
        "UPDATE Attachments SET Filename = NULL WHERE Filename > '' ORDER BY id LIMIT 1",)),
    ("attachment-type", "attachments", r"ContentType:", "a file has another media type", (
        "UPDATE Attachments SET ContentType = 'application/octet-stream' WHERE ContentType = 'text/plain'"
        " ORDER BY id LIMIT 1",)),
    ("transaction-value", "transactions", r"NewValue:", "the history tells another new value", (
        "UPDATE Transactions SET NewValue = 'rejected' WHERE Type = 'Status' AND ObjectType = 'RT::Ticket'"
        " ORDER BY id LIMIT 1",)),
    ("value-disabled", "tickets", r"value \d+:", "a custom field's value is no longer shown", (
        "UPDATE ObjectCustomFieldValues SET Disabled = 1 WHERE ObjectType = 'RT::Ticket' AND Disabled = 0"
        " ORDER BY id LIMIT 1",)),
    ("value-encoded-twice", "assets", r"Name:", "text was read as Latin-1 and written as UTF-8", (
        "UPDATE Assets SET Name = CONVERT(CONVERT(CONCAT(Name, 'ü') USING utf8mb4) USING latin1)"
        " ORDER BY id LIMIT 1",)),
    ("requestor-lost", "tickets", r"people Requestor: .* -> nothing", "a ticket has lost its requestor", (
        f"DELETE FROM CachedGroupMembers WHERE MemberId <> GroupId AND {_REQUESTOR}",
        f"DELETE FROM GroupMembers WHERE {_REQUESTOR}")),
    ("role-disabled", "custom roles", r"Disabled:", "a custom role can no longer be used", (
        "UPDATE CustomRoles SET Disabled = 1 - Disabled ORDER BY id LIMIT 1",)),
    ("link-lost", "tickets", r"links:", "a link is gone", (
        "DELETE FROM Links WHERE LocalBase > 0 AND LocalTarget > 0 ORDER BY id LIMIT 1",)),
    ("search-unreadable", "searches", r"finds: .* -> unreadable", "a saved search cannot be read", (
        "UPDATE Attributes SET Content = '' WHERE Name = 'SavedSearch' ORDER BY id LIMIT 1",)),
    ("homepage-lost", "homepages", r"pane body:", "somebody gets another homepage than before", (
        "DELETE FROM Attributes WHERE Name IN ('Pref-DefaultDashboard', 'Pref-HomepageSettings')"
        " ORDER BY id LIMIT 1",)),
    ("subscription-lost", "subscriptions", r"", "a dashboard is no longer sent", (
        "DELETE FROM Attributes WHERE Name = 'Subscription' ORDER BY id LIMIT 1",)),
    ("password", "logins", r"lets in -> refused", "an old password no longer lets in", (
        "UPDATE Users SET Password = CONCAT(LEFT(Password, LENGTH(Password) - 1), '_') WHERE Name = 'bob'",)),
    ("right-lost", "rights", r"RT::Catalog-\d+:.* -AdminCatalog$", "a right is gone, and is not held otherwise", (
        "DELETE FROM ACL WHERE RightName = 'AdminCatalog' ORDER BY id DESC LIMIT 1",)),
    ("right-gained", "rights", r"\+SuperUser", "everybody may do everything", (
        "INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, Creator, LastUpdatedBy)"
        " SELECT 'Group', id, 'SuperUser', 'RT::System', 1, 1, 1 FROM `Groups`"
        " WHERE Domain = 'SystemInternal' AND Name = 'Unprivileged'",)),
    ("member-lost", "groups", r"members:", "somebody is no longer in a group", (
        f"DELETE FROM GroupMembers WHERE {_one('GroupMembers', _GROUP_MEMBER)}",)),
    ("scrip-disabled", "scrips", r"Disabled:", "a scrip no longer runs", (
        "UPDATE Scrips SET Disabled = 1 WHERE Disabled = 0 ORDER BY id LIMIT 1",)),
    ("template-changed", "templates", r"Content:", "a mail has another text", (
        "UPDATE Templates SET Content = CONCAT(Content, '!') ORDER BY id LIMIT 1",)),
    ("article-moved", "articles", r"Class:", "an article is in another class", (
        "UPDATE Articles SET Class = Class + 1 ORDER BY id LIMIT 1",)),
    ("asset-status", "assets", r"Status:", "an asset's status is another one", (
        "UPDATE Assets SET Status = 'stolen' ORDER BY id DESC LIMIT 1",)),
    ("user-disabled", "users", r"disabled: 0 -> 1", "somebody can no longer log in", (
        "UPDATE Principals SET Disabled = 1 WHERE id = (SELECT id FROM Users WHERE Name = 'erin')",)),
    ("lifecycle", "queues", r"Lifecycle:", "a queue follows another lifecycle", (
        "UPDATE Queues SET Lifecycle = 'approvals' WHERE Lifecycle = 'default' ORDER BY id DESC LIMIT 1",)),
    ("dashboard-from-nowhere", "dashboards", r"are new", "one appears that no step makes", (
        "INSERT INTO Attributes (Name, Description, Content, ContentType, ObjectType, ObjectId, Creator,"
        " LastUpdatedBy) SELECT Name, 'Another', Content, ContentType, ObjectType, ObjectId, 1, 1 FROM Attributes"
        " WHERE Name = 'Dashboard' AND Description = 'Homepage' ORDER BY id LIMIT 1",)),
    ("template-from-nowhere", "templates", r"are new", "one appears that no step brings", (
        "INSERT INTO Templates (Queue, Name, Type, Content, Creator, LastUpdatedBy)"
        " VALUES (0, 'From nowhere', 'Perl', 'Hello', 1, 1)",)),
    ("grant-too-wide", "rights", r"System-1: \+ShowSearchAdvanced$", "what a step grants, granted to others", (
        "INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, Creator, LastUpdatedBy)"
        " SELECT 'Group', id, 'ShowSearchAdvanced', 'RT::System', 1, 1, 1 FROM `Groups`"
        " WHERE Domain = 'SystemInternal' AND Name = 'Unprivileged'",)),
    ("scrip-code", "code", r"^ *scrip \d+$", "a scrip's Perl is none to this release", (
        "UPDATE Scrips SET CustomPrepareCode = 'use Gone::Since; 1' WHERE Disabled = 0 ORDER BY id LIMIT 1",)),
    ("action-module", "code", r"the action of \d+ scrips", "the module of an action is gone", (
        "UPDATE ScripActions SET ExecModule = 'GoneSince' WHERE ExecModule = 'Notify' ORDER BY id LIMIT 1",)),
    ("template-code", "code", r"^ *template \d+$", "the Perl in a template is none to this release", (
        "UPDATE Templates SET Content = CONCAT(Content, '{use Gone::Since; 1}') WHERE Type = 'Perl' AND Queue = 0"
        " ORDER BY id LIMIT 1",)),
    ("transaction-field", "transactions", r"value \d+:", "what came with an answer is another text", (
        "UPDATE ObjectCustomFieldValues SET Content = CONCAT(Content, '.') WHERE ObjectType = 'RT::Transaction'"
        " AND Disabled = 0 AND Content > '' ORDER BY id LIMIT 1",)),
    ("fields-swapped", "order of fields", r"fields:", "a ticket's first field has become the last", (
        "UPDATE ObjectCustomFields SET SortOrder = SortOrder + 1000 WHERE CustomField IN"
        " (SELECT id FROM CustomFields WHERE LookupType = 'RT::Queue-RT::Ticket') ORDER BY SortOrder LIMIT 1",)),
    ("class-not-offered", "classes", r"offered in: .* -> nothing", "a class is no longer offered in a queue", (
        "DELETE FROM ObjectClasses WHERE ObjectType = 'RT::Queue' ORDER BY id LIMIT 1",)),
    ("role-removed", "custom roles", r"added to:", "a queue no longer has a custom role", (
        "DELETE FROM ObjectCustomRoles ORDER BY id LIMIT 1",)),
    ("preference-lost", "preferences", r"SummaryRows: .* -> nothing", "a user's setting is lost", (
        "UPDATE Attributes SET Name = 'Pref-SummaryRowsOnce' WHERE Name = 'Pref-SummaryRows'",)),
    ("preferences-unreadable", "preferences", r"RT::System-N", "a user's settings cannot be read", (
        "UPDATE Attributes SET Content = '' WHERE Name = 'Pref-RT::System-1' ORDER BY id DESC LIMIT 1",)),
    ("field-choices", "custom fields", r"values:", "a choice of a custom field is gone", (
        "DELETE FROM CustomFieldValues ORDER BY id LIMIT 1",)),
)  # fmt: skip
APART = ("right-lost", "grant-too-wide")
MUTANTS = tuple(
    MeaningMutant(name, "meaning", reason, statements, section, shows, name in APART)
    for name, section, shows, reason, statements in _DEFECTS
)
