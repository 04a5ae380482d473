"""Compute how long a crashing app waits before its next launch."""

from __future__ import annotations

from dataclasses import dataclass

from harness.marathon.standin.model import App


@dataclass
class Delay:
    """The current delay of one app and the time (seconds since the epoch) until which it holds."""

    seconds: float
    until: float


class Backoff:
    """Delays by app id. Only crashes and exits raise one; health kills and kills by request do not.

    The first sets backoffSeconds, each further one multiplies by backoffFactor up to maxLaunchDelaySeconds.
    TASK_RUNNING does not reset it: an entry goes when the longest delay has passed without another crash, and
    on a change of the configuration, a restart or DELETE /v2/queue/{id}/delay.
    """

    def __init__(self) -> None:
        """Start without any delay."""
        self.delays: dict[str, Delay] = {}

    def ended(self, app: App, now: float) -> Delay:
        """Count one crash (or exit) of a task of the app."""
        known = self.current(app, now)
        wanted = known.seconds * app.backoff_factor if known else float(app.backoff_seconds)
        seconds = min(wanted, float(app.max_launch_delay_seconds))
        self.delays[app.id] = Delay(seconds, now + seconds)
        return self.delays[app.id]

    def current(self, app: App, now: float) -> Delay | None:
        """Return the app's entry, dropping an expired one."""
        known = self.delays.get(app.id)
        if known and now >= known.until + app.max_launch_delay_seconds:
            del self.delays[app.id]
            return None
        return known

    def left(self, app: App, now: float) -> float:
        """Return the seconds until the app may launch, 0 if it may now."""
        known = self.current(app, now)
        return max(0.0, known.until - now) if known else 0.0

    def reset(self, app_id: str) -> None:
        """Remove the app's delay."""
        self.delays.pop(app_id, None)
