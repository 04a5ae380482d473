"""Probes from inside a task's network, where this process may not enter it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from harness.marathon.standin import probes
from harness.marathon.standin.namespace_sockets import NamespaceConnector, NotPermittedError, socket_inside
from harness.releases import ROOT


@pytest.mark.parametrize("pid", [0, os.getpid()], ids=["no process", "another process"])
@pytest.mark.parametrize("follow", [True, False], ids=["MESOS_HTTP", "MESOS_TCP"])
def test_a_network_that_nobody_may_enter_says_nothing_of_the_task(follow: bool, pid: int) -> None:
    """The number may be that of a process on the engine's machine: the process here has another network."""
    inside = NamespaceConnector(pid, "0123456789ab" * 5)
    ask = probes.http_following(80, "/", 5, inside) if follow else probes.tcp("127.0.0.1", 80, 5, inside)
    with pytest.raises(
        NotPermittedError, match=f"process {pid} of this machine is not in container 0123456789ab$"
    ):
        asyncio.run(ask)


WITHOUT_THE_RIGHT = """
import asyncio, os
from harness.marathon.standin import probes
from harness.marathon.standin.namespace_sockets import NamespaceConnector
asyncio.run(probes.tcp("127.0.0.1", 80, 5, NamespaceConnector(os.getpid(), "/")))
"""
"""Every control group's path has a slash in it, so that this process counts as one of the container."""


def test_a_network_that_the_kernel_refuses_says_nothing_of_the_task_either() -> None:
    """Without CAP_SYS_ADMIN, as most people run it; root has to give that up first."""
    without = ["setpriv", "--bounding-set=-sys_admin"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*without, sys.executable, "-c", WITHOUT_THE_RIGHT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    said = done.stderr.splitlines()[-1:]
    assert [one.partition(": ")[0].rpartition(".")[2] for one in said] == ["NotPermittedError"], done
    assert "cannot enter the network of process" in said[0]
    assert said[0].endswith("Operation not permitted")


def test_a_process_that_has_ended_has_no_network_to_enter() -> None:
    """It may end between the look at its control group and the entering."""
    with pytest.raises(NotPermittedError, match=r"cannot enter the network of process 0: .*No such file"):
        socket_inside(0, socket.AF_INET)
