"""Define hosts on which runs of the harness may be, and the labels of their resources."""

from __future__ import annotations

import os
from collections.abc import Callable

from docker import DockerClient

from harness import leftovers
from harness.common import owner
from harness.common.owner import Host
from harness.engine.listed import Resource

HERE = Host("ci", "11111111", owner.FIRST_NAMESPACE, "aaaaaaaaaaaa")
ENDED = {owner.PID: str(os.getpid()), owner.STARTED: "1"}
"""Labels of a process that does not exist: its pid was reused."""
AGENT = Host("ci", "11111111", "4026532999")
"""A container on that machine, in the same boot."""


def labels(host: Host | str) -> dict[str, str]:
    """Return the labels of a resource whose creator ran on that host and has ended, if that can be determined."""
    return {**owner.labels("test"), **ENDED, owner.HOST: str(host)}


def only(name: str) -> Callable[[DockerClient], list[Resource]]:
    """Return a replacement for the listing of resources with only this one: others work on this engine."""
    listed = leftovers._labelled
    return lambda client: [one for one in listed(client) if one.name == name]
