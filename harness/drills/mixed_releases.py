"""Code of one release on the database of another, with the guard off: what RT itself would let happen."""

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
    """What became of one new ticket. ticket: its id, None when there is none. requestors: how many it has.

    complaints: what RT logged of SQL meanwhile.
    """

    ticket: int | None
    requestors: int
    complaints: int


def try_out(
    lifecycle: Lifecycle, release: str, database: Database, account: tuple[str, str], text: str
) -> Mixture:
    """Serve a database by the code of a release, unguarded, and create a ticket by REST.

    text: subject and content of the ticket. Its requestor is somebody who has written before. The database is
    changed. Raises InfrastructureError when nobody has ever written.
    """
    requestor = database.value(_KNOWN)
    if requestor is None:
        raise InfrastructureError("The database has no requestor with an address.")
    with lifecycle.site(release, database, environment=UNGUARDED) as site:
        # What RT answers is not asked: it answers the same to what it did in part and to what it did not do.
        with contextlib.suppress(rest.RestError), rest.client(site, *account) as client:
            client.create("General", text, text, Requestor=requestor)
        ticket = database.value("SELECT MAX(id) FROM Tickets WHERE Subject = CONVERT(%s USING utf8mb4)", [text])
        requestors = database.value(_LOST, [ticket]) if ticket else 0
        logged = [one for one in records(site.container.logs().splitlines()) if one.complaint == "SQL"]
        return Mixture(ticket, int(requestors or 0), len(logged))
