"""Convert the stored definition to a client's JSON, in the dialect of 1.4, 1.6 or 1.10.

1.4 names every key and uses null; 1.5 and later omit unset or empty keys and never use the old ones.
"""

from __future__ import annotations

from typing import Any

from harness.marathon.standin.model import App
from harness.marathon.standin.normalize import service_ports

Json = dict[str, Any]
DIALECTS = ("1.4", "1.6", "1.10")
VERSIONS = {"1.4": "1.4.13", "1.6": "1.6.590", "1.10": "1.10.26"}
LEFT_OUT_WHEN_EMPTY = (
    "args",
    "constraints",
    "dependencies",
    "env",
    "fetch",
    "healthChecks",
    "readinessChecks",
    "secrets",
    "acceptedResourceRoles",
)


def app_json(app: App, dialect: str = "1.6") -> Json:
    """Return the app as GET shows it, without counts, tasks and deployments."""
    document = app.model_dump(by_alias=True, exclude_none=True)
    for key in LEFT_OUT_WHEN_EMPTY:
        if not document.get(key):
            document.pop(key, None)
    for mapping in (document.get("container") or {}).get("portMappings") or []:
        if not mapping["networkNames"]:
            del mapping["networkNames"]
    if dialect == "1.4":
        return to_old(app, document)
    if dialect == "1.10":
        document.setdefault("role", "*")
    return document


def to_old(app: App, document: Json) -> Json:
    """Return the 1.4 form: every key present, null if unset, network and ports under container.docker."""
    old: Json = dict.fromkeys(
        (
            "cmd",
            "args",
            "user",
            "container",
            "ipAddress",
            "residency",
            "acceptedResourceRoles",
            "secrets",
            "taskKillGracePeriodSeconds",
        ),
    )
    old |= {key: [] for key in LEFT_OUT_WHEN_EMPTY[1:7] if key != "env"} | {"env": {}, "storeUrls": []}
    old |= {key: value for key, value in document.items() if key not in ("networks", "unreachableStrategy")}
    old["uris"] = [item.uri for item in app.fetch]
    old["ports"] = service_ports(app)
    old["portDefinitions"] = [
        {"port": port, "protocol": "tcp", "name": name, "labels": {}}
        for port, name in zip(old["ports"], app.port_names(), strict=True)
    ]
    container = old["container"]
    if container and "docker" in container:
        network = {"host": "HOST", "container/bridge": "BRIDGE", "container": "USER"}[app.mode]
        mappings = container.pop("portMappings", None)
        container["docker"] |= {"network": network, "portMappings": mappings}
    if app.mode == "container" and app.networks:
        old["ipAddress"] = {"networkName": app.networks[0].name}
    return old
