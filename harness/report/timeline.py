"""Lay out the timeline of a kill test, with one lane for each affected thing.

facts["timeline"] is a list of {t, kind, label, lane}, t in seconds, with `until` for an event that lasted. Kinds
with a mark of their own, however long they took: kill, restart, deploy, healthy, unhealthy, lost, write; kinds
that last: up, down, gap. Any other kind is a dot or a grey bar. Lanes are in the order of their first event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.common.wording import duration
from harness.report.charts import Tick, percent, ticks

MANY = 80
"""Maximum points of one kind in one lane that are drawn individually; more are drawn as their density."""
_BINS = 120
MARKS = ("kill", "lost", "restart", "deploy", "unhealthy", "healthy", "write")
SPANS = ("down", "gap", "up")


@dataclass(frozen=True)
class Mark:
    """An event at one moment."""

    kind: str
    at: float
    title: str


@dataclass(frozen=True)
class Span:
    """An event that lasted."""

    kind: str
    left: float
    width: float
    title: str


@dataclass(frozen=True)
class Bin:
    """Many events of a kind: their number in a time slice, as a height in percent of the highest."""

    kind: str
    left: float
    width: float
    height: float
    title: str


@dataclass
class Lane:
    """One row of the timeline."""

    name: str
    marks: list[Mark] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    bins: list[Bin] = field(default_factory=list)

    def mark_kinds(self) -> set[str]:
        """Return the kinds of momentary events in this lane, drawn individually or as density."""
        return {mark.kind for mark in self.marks} | {bar.kind for bar in self.bins}


@dataclass(frozen=True)
class Moment:
    """A line of the list below the chart."""

    at: str
    kind: str
    lane: str
    label: str


@dataclass(frozen=True)
class Timeline:
    """The chart: lanes, the axis, the kinds that occur (for the legend), and all events not drawn as density."""

    lanes: list[Lane]
    axis: list[Tick]
    kinds: list[str]
    span_kinds: list[str]
    moments: list[Moment]


def timeline(events: Sequence[dict[str, Any]]) -> Timeline:
    """Return the chart of facts["timeline"]."""
    total = max((max(_time(event), _time(event, "until")) for event in events), default=0.0) or 1.0
    lanes: dict[str, Lane] = {}
    moments: list[tuple[float, Moment]] = []
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in events:
        name = str(event.get("lane", ""))
        lanes.setdefault(name, Lane(name))
        groups.setdefault((name, _kind(event)), []).append(event)
    for (name, kind), group in groups.items():
        lane = lanes[name]
        lasting = [event for event in group if kind not in MARKS and event.get("until") is not None]
        points = [event for event in group if kind in MARKS or event.get("until") is None]
        lane.spans += [_span(kind, event, total) for event in lasting]
        if len(points) > MANY:
            lane.bins += _bins(kind, points, total)
            points = []
        lane.marks += [Mark(kind, percent(_time(event), total), _title(kind, event)) for event in points]
        moments += [(_time(event), _moment(kind, name, event)) for event in (*lasting, *points)]
    for lane in lanes.values():
        # the most important marks are drawn last, on top
        lane.marks.sort(key=lambda mark: -_rank(MARKS, mark.kind))
    marked = {kind for lane in lanes.values() for kind in lane.mark_kinds()}
    return Timeline(
        list(lanes.values()),
        ticks(total),
        _ordered(MARKS, marked),
        _ordered(SPANS, {span.kind for lane in lanes.values() for span in lane.spans}),
        [moment for _, moment in sorted(moments, key=lambda timed: timed[0])],
    )


def _time(event: dict[str, Any], key: str = "t") -> float:
    return float(event.get(key) or 0.0)


def _kind(event: dict[str, Any]) -> str:
    kind = str(event.get("kind", ""))
    return kind if kind in (*MARKS, *SPANS) else "other"


def _title(kind: str, event: dict[str, Any]) -> str:
    label = str(event.get("label") or event.get("kind") or kind)
    return f"{_time(event):.2f} s: {label}"


def _moment(kind: str, lane: str, event: dict[str, Any]) -> Moment:
    lasted = f" ({duration(_time(event, 'until') - _time(event))})" if event.get("until") is not None else ""
    shown = str(event.get("kind") or kind)
    return Moment(f"{_time(event):.2f} s", shown, lane, str(event.get("label") or "") + lasted)


def _span(kind: str, event: dict[str, Any], total: float) -> Span:
    lasted = max(0.0, _time(event, "until") - _time(event))
    title = f"{_title(kind, event)}, for {duration(lasted)}"
    return Span(kind, percent(_time(event), total), percent(lasted, total), title)


def _bins(kind: str, points: list[dict[str, Any]], total: float) -> list[Bin]:
    counts = [0] * _BINS
    for event in points:
        counts[min(_BINS - 1, int(_time(event) / total * _BINS))] += 1
    width, highest = 100 / _BINS, max(counts)
    return [
        Bin(
            kind,
            round(at * width, 3),
            round(width, 3),
            percent(amount, highest),
            f"{at * total / _BINS:.1f} s to {(at + 1) * total / _BINS:.1f} s: {amount} x {kind}",
        )
        for at, amount in enumerate(counts)
        if amount
    ]


def _rank(order: tuple[str, ...], kind: str) -> int:
    return order.index(kind) if kind in order else len(order)


def _ordered(order: tuple[str, ...], kinds: Iterable[str]) -> list[str]:
    return sorted(kinds, key=lambda kind: _rank(order, kind))
