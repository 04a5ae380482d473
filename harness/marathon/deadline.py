"""Compute the maximum duration of a deployment from its definition.

A Marathon deployment never fails by itself: it waits, restarting tasks, for ever. So the caller must know when to
stop waiting, and that depends only on the definition and the pull.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.common.wording import amount
from harness.marathon.definition import (
    PULL_ALLOWANCE,
    App,
    capacity,
    health_checks,
    instances_of,
    items,
    mapping,
    number,
    strategy_of,
)


@dataclass(frozen=True)
class Deadline:
    """Two bounds in seconds: `wave` without any progress, `total` from start to end.

    Progress is one more healthy new task than ever before, so a flapping task does not extend the time.
    """

    wave: float
    total: float
    because: str


def waves(app: App, running: int | None = None) -> int:
    """Count the batches in which a rolling replacement starts its new tasks (at least 1)."""
    instances = instances_of(app)
    old = instances if running is None else running
    plan = capacity(instances, *strategy_of(app), running=old)
    at_once = max(1, min(instances, plan.maximum - (old - plan.kill_now)))
    return max(1, math.ceil(instances / at_once))


def deadline_of(app: App, pull: float = PULL_ALLOWANCE, running: int | None = None) -> Deadline:
    """Return how long to wait for a deployment of `app` that replaces `running` old tasks.

    A wave is grace + interval * (max + 2) of the slowest check: by then a bad task has been killed by its own
    check, and one interval more covers the ticker that starts with the deployment instead of the task. Readiness
    needs up to an interval and a time-out in addition. The image is pulled once.
    """
    checks = health_checks(app)
    slowest = max((check.grace + check.interval * (check.failures + 2) for check in checks), default=60.0)
    readiness = [mapping(check) for check in items(app.get("readinessChecks"))]
    ready = max(
        (
            number(check.get("intervalSeconds"), 30) + number(check.get("timeoutSeconds"), 10)
            for check in readiness
        ),
        default=0.0,
    )
    leaving = number(app.get("taskKillGracePeriodSeconds"), 3)
    wave = slowest + ready + leaving + pull
    count = waves(app, running)
    total = pull + count * (slowest + ready + leaving)
    return Deadline(
        wave,
        total,
        f"{slowest:g} s of health checks + {ready:g} s of readiness + {leaving:g} s to stop an old task, in "
        f"{amount(count, 'waves')}, + {pull:g} s for the image pull",
    )


def soak_of(app: App) -> float:
    """Return the seconds in which every health check runs three more times, enough to see a flapping instance."""
    return max((3 * check.interval + check.timeout for check in health_checks(app)), default=5.0)
