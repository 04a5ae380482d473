"""Where runs of the harness may be, and what they label their things with."""

from __future__ import annotations

import os
from collections.abc import Callable

from docker import DockerClient

from harness import leftovers
from harness.common import owner
from harness.common.owner import Host

HERE = Host("ci", "11111111", owner.FIRST_NAMESPACE, "aaaaaaaaaaaa")
ENDED = {owner.PID: str(os.getpid()), owner.STARTED: "1"}
"""A process that is not there: its number was given out again."""
AGENT = Host("ci", "11111111", "4026532999")
"""A container on that machine, in the same boot of it."""


def labels(host: Host | str) -> dict[str, str]:
    """Return the labels of a thing whose creator ran there and has ended, if that can be seen."""
    return {**owner.labels("test"), **ENDED, owner.HOST: str(host)}


def only(name: str) -> Callable[[DockerClient], list[leftovers.Thing]]:
    """Return how things are listed, with this one alone: others work on this engine."""
    listed = leftovers._labelled
    return lambda client: [one for one in listed(client) if one[1] == name]
