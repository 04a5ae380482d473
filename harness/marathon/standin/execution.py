"""Run shell commands inside containers, for COMMAND checks, in threads, because the engine's call blocks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from docker import DockerClient
from docker.errors import DockerException

from harness.common.waits import NotReadyError, Retry, wait_until
from harness.engine.commands import MARK
from harness.marathon.standin.local_process import is_in_container
from harness.marathon.standin.probes import Result

BEGINS_WITHIN = 5.0
"""Seconds after its time-out in which a command may still get a process that can be ended."""
KILL_MARKED = (
    'for p in /proc/[0-9]*; do n="${p#/proc/}"; '
    '! grep -qs "$0" "$p/environ" || kill -9 "-$n" 2>/dev/null || kill -9 "$n" || true; done'
)
"""Shell command that ends, inside a container, each process with a mark in its environment, and its group."""
THREADS = 128
"""Maximum number of commands in parallel, of all apps; the monitor limits each app to a part (monitor.INSIDE)."""


class Executions:
    """Runs commands, and ends those that take too long."""

    def __init__(self, client: DockerClient, threads: int = THREADS) -> None:
        """Attach to one engine. threads: maximum number of commands in parallel; others wait."""
        self.client = client
        self._pool = ThreadPoolExecutor(threads, "checks")
        # The threads that end commands are separate, so that they never wait behind those commands.
        self._ending = ThreadPoolExecutor(4, "checks-end")

    async def run(self, container: str, command: str, timeout: float) -> Result:
        """Run `sh -c command`, as the Mesos Docker executor does; exit status 0 in time passes.

        timeout: seconds from the moment at which a thread is free, so that waiting for others does not count.
        """
        loop = asyncio.get_running_loop()
        api = self.client.api
        begun, late = asyncio.Event(), threading.Event()
        started: list[str] = []
        mark = secrets.token_hex(16)

        def work() -> int | None:
            loop.call_soon_threadsafe(begun.set)
            created = api.exec_create(container, ["sh", "-c", command], environment={MARK: mark})
            started.append(created["Id"])
            if late.is_set():
                return None
            api.exec_start(started[0])
            code = api.exec_inspect(started[0])["ExitCode"]
            return None if code is None else int(code)

        working = loop.run_in_executor(self._pool, work)
        await begun.wait()
        try:
            code = await asyncio.wait_for(asyncio.shield(working), timeout)
        except TimeoutError:
            late.set()
            if started:
                await loop.run_in_executor(self._ending, self._end, container, started[0], mark)
            working.add_done_callback(lambda done: done.cancelled() or done.exception())
            return Result(False, f"timed out after {timeout:g} s")
        except (DockerException, OSError) as error:
            return Result(False, str(error))
        return Result(code == 0, "" if code == 0 else f"Command returned exited with status {code}")

    def _end(self, container: str, execution: str, mark: str) -> None:
        """End a command with its children, which would keep its output open, and so the thread that waits for it.

        mark: the value of MARK in the command's environment.
        """
        api = self.client.api
        with contextlib.suppress(DockerException, OSError):

            def process() -> int:
                seen = api.exec_inspect(execution)
                if not seen.get("Pid") and seen.get("ExitCode") is None:
                    raise Retry("it is about to begin, and nobody would end it then")
                return int(seen.get("Pid") or 0) if seen.get("Running") else 0

            with contextlib.suppress(NotReadyError):
                if pid := wait_until("The command's process", process, BEGINS_WITHIN):
                    self._kill(container, pid, mark)

    def _kill(self, container: str, pid: int, mark: str) -> None:
        """End the group of a command: the engine makes each command the leader of a session, and so of a group.

        The engine numbers processes as its own machine does, where `pid` may be another process than here. Then,
        and if this process may not end the group because it is not root, a shell inside the container does it.
        """
        api = self.client.api
        with contextlib.suppress(DockerException, OSError):
            if is_in_container(pid, container):
                with contextlib.suppress(PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                    return
            api.exec_start(api.exec_create(container, ["sh", "-c", KILL_MARKED, mark])["Id"])

    def close(self) -> None:
        """Start no more commands."""
        for pool in (self._pool, self._ending):
            pool.shutdown(wait=False, cancel_futures=True)
