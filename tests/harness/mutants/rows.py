"""Define defects in rows, planted after a good upgrade: rows lost, doubled, or altered in the smallest way.

Each changes one table, so that one upgraded database serves them all: `planting.planted` restores the table.
"""

from __future__ import annotations

from functools import partial

from tests.harness.mutants.planting import LAST, RowMutant, by_sql, frozen

_sql = partial(by_sql, "rows")
_frozen = partial(frozen, "rows")


def _set(name: str, table: str, change: str, reason: str, where: str = "1") -> RowMutant:
    """Return a mutant that changes the last row that meets `where`."""
    return _sql(name, table, reason, f"UPDATE `{table}` SET {change} WHERE {where} {LAST}")


def _lose(name: str, table: str, reason: str, where: str = "1") -> RowMutant:
    """Return a mutant that deletes the last row that meets `where`."""
    return _sql(name, table, reason, f"DELETE FROM `{table}` WHERE {where} {LAST}")


_BOARD = "Name = 'Dashboard' AND Description = 'Homepage' AND ObjectType = 'RT::System'"
_TEXT = "ContentType LIKE 'text/%' AND LENGTH(Content) > 20"
_UMLAUT = "ContentType LIKE 'text/%' AND (HEX(Content) LIKE '%C3BC%' OR HEX(Content) LIKE '%C3A9%')"
_STAMPS = "Creator, Created, LastUpdatedBy, LastUpdated"
_GRANT = f"INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, {_STAMPS})"
_NOW = "1, UTC_TIMESTAMP(), 1, UTC_TIMESTAMP()"
_MEMBERSHIP = "GroupId, MemberId, Via, ImmediateParentId, Disabled"

LOST = (
    _lose("ticket-lost", "Tickets", "a ticket is gone"),
    _lose("transaction-lost", "Transactions", "an entry of a history is gone", "ObjectType = 'RT::Ticket'"),
    _lose("link-missing", "Links", "a dashboard no longer depends on a search in it", "Base LIKE 'attribute:%'"),
    _lose("dependency-lost", "Links", "a ticket no longer depends on another one",
          "Type = 'DependsOn' AND Base NOT LIKE 'attribute:%'"),
    _lose("homepage-choice-missing", "Attributes", "a homepage became a dashboard that is never shown",
          "Name = 'DefaultDashboard'"),
    _sql("right-lost", "ACL", "a right that was there before is gone", "DELETE FROM ACL ORDER BY id LIMIT 1"),
    _lose("right-missing", "ACL", "a right that the step grants", "RightName = 'ShowSearchBulkUpdate'"),
    _lose("new-action-missing", "ScripActions", "the action that a step brings",
          "ExecModule = 'ClearCustomFieldValues'"),
    _lose("grant-not-recorded", "Transactions", "the record of a right granted", "Type = 'GrantRight'"),
    _lose("edit-not-recorded", "Transactions", "the record of a search that a step edited",
          "ObjectType = 'RT::Attribute' AND Type = 'Set'"),
    _lose("copy-of-search-missing", "Attributes", "the copy of a search that a step edited",
          "Name = 'ContentHistory'"),
    _lose("users-homepage-missing", "Attributes", "somebody's homepage became a dashboard that is never shown",
          "Name = 'Pref-DefaultDashboard'"),
    _sql("table-emptied", "Articles", "every row of a table is gone", "DELETE FROM Articles"),
)  # fmt: skip
ADDED = (
    _sql("member-doubled", "CachedGroupMembers", "a membership is there twice",
         f"INSERT INTO CachedGroupMembers ({_MEMBERSHIP}) SELECT {_MEMBERSHIP} FROM CachedGroupMembers LIMIT 1"),
    _sql("transaction-added", "Transactions", "an entry of a history that nobody made",
         "INSERT INTO Transactions (ObjectType, ObjectId, Type, Creator, Created)"
         " SELECT ObjectType, ObjectId, 'Correspond', Creator, Created FROM Transactions"
         " WHERE ObjectType = 'RT::Ticket' LIMIT 1"),
    _sql("right-no-steps", "ACL", "a right that no step grants",
         f"{_GRANT} SELECT 'Group', id, 'SuperUser', 'RT::System', 1, {_NOW} FROM `Groups`"
         " WHERE Name = 'Everyone'"),
    _sql("right-of-another", "ACL", "a right that a step grants, to somebody it does not",
         f"{_GRANT} SELECT 'Group', id, 'ShowSearchAdvanced', 'RT::System', 1, {_NOW} FROM `Groups`"
         " WHERE Name = 'Unprivileged'"),
    _sql("right-doubled", "ACL", "a right that a step grants, twice",
         f"{_GRANT} SELECT PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, {_STAMPS} FROM ACL"
         " WHERE RightName = 'ShowSearchAdvanced'"),
    _sql("new-column-empty", "CustomRoles", "a row came after the step had filled its new column",
         "INSERT INTO CustomRoles (Name, LookupType) VALUES ('planted', NULL)"),
)  # fmt: skip
ALTERED = (
    _set("subject-one-letter", "Tickets", "Subject = CONCAT('#', SUBSTRING(Subject, 2))",
         "one letter is another one", "Subject <> ''"),
    _set("subject-case", "Tickets", "Subject = UPPER(Subject)", "the server would call the two equal",
         "BINARY Subject <> BINARY UPPER(Subject)"),
    _set("subject-trailing-space", "Tickets", "Subject = CONCAT(Subject, ' ')", "the server calls the two equal"),
    _set("attachment-one-byte", "Attachments",
         "Content = CONCAT(LEFT(Content, 10), CHAR(ASCII(SUBSTRING(Content, 11, 1)) ^ 1), SUBSTRING(Content, 12))",
         "one byte in the middle of a file", _TEXT),
    _set("attachment-cut", "Attachments", "Content = LEFT(Content, LENGTH(Content) - 1)",
         "the end of a file is gone, as from too small a column", _TEXT),
    _set("attachment-read-as-latin1", "Attachments",
         "Content = CAST(CONVERT(CONVERT(Content USING latin1) USING utf8mb4) AS BINARY)",
         "UTF-8 that was read as Latin-1 and written again", _UMLAUT),
    _set("null-for-empty", "Users", "Organization = IF(Organization IS NULL, '', NULL)",
         "NULL is not the empty text"),
    _sql("two-values-swapped", "Tickets", "two subjects of one length changed places: sums and counts stay",
         "SELECT @one := a.id, @two := b.id, @first := a.Subject, @second := b.Subject"
         " FROM Tickets a JOIN Tickets b ON a.id < b.id AND a.Subject <> b.Subject"
         " AND LENGTH(a.Subject) = LENGTH(b.Subject) LIMIT 1",
         "UPDATE Tickets SET Subject = IF(id = @one, @second, @first) WHERE id IN (@one, @two)"),
    _sql("members-swapped", "GroupMembers", "two memberships changed people: the column's sum stays",
         "UPDATE GroupMembers SET MemberId = MemberId + 1 ORDER BY id DESC LIMIT 1",
         "UPDATE GroupMembers SET MemberId = MemberId - 1 ORDER BY id LIMIT 1"),
    _set("time-one-second", "Tickets", "LastUpdated = LastUpdated + INTERVAL 1 SECOND",
         "a time is one second off, as from a change of zone or precision"),
    _set("time-never-set", "Tickets", "Due = IF(Due IS NULL, '1970-01-01 00:00:00', NULL)",
         "a time that was never set became one"),
    _set("password-cut", "Users", "Password = LEFT(Password, LENGTH(Password) - 1)",
         "its owner cannot log in", "Name = 'root'"),
    _set("merge-undone", "Tickets", "EffectiveId = id", "a merged ticket is one of its own", "EffectiveId <> id"),
    _set("scrip-disabled", "Scrips", "Disabled = 1", "a scrip no longer runs", "Disabled = 0"),
    _set("field-value-moved", "ObjectCustomFieldValues", "CustomField = CustomField + 1",
         "a value belongs to another field"),
    _set("condition-altered", "ScripConditions", "Argument = 'X'", "a condition no longer does what it says"),
    _set("new-template-altered", "Templates", "Content = CONCAT(Content, ' ')",
         "the text that a step brings is another one"),
    _set("category-not-cleared", "CustomFieldValues", "Category = ''",
         "the step that makes an empty category NULL left one", "Category IS NULL"),
    _set("link-of-another-kind", "Links", "Type = IF(Type = 'RefersTo', 'DependsOn', 'RefersTo')",
         "a link means something else", "LocalBase > 0 AND LocalTarget > 0"),
    _set("search-stamped", "Attributes",
         "LastUpdatedBy = 1, LastUpdated = (SELECT at FROM (SELECT MAX(LastUpdated) AS at FROM Attributes"
         " WHERE Name = 'UpgradeHistory') AS ended)",
         "a search that no step edits looks edited: who had changed it last, and when, is gone",
         "Name = 'SavedSearch' AND LastUpdatedBy <> 1"),
    _set("attribute-renamed", "Attributes", "Name = CONCAT(Name, 'x')", "an option that RT no longer finds",
         "Name LIKE 'Pref-%'"),
)  # fmt: skip
FROZEN = (
    _frozen("portlet-lost", _BOARD, "pop @{ $value->{Panes}{body} };", "a portlet of the homepage is gone"),
    _frozen("portlets-reordered", _BOARD, "my $pane = $value->{Panes}{body}; @$pane = reverse @$pane;",
            "the portlets of the homepage changed places"),
    _frozen("portlet-of-another-search", _BOARD,
            "my ($one) = grep { $_->{id} } @{ $value->{Panes}{body} }; $one->{id}++;",
            "a portlet shows another search"),
    _frozen("search-altered", "Name = 'SavedSearch'", "$value->{Query} .= ' AND id > 0';",
            "a saved search finds other tickets"),
    _frozen("search-order-altered", "Name = 'SavedSearch' AND LastUpdatedBy = 1",
            "$value->{Order} = ($value->{Order} // '') eq 'DESC' ? 'ASC' : 'DESC';",
            "a saved search that the step edits is also sorted the other way"),
    _frozen("subscription-altered", "Name = 'Subscription'", "$value->{Hour} = '03:00';",
            "somebody's mail comes at another hour"),
    _frozen("history-shortened", "Name = 'UpgradeHistory'", "shift @{ $value->{RT} };",
            "the upgrade history lost its first entry"),
    _frozen("reports-menu-altered", "Name = 'ReportsInMenu'", "pop @$value;",
            "the menu of reports is not what the steps make it"),
)  # fmt: skip
MUTANTS: tuple[RowMutant, ...] = (*LOST, *ADDED, *ALTERED, *FROZEN)
HARMLESS: tuple[RowMutant, ...] = (
    _frozen("frozen-anew", "Name = 'SavedSearch'",
            "$value = { map { $_ => $value->{$_} } reverse sort keys %$value };",
            "the same content in other bytes: Perl freezes keys in any order"),
    _sql("session-begun", "sessions", "sessions come and go",
         "INSERT INTO sessions (id, a_session) VALUES ('planted', 'x')"),
)  # fmt: skip
