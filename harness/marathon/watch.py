"""Follow one deployment poll by poll until it is decided. Server and clock are the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from harness.marathon.deadline import Deadline
from harness.marathon.events import Event
from harness.marathon.live_rule import Observations, Snapshot, Unmet, Wanted, unmet

FLIPS = 1
"""How often a task may change from alive to not alive."""


class State(Enum):
    """State of a watch."""

    WAITING = "waiting"
    GOOD = "good"
    BAD = "bad"


class Watch:
    """Follows one deployment: from snapshots and events it decides waiting, good or bad. It has no clock.

    Time in which Marathon did not answer is not held against the deployment: what it did then was not seen.

    soak: seconds between the two good polls. patience: how long instances may fail the harness's own probe while
    Marathon calls everything healthy. ask_early: whether to ask instances that Marathon does not call healthy,
    until one was seen to serve: what it has accepted would be lost by a restore.
    """

    def __init__(
        self, wanted: Wanted, deadline: Deadline, soak: float, *, patience: float = 0, ask_early: bool = False
    ) -> None:
        """Start with nothing seen."""
        self.ask_early = ask_early
        self.wanted, self.deadline, self.soak = wanted, deadline, soak
        self.patience = patience or max(soak, 5.0)
        self.observations = Observations()
        self.unmet: list[Unmet] = []
        self.silent = False
        """Whether only the harness's own probe is unmet, and no instance has ever accepted its connection."""
        self._reached = False
        self.polls = self.good_polls = self._healthy = self._flipped = 0
        self._started = self._progress = self._good_since = self._lying_since = -1.0
        self._seen = 0.0
        self._missed = False
        self.longest_silence = deadline.total + soak + 60
        """Seconds for which Marathon may be silent in all: longer than the watch itself takes."""
        self._silence_left = self.longest_silence

    @property
    def latest_end(self) -> float:
        """Seconds after which it has decided at the latest, with the longest silence."""
        return self.deadline.total + self.soak + self.longest_silence

    def miss(self) -> None:
        """Record a poll that Marathon did not answer."""
        self._missed = True

    def wants_probe(self, snapshot: Snapshot, now: float) -> bool:
        """Tell whether to probe the instances: all else holds, at the first good poll and at the last."""
        observations = self.observations
        observations.add_snapshot(snapshot, self.wanted)
        if unmet(snapshot, self.wanted, observations):
            return False
        due = self._good_since >= 0 and now - self._good_since >= self.soak
        return self.good_polls == 0 or due

    @property
    def wants_answer(self) -> bool:
        """Whether to ask an instance although not all else holds."""
        return self.ask_early and not self.observations.served

    def observe(self, snapshot: Snapshot, events: Iterable[Event], now: float) -> State:
        """Add a poll at `now` (seconds, any origin) and judge."""
        if self._started < 0:
            self._started = self._progress = now
        elif self._missed:
            self._forgive(now - self._seen)
        self._seen, self._missed = now, False
        self.polls += 1
        self.observations.add_snapshot(snapshot, self.wanted)
        self.observations.add_events(events, self.wanted)
        self._reached |= any(result.reached for result in (snapshot.probes or {}).values())
        if self.observations.most_healthy > self._healthy:
            self._progress, self._healthy = now, self.observations.most_healthy
        flipped, self._flipped = (
            self.observations.flapped.total() > self._flipped,
            self.observations.flapped.total(),
        )
        self.unmet = [*unmet(snapshot, self.wanted, self.observations), *self._flapping()]
        if any(condition.final for condition in self.unmet):
            return State.BAD
        if self.unmet or flipped:
            self.good_polls, self._good_since = 0, -1.0
            return self._not_yet(now)
        if self.good_polls == 0:
            self._good_since = now
        self.good_polls += 1
        done = self.good_polls >= 2 and now - self._good_since >= self.soak and snapshot.probes is not None
        return State.GOOD if done else State.WAITING

    def _forgive(self, silence: float) -> None:
        """Leave a silence of Marathon out of all time limits, up to the longest that is allowed."""
        silence = min(silence, self._silence_left)
        self._silence_left -= silence
        self._started += silence
        self._progress += silence
        if self._lying_since >= 0:
            self._lying_since += silence

    def _not_yet(self, now: float) -> State:
        lying = bool(self.unmet) and all(condition.rule == "probe" for condition in self.unmet)
        self.silent = lying and not self._reached
        if not lying:
            self._lying_since = -1.0
        elif self._lying_since < 0:
            self._lying_since = now
        stuck, late = now - self._progress >= self.deadline.wave, now - self._started >= self.deadline.total
        lied = lying and now - self._lying_since >= self.patience
        if stuck or late:
            self.unmet.append(
                Unmet(
                    "deadline",
                    f"no progress for {now - self._progress:.0f} s ({self.deadline.because})",
                    final=True,
                )
            )
        return State.BAD if stuck or late or lied else State.WAITING

    def _flapping(self) -> Iterable[Unmet]:
        for name, count in self.observations.flapped.items():
            if count > FLIPS:
                yield Unmet("flapping", f"task {name} turned from healthy to unhealthy {count} times", final=True)

    def summary(self) -> str:
        """Return in one line what is still missing."""
        return (
            "; ".join(condition.what for condition in self.unmet)
            or f"good since {self.good_polls} poll(s), soaking"
        )
