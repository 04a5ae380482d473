"""Convert an app definition to the engine's arguments for creating a task's container."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.marathon.standin.model import App, Container
from harness.marathon.standin.runner import LaunchError

Arguments = dict[str, Any]
LISTS: Mapping[str, str] = {
    "add-host": "extra_hosts",
    "cap-add": "cap_add",
    "cap-drop": "cap_drop",
    "dns": "dns",
    "device": "devices",
    "security-opt": "security_opt",
}
SINGLE: Mapping[str, str] = {
    "hostname": "hostname",
    "workdir": "working_dir",
    "user": "user",
    "entrypoint": "entrypoint",
    "shm-size": "shm_size",
    "stop-signal": "stop_signal",
    "network": "network",
    "net": "network",
}
SWITCHES: Mapping[str, str] = {"read-only": "read_only", "init": "init"}


def parameters(app: App) -> Arguments:
    """Convert container.docker.parameters, which Marathon passes to `docker run` as flags.

    Raises LaunchError for an unsupported flag: a task that silently lacks it proves nothing.
    """
    found: Arguments = {"environment": {}, "labels": {}, "tmpfs": {}, "volumes": []}
    docker = app.container.docker if app.container else None
    for parameter in docker.parameters if docker else []:
        key, value = parameter.key, parameter.value
        if key in LISTS:
            found.setdefault(LISTS[key], []).append(value)
        elif key in SINGLE:
            found[SINGLE[key]] = value
        elif key in SWITCHES:
            found[SWITCHES[key]] = value.lower() != "false"
        elif key in ("env", "label"):
            name, _, text = value.partition("=")
            found["environment" if key == "env" else "labels"][name] = text
        elif key == "tmpfs":
            path, _, options = value.partition(":")
            found["tmpfs"][path] = options
        elif key == "volume":
            found["volumes"].append(value)
        else:
            raise LaunchError(f"Docker parameter '{key}' is not known to the stand-in")
    if "extra_hosts" in found:
        pairs = [entry.partition(":") for entry in found["extra_hosts"]]
        if wrong := [entry for entry, colon, _ in pairs if not colon]:
            raise LaunchError(f"Docker parameter 'add-host' names no address for {wrong[0]}: it is NAME:ADDRESS")
        found["extra_hosts"] = {name: address for name, _, address in pairs}
    return found


def volumes(container: Container | None, say: Callable[[str], None]) -> list[str]:
    """Return mounts as host:container:mode; volumes of other kinds are left out, with a message."""
    found = []
    for volume in container.volumes if container else []:
        if volume.host_path is not None:
            found.append(f"{volume.host_path}:{volume.container_path}:{(volume.mode or 'RO').lower()}")
        else:
            say(f"the volume at {volume.container_path} is neither created nor mounted by the stand-in")
    return found


def command(app: App) -> Arguments:
    """Return entrypoint and command: `cmd` goes through /bin/sh, `args` go to the image's entrypoint."""
    if app.cmd:
        return {"entrypoint": ["/bin/sh", "-c", app.cmd], "command": []}
    return {"command": list(app.args) or None}


def free_port(host: str) -> int:
    """Return a port of `host` that the kernel considers free now; of this machine if the engine is elsewhere.

    The engine could choose one itself, but a task gets its host port in PORT0 and must be created with it. Another
    process may take the port; the launch then fails cleanly and is repeated with another.
    """
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError:  # beside the engine's socket, an address of the engine's machine and not of this container
            probe.bind(("", 0))
        return int(probe.getsockname()[1])


def host_ports(app: App, host: str) -> tuple[list[int], list[int]]:
    """Choose host ports; return (host ports, container ports), each in portIndex order.

    On a network of its own a task has no host ports unless it asks for them.
    """
    if app.mode == "host":
        chosen = [
            definition.port if app.require_ports and definition.port else free_port(host)
            for definition in app.port_definitions or []
        ]
        return chosen, chosen
    mappings = (app.container and app.container.port_mappings) or []
    if app.mode == "container" and all(mapping.host_port is None for mapping in mappings):
        return [], [mapping.container_port for mapping in mappings]
    ports = [mapping.host_port or free_port(host) for mapping in mappings]
    inside = [mapping.container_port or port for mapping, port in zip(mappings, ports, strict=True)]
    return ports, inside


def published(app: App, host: str, ports: Sequence[int], inside: Sequence[int]) -> dict[str, tuple[str, int]]:
    """Return the engine's port bindings: "80/tcp" to (host, host port)."""
    if app.mode == "host" or not ports:
        return {}
    mappings = (app.container and app.container.port_mappings) or []
    return {
        f"{inner}/{protocol}": (host, outer)
        for mapping, outer, inner in zip(mappings, ports, inside, strict=True)
        for protocol in mapping.protocol.split(",")
    }


def network(app: App) -> Arguments:
    """Return the network that the container joins."""
    if app.mode == "host":
        return {"network_mode": "host"}
    if app.mode == "container" and app.networks:
        return {"network": app.networks[0].name}
    return {}


def limits(app: App) -> Arguments:
    """Return cpu shares and the hard memory limit; Mesos never gives a task less than 4 MB."""
    return {
        "cpu_shares": max(2, int(1024 * app.cpus)),
        "mem_limit": int(max(app.mem, 6) * 1024 * 1024),
        "privileged": bool(app.container and app.container.docker and app.container.docker.privileged),
    }
