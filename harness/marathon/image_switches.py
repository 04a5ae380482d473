"""Find what makes an image of the harness serve otherwise than a deploy takes for granted, in an app definition.

Its guard may be off or bypassed, and then it serves a database of any schema. And the switch of scratch deploys
(RT_SCRATCH) may have been left on: RT is healthy then, and serves no user as the site wants it. What cannot be
known from the definition (a secret, the agent's environment) counts as wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.marathon.definition import App, items, mapping, text
from harness.marathon.mounts import mounts_of
from harness.marathon.scratch import PINNED, group

ENTRY = "/opt/rt/run"
"""The image's entry point. Without arguments it guards and serves; arguments run as a command, unguarded."""


OF_IMAGE, OF_SITE = "/opt/rt/", "/opt/rt/site.d/"
"""Directory of the image's entry point, its guard and the guard's data; and the only part of it for the site."""


def unguarded(wanted: App) -> tuple[str, ...]:
    """Report a guard that is or may be off or bypassed: the image then serves any schema, and is healthy."""
    found = []
    given = mapping(wanted.get("env")).get("RT_GUARD")
    if _off(given):
        found.append("env.RT_GUARD is off")
    elif given is not None and not isinstance(given, str):
        found.append("env.RT_GUARD comes from a secret, which may turn it off,")
    found += filter(None, map(_unguarding, _parameters(wanted)))
    args, cmd = [text(argument) for argument in items(wanted.get("args"))], text(wanted.get("cmd"))
    if args not in ([], [ENTRY]):
        found.append("args are run without the guard")
    if cmd.removeprefix("exec ").strip() not in ("", ENTRY):
        found.append("cmd is run without the guard")
    hidden = filter(_hides, mounts_of(wanted))
    found += [f"something is mounted over {path}, where the guard is," for path in hidden]
    end = "in the wanted definition, so its image would serve a database of any schema"
    return tuple(f"{what} {end}" for what in found)


def _unguarding(parameter: Mapping[str, Any]) -> str:
    """Return how a parameter of docker turns the guard off or may do so, or ""; mounts are looked at elsewhere."""
    key, value = _key_value(parameter)
    name, given, setting = value.partition("=")
    if key in ("env", "e") and name == "RT_GUARD":
        if not given:
            return "a parameter of docker takes RT_GUARD from the agent's environment, which may turn it off,"
        return "a parameter of docker sets RT_GUARD to off" if _off(setting) else ""
    if key == "env-file":
        return "a parameter of docker reads its environment from a file, which may turn RT_GUARD off"
    if key == "entrypoint" and value != ENTRY:
        return "a parameter of docker replaces the entry point, which has the guard"
    if key == "volumes-from":
        return "a parameter of docker mounts whatever another container has, which may hide the guard,"
    return ""


def _hides(path: str) -> bool:
    """Tell whether a mount hides files of the image; the site's own files have a place below it."""
    inside = f"{path.rstrip('/')}/"
    return OF_IMAGE.startswith(inside) or (inside.startswith(OF_IMAGE) and not inside.startswith(OF_SITE))


def _off(value: object) -> bool:
    return text(value).strip().lower() == "off"


def pinned(wanted: App) -> tuple[str, ...]:
    """Report RT_SCRATCH if it is or may be on: mail is then lost, and files of the site choose no database.

    A definition below the group of this session's scratch deploys has to have it, and is not looked at.
    """
    if text(wanted.get("id")).startswith(f"{group()}/"):
        return ()
    found = []
    given = mapping(wanted.get("env")).get(PINNED)
    if given is not None and not isinstance(given, str):
        found.append(f"env.{PINNED} comes from a secret, which may set it,")
    elif _on(given):
        found.append(f"env.{PINNED} is set")
    found += filter(None, map(_pinning, _parameters(wanted)))
    end = (
        "in the wanted definition, which is for scratch deploys: its instances would send no mail and work on the "
        "database of rt-db, whatever site.d says"
    )
    return tuple(f"{what} {end}" for what in found)


def _pinning(parameter: Mapping[str, Any]) -> str:
    """Return how a parameter of docker sets RT_SCRATCH or may do so, or ""; `unguarded` reports any env-file."""
    key, value = _key_value(parameter)
    name, given, setting = value.partition("=")
    if key not in ("env", "e") or name != PINNED:
        return ""
    if not given:
        return f"a parameter of docker takes {PINNED} from the agent's environment, which may set it,"
    return f"a parameter of docker sets {PINNED}" if _on(setting) else ""


def _on(value: object) -> bool:
    """Tell whether the image takes a value for true; it asks Perl, to which "off" is true as well."""
    return text(value) not in ("", "0")


def _parameters(app: App) -> Iterator[Mapping[str, Any]]:
    docker = mapping(mapping(app.get("container")).get("docker"))
    return map(mapping, items(docker.get("parameters")))


def _key_value(parameter: Mapping[str, Any]) -> tuple[str, str]:
    return text(parameter.get("key")).strip("-"), text(parameter.get("value"))
