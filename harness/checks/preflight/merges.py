"""Find tickets that no release can open: RT follows merges until one ends, and those in a circle never do."""

from __future__ import annotations

from collections.abc import Mapping

from harness.database import Database
from harness.database.schema import Schema
from harness.verdict import Report


def judge(report: Report, database: Database, schema: Schema) -> None:
    """Report the tickets that are merged in a circle.

    RT::Ticket::Load calls itself with EffectiveId as long as that is another ticket, in every release: a page, a
    mail or a job that meets such a ticket takes a process, and then all memory.
    """
    if "Tickets" not in schema.tables:
        return
    report.looked_at += 1
    merged = database.rows("SELECT id, EffectiveId FROM Tickets WHERE EffectiveId <> id AND EffectiveId <> 0")
    found = circles({int(ticket): int(into) for ticket, into in merged})
    if not found:
        return
    tickets = sorted(ticket for circle in found for ticket in circle)
    first = ", ".join(str(circle[0]) for circle in found)
    report.find(
        "Tickets",
        f"{len(tickets)} tickets are merged in a circle: RT comes to no end when it opens one of them",
        samples=tuple(map(str, tickets)),
        sql=f"SELECT id, EffectiveId FROM Tickets WHERE id IN ({', '.join(map(str, tickets))})",
        repair=f"UPDATE Tickets SET EffectiveId = id WHERE id IN ({first}); the rest of each circle ends there",
    )


def circles(merged: Mapping[int, int]) -> list[list[int]]:
    """Return the circles of merges, each in the order of its tickets. merged: ticket to the one it went into."""
    found: list[list[int]] = []
    seen: set[int] = set()
    for first in sorted(merged):
        ticket = first
        way: dict[int, None] = {}  # in order, and looked up at once: a chain may be as long as the table
        while ticket in merged and ticket not in seen:
            seen.add(ticket)
            way[ticket] = None
            ticket = merged[ticket]
        if ticket in way:
            members = list(way)
            found.append(sorted(members[members.index(ticket) :]))
    return found
