"""Rule L06: types, ranges, unknown keys, and the rules that span several keys of the definition."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.marathon.definition import App, items, labels_of, mapping, number, ports_of, text, whole
from harness.marathon.lint_catalogue import Found, found
from harness.marathon.lint_schema import ANSWER_KEYS, APP, OPERATORS, Spec

Dialect = tuple[int, int]


def shape(app: App, dialect: Dialect) -> Found:
    """Compare the whole definition with the table, then look at what spans keys."""
    yield from _object(app, APP, "", dialect)
    for rule in (_process, _networks, _names, _constraints, _singular):
        yield from rule(app)


def _value(value: Any, spec: Spec, where: str, dialect: Dialect) -> Found:
    if value is None:
        return  # Marathon takes null for absent
    if spec.kind == "unreachable":
        yield from _unreachable(value, where)
    elif spec.kind == "env":
        yield from _environment(value, where)
    elif not _is(value, spec.kind):
        yield found("L06", where, f"must be {_article(spec.kind)}, is {_shown(value)}")
    elif spec.kind == "object":
        yield from _object(value, spec, where, dialect)
    elif spec.kind == "list" and spec.item:
        for index, one in enumerate(value):
            yield from _value(one, spec.item, f"{where}({index})", dialect)
    elif spec.kind == "map" and spec.item:
        for key, one in value.items():
            yield from _value(one, spec.item, f"{where}/{key}", dialect)
    elif spec.kind in ("integer", "number"):
        yield from _range(value, spec, where)
    elif spec.kind == "string":
        yield from _string(value, spec, where)


def _object(value: Mapping[str, Any], spec: Spec, where: str, dialect: Dialect) -> Found:
    for key, one in value.items():
        known = spec.fields.get(key)
        if known is None:
            yield from _unknown(key, spec.fields, where)
            continue
        if known.since > dialect:
            yield found(
                "L06", f"{where}/{key}", f"is known from Marathon {known.since[0]}.{known.since[1]} on; "
                f"{dialect[0]}.{dialect[1]} ignores it", level="W", fix=f"do without {key} on this Marathon",
            )  # fmt: skip
        yield from _value(one, known, f"{where}/{key}", dialect)
    for key in spec.required:
        if value.get(key) is None and not (where == "/upgradeStrategy" and dialect < (1, 5)):
            yield found("L06", f"{where}/{key}", "is required and missing", fix=f"give {key}")


def _unknown(key: str, known: Iterable[str], where: str) -> Found:
    if not where and key in ANSWER_KEYS:
        yield found("L06", f"/{key}", "is part of Marathon's answers and means nothing in a definition",
                    level="W", fix=f"remove {key}")  # fmt: skip
        return
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(key.lower(), by_lower, n=1, cutoff=0.6)
    # A shortened name (`gracePeriod`) is the commonest typo and too short for the ratio alone.
    start = [name for lower, name in by_lower.items() if len(key) > 3 and lower.startswith(key.lower())]
    meant = start[0] if start else by_lower[close[0]] if close else ""
    hint = f"write {meant}" if meant else "remove it, or look the key up"
    yield found("L06", f"{where}/{key}", "is no key that Marathon knows, so it is ignored", level="W", fix=hint)


def _range(value: float, spec: Spec, where: str) -> Found:
    if isinstance(value, float) and not math.isfinite(value):
        yield found("L06", where, f"must be a finite number, is {value}")
    elif spec.minimum is not None and value < spec.minimum:
        yield found("L06", where, f"must be at least {spec.minimum:g}, is {_shown(value)}")
    elif spec.maximum is not None and value > spec.maximum:
        yield found("L06", where, f"must be at most {spec.maximum:g}, is {_shown(value)}")


def _string(value: str, spec: Spec, where: str) -> Found:
    if spec.values and value not in spec.values:
        close = difflib.get_close_matches(value.upper(), [one.upper() for one in spec.values], n=1)
        hint = f"write {next(v for v in spec.values if v.upper() == close[0])}" if close else ""
        yield found("L06", where, f"must be one of {', '.join(spec.values)}, is {_shown(value)}", fix=hint)
    elif spec.minimum and len(value) < spec.minimum:
        yield found("L06", where, "must not be empty")
    elif spec.maximum and len(value) > spec.maximum:
        yield found("L06", where, f"must have at most {spec.maximum:g} characters, has {len(value)}")
    elif spec.pattern and not re.fullmatch(spec.pattern, value):
        yield found(
            "L06", where, f"must consist of lower-case letters, digits and inner hyphens, is {_shown(value)}"
        )


def _unreachable(value: Any, where: str) -> Found:
    if value == "disabled":
        return
    if not isinstance(value, Mapping):
        yield found("L06", where, f'must be "disabled" or an object, is {_shown(value)}')
        return
    inactive, expunge = (number(value.get(key), 0) for key in ("inactiveAfterSeconds", "expungeAfterSeconds"))
    if inactive > expunge:
        yield found(
            "L06", where, f"inactiveAfterSeconds {inactive:g} must not exceed expungeAfterSeconds {expunge:g}"
        )


def _environment(value: Any, where: str) -> Found:
    if not isinstance(value, Mapping):
        yield found("L06", where, f"must be an object, is {_shown(value)}")
        return
    for name, one in value.items():
        if one is not None and not isinstance(one, str) and not isinstance(mapping(one).get("secret"), str):
            yield found("L06", f"{where}/{name}", f'must be a string or {{"secret": name}}, is {_shown(one)}',
                        fix="put the value in quotes: environment variables are strings")  # fmt: skip


def _process(app: App) -> Found:
    container = mapping(app.get("container"))
    if app.get("cmd") is not None and app.get("args") is not None:
        yield found("L06", "/", "cmd and args exclude each other", fix="keep one of them")
    if app.get("cmd") is None and app.get("args") is None and not container:
        yield found(
            "L06", "/", "there is nothing to run: neither cmd, args nor a container", fix="give a container"
        )
    if container and text(container.get("type"), "DOCKER") == "DOCKER" and container.get("docker") is None:
        yield found(
            "L06",
            "/container/docker",
            "a DOCKER container needs its docker object",
            fix="give container.docker",
        )
    if app.get("uris") is not None and app.get("fetch") is not None and app.get("uris") != []:
        yield found("L06", "/", "uris and fetch exclude each other", fix="keep fetch")
    for index, volume in enumerate(map(mapping, items(container.get("volumes")))):
        kinds = [key for key in ("persistent", "external", "secret") if volume.get(key) is not None]
        if not kinds:
            for key in ("hostPath", "mode"):
                if volume.get(key) is None:
                    yield found("L06", f"/container/volumes({index})/{key}", "is required for a host volume",
                                fix=f"give {key}")  # fmt: skip
    if app.get("version") is not None and set(app) - {"id", "version"}:
        yield found("L06", "/version", "means a rollback and may come with the id alone", fix="remove version")


def _networks(app: App) -> Found:
    networks = [text(mapping(one).get("mode"), "container") for one in items(app.get("networks"))]
    if networks and text(mapping(mapping(app.get("container")).get("docker")).get("network")):
        yield found("L06", "/", "networks and container.docker.network exclude each other", fix="keep networks")
    for mode in ("host", "container/bridge"):
        if mode in networks and len(networks) > 1:
            yield found("L06", "/networks", f"a {mode} network must be the only one", fix="keep one network")


def _names(app: App) -> Found:
    counted = Counter(port.name for port in ports_of(app) if port.name)
    for name, times in counted.items():
        if times > 1:
            yield found("L06", "/container/portMappings", f"port name {_shown(name)} is used {times} times",
                        fix="give every port a name of its own")  # fmt: skip
    last = text(app.get("id")).rstrip("/").rpartition("/")[2]
    if last in {"restart", "tasks", "versions", ".", ".."}:
        yield found(
            "L06", "/id", f"may not end in {_shown(last)}: the API uses that word", fix="choose another id"
        )


def _constraints(app: App) -> Found:
    for index, one in enumerate(map(items, items(app.get("constraints")))):
        where = f"/constraints({index})"
        if len(one) not in (2, 3):
            yield found("L06", where, f"must have 2 or 3 fields, has {len(one)}")
        elif text(one[1]).upper() not in OPERATORS:
            yield found("L06", where, f"must use one of {', '.join(sorted(OPERATORS))}, uses {_shown(one[1])}")


def _singular(app: App) -> Found:
    single = labels_of(app).get("MARATHON_SINGLE_INSTANCE_APP", "").lower() == "true"
    if single and whole(app.get("instances"), 1) > 1:
        yield found(
            "L06", "/instances", "a single instance app may have only one instance", fix="set instances to 1"
        )


def _is(value: Any, kind: str) -> bool:
    tests: dict[str, Callable[[], bool]] = {
        "string": lambda: isinstance(value, str),
        "boolean": lambda: isinstance(value, bool),
        "integer": lambda: isinstance(value, int) and not isinstance(value, bool),
        "number": lambda: isinstance(value, int | float) and not isinstance(value, bool),
        "list": lambda: isinstance(value, list | tuple),
        "map": lambda: isinstance(value, Mapping),
        "object": lambda: isinstance(value, Mapping),
    }
    return kind == "any" or tests[kind]()


def _article(kind: str) -> str:
    return {"integer": "a whole number", "object": "an object", "map": "an object", "list": "a list"}.get(
        kind, f"a {kind}"
    )


def _shown(value: Any) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        return "an enormous number"
    return shown if len(shown) <= 60 else shown[:57] + "..."
