"""Define defects of the state after an interrupted upgrade, each made from a good one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.checks.interrupted_upgrade import Aftermath
from harness.upgrade.guard import HALF_WAY, NEWER, OLDER, Judgement
from harness.verdict import Finding, Report

OLD, NEW = "1.0.0", "2.0.0"


@dataclass(frozen=True)
class KilledMutant:
    """A defect. `damage` makes a bad aftermath from a good one."""

    name: str
    reason: str
    damage: Callable[[Aftermath], Aftermath]
    check: str = "killed"


def clean(name: str) -> Report:
    """Return a report that looked and found nothing."""
    return Report(name, "?", looked_at=1)


def dirty(name: str) -> Report:
    """Return a report with a finding."""
    return Report(name, "?", [Finding(name, "here", "it is wrong")], looked_at=1)


def half_way() -> Aftermath:
    """Return a good aftermath of an interruption in the middle."""
    judgements = [Judgement(one, HALF_WAY, "half") for one in (NEW, OLD)]
    return Aftermath(
        "the middle",
        NEW,
        dirty("run"),
        dirty("history"),
        judgements,
        {NEW: HALF_WAY},
        None,
        ("it was begun",),
        [clean("run"), clean("repeated")],
    )


def untouched() -> Aftermath:
    """Return a good aftermath of an interruption before the first change."""
    judgements = [Judgement(NEW, OLDER, "older"), Judgement(OLD, 0, "its own")]
    return replace(half_way(), judgements=judgements, served={NEW: OLDER}, changed=clean("repeated"), forbidden=())


def _judged(release: str, code: int) -> Callable[[Aftermath], Aftermath]:
    def damage(seen: Aftermath) -> Aftermath:
        return replace(
            seen,
            judgements=[replace(one, code=code) if one.release == release else one for one in seen.judgements],
        )

    return damage


MUTANTS = (
    KilledMutant("guard-blind", "the target's guard takes it for its own", _judged(NEW, 0)),
    KilledMutant("old-guard-blind", "the old release would serve it", _judged(OLD, 0)),
    KilledMutant("served", "the image serves it", lambda seen: replace(seen, served={NEW: 0})),
    KilledMutant("crashed", "the image ends, and for another reason", lambda seen: replace(seen, served={NEW: 1})),
    KilledMutant("preflight-blind", "preflight would start it again", lambda seen: replace(seen, forbidden=())),
    KilledMutant(
        "preflight-afraid",
        "preflight forbids the upgrade of the untouched database",
        lambda _: replace(untouched(), forbidden=("it was begun",)),
    ),
    KilledMutant(
        "done-and-unknown",
        "the upgrade came through, and preflight would start it again",
        lambda seen: replace(
            seen,
            run=clean("run"),
            judgements=[replace(one, code=0 if one.release == NEW else NEWER) for one in seen.judgements],
            forbidden=(),
        ),
    ),
    KilledMutant("history-silent", "the history is closed", lambda seen: replace(seen, history=clean("history"))),
    KilledMutant(
        "history-empty",
        "the history check had nothing to look at",
        lambda seen: replace(seen, history=Report("history", "?")),
    ),
    KilledMutant(
        "no-verdict",
        "nothing was found, as nothing was looked at: that is NOT PROVEN and not NO-GO",
        lambda _: replace(untouched(), run=Report("run", "?"), history=Report("history", "?")),
    ),
    KilledMutant("not-asked", "no image was asked", lambda seen: replace(seen, judgements=[], served={})),
    KilledMutant("not-restored", "nobody restored", lambda seen: replace(seen, again=[])),
    KilledMutant(
        "other-database",
        "the second upgrade ends elsewhere",
        lambda seen: replace(seen, again=[clean("run"), dirty("repeated")]),
    ),
    KilledMutant(
        "not-compared",
        "the second upgrade was compared with nothing",
        lambda seen: replace(seen, again=[clean("run"), Report("repeated", "?")]),
    ),
    KilledMutant(
        "called-older",
        "half upgraded, and called older",
        lambda seen: replace(_judged(NEW, OLDER)(seen), served={NEW: OLDER}, changed=dirty("repeated")),
    ),
    KilledMutant(
        "called-older-unlooked",
        "called older, and nobody looked",
        lambda seen: replace(_judged(NEW, OLDER)(seen), served={NEW: OLDER}),
    ),
)
