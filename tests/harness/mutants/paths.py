"""Define defects that one of two upgrade paths could leave, planted into the database upgraded step by step."""

from __future__ import annotations

from functools import partial

from tests.harness.mutants import rows
from tests.harness.mutants.planting import LAST, LINK, RowMutant, by_sql, frozen
from tests.harness.mutants.schema import SchemaMutant, altered

_sql = partial(by_sql, "paths")
_frozen = partial(frozen, "paths")
_alter = partial(altered, "paths")
_STEP = "$_->{type} and $_->{type} eq 'individual upgrade' and $_->{to} =~ /^5[.]0[.]5/"
_GRANT = (
    "INSERT INTO Transactions (ObjectType, ObjectId, Type, Field, NewValue, Data, TimeTaken, Creator, Created)"
    " SELECT 'RT::System', 1, 'GrantRight', 4, '{right}', '', 0, 1, MAX(Created) FROM ACL"
)
ROWS = (
    _sql("ticket-lost", "Tickets", "a ticket did not survive one of the upgrades", f"DELETE FROM Tickets {LAST}"),
    _sql(
        "subject-one-letter",
        "Tickets",
        "one letter is another one on one way",
        f"UPDATE Tickets SET Subject = CONCAT('#', SUBSTRING(Subject, 2)) WHERE Subject <> '' {LAST}",
    ),
    _sql(
        "category-not-cleared",
        "CustomFieldValues",
        "a step ran on one way only",
        f"UPDATE CustomFieldValues SET Category = '' WHERE Category IS NULL {LAST}",
    ),
    _sql(
        "right-missing",
        "ACL",
        "a right that a step grants on the direct way only",
        "DELETE FROM ACL WHERE RightName = 'DeleteOwnDashboard' LIMIT 1",
    ),
    _sql(
        "right-twice",
        "ACL",
        "a right that two upgrades of one way have granted each",
        "INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, Creator, Created)"
        " SELECT PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, Creator, Created FROM ACL"
        f" WHERE RightName = 'DeleteOwnDashboard' {LAST}",
    ),
    _sql(
        "right-of-another",
        "ACL",
        "a right granted to somebody else on one way",
        f"UPDATE ACL SET PrincipalId = PrincipalId + 1 WHERE RightName = 'ShowSearchAdvanced' {LAST}",
    ),
    _sql(
        "grant-recorded-twice",
        "Transactions",
        "both upgrades of one way say that they granted it",
        *[_GRANT.format(right="ShowSearchAdvanced")] * 2,
    ),
    _sql(
        "grant-of-nothing",
        "Transactions",
        "the record of a right that nobody has",
        _GRANT.format(right="SuperUser"),
    ),
    _sql(
        "edit-not-recorded",
        "Transactions",
        "the record of a search that a step edited",
        f"DELETE FROM Transactions WHERE ObjectType = 'RT::Attribute' {LAST}",
    ),
    _sql(
        "edit-of-another-search",
        "Transactions",
        "records may have other numbers, not other content",
        f"UPDATE Transactions SET ObjectId = ObjectId + 1 WHERE ObjectType = 'RT::Attribute' {LAST}",
    ),
    _sql(
        "old-record-renumbered",
        "Transactions",
        "only what the way has made may have other numbers",
        "UPDATE Transactions SET id = id + 1000000 WHERE ObjectType = 'RT::Ticket' ORDER BY id LIMIT 1",
    ),
    _sql(
        "old-stamp-touched",
        "Groups",
        "a stamp from before the upgrade is another one",
        f"UPDATE `Groups` SET LastUpdated = LastUpdated - INTERVAL 1 DAY WHERE LastUpdated IS NOT NULL {LAST}",
    ),
    _sql(
        "stamp-after-the-way",
        "Templates",
        "somebody else wrote to one of the two",
        f"UPDATE Templates SET LastUpdated = LastUpdated + INTERVAL 1 DAY {LAST}",
    ),
    _sql(
        "link-twice",
        "Links",
        "each upgrade of one way has made it",
        f"INSERT INTO Links ({LINK}) SELECT {LINK} FROM Links {LAST}",
    ),
    _sql(
        "link-to-another",
        "Links",
        "links may be in another order, not lead elsewhere",
        f"UPDATE Links SET Target = CONCAT(Target, '0') WHERE Base LIKE 'attribute:%' {LAST}",
    ),
    _sql(
        "template-altered",
        "Templates",
        "a release on the way brings another text",
        f"UPDATE Templates SET Content = CONCAT(Content, ' ') {LAST}",
    ),
    _sql("table-emptied", "Articles", "every row of a table is gone", "DELETE FROM Articles"),
)
FROZEN = (
    _frozen(
        "search-altered",
        "Name = 'SavedSearch'",
        "$value->{Query} .= ' AND id > 0';",
        "a saved search finds other tickets after one way",
    ),
    _frozen(
        "portlet-lost",
        "Name = 'Dashboard' AND Description = 'Homepage' AND ObjectType = 'RT::System'",
        "pop @{ $value->{Panes}{body} };",
        "a homepage lost a part on one way",
    ),
    _frozen(
        "step-not-recorded",
        "Name = 'UpgradeHistory'",
        f"$value->{{RT}} = [ grep {{ not({_STEP}) }} @{{ $value->{{RT}} }} ];",
        "a step is missing on one way",
    ),
    _frozen(
        "step-never-ended",
        "Name = 'UpgradeHistory'",
        f"my ($it) = grep {{ {_STEP} }} @{{ $value->{{RT}} }};"
        " $value->{RT} = [ grep { $_->{stage} ne 'after' or $_->{individual_id} ne $it->{individual_id} }"
        " @{ $value->{RT} } ];"
        " $value->{RT} = [ grep { ($_->{type} // '') ne 'full upgrade' } @{ $value->{RT} } ];",
        "a step of one way began and did not end",
    ),
    _frozen(
        "early-history-lost",
        "Name = 'UpgradeHistory'",
        "shift @{ $value->{RT} };",
        "what was told before the way is gone after one",
    ),
)
ON_THE_DIRECT_WAY: tuple[RowMutant, ...] = (
    _sql(
        "record-of-nothing",
        "Transactions",
        "the record of a right that nobody has",
        _GRANT.format(right="SuperUser"),
    ),
    _sql(
        "record-twice",
        "Transactions",
        "one right may have one record more, not two",
        *[_GRANT.format(right="ShowSearchAdvanced")] * 2,
    ),
)
MUTANTS: tuple[RowMutant, ...] = (*ROWS, *FROZEN)
STRUCTURES: tuple[SchemaMutant, ...] = (
    _alter("index-lost", "Transactions", "DROP INDEX Transactions1", "an index did not survive one way"),
    _alter("key-narrow", "Attachments", "MODIFY TransactionId INT NOT NULL", "a step did less on one way"),
    _alter(
        "key-twice",
        "CachedGroupMembers",
        "ADD FOREIGN KEY (Via) REFERENCES CachedGroupMembers (id) ON DELETE CASCADE",
        "two upgrades of one way have added it",
    ),
    _alter(
        "another-collation",
        "Catalogs",
        "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "a table was converted otherwise on one way",
    ),
    SchemaMutant(
        "table-left-over",
        "paths",
        "a table that one way made and did not remove",
        ("CREATE TABLE Leftover (id INT PRIMARY KEY) ENGINE=InnoDB",),
        "Leftover",
    ),
)
HARMLESS: tuple[RowMutant, ...] = (
    *rows.HARMLESS,
    _sql(
        "new-record-renumbered",
        "Transactions",
        "a record that the way has made, under another number",
        f"UPDATE Transactions SET id = id + 100 WHERE ObjectType = 'RT::Attribute' {LAST}",
    ),
)
