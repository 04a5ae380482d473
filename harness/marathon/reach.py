"""Check that this machine can reach the instances: a missing route must not count as a dead instance.

Marathon may be reached through a proxy while the agents' ports cannot be reached from here: then every instance is
silent, good or bad, and a deploy that relied on this would roll back a good release. So the running instances are
probed before anything is sent; and if none runs yet, Marathon's own checks tell a dead port from a missing route,
if they use the same port.
"""

from __future__ import annotations

from harness.errors import InfrastructureError
from harness.marathon.definition import MARATHON_LEVEL, App, health_checks, items, mapping, text
from harness.marathon.follow import Follower, ask
from harness.marathon.model import AppState
from harness.marathon.networking import ports_of
from harness.marathon.probe import serving_port
from harness.marathon.watch import Watch

ASKED = 3
"""Number of instances probed before all count as out of reach: each may take a probe's whole time-out."""
WHERE = "use a machine that reaches the agents' ports (and addresses of containers, on a network of theirs)"


class UnreachableInstancesError(InfrastructureError):
    """No instance accepted a connection from here, although Marathon reaches them: their state is unknown."""


def require_reachable(follower: Follower, app: AppState | None) -> None:
    """Raise UnreachableInstancesError if none of the instances that Marathon calls healthy accepts a connection.

    The content of an answer does not matter: a bad one may be the reason for the deploy.
    """
    healthy = [task for task in app.tasks if task.alive][:ASKED] if app is not None else []
    if app is None or not healthy or follower.unseen_before:
        return
    probe = follower.probe_for(app.definition)
    silent = []
    for task in healthy:
        result = ask(app, task.id, probe)
        if result.reached:
            return
        silent.append(f"{result.where}: {result.said}")
    raise UnreachableInstancesError(
        f"This machine does not reach the instances of {app.id}, which Marathon calls healthy; nothing was sent.",
        [("Asked", "\n".join(silent))],
        f"{WHERE}; where those that run now are out of everybody's reach, say so: --unseen-before",
    )


def unreachable(watch: Watch, definition: App) -> UnreachableInstancesError | None:
    """Return the error if only the harness's own probe fails, because no connection is accepted.

    Return None if something else is wrong, or if Marathon itself has not reached the same port.
    """
    if not (watch.silent and _asked_by_marathon(definition)):
        return None
    return UnreachableInstancesError(
        f"This machine does not reach the instances of {watch.wanted.app_id}; Marathon does, at that very port.",
        [("Not met", "\n".join(condition.what for condition in watch.unmet))],
        f"{WHERE}, and see from there what runs now",
    )


def _asked_by_marathon(definition: App) -> bool:
    """Tell whether Marathon's own checks, which are sent from its machine, use the port that the probe uses."""
    index, ports = serving_port(definition), ports_of(definition)
    name = ports[index].name if index < len(ports) else ""
    ready = {text(mapping(check).get("portName")) for check in items(definition.get("readinessChecks"))}
    checks = [check for check in health_checks(definition) if check.protocol in MARATHON_LEVEL]
    by_health = any("port" not in check.raw and (check.raw.get("portIndex") or 0) == index for check in checks)
    return by_health or (bool(name) and name in ready)
