"""Read RT's own upgrade history from a database.

RT keeps it in the attribute `UpgradeHistory` of RT::System: a mapping of package to events. An event with stage
"before" is followed by one with stage "after" and the same individual_id; a failed run leaves only the "before".
This is the only mark of a half-upgraded database that RT itself leaves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.checks.cached_fact import CachedFact
from harness.database import Database
from harness.rt.thaw import Thawer, Unreadable
from harness.verdict import Report

CORE = "RT"
"""Name of RT's own package; extensions keep their events under their names."""
EXTENSIONS = "of extensions, never ended"
"""The fact with the actions of extensions that never ended, which forbid nothing."""
FULL, SINGLE = "full upgrade", "individual upgrade"
SQL = "SELECT id, Content FROM Attributes WHERE Name = 'UpgradeHistory' AND ObjectType = 'RT::System' ORDER BY id"
_NUMBER = re.compile(r"\d+\.\d+\.\d+")
Event = dict[str, Any]


@dataclass
class History(CachedFact):
    """The history as read. packages: package to its events. trouble: why it could not be read, or ""."""

    packages: dict[str, list[Event]] = field(default_factory=dict)
    trouble: str = ""
    attributes: int = 0

    def events(self, package: str = CORE) -> list[Event]:
        """Return a package's events, oldest first."""
        return self.packages.get(package, [])


def read(database: Database, thaw: Thawer) -> History:
    """Read the history of a database. If it cannot be read, the reason is left in it for the check to report."""
    rows = database.rows(SQL)
    if not rows:
        return History(trouble="there is no attribute UpgradeHistory")
    content = rows[0][1]
    text = content.decode(errors="replace") if isinstance(content, bytes) else str(content or "")
    value = thaw.value(text)
    if isinstance(value, Unreadable):
        return History(trouble=f"it cannot be thawed: {value.reason}", attributes=len(rows))
    if not isinstance(value, dict) or not all(isinstance(events, list) for events in value.values()):
        return History(trouble="it does not hold events by package", attributes=len(rows))
    return History(value, attributes=len(rows))


def unfinished(events: Sequence[Event]) -> list[Event]:
    """Return the events that began an action which never ended well, and which no later upgrade superseded.

    An event without an id (written by releases before 4.2) is closed by the next end without one. Data that could
    not be inserted is closed by a later success with the same file, for example when an extension's data is
    inserted again.
    """
    begun: dict[str, Event] = {}
    nameless: list[Event] = []
    for event in events:
        identity = event.get("individual_id")
        if event.get("stage") == "before":
            if identity is None:
                nameless.append(event)
            else:
                begun[identity] = event
        elif identity is None:
            if nameless:
                nameless.pop()
        elif identity in begun and not failed(event):
            ended = begun.pop(identity)
            begun = {key: one for key, one in begun.items() if not _same_file(one, ended)}
            if ended.get("type") == FULL:
                # A complete upgrade that succeeded supersedes the failures before it.
                last = events.index(ended)
                begun = {key: one for key, one in begun.items() if events.index(one) > last}
                nameless.clear()
    return [*nameless, *begun.values()]


def _same_file(event: Event, ended: Event) -> bool:
    """Tell whether both insert the data of one file; they belong to one package."""
    return bool(event.get("filename")) and all(event.get(one) == ended.get(one) for one in ("filename", "action"))


def left_open(history: History, before: History | None = None) -> tuple[list[str], list[str]]:
    """Return descriptions of actions that never ended: (of RT itself or new since `before`, older ones).

    Extension data that was not inserted completely concerns only the extension, and no upgrade of RT repairs it.
    Extension tables that were left half changed do count.
    """
    found: tuple[list[str], list[str]] = [], []
    for package, events in history.packages.items():
        known = unfinished(before.events(package)) if before else unfinished(events)
        for event in unfinished(events):
            old = package != CORE and event in known and event.get("action") == "insert"
            found[old].append(f"{package}: {title(event)}")
    return found


def report_unfinished(report: Report, history: History, before: History | None = None, *, repair: str) -> None:
    """Report actions that were begun and never ended; see `left_open`. Those of extensions are a fact."""
    left, old = left_open(history, before)
    if old:
        report.facts[EXTENSIONS] = old
    if left:
        report.find(
            "RT::System",
            f"{len(left)} actions were begun and never ended: the database is half upgraded",
            samples=tuple(left),
            sql=SQL,
            repair=repair,
        )


def failed(event: Event) -> bool:
    """Tell whether an end event records a failure (return_value, a list whose first item is the success)."""
    result = event.get("return_value")
    return isinstance(result, list) and bool(result) and result[0] in (None, "", "0", 0)


def title(event: Event) -> str:
    """Return a description of the action that an event began."""
    kind = event.get("type") or event.get("action") or "something"
    if event.get("type") in (FULL, SINGLE):
        return f"{kind} from {number(event.get('from'))} to {number(event.get('to'))}"
    return f"{kind} of {'/'.join(str(event.get('filename') or '?').split('/')[-2:])}"


def number(version: Any) -> str:
    """Return a release without its package's suffix: "5.0.3" of "5.0.3+dfsg-3"."""
    found = _NUMBER.match(str(version or ""))
    return found[0] if found else str(version or "")
