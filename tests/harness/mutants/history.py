"""Define defects of RT's upgrade history, made from a good one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from harness.checks.upgrade_history import CORE, FULL, SINGLE, Event, History
from tests.harness.mutants import Mutant


@dataclass(frozen=True)
class HistoryMutant:
    """A defect of the history. `damage` changes the events of RT itself in place."""

    name: str
    reason: str
    damage: Callable[[list[Event]], None] = field(repr=False)
    check: str = "history"

    def apply(self, history: History) -> History:
        """Return a damaged copy."""
        made = deepcopy(history)
        self.damage(made.packages[CORE])
        return made


def good_history(origin: str, target: str, steps: Sequence[str], before: History | None = None) -> History:
    """Return the history after a good upgrade, on top of `before` or of an `init`."""
    beginning = History({CORE: _pair("init", "init", origin, filename="etc/initialdata")}, "", 1)
    made = deepcopy(before) if before else beginning
    whole = _pair("whole", FULL, target, **{"from": origin, "to": target, "versions": list(steps)})
    parts: list[Event] = []
    previous = origin
    for name in steps:
        inner = _pair(f"{name}-content", "", target, filename=f"{name}/content")
        outer = _pair(name, SINGLE, target, **{"from": previous, "to": name})
        parts += [outer[0], *inner, outer[1]]
        previous = name
    if steps:
        made.packages[CORE] += [whole[0], *parts, whole[1]]
    return made


def _pair(identity: str, kind: str, release: str, **more: object) -> list[Event]:
    begin = {"stage": "before", "type": kind, "individual_id": identity, "rt_version": f"{release}+dfsg-1", **more}
    end: Event = {"stage": "after", "individual_id": identity, "rt_version": f"{release}+dfsg-1"}
    if "filename" in more:
        end["return_value"] = ["1", "done"]
    return [begin, end]


def _last(events: list[Event], **wanted: str) -> Event:
    return next(one for one in reversed(events) if all(one.get(key) == value for key, value in wanted.items()))


def _drop_end(kind: str) -> Callable[[list[Event]], None]:
    def damage(events: list[Event]) -> None:
        identity = _last(events, stage="before", type=kind)["individual_id"]
        events.remove(_last(events, stage="after", individual_id=identity))

    return damage


def _fail_content(events: list[Event]) -> None:
    next(one for one in reversed(events) if "return_value" in one)["return_value"] = ["0", "it did not work"]


def _drop_step(events: list[Event]) -> None:
    identity = _last(events, stage="before", type=SINGLE)["individual_id"]
    events[:] = [one for one in events if one["individual_id"] != identity]


def _set(key: str, value: object) -> Callable[[list[Event]], None]:
    return lambda events: _last(events, stage="before", type=FULL).update({key: value})


MUTANTS = (
    HistoryMutant("open-upgrade", "the upgrade was killed before its end", _drop_end(FULL)),
    HistoryMutant("open-step", "a step was killed, and somebody closed the upgrade by hand", _drop_end(SINGLE)),
    HistoryMutant("failed-content", "a content file failed, which only the history tells", _fail_content),
    HistoryMutant("step-missing", "a step is not recorded", _drop_step),
    HistoryMutant("other-plan", "other steps were planned", _set("versions", ["1.0.0"])),
    HistoryMutant("other-origin", "the upgrade was declared from another release", _set("from", "1.0.0")),
    HistoryMutant("lost-start", "what made the database is gone", lambda events: events.__delitem__(slice(0, 2))),
    HistoryMutant(
        "changed-start", "an old event was changed", lambda events: events[0].update(rt_version="1.0.0")
    ),
    HistoryMutant(
        "twice",
        "the upgrade ran twice",
        lambda events: events.extend(
            {**one, "individual_id": f"again-{one['individual_id']}"} for one in events[2:]
        ),
    ),
    HistoryMutant(
        "other-code",
        "another release's code wrote the history",
        lambda events: events[-1].update(rt_version="1.0.0"),
    ),
    HistoryMutant(
        "end-without-begin",
        "events of two runs are mixed",
        lambda events: events.append(
            {"stage": "after", "individual_id": "unknown", "rt_version": events[-1]["rt_version"]}
        ),
    ),
)

SQL_MUTANTS = tuple(
    Mutant(name, "history", reason, (statement,))
    for name, reason, statement in (
        ("attribute-gone", "the attribute was deleted", "DELETE FROM Attributes WHERE Name = 'UpgradeHistory'"),
        (
            "attribute-cut",
            "the attribute was cut off by a column too small",
            "UPDATE Attributes SET Content = LEFT(Content, LENGTH(Content) DIV 2) WHERE Name = 'UpgradeHistory'",
        ),
        (
            "attribute-twice",
            "two attributes: RT reads the first one, whichever that is",
            "INSERT INTO Attributes (Name, Content, ContentType, ObjectType, ObjectId, Creator, LastUpdatedBy)"
            " SELECT Name, Content, ContentType, ObjectType, ObjectId, 1, 1 FROM Attributes"
            " WHERE Name = 'UpgradeHistory'",
        ),
        (
            "attribute-of-another",
            "the attribute hangs on another object",
            "UPDATE Attributes SET ObjectType = 'RT::Queue' WHERE Name = 'UpgradeHistory'",
        ),
    )
)
