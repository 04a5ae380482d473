"""Compare a definition with the running app: would a PUT change it? Removed keys count as well as new ones.

Marathon's answer never equals what was sent: defaults are filled in, empty keys left out, the old dialect is
converted to the new one or back, and service ports of 0 have been replaced. So both sides are first brought to one
form.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from harness.marathon.definition import App, default_strategy, items, mapping, resident
from harness.marathon.networking import (
    NEWER,
    Dialect,
    docker_of,
    given_definitions,
    given_mappings,
    network_mode,
    networks_of,
)
from harness.marathon.schema import APP, UNREACHABLE, Spec

Json = dict[str, Any]
NOT_COMPARED = frozenset({"id", "version", "storeUrls"})
GIVEN_BY_MARATHON = ("role", "residency")
"""Keys whose default depends on Marathon's settings or other data: compared only if both sides have them."""


def changes(wanted: App, live: App, dialect: Dialect = NEWER) -> list[str]:
    """Return the top-level keys, sorted, in which a PUT of the whole of `wanted` would change `live`.

    `live` may be an answer of Marathon or a definition; either side may be in either input dialect, whose keys are
    named as in the new one. `instances` is a key like any other. `dialect` decides the default of
    maxLaunchDelaySeconds, and whether `networks` means anything in `wanted`.
    """
    ours, theirs = _form(wanted, dialect, dialect), _form(live, dialect, NEWER)
    for key in GIVEN_BY_MARATHON:
        if key not in ours or key not in theirs:
            ours.pop(key, None)
            theirs.pop(key, None)
    _keep_ports(ours, theirs)
    return sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))


def _form(app: App, dialect: Dialect, spoken: Dialect) -> Json:
    """Return the normal form of a definition: new dialect, defaults filled in, null and empty left out.

    spoken: the newest dialect that `app` may be in.
    """
    folded = _folded(app, spoken)
    minimum, over = default_strategy(app)
    computed = {
        "upgradeStrategy": {"minimumHealthCapacity": minimum, "maximumOverCapacity": over},
        "maxLaunchDelaySeconds": 300 if dialect >= (1, 8) else 3600,
    }
    filled = computed | {key: value for key, value in folded.items() if value is not None}
    form = mapping(_plain(filled, APP))
    form["dependencies"] = _ordered([_from_the_root(dependency) for dependency in items(form.get("dependencies"))])
    form["healthChecks"] = _ordered([_as_read(check, dialect) for check in items(form.get("healthChecks"))])
    if resident(app):
        form["unreachableStrategy"] = "disabled"
    else:
        lost = filled.get("unreachableStrategy", {})
        form["unreachableStrategy"] = _plain(lost, UNREACHABLE) if isinstance(lost, Mapping) else lost
    return {key: value for key, value in form.items() if key not in NOT_COMPARED and value not in (None, [], {})}


def _from_the_root(app_id: Any) -> Any:
    """Return an id as Marathon stores it: a relative one is taken from the root."""
    return posixpath.normpath("/" + app_id.lstrip("/")) if isinstance(app_id, str) else app_id


def _plain(value: Any, spec: Spec) -> Any:
    if spec.kind == "object" and isinstance(value, Mapping):
        given = {key: item.default if value.get(key) is None else value[key] for key, item in spec.fields.items()}
        filled = {key: _plain(field, spec.fields[key]) for key, field in given.items()}
        return {key: item for key, item in filled.items() if item not in (None, [], {})}
    if spec.kind == "list" and spec.item and isinstance(value, list | tuple):
        listed = [_plain(item, spec.item) for item in value]
        return _ordered(listed) if spec.any_order else listed
    return value


def _ordered(values: list[Any]) -> list[Any]:
    """Sort a set, which JSON has as a list, and drop duplicates."""
    told_apart = {json.dumps(value, sort_keys=True, default=str): value for value in values}
    return [told_apart[key] for key in sorted(told_apart)]


def _as_read(check: Any, dialect: Dialect) -> Any:
    """Fill in the port index as Marathon does; leave out what its reader drops."""
    if not isinstance(check, dict):
        return check
    read = {key: item for key, item in check.items() if key != "ignoreHttp1xx" or dialect < (1, 5)}
    return read if check.get("protocol") == "COMMAND" or "port" in check else {"portIndex": 0} | read


def _folded(app: App, dialect: Dialect) -> Json:
    """Convert networks, ports and fetch to the form that Marathon 1.5 and later store."""
    mode = network_mode(app, dialect)
    folded = {key: value for key, value in app.items() if key not in ("ports", "uris", "ipAddress", "networks")}
    folded["fetch"] = items(app.get("fetch")) or [{"uri": uri} for uri in items(app.get("uris"))]
    folded["networks"] = networks_of(app, dialect) or [_old_network(app, mode)]
    definitions, container = given_definitions(app), mapping(app.get("container"))
    docker = {key: value for key, value in docker_of(app).items() if key not in ("network", "portMappings")}
    if "docker" in container:
        container["docker"] = docker or None
    if mode == "host":
        folded["portDefinitions"] = [{"name": "default"}] if definitions is None else definitions
        container.pop("portMappings", None)
    else:
        folded |= {"portDefinitions": None, "requirePorts": None}
        container = container or {"type": "MESOS"}
        container["portMappings"] = _mappings(app, dialect, definitions or [])
    folded["container"] = container or None
    return folded


def _old_network(app: App, mode: str) -> Json:
    if mode == "container":
        return {"mode": "container", "name": mapping(app.get("ipAddress")).get("networkName")}
    return {"mode": {"bridge": "container/bridge"}.get(mode, mode)}


def _mappings(app: App, dialect: Dialect, definitions: list[Json]) -> list[Json]:
    given, bridge = given_mappings(app, dialect), network_mode(app, dialect) == "bridge"
    written = [mapping(port_mapping) for port_mapping in items(given)]
    if given is None and bridge and not definitions:
        written = [{"name": "default"}]
    found = []
    for written_mapping, extra in zip_longest(written, definitions):
        port = mapping(extra).get("port")
        made = {"name": mapping(extra).get("name")} if written_mapping is None else dict(written_mapping)
        found.append(made | {"servicePort": made.get("servicePort") or port or 0})
    return [mapped | {"hostPort": mapped.get("hostPort") or 0} for mapped in found] if bridge else found


def _keep_ports(wanted: Json, live: Json) -> None:
    """Replace a service port of 0 by the one that Marathon chose before."""
    for key, lists in (
        ("servicePort", [items(mapping(app.get("container")).get("portMappings")) for app in (wanted, live)]),
        ("port", [items(app.get("portDefinitions")) for app in (wanted, live)]),
    ):
        for ours, theirs in zip(*lists, strict=False):
            if isinstance(ours, dict) and isinstance(theirs, dict) and ours.get(key) == 0:
                ours[key] = theirs.get(key)
