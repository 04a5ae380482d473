"""Define defects that make an upgraded site useless although its data is complete.

Planted under a running site.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.harness.mutants import Mutant


@dataclass(frozen=True)
class ApplicationMutant(Mutant):
    """undo: statements that revert it. part: the part of the check that must find it.

    shows: a pattern of the finding. RT caches rows for some seconds, so effects of an earlier defect of a row must
    not be taken for this one; and such defects come last in their part.
    """

    undo: tuple[str, ...] = ()
    part: str = ""
    shows: str = ""


PERSON = "somebody"
"""Name and password of a user with a homepage, and with a dashboard sent to them by mail."""
EVERYBODY = """
use strict; use warnings; use RT; RT::LoadConfig(); RT::Init();
sub must { my ($good, $message) = @_; die "$message\\n" unless $good }
my $group = RT::Group->new(RT->SystemUser);
$group->LoadSystemInternalGroup('Everyone');
must($group->PrincipalObj->GrantRight(Object => RT->System, Right => $_)) for qw(CreateTicket ReplyToTicket);
RT::Ticket->new(RT->SystemUser)->Create(Queue => 'General', Subject => 'Hello World');
my $name = $ARGV[0];
my $person = RT::User->new(RT->SystemUser);
must($person->Create(Name => $name, Password => $name, Privileged => 1, EmailAddress => "$name\\@example.test"));
must($person->PrincipalObj->GrantRight(Object => RT->System, Right => 'SuperUser'));
my $me = RT::CurrentUser->new($name);
my $privacy = 'RT::User-' . $me->Id;
my $search = RT::SavedSearch->new($me);
must($search->Save(Privacy => $privacy, Name => 'all', Type => 'Ticket', SearchParams => {
    Query => 'id > 0', Format => "'__id__'", OrderBy => 'id', Order => 'ASC', RowsPerPage => 10 }));
my $board = RT::Dashboard->new($me);
must($board->Save(Privacy => $privacy, Name => 'board', Panes => { sidebar => [], body => [
    { portlet_type => 'search', id => $search->Id, description => 'all', privacy => $privacy } ] }));
my $subscription = RT::Attribute->new($me);
must($subscription->Create(Name => 'Subscription', ContentType => 'storable', Object => $me->UserObj, Content => {
    DashboardId => $board->Id, Frequency => 'daily', Hour => '06:00', Rows => 20,
    Recipients => { Users => [$me->Id], Groups => [] } }));
"""
"""Perl that creates what the site needs beside the data of `init`."""


_SUBJECT = "ALTER TABLE Tickets MODIFY Subject VARCHAR(200)"
_PERSON = f"(SELECT id FROM Users WHERE Name = '{PERSON}')"
_GONE = "Name = CONCAT('gone ', Name)"
_BACK = "Name = SUBSTR(Name, 6) WHERE Name LIKE 'gone %'"
_UNREADABLE, _READABLE = "Content = CONCAT('x', Content)", "Content = SUBSTR(Content, 2)"


def _renamed(table: str, old: str, new: str, kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return statements that rename a column, and back. kind: its definition without the name."""
    alter = f"ALTER TABLE {table} CHANGE"
    return (f"{alter} {old} {new} {kind}",), (f"{alter} {new} {old} {kind}",)


def _away(table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return statements that rename a table away, and back."""
    return (f"RENAME TABLE {table} TO {table}_gone",), (f"RENAME TABLE {table}_gone TO {table}",)


Defect = tuple[str, str, str, str, tuple[str, ...], tuple[str, ...]]
_NARROW_SUBJECT = (
    ("SET sql_mode = ''", f"{_SUBJECT} CHARACTER SET latin1"),
    (f"{_SUBJECT} CHARACTER SET utf8mb4",),
)
_NARROW_CONTENT = (
    ("SET sql_mode = ''", "ALTER TABLE Attachments MODIFY Content TINYBLOB"),
    ("ALTER TABLE Attachments MODIFY Content LONGBLOB",),
)
_NO_NUMBER = (
    ("ALTER TABLE Transactions MODIFY id INTEGER NOT NULL",),
    ("ALTER TABLE Transactions MODIFY id INTEGER NOT NULL AUTO_INCREMENT",),
)
_PASSWORD = (
    ("UPDATE Users SET Password = CONCAT(Password, 'x') WHERE Name = 'root'",),
    ("UPDATE Users SET Password = LEFT(Password, LENGTH(Password) - 1) WHERE Name = 'root'",),
)
_DEFECTS: tuple[Defect, ...] = (
    ("no-sessions", "pages", "", "without its table nobody stays logged in", *_away("sessions")),
    (
        "no-homepage",
        "pages",
        "does not hold",
        "the home page has lost its parts",
        ("UPDATE Attributes SET Name = CONCAT('gone ', Name) WHERE Name LIKE '%DefaultDashboard'",),
        ("UPDATE Attributes SET Name = SUBSTR(Name, 6) WHERE Name LIKE 'gone %DefaultDashboard'",),
    ),
    ("password", "pages", "Login.html", "an old password hash lets nobody in", *_PASSWORD),
    (
        "small-sessions",
        "homepages",
        "refuses the login",
        "a session does not fit, so nobody stays logged in",
        ("SET sql_mode = ''", "DELETE FROM sessions", "ALTER TABLE sessions MODIFY a_session TINYBLOB"),
        ("ALTER TABLE sessions MODIFY a_session LONGBLOB",),
    ),
    ("no-members", "homepages", "RT gave up", "who is in which group is gone", *_away("CachedGroupMembers")),
    (
        "no-principal",
        "homepages",
        "homepage of account",
        "the account is there, and its principal is not",
        (f"UPDATE Principals SET id = id + 900000 WHERE id = {_PERSON}",),
        ("UPDATE Principals SET id = id - 900000 WHERE id > 900000",),
    ),
    (
        "disabled",
        "homepages",
        "refuses the login",
        "somebody can no longer log in",
        (f"UPDATE Principals SET Disabled = 1 WHERE id = {_PERSON}",),
        (f"UPDATE Principals SET Disabled = 0 WHERE id = {_PERSON}",),
    ),
    ("narrow-subject", "REST 1", "", "a subject of another character set loses its letters", *_NARROW_SUBJECT),
    ("narrow-content", "REST 1", "", "attachments are cut off by a column too small", *_NARROW_CONTENT),
    ("no-number", "REST 1", "", "a table whose ids no longer count up takes no new rows", *_NO_NUMBER),
    ("narrow-subject-2", "REST 2", "could not be created", "as above, by the other way in", *_NARROW_SUBJECT),
    ("narrow-content-2", "REST 2", "", "as above, by the other way in", *_NARROW_CONTENT),
    ("no-number-2", "REST 2", "could not be created", "as above, by the other way in", *_NO_NUMBER),
    (
        "queue-disabled-2",
        "REST 2",
        "create ticket",
        "a queue takes no tickets any more",
        ("UPDATE Queues SET Disabled = 1 WHERE Name = 'General'",),
        ("UPDATE Queues SET Disabled = 0 WHERE Name = 'General'",),
    ),
    (
        "no-gateway-right",
        "mail",
        "",
        "mail from outside is refused",
        (
            "UPDATE ACL SET RightName = CONCAT('No', RightName)"
            " WHERE RightName IN ('CreateTicket', 'ReplyToTicket')",
        ),
        (
            "UPDATE ACL SET RightName = SUBSTR(RightName, 3)"
            " WHERE RightName IN ('NoCreateTicket', 'NoReplyToTicket')",
        ),
    ),
    (
        "no-scrips",
        "mail",
        "",
        "no scrip runs, so no mail is sent",
        ("UPDATE Scrips SET Disabled = Disabled + 2",),
        ("UPDATE Scrips SET Disabled = Disabled - 2",),
    ),
    (
        "template-gone",
        "mail",
        "",
        "the answer's template is gone, and only the log says so",
        (f"UPDATE Templates SET {_GONE} WHERE Name LIKE '%orrespondence%'",),
        (f"UPDATE Templates SET {_BACK}",),
    ),
    (
        "digest",
        "rt-email-digest",
        "Unknown column",
        "the nightly digest cannot read whom it is for",
        *_renamed("Attributes", "ObjectType", "Kind", "VARCHAR(64) CHARACTER SET ascii"),
    ),
    (
        "search-unreadable",
        "rt-email-dashboards",
        "Deserialization",
        "a dashboard that is sent shows no tickets",
        (f"UPDATE Attributes SET {_UNREADABLE} WHERE Name = 'SavedSearch'",),
        (f"UPDATE Attributes SET {_READABLE} WHERE Name = 'SavedSearch'",),
    ),
    (
        "search-dies",
        "rt-email-dashboards",
        "Unknown column",
        "the search of a dashboard fails, the mail goes out",
        *_renamed("Tickets", "IsMerged", "WasMerged", "SMALLINT NULL"),
    ),
    (
        "dashboard-gone",
        "rt-email-dashboards",
        "Unable to load dashboard",
        "RT itself ends the subscription then",
        (f"UPDATE Attributes SET {_GONE} WHERE Name = 'Dashboard' AND Description = 'board'",),
        (f"UPDATE Attributes SET {_BACK}",),
    ),
    ("sessions-stay", "rt-clean-sessions", "doesn't exist", "old sessions are never removed", *_away("sessions")),
    (
        "priority",
        "rt-crontool",
        "Unknown column",
        "what raises priorities at night does nothing",
        *_renamed("Tickets", "Priority", "Urgency", "INT NOT NULL DEFAULT 0"),
    ),
    (
        "homepage-unreadable",
        "log",
        "Deserialization",
        "the home page is shown without its parts",
        (f"UPDATE Attributes SET {_UNREADABLE} WHERE Name = 'Dashboard' AND Description = 'Homepage'",),
        (f"UPDATE Attributes SET {_READABLE} WHERE Name = 'Dashboard' AND Description = 'Homepage'",),
    ),
    (
        "language-lost",
        "log",
        "Unknown column",
        "the page is shown, in nobody's language",
        *_renamed("Users", "Lang", "Tongue", "VARCHAR(16)"),
    ),
    ("queues-lost", "log", "doesn't exist", "the page is shown, without the list of queues", *_away("Queues")),
)
MUTANTS = tuple(
    ApplicationMutant(name, "application", reason, statements, undo, part, shows)
    for name, part, shows, reason, statements, undo in _DEFECTS
)
