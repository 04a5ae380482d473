"""Read from a copy what a visit looks at: tickets, queues, dashboards, people, and how the site answers."""

from __future__ import annotations

from collections.abc import Sequence

from harness.database import Database
from harness.rt import web

_ANSWERS = """
    SELECT COUNT(DISTINCT c.ApplicableTransTypes) FROM Scrips s
    JOIN ObjectScrips o ON o.Scrip = s.id AND o.ObjectId = 0
    JOIN ScripConditions c ON c.id = s.ScripCondition JOIN ScripActions a ON a.id = s.ScripAction
    JOIN Templates t ON t.Queue = 0 AND t.Name = s.Template AND LENGTH(t.Content) > 0
    WHERE COALESCE(s.Disabled, 0) = 0 AND s.Template <> 'Blank' AND c.ExecModule = 'AnyTransaction' AND (
        c.ApplicableTransTypes IN ('Create', 'Correspond') AND a.ExecModule = 'Autoreply'
        OR a.ExecModule = 'Notify' AND a.Argument LIKE '%%Requestor%%' AND (
            c.ApplicableTransTypes = 'Correspond'
            OR c.ApplicableTransTypes = 'Create' AND a.Argument NOT LIKE '%%NeverNotifyActor%%'
                AND (%s OR a.Argument LIKE '%%AlwaysNotifyActor%%')))
"""
"""The number of events, of two, at which global scrips mail the requestors: the stock scrips may be switched off.

The requestor who opens a ticket is its actor, whom RT::Action::Notify excludes unless configured otherwise, and
RT::Action::Autoreply never excludes. An empty template sends no mail, nor does a template of another queue in a
new queue.
"""

_OF_COLLEAGUES = """
    FROM Attributes a JOIN Users u ON u.id = a.ObjectId
    JOIN Principals p ON p.id = u.id AND p.Disabled = 0
    WHERE a.ObjectType = 'RT::User' AND EXISTS (
        SELECT 1 FROM CachedGroupMembers m JOIN `Groups` g ON g.id = m.GroupId
        WHERE m.MemberId = u.id AND m.Disabled = 0 AND g.Domain = 'SystemInternal' AND g.Name = 'Privileged')
"""
"""Attributes of users who are neither disabled nor unprivileged."""
_HOMEPAGES = f"""
    SELECT DISTINCT u.id, u.Name {_OF_COLLEAGUES}
    AND a.Name IN ('Pref-HomepageSettings', 'Pref-DefaultDashboard') AND u.Name <> 'root' ORDER BY u.id
"""
"""Users with a homepage of their own, as RT 4.4 and as RT 5 keeps it: a step turns one into the other."""
_SUBSCRIBERS = f"""
    SELECT u.Name {_OF_COLLEAGUES} AND a.Name = 'Subscription' GROUP BY u.Name ORDER BY COUNT(*), MIN(a.id)
"""
"""Users who get dashboards by mail: RT::Dashboard::Mailer skips disabled and unprivileged users."""


def expected_answers(database: Database, *, notifies_actor: bool) -> int:
    """Return the number of mails that the sender of a first mail must get. notifies_actor: option $NotifyActor."""
    return int(database.value(_ANSWERS, [notifies_actor]))


def subscribers(database: Database) -> tuple[str, ...]:
    """Return the names of the users who get dashboards by mail, those with the fewest subscriptions first."""
    return tuple(str(name) for (name,) in database.rows(_SUBSCRIBERS))


def people_with_homepages(database: Database) -> dict[int, str]:
    """Return ids and names of the people with a homepage of their own, by id; without root."""
    return {int(number): str(name) for number, name in database.rows(_HOMEPAGES)}


def harmless_words(database: Database, tickets: Sequence[int]) -> frozenset[str]:
    """Return the error texts of failing pages that users have also written: a help desk gets mails about errors.

    Lists show the subjects of all tickets; texts are shown of `tickets` alone.
    """
    shown = ", ".join(map(str, tickets)) or "0"
    asked = (
        "SELECT EXISTS (SELECT 1 FROM Tickets WHERE Subject LIKE %s) OR EXISTS (SELECT 1 FROM Attachments a"
        " JOIN Transactions t ON t.id = a.TransactionId AND t.ObjectType = 'RT::Ticket'"
        f" WHERE t.ObjectId IN ({shown}) AND a.ContentType LIKE 'text/%%' AND a.Content LIKE %s)"
    )
    return frozenset(mark for mark in web.ERROR_MARKS if database.value(asked, [f"%{mark}%"] * 2))


def queues(database: Database, count: int) -> tuple[int, ...]:
    """Return the ids of the queues that got the newest tickets, of the last thousand; the newest first."""
    found = database.rows(
        "SELECT t.Queue FROM (SELECT id, Queue FROM Tickets WHERE Type = 'ticket' ORDER BY id DESC LIMIT 1000) t "
        "JOIN Queues q ON q.id = t.Queue WHERE q.Disabled = 0 GROUP BY t.Queue ORDER BY MAX(t.id) DESC LIMIT %s",
        (count,),
    )
    return tuple(int(number) for (number,) in found)


def newest_tickets(database: Database, count: int) -> tuple[int, ...]:
    """Return the ids of the newest tickets that people can open."""
    rows = database.rows(
        "SELECT id FROM Tickets WHERE Type = 'ticket' AND Status <> 'deleted' AND EffectiveId = id "
        "ORDER BY id DESC LIMIT %s",
        (count,),
    )
    return tuple(int(number) for (number,) in rows)


def dashboards(database: Database, count: int) -> tuple[int, ...]:
    """Return the ids of the oldest dashboards of the system and of groups.

    Users' own are visible to them alone; those converted to a homepage are seen there.
    """
    rows = database.rows(
        "SELECT id FROM Attributes WHERE Name = 'Dashboard' AND ObjectType IN ('RT::System', 'RT::Group') "
        "ORDER BY id LIMIT %s",
        (count,),
    )
    return tuple(int(number) for (number,) in rows)


def accepts_emoji(database: Database) -> bool:
    """Tell whether subjects may hold characters of four bytes."""
    charset = database.value(
        "SELECT character_set_name FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND table_name = 'Tickets' AND column_name = 'Subject'"
    )
    return bool(charset == "utf8mb4")
