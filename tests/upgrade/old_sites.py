"""Make a dump of RT 4.4 look like an old site, or like one of 4.2."""

from __future__ import annotations

from tests.harness.mutants.planting import by_sql

LONG = 1_500_000
"""Bytes of a very large file in the upgrade history."""
THROUGH_RT = f"""
use RT -init;
sub need {{ my ($good, $message) = @_; die "$message\\n" unless $good; return $good }}

# Made in the browser: of four places for an order the last ones are mostly empty. This server sorts text otherwise
# once its tables are converted.
for my $order ('Owner|||', 'Status|Owner||', '|Owner', 'Subject|||') {{
    need(RT->System->AddAttribute(Name => 'SavedSearch', Description => "by $order", Content => {{
        SearchType => 'Ticket', Query => 'id > 0', Format => "'__id__', '__Subject__'", RowsPerPage => 50,
        OrderBy => $order, Order => 'ASC|ASC|ASC|ASC',
    }}));
}}

# Searches that nobody can carry out any more: by the field of an extension that is gone, with a bracket too many,
# with a word that was never a query; and one of assets, in the language of an extension that is not there.
for my $broken ("CustomerGroup = 'VIP'", '( Status = "open"', "Status = 'd'attente'", 'Owner', 'Due ? 3') {{
    need(RT::Attribute->new(RT->SystemUser)->Create(
        Name => 'SavedSearch', Description => $broken, Object => RT->System,
        Content => {{ SearchType => 'Ticket', Query => $broken, Format => "'__id__'" }}));
}}
need(RT->System->AddAttribute(Name => 'SavedSearch', Description => 'of assets', Content => {{
    SearchType => 'Asset', Query => 'id > 0', Format => "'__id__'" }}));

# A dashboard that nobody has filled yet, as the browser saves it.
need(RT->System->AddAttribute(Name => 'Dashboard', Description => 'not yet', Content => {{Panes => undef}}));

# Homepages: of one the pane holds only what is gone; another shows a system search that has got a new name since.
my $people = 0;
sub person {{
    my ($name) = @_;
    my $user = RT::User->new(RT->SystemUser);
    need($user->Create(Name => $name, Privileged => 1));
    return $user;
}}
my $body = [{{type => 'component', name => 'QuickCreate'}}];
need(person('gone')->SetPreferences(HomepageSettings => {{
    body => $body, sidebar => [{{type => 'system', name => 'long gone'}}]}}));
# Two clicks on the first save: the second one did not see what the first one had written.
my $hasty = person('hasty');
need(RT::Attribute->new(RT->SystemUser)->Create(
    Name => 'Pref-HomepageSettings', Object => $hasty, Content => {{body => $body, sidebar => []}})) for 1 .. 2;
# Somebody has emptied one by SQL, and another was cut off by a program that did not know what it was.
for my $content ('', 'BQsD') {{
    my $left = person('left ' . ++$people);
    need($left->SetPreferences(HomepageSettings => {{body => $body, sidebar => []}}));
    $RT::Handle->dbh->do("UPDATE Attributes SET Content = ? WHERE Name = 'Pref-HomepageSettings' AND ObjectId = ?",
        undef, $content, $left->id);
}}
# Two users were deleted by SQL years ago, and their homepages stayed: one of the first, two of the second.
for my $deleted (999_998, 999_999, 999_999) {{
    my $left = person('left ' . ++$people);
    need($left->SetPreferences(HomepageSettings => {{body => $body, sidebar => []}}));
    $RT::Handle->dbh->do("UPDATE Attributes SET ObjectId = ? WHERE ObjectType = 'RT::User' AND ObjectId = ?",
        undef, $deleted, $left->id);
}}
my ($search) = RT::Attribute->new(RT->SystemUser);
need($search->Create(Name => 'SavedSearch', Description => 'first name', Object => RT->System, Content => {{
    SearchType => 'Ticket', Query => 'id > 0', Format => "'__id__'", OrderBy => 'id', Order => 'ASC'}}));
need(person('renamed')->SetPreferences(HomepageSettings => {{
    body => [@$body, {{type => 'system', name => 'first name'}}], sidebar => []}}));
need($search->SetDescription('second name'));

# Disabled groups that may change themselves, one with a right that the upgrade will grant.
for my $rights (['ModifySelf'], ['ModifySelf', 'SeeOwnDashboard']) {{
    my $group = RT::Group->new(RT->SystemUser);
    need($group->CreateUserDefinedGroup(Name => "left $$rights[-1]"));
    need($group->AddMember(RT->Nobody->id));
    need($group->PrincipalObj->GrantRight(Right => $_, Object => RT->System)) for @$rights;
    need($group->SetDisabled(1));
}}

# Extensions: data that failed once and was inserted later; data that never was; and a very large file with every
# byte in it, as a file that is not in English has bytes that a reader may take for the end of a line.
my $event = 0;
sub note {{ my $package = shift; RT->System->AddUpgradeHistory($package => {{action => 'insert', @_}}) }}
note('RT::Extension::Again', stage => 'before', individual_id => 'a1', filename => '/src/again/etc/initialdata');
note('RT::Extension::Again', stage => 'before', individual_id => 'a2', filename => '/src/again/etc/initialdata');
note('RT::Extension::Again', stage => 'after', individual_id => 'a2', return_value => [1, 'Done inserting data']);
note('RT::Extension::Never', stage => 'before', individual_id => 'n1', filename => '/src/never/etc/initialdata');
my $large = join('', map {{ chr }} 0 .. 255) . 'x' x {LONG};
note('RT', stage => 'before', individual_id => 'x1', filename => '/root/x.json', content => $large);
note('RT', stage => 'after', individual_id => 'x1', return_value => [1, 'Done inserting data']);
"""
"""Traces of twenty years: a program for the old release."""

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
_OF_NOBODY = "Name = 'Pref-DefaultDashboard' AND ObjectType = 'RT::User' AND ObjectId IS NULL"
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
            "choice-of-a-deleted-user-lost",
            "the step makes one for each homepage",
            f"DELETE FROM Attributes WHERE {_OF_NOBODY} LIMIT 1",
        ),
        (
            "choice-of-a-deleted-user-elsewhere",
            "the step names the dashboard that was this homepage",
            f"UPDATE Attributes SET Content = 1 WHERE {_OF_NOBODY} LIMIT 1",
        ),
        (
            "dashboard-lost",
            "one of the two homepages became nothing",
            f"DELETE FROM Attributes WHERE Name = 'Dashboard' AND {_OF_HASTY} LIMIT 1",
        ),
    )
]
"""Defects in the conversion of two homepages of one user, called hasty, and of those of deleted users."""
