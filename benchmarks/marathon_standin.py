"""Measure the cost of the stand-in: requests for one of 100 apps, and probes of 500 tasks every 10 s.

Run it with `python -m benchmarks.marathon_standin [--seconds 60]`. Tasks exist in memory only, all at the port of
a small HTTP target in a process of its own; the stand-in runs in another, and its CPU time is read from /proc.
Both figures are printed beside the machine's own speed: a bare request to the target.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import requests
import uvicorn

from harness.common.arguments import Parser
from harness.common.waits import Retry, wait_until
from harness.engine.faults import run_command
from harness.marathon.standin.__main__ import listen
from harness.marathon.standin.api import build
from harness.marathon.standin.clock import RealClock, stamp
from harness.marathon.standin.core import Standin
from harness.marathon.standin.model import App
from harness.marathon.standin.probes import Result
from harness.marathon.standin.runner import AdoptedTask, Ended
from harness.marathon.standin.state import State
from harness.marathon.standin.task import Placement

APPS, TASKS, INTERVAL = 100, 500, 10
LIMIT_MILLISECONDS, LIMIT_SHARE = 5.0, 0.30


class TargetRunner:
    """A runner that places every task at the target's port."""

    host = "127.0.0.1"

    def __init__(self, port: int) -> None:
        """Store the port."""
        self.port = port

    def watch(self, ended: Ended) -> None:
        """Report nothing: tasks never end."""

    async def launch(self, app: App, task_id: str, staged_at: float) -> Placement:
        """Place the task at the target."""
        del app, staged_at
        return Placement(task_id, 0, self.host, (self.port,), (80,), ((self.host, self.port),))

    async def signal(self, placed: Placement, name: str) -> None:
        """Do nothing."""

    async def remove(self, placed: Placement) -> None:
        """Do nothing."""

    async def ending(self, placed: Placement) -> tuple[str, str] | None:
        """Return None: tasks never end by themselves."""
        del placed
        return None

    async def execute(self, placed: Placement, command: str, timeout: float) -> Result:
        """Return success."""
        del placed, command, timeout
        return Result(True)

    async def adopt(self) -> list[AdoptedTask]:
        """Return no tasks."""
        return []

    async def close(self) -> None:
        """Do nothing."""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request with 200."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


def target(ready: Connection) -> None:
    """Serve 200 to every request until killed; send the port to `ready`."""

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def server(ready: Connection, port: int) -> None:
    """Serve a stand-in until killed; send its port to `ready`."""

    async def serve() -> None:
        standin = Standin(RealClock(), TargetRunner(port), State(None))
        await standin.start()
        listener = listen("127.0.0.1", 0)
        ready.send(listener.getsockname()[1])
        config = uvicorn.Config(build(standin), log_level="warning", access_log=False, lifespan="off")
        await uvicorn.Server(config).serve(sockets=[listener])

    asyncio.run(serve())


def start(work: object, *arguments: object) -> tuple[BaseProcess, int]:
    """Start a process that sends its port; return both."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(there, *arguments), daemon=True)  # type: ignore[arg-type]
    process.start()
    return process, int(here.recv())


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used (utime and stime, proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def deploy(url: str) -> None:
    """Create 100 apps of 5 tasks and wait until all are healthy."""
    check = {"path": "/", "intervalSeconds": INTERVAL, "gracePeriodSeconds": 0, "maxConsecutiveFailures": 0}
    for number in range(APPS):
        definition = {
            "id": f"/bench/app-{number}",
            "instances": TASKS // APPS,
            "cpus": 0.01,
            "container": {"docker": {"image": "none"}, "portMappings": [{"containerPort": 80}]},
            "networks": [{"mode": "container/bridge"}],
            "healthChecks": [check],
        }
        requests.post(f"{url}/v2/apps", params={"force": "true"}, json=definition, timeout=30).raise_for_status()

    def all_healthy() -> None:
        healthy = sum(app["tasksHealthy"] for app in requests.get(f"{url}/v2/apps", timeout=30).json()["apps"])
        if healthy < TASKS:
            raise Retry(f"{healthy} of {TASKS} tasks are healthy")

    wait_until(f"{TASKS} healthy tasks", all_healthy, 60, interval=0.5)


def stale_tasks(url: str) -> int:
    """Return how many tasks were not probed within an interval and two seconds: it must be 0."""
    oldest = stamp(time.time() - INTERVAL - 2)
    tasks = requests.get(f"{url}/v2/tasks", timeout=30).json()["tasks"]
    probed = sum(task["healthCheckResults"][0]["lastSuccess"] >= oldest for task in tasks)
    return TASKS - int(probed)


def median_milliseconds(url: str, times: int = 300) -> tuple[float, float]:
    """Return median and 99th percentile, in ms, of a GET over one kept connection."""
    with requests.Session() as session:
        taken = []
        for _ in range(times):
            begin = time.perf_counter()
            session.get(url, timeout=10).raise_for_status()
            taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if a figure misses its target."""
    parser = Parser(prog="python -m benchmarks.marathon_standin", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long to watch the probes' CPU time")
    seconds = parser.parse_args(arguments).seconds
    return run_command("benchmarks.marathon_standin", lambda: measure(seconds))


def measure(seconds: float) -> int:
    """Watch the probes for so many seconds and print; return the exit code."""
    victim, port = start(target)
    process, own = start(server, port)
    url = f"http://127.0.0.1:{own}"
    try:
        deploy(url)
        bare, _ = median_milliseconds(f"http://127.0.0.1:{port}/")
        one, worst = median_milliseconds(f"{url}/v2/apps/bench/app-50")
        before, begin = cpu_seconds(process.pid or 0), time.monotonic()
        process.join(seconds)
        share = (cpu_seconds(process.pid or 0) - before) / (time.monotonic() - begin)
        stale = stale_tasks(url)
    finally:
        for child in (process, victim):
            child.kill()
            child.join()
    print(
        f"GET /v2/apps/{{id}} at {APPS} apps: median {one:.2f} ms, 99th percentile {worst:.2f} ms "
        f"(target {LIMIT_MILLISECONDS:g} ms; a bare exchange takes {bare:.2f} ms, ratio {one / bare:.1f})"
    )
    print(
        f"{TASKS} HTTP checks every {INTERVAL} s: {share:.1%} of one core over {seconds:g} s "
        f"(target {LIMIT_SHARE:.0%}; {share / (TASKS / INTERVAL) * 1000:.2f} ms of CPU a check)"
    )
    print(f"{TASKS - stale} of {TASKS} tasks were probed in time")
    return int(stale > 0 or one > LIMIT_MILLISECONDS or share > LIMIT_SHARE)


if __name__ == "__main__":
    sys.exit(main())
