"""Remove resources that the harness started: this session's at its end, those of dead creators at the start.

Ryuk, the usual reaper of testcontainers, is an image that may be unavailable, so labels are used instead.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, NotFound
from requests import RequestException

from harness import engine
from harness.common import cache, owner, private
from harness.common.arguments import Parser
from harness.engine import faults, kept
from harness.engine.listed import Resource, resources, volumes_of
from harness.engine.runners import Runners

Predicate = Callable[[Mapping[str, str]], bool]


def _labelled(client: DockerClient) -> Iterable[Resource]:
    """Yield every resource with a session label, containers first."""
    return resources(client, owner.SESSION)


def remove(
    client: DockerClient, wanted: Predicate, left: list[str] | None = None, spared: Collection[str] = ()
) -> list[str]:
    """Remove the labelled resources that are `wanted`; return "kind name" of each. One already gone is skipped.

    spared: names of resources that stay. A failed removal does not stop the others: it is tried again after them,
    then added to `left`. A volume or network that is still used by a resource being removed elsewhere is left to
    the next sweep.
    """
    waiting = [one for one in _labelled(client) if wanted(one.labels) and one.name not in spared]
    removed: list[str] = []
    for _ in range(2):
        failed = []
        for resource in waiting:
            try:
                resource.remove()
            except NotFound:
                continue
            except (APIError, RequestException):
                failed.append(resource)
                continue
            removed.append(str(resource))
        waiting = failed
    if left is not None:
        left += map(str, waiting)
    return removed


def sweep(client: DockerClient) -> list[str]:
    """Remove the resources and private directories of creators that are known to be dead.

    What another user's --keep left behind stays for a day.
    """
    runners, place = Runners(client), str(cache.directory())
    _remove_private(runners.is_dead)
    dead = remove(client, lambda found: not owner.is_held_for_another(found, place) and runners.is_dead(found))
    return dead + _remove_forgotten(client)


def _remove_private(wanted: Predicate) -> None:
    """Remove the private directories of the sessions whose labels are `wanted`."""
    for directory in private.root().iterdir():
        if (labels := private.labels_of(directory)) and wanted(labels):
            private.erase(directory)


def describe_undecided(client: DockerClient) -> str:
    """Return text about resources of sessions that may or may not be alive; "" if there are none."""
    directories = [
        Resource("directory", str(path), labels, partial(private.erase, path))
        for path in private.root().iterdir()
        if (labels := private.labels_of(path))
    ]
    return Runners(client).describe_undecided([*_labelled(client), *directories])


def _remove_forgotten(client: DockerClient) -> list[str]:
    """Remove prepared databases whose cache directory on this machine is gone: nothing will find them again."""
    removed = []
    for volume in volumes_of(client, {owner.HOST: owner.host_name()}):
        labels = volume.labels
        if owner.CACHE in labels and owner.PLACE in labels and _is_gone(Path(labels[owner.PLACE])):
            with contextlib.suppress(APIError):
                client.api.remove_volume(volume.name)
                removed.append(str(volume))
    return removed


def _is_gone(place: Path) -> bool:
    """Tell whether a directory is gone; one that may not be accessed belongs to another user and exists."""
    try:
        return not place.exists()
    except PermissionError:
        return False


def remove_own(client: DockerClient, left: list[str] | None = None, spared: Collection[str] = ()) -> list[str]:
    """Remove this session's resources, unless this process only joined the session. Parameters as for `remove`."""
    if not owner.owns_session():
        return []
    mine = owner.session()
    return remove(client, lambda found: found.get(owner.SESSION) == mine, left, spared)


def halt_own(client: DockerClient) -> None:
    """Kill the running containers of this process, so that waits for commands in them end.

    Their logs stay until they are removed.
    """
    query = {"label": f"{owner.SESSION}={owner.session()}", "name": f"-{os.getpid()}-"}
    for container in client.api.containers(filters=query):
        with contextlib.suppress(APIError):
            client.api.kill(container["Id"])


def _clean_without_engine(asked: dict[str, str], *, with_cache: bool) -> None:
    """Remove what is on this machine. asked: addresses of engines, and why each does not answer.

    Raises NoEngineError if prepared databases of this cache stay on an engine; then the notes of them stay too.
    """
    _remove_private(lambda labels: owner.creator_lives(labels) is False)
    notes = kept.notes() if with_cache else []
    if with_cache:
        kept.remove_files(spared=[kept.NOTES] if notes else [])
    if notes:
        raise engine.no_engine_error(
            asked,
            f"Prepared databases stay on an engine, and their notes in {notes[0].parent}: {len(notes)}.",
            "start the engine that has them, and run make distclean again",
        )
    print(f"clean: only files were removed. {engine.no_engine_error(asked)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Sweep: `python -m harness.leftovers [--cache]`; print the removed resources."""
    parser = Parser(prog="python -m harness.leftovers", description="Remove what dead sessions left behind.")
    parser.add_argument("--cache", action="store_true", help="also prepared databases, images and the cache")
    options = parser.parse_args(arguments)

    def work() -> int:
        found, asked = engine.find_engine()
        if found is None:
            _clean_without_engine(asked, with_cache=options.cache)
            return 0
        with contextlib.closing(engine.connect()) as client:
            removed = sweep(client)
            if options.cache:
                removed += kept.remove(client)
            undecided = describe_undecided(client)
        lines = [f"clean: removed {one}" for one in removed] + ([f"clean: {undecided}"] if undecided else [])
        print("\n".join(lines) or "clean: nothing was left behind")
        return 0

    return faults.run_command("clean", work)


if __name__ == "__main__":
    sys.exit(main())
