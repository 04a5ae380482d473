"""Check that an interrupted upgrade is recognised, its database served by no release, and mended by its backup."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.upgrade.guard import HALF_WAY, NEWER, OLDER, Judgement
from harness.verdict import Outcome, Report, Verdict

CHECK = "killed"
QUESTION = "Is a half upgraded database recognised, never served, and as good as new after restore and upgrade?"
REPAIR = "restore the backup and upgrade anew; never resume"


@dataclass
class Aftermath:
    """Observations after an upgrade was interrupted at `place`.

    run: the run check's report on the interrupted upgrade. history: the history check's report afterwards.
    judgements: verdicts of the guards of the new and the old release. served: release to the exit code with which
    its image refused to serve, 0 if it served. changed: differences from the untouched database; None if not
    compared, because none were ruled out. forbidden: preflight's findings that prevent a second upgrade of it.
    again: reports on the upgrade after the restore.
    """

    place: str
    target: str
    run: Report
    history: Report
    judgements: list[Judgement]
    served: dict[str, int]
    changed: Report | None
    forbidden: tuple[str, ...]
    again: list[Report] = field(default_factory=list)

    def verdict(self) -> Verdict:
        """Return a gate's verdict on the interrupted upgrade, from its run and its history."""
        seen = [self.run, self.history]
        return Outcome(seen, expected=tuple(one.check for one in seen)).verdict()


def check(seen: Aftermath) -> Report:
    """Judge the observations."""
    report = Report(CHECK, QUESTION, looked_at=1, unit="interrupted upgrades", repair=REPAIR)
    if not seen.run and seen.verdict() is not Verdict.NO_GO:
        report.find(
            seen.place, f"the verdict on the upgrade that was cut off is {seen.verdict().value}, not NO-GO"
        )
    if seen.run:
        _finished(report, seen)
    elif all(one.code == OLDER for one in seen.judgements if one.release == seen.target):
        _untouched(report, seen)
    else:
        _half_way(report, seen)
    if not seen.again:
        report.find(seen.place, "nobody restored the backup and upgraded again")
    for part in seen.again:
        if not part:
            report.find(
                seen.place,
                f"after restore and upgrade the check {part.check} is not satisfied",
                blocks=(("Report", str(part)),),
            )
    return report


def _half_way(report: Report, seen: Aftermath) -> None:
    for one in seen.judgements:
        right = (HALF_WAY,) if one.release == seen.target else (HALF_WAY, NEWER)
        if one.code not in right:
            report.find(seen.place, "a guard does not recognise the half upgraded database", samples=(str(one),))
    if not seen.history.findings:  # a report that had nothing to look at has recognised nothing either
        report.find(seen.place, "the history check finds nothing in the half upgraded database", repair=REPAIR)
    for release, code in seen.served.items():
        if code not in (HALF_WAY, NEWER):
            word = "serves the half upgraded database" if not code else f"ends with {code} instead of {HALF_WAY}"
            report.find(seen.place, f"RT {release} {word}", repair=REPAIR)
    if not seen.forbidden:
        report.find(seen.place, "preflight would start the upgrade of the half upgraded database", repair=REPAIR)
    if not seen.judgements or not seen.served:
        report.find(seen.place, "no image was asked what it makes of the half upgraded database")


def _untouched(report: Report, seen: Aftermath) -> None:
    if seen.changed is None or not seen.changed:
        why = str(seen.changed) if seen.changed is not None else "nobody looked"
        report.find(seen.place, "the guard calls it older, but it is not what it was", blocks=(("Changes", why),))
    for one in seen.judgements:
        if one.release != seen.target and one.code:
            report.find(seen.place, "the old release refuses its own untouched database", samples=(str(one),))
    if seen.forbidden:
        report.find(seen.place, "preflight forbids the upgrade of the untouched database", samples=seen.forbidden)
    if seen.served.get(seen.target, 0) != OLDER:
        report.find(seen.place, f"RT {seen.target} does not refuse the database that was not upgraded")


def _finished(report: Report, seen: Aftermath) -> None:
    """Judge an upgrade that succeeded all the same, for example because it needed no more disk space."""
    if not seen.forbidden:
        report.find(seen.place, "the upgrade came through, and preflight would have it run again", repair=REPAIR)
    for one in seen.judgements:
        if (one.code == 0) != (one.release == seen.target):
            report.find(seen.place, "the upgrade came through, and a guard thinks otherwise", samples=(str(one),))
