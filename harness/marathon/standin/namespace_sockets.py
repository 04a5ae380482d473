"""Connect from inside a task's network namespace, where Mesos runs its own HTTP and TCP checks.

A socket belongs to the namespace in which it was made, so a thread enters it, makes the socket and ends. That
needs root on the engine's machine. Otherwise the caller connects to the container's address instead, which cannot
see a service that listens on the container's loopback alone.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import ssl
import threading
from pathlib import Path

from harness.marathon.standin.local_process import is_in_container
from harness.marathon.standin.probes import Streams

CLONE_NEWNET = 0x40000000


class NotPermittedError(Exception):
    """This process may not enter (or cannot see) the task's network namespace.

    No OSError: a probe would take that for the task's failure to answer, and the check for failed.
    """


def socket_inside(pid: int, family: socket.AddressFamily) -> socket.socket:
    """Return a TCP socket in the network namespace of process `pid`.

    Raises NotPermittedError. Runs in a thread of its own, which ends afterwards, so that no other work runs in
    that namespace.
    """
    made: list[socket.socket] = []
    failed: list[str] = []

    def make() -> None:
        try:
            descriptor = os.open(Path(f"/proc/{pid}/ns/net"), os.O_RDONLY)
        except OSError as error:
            failed.append(str(error))
            return
        try:
            if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
                failed.append(os.strerror(ctypes.get_errno()))
                return
            made.append(socket.socket(family, socket.SOCK_STREAM))
        except (OSError, AttributeError) as error:
            failed.append(str(error))
        finally:
            os.close(descriptor)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if not made:
        raise NotPermittedError(f"cannot enter the network of process {pid}: {''.join(failed)}")
    made[0].setblocking(False)
    return made[0]


class NamespaceConnector:
    """Connects from inside the network namespace of one container; usable as `probes.Connect`."""

    def __init__(self, pid: int, container: str) -> None:
        """Remember a process of the container as the engine numbers it, and the container's full id."""
        self.pid, self.container = pid, container

    async def __call__(self, host: str, port: int, tls: ssl.SSLContext | None) -> Streams:
        """Connect to an address as the task sees it. Raises OSError, or NotPermittedError."""
        loop = asyncio.get_running_loop()
        family, _, _, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        if not is_in_container(self.pid, self.container):
            raise NotPermittedError(
                f"process {self.pid} of this machine is not in container {self.container[:12]}"
            )
        made = socket_inside(self.pid, family)
        try:
            await loop.sock_connect(made, address)
            return await asyncio.open_connection(sock=made, ssl=tls, server_hostname="" if tls else None)
        except BaseException:
            made.close()
            raise
