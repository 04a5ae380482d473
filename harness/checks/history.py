"""Check that RT's own upgrade history records a complete upgrade, and still has all that it recorded before."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checks.upgrade_history import (
    FULL,
    SINGLE,
    SQL,
    Event,
    History,
    failed,
    number,
    report_unfinished,
    title,
)
from harness.verdict import Report

CHECK = "history"
QUESTION = "Does RT's upgrade history tell of a complete upgrade, with nothing that it told before lost?"
REPAIR = "see what the check run found, mend that, and upgrade a fresh copy; do not go on with this database"
OTHER_STEPS = "compare the image's etc/upgrade with the release's (the check image does), and upgrade a fresh copy"


def check(before: History | None, after: History, expected: Sequence[str], origin: str, target: str) -> Report:
    """Compare the history before and after. expected: the steps of this upgrade, () if there was nothing to do.

    before: None if the old database's history is not known; then lost events are not reported.
    """
    looked_at = sum(map(len, after.packages.values()))
    report = Report(CHECK, QUESTION, looked_at=looked_at, unit="events", repair=REPAIR)
    if after.trouble:
        report.find(
            "RT::System",
            f"the upgrade history is unusable: {after.trouble}",
            sql=SQL,
            repair="look at the row on the site and in older backups: the site needs one that can be read",
        )
        return report
    if after.attributes > 1:
        report.find(
            "RT::System",
            f"there are {after.attributes} upgrade histories, RT reads one",
            sql=SQL,
            repair="look at these rows on the site, and find out what wrote the second before you remove any",
        )
    known = 0
    before, trouble = (None, before.trouble) if before and before.trouble else (before, "")
    if before is None:
        why = trouble or "it was not read"
        report.out_of_scope.append(f"whether the history lost events: the old one is unknown ({why})")
        known = _position(after.events(), origin)
    else:
        known = len(before.events())
        _lost(report, before, after)
    new = after.events()[known:]
    report.facts = {"events": len(after.events()), "new": len(new)}
    _closed(report, before, after, new)
    _upgrade(report, new, expected, origin, target)
    return report


def _position(events: Sequence[Event], origin: str) -> int:
    """Return the index at which the last full upgrade from `origin`, which is this upgrade, begins."""
    begins = [
        at
        for at, event in enumerate(events)
        if event.get("type") == FULL and event.get("stage") == "before" and number(event.get("from")) == origin
    ]
    return begins[-1] if begins else len(events)


def _lost(report: Report, before: History, after: History) -> None:
    for package, events in before.packages.items():
        kept = after.events(package)
        if kept[: len(events)] == events:
            continue
        gone = [event for event in events if event not in kept]
        what = f"{len(gone)} of {len(events)} events are gone or changed" if gone else "another order"
        report.find(
            f"package {package}",
            f"the history does not go on from what it was: {what}",
            samples=tuple(title(event) for event in gone),
            sql=SQL,
            repair="find out what else writes this row (an extension, a step of your own), and upgrade without it",
        )


def _closed(report: Report, before: History | None, after: History, new: Sequence[Event]) -> None:
    report_unfinished(report, after, before, repair="restore the backup and upgrade anew; never resume")
    begun = {event.get("individual_id"): event for event in after.events() if event.get("stage") == "before"}
    for event in new:
        if event.get("stage") != "after":
            continue
        if failed(event):
            start = begun.get(event.get("individual_id"), {})
            report.find(
                "RT::System",
                f"{title(start)} ended, and its return value says that it failed",
                sql=SQL,
                repair="see in the check run what this action complained of, mend that, and upgrade a fresh copy",
            )
        if event.get("individual_id") not in begun:
            report.find("RT::System", "an action ended that never began", sql=SQL)


def _upgrade(report: Report, new: Sequence[Event], expected: Sequence[str], origin: str, target: str) -> None:
    begun = [event for event in new if event.get("stage") == "before"]
    full = [event for event in begun if event.get("type") == FULL]
    single = [number(event.get("to")) for event in begun if event.get("type") == SINGLE]
    if not expected:
        if new:
            report.find(
                "RT::System",
                f"nothing was to do, yet the history grew by {len(new)} events",
                sql=SQL,
                repair="look at the last events of the history: they say what was applied that was not to be",
            )
        return
    if len(full) != 1:
        report.find("RT::System", f"the history grew by {len(full)} upgrades instead of one", sql=SQL)
    for event in full[-1:]:
        versions = [number(one) for one in event.get("versions") or []]
        if versions != list(expected):
            report.find(
                "RT::System",
                f"the upgrade planned {len(versions)} steps, not these {len(expected)}",
                samples=(f"planned: {', '.join(versions)}", f"expected: {', '.join(expected)}"),
                sql=SQL,
                repair=OTHER_STEPS,
            )
        if number(event.get("from")) != origin:
            report.find("RT::System", f"it was declared from {event.get('from')}, not from {origin}", sql=SQL)
    if single != list(expected):
        report.find(
            "RT::System",
            f"{len(single)} steps are recorded one by one instead of {len(expected)}, or other ones",
            samples=(f"recorded: {', '.join(single)}", f"expected: {', '.join(expected)}"),
            sql=SQL,
            repair=OTHER_STEPS,
        )
    others = sorted({number(event.get("rt_version")) for event in new} - {target})
    if others:
        report.find(
            "RT::System",
            f"RT {' and '.join(others)} wrote this history, not RT {target}",
            sql=SQL,
            repair="upgrade a fresh copy with the tools of the target alone",
        )
