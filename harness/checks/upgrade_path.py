"""Read from a database's own upgrade history the path by which it came from one release to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.checks import upgrade_history
from harness.checks.upgrade_history import FULL, SINGLE, SQL, Event, History, failed, left_open, number
from harness.database import Database
from harness.rt.thaw import Thawer

__all__ = ["DURING", "SQL", "WRITTEN_WITHIN", "UpgradePath", "paths_of", "read", "stamp"]
WRITTEN_WITHIN = 5
"""Seconds within which the row of an event is written after the event's time, also on a busy machine."""
DURING = "(during the upgrade)"
"""Placeholder for any time that lies within an upgrade."""


@dataclass(frozen=True)
class UpgradePath:
    """One path. before: number of earlier events. steps: each with its actions, in order. trouble: what is wrong.

    begin, end: as the database writes times.
    """

    before: int
    steps: tuple[tuple[str, tuple[str, ...]], ...]
    begin: str = "~"
    end: str = ""
    trouble: str = ""

    def within(self, stamp: str | None) -> bool:
        """Tell whether a time lies within the upgrade."""
        return self.begin <= (stamp or "") <= self.end


def read(one: Database, other: Database, thaw: Thawer) -> tuple[UpgradePath, UpgradePath]:
    """Return the paths of two databases of one origin: events at the start of both histories were there before."""
    return paths_of(*(upgrade_history.read(database, thaw) for database in (one, other)))


def paths_of(one: History, other: History) -> tuple[UpgradePath, UpgradePath]:
    """Separate both paths from the events that were there before them."""
    pairs = list(zip(one.events(), other.events(), strict=False))
    before = next((at for at, (mine, its) in enumerate(pairs) if mine != its), len(pairs))
    return _path_of(one, before), _path_of(other, before)


def _path_of(whole: History, before: int) -> UpgradePath:
    if whole.trouble:
        return UpgradePath(0, (), trouble=whole.trouble)
    new = whole.events()[before:]
    if not new:
        return UpgradePath(before, (), trouble="it tells of no upgrade")
    trouble = ""
    if (new[0].get("type"), new[0].get("stage")) != (FULL, "before"):
        trouble = "what it tells of before the upgrade is not what the other way's tells"
    elif left := left_open(whole)[0]:
        trouble = f"{len(left)} actions were begun and never ended"
    elif bad := [event for event in new if event.get("stage") == "after" and failed(event)]:
        trouble = f"{len(bad)} actions ended and had failed"
    begin, end = stamp(new[0].get("timestamp")), stamp(new[-1].get("timestamp"), WRITTEN_WITHIN)
    return UpgradePath(before, _steps(new), begin, end, trouble)


def _steps(events: Sequence[Event]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return each single step, with its actions by kind and file: folders differ between Debian's packages."""
    found: list[tuple[str, list[str]]] = []
    for event in events:
        if event.get("stage") != "before":
            continue
        if event.get("type") == SINGLE:
            found.append((number(event.get("to")), []))
        elif found and event.get("filename"):
            found[-1][1].append(f"{event.get('action')} {'/'.join(str(event['filename']).split('/')[-2:])}")
    return tuple((step, tuple(actions)) for step, actions in found)


def stamp(epoch: Any, later: int = 0) -> str:
    """Return a time of RT's history plus `later` seconds, as the database writes it."""
    return datetime.fromtimestamp(int(epoch) + later, UTC).strftime("%Y-%m-%d %H:%M:%S")
