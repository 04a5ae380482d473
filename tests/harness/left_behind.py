"""Check the copy that a gate leaves behind with --keep, as its report describes it."""

from __future__ import annotations

import re
import shlex
import subprocess

from docker import DockerClient

from harness import leftovers
from harness.common import owner
from harness.engine.listed import resources


def opens_and_goes(engine: DockerClient, said: str) -> None:
    """Open the copy with the command in a report; check that only it and its resources are left, then remove them.

    Raises AssertionError, and removes them even then.
    """
    found = re.search(r"stays until the next run or make clean: (\w+ exec -it (\S+) \w+)", said)
    assert found is not None, said
    session = engine.containers.get(found[2]).labels[owner.SESSION]
    try:
        command = [word for word in shlex.split(found[1]) if word != "-it"]  # there is no terminal here
        done = subprocess.run(
            [*command, "-N", "-e", "SELECT COUNT(*) > 0 FROM Tickets"], capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == "1", done.stderr
        assert kinds_of(engine, session) == ["container", "network", "volume", "volume"]
    finally:
        leftovers.remove(engine, lambda labels: labels.get(owner.SESSION) == session)
    assert kinds_of(engine, session) == []


def kinds_of(engine: DockerClient, session: str) -> list[str]:
    """Return the kinds of all resources of a session."""
    return sorted(one.kind for one in resources(engine, owner.SESSION) if one.labels[owner.SESSION] == session)
