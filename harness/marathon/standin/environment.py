"""The environment variables of a task, as Marathon's EnvironmentHelper and TaskBuilder make them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.marathon.standin.model import App


def word(text: str) -> str:
    """Convert a name for a variable: upper case, anything but letters and digits becomes `_`."""
    return re.sub(r"[^A-Z0-9]", "_", text.upper())


def environment(
    app: App, task_id: str, host: str, host_ports: Sequence[int], container_ports: Sequence[int]
) -> dict[str, str]:
    """Return the variables of a task; the app's own override all others.

    PORT0 and the like are host ports, in bridge mode too. References to secrets are left out: the stand-in has no
    secret store.
    """
    return (
        task_variables(app, task_id)
        | port_variables(app, host, host_ports, container_ports)
        | {name: value for name, value in app.env.items() if isinstance(value, str)}
    )


def number(value: float) -> str:
    """Format a number the way Scala prints a Double."""
    return str(float(value))


def task_variables(app: App, task_id: str) -> dict[str, str]:
    """Return the variables that identify a task."""
    found = {
        "MESOS_TASK_ID": task_id,
        "MARATHON_APP_ID": app.id,
        "MARATHON_APP_VERSION": app.version,
        "MARATHON_APP_RESOURCE_CPUS": number(app.cpus),
        "MARATHON_APP_RESOURCE_MEM": number(app.mem),
        "MARATHON_APP_RESOURCE_DISK": number(app.disk),
        "MARATHON_APP_RESOURCE_GPUS": str(app.gpus),
        "MARATHON_APP_LABELS": " ".join(sorted(word(label) for label in app.labels)),
    }
    found |= {f"MARATHON_APP_LABEL_{word(label)}": value for label, value in app.labels.items()}
    if app.container and app.container.docker:
        found["MARATHON_APP_DOCKER_IMAGE"] = app.container.docker.image
    return found


def port_variables(
    app: App, host: str, host_ports: Sequence[int], container_ports: Sequence[int]
) -> dict[str, str]:
    """Return HOST and the PORT variables; a port on its own network has only its container's number."""
    found = {"HOST": host}
    ports = list(host_ports) or list(container_ports)
    if not ports:
        return found
    found |= {"PORT": str(ports[0]), "PORTS": ",".join(map(str, ports))}
    for index, port in enumerate(ports):
        found[f"PORT{index}"] = str(port)
        found[f"PORT_{container_ports[index] or port}"] = str(port)
        name = app.port_names()[index]
        if name:
            found[f"PORT_{word(name)}"] = str(port)
    return found
