"""Does this machine reach the instances at all? A dead route is no dead instance.

Marathon may be reached through a proxy and the agents' ports by nobody out here: then every instance is silent,
good or bad, and a deploy that believed this would take a good release back. So those that run are asked before
anything is sent; and where none runs yet, Marathon's own checks tell a dead port from a dead route, if they come
through the same port.
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
"""How many instances are asked before all count as out of reach: each may take the whole time-out of a probe."""
WHERE = "use a machine that reaches the agents' ports (and addresses of containers, on a network of theirs)"


class UnseenError(InfrastructureError):
    """No instance took a connection from here, although Marathon reaches them: nothing is known of any."""


def need_reached(follower: Follower, app: AppState | None) -> None:
    """Raise UnseenError where instances run that Marathon calls healthy, and none takes a connection from here.

    What it answers does not matter: that it is no good may be the reason for the deploy.
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
    raise UnseenError(
        f"This machine does not reach the instances of {app.id}, which Marathon calls healthy; nothing was sent.",
        [("Asked", "\n".join(silent))],
        f"{WHERE}; where those that run now are out of everybody's reach, say so: --unseen-before",
    )


def unseen(watch: Watch, definition: App) -> UnseenError | None:
    """Return the error for a deployment of which all holds but our own probe, whose connections nobody takes.

    None where something else is wrong, or where Marathon has not come through the same port itself.
    """
    if not (watch.silent and _asked_by_marathon(definition)):
        return None
    return UnseenError(
        f"This machine does not reach the instances of {watch.wanted.app_id}; Marathon does, at that very port.",
        [("Not met", "\n".join(one.what for one in watch.unmet))],
        f"{WHERE}, and see from there what runs now",
    )


def _asked_by_marathon(definition: App) -> bool:
    """Whether Marathon's own checks, which are sent from its machine, come through the port that we ask at."""
    index, ports = serving_port(definition), ports_of(definition)
    name = ports[index].name if index < len(ports) else ""
    ready = {text(mapping(one).get("portName")) for one in items(definition.get("readinessChecks"))}
    checks = [one for one in health_checks(definition) if one.protocol in MARATHON_LEVEL]
    by_health = any("port" not in one.raw and (one.raw.get("portIndex") or 0) == index for one in checks)
    return by_health or (bool(name) and name in ready)
