"""Run one release's code on the database of another, without the guard: what RT itself would allow."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from harness.checks.log import records
from harness.database import Database
from harness.errors import InfrastructureError
from harness.rt import rest
from harness.upgrade.lifecycle import Lifecycle

_KNOWN = """
SELECT u.EmailAddress FROM Users u JOIN GroupMembers m ON m.MemberId = u.id JOIN `Groups` g ON g.id = m.GroupId
JOIN Principals p ON p.id = u.id
WHERE g.Domain = 'RT::Ticket-Role' AND g.Name = 'Requestor' AND p.Disabled = 0 AND u.EmailAddress LIKE '%@%'
ORDER BY u.id LIMIT 1"""
UNGUARDED = {"RT_GUARD": "off"}
_LOST = """
SELECT COUNT(*) FROM `Groups` g JOIN GroupMembers m ON m.GroupId = g.id JOIN CachedGroupMembers c
    ON c.GroupId = m.GroupId AND c.MemberId = m.MemberId
WHERE g.Domain = 'RT::Ticket-Role' AND g.Name = 'Requestor' AND g.Instance = %s"""


@dataclass(frozen=True)
class Mixture:
    """The outcome for one new ticket. ticket: its id, None if it was not created. requestors: how many it has.

    complaints: number of SQL errors that RT logged meanwhile.
    """

    ticket: int | None
    requestors: int
    complaints: int


def try_out(
    lifecycle: Lifecycle, release: str, database: Database, account: tuple[str, str], text: str
) -> Mixture:
    """Serve a database with a release's code, without the guard, and create a ticket over REST.

    text: subject and content of the ticket. Its requestor is a user who has been a requestor before. The database
    is changed.
    Raises InfrastructureError if there is no such user.
    """
    requestor = database.value(_KNOWN)
    if requestor is None:
        raise InfrastructureError("The database has no requestor with an address.")
    with lifecycle.site(release, database, form=False, environment=UNGUARDED) as site:
        # RT's answer is ignored: it is the same for a ticket made in part and for one not made.
        with contextlib.suppress(rest.RestError), rest.client(site, *account) as client:
            client.create("General", text, text, Requestor=requestor)
        ticket = database.value("SELECT MAX(id) FROM Tickets WHERE Subject = CONVERT(%s USING utf8mb4)", [text])
        requestors = database.value(_LOST, [ticket]) if ticket else 0
        logged = [one for one in records(site.container.logs().splitlines()) if one.complaint == "SQL"]
        return Mixture(ticket, int(requestors or 0), len(logged))
