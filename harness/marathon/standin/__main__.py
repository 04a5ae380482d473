"""Start a stand-in: `python -m harness.marathon.standin --port 0 --state DIR`.

Writes its address, with user and password, to DIR/address as soon as it listens, and prints it. Whoever may give
it an app may run anything as root on this machine, so it always requires credentials: those of the variable
MARATHON_STANDIN_CREDENTIALS (user:password; arguments can be read by every user of a machine), else random ones.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn

from harness import engine
from harness.common import cache
from harness.common.arguments import Parser
from harness.engine import faults
from harness.errors import UsageError
from harness.marathon.standin.api import build
from harness.marathon.standin.clock import ManualClock, RealClock
from harness.marathon.standin.core import Settings, Standin, load_state
from harness.marathon.standin.credentials import (
    CREDENTIALS,
    random_credentials,
    with_credentials,
    write_private,
)
from harness.marathon.standin.render import DIALECTS
from harness.marathon.standin.tasks import DockerRunner

TASKS_GO_ON = (
    "Its tasks go on until it is started again, or until the harness's next run or make clean removes them."
)
START_LIMIT = 3.0
"""Real seconds that a task gets to begin to listen on a manual clock."""


def parser() -> Parser:
    """Return the command line."""
    found = Parser(prog="python -m harness.marathon.standin", description=__doc__)
    found.add_argument("--listen", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    found.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    found.add_argument("--state", type=Path, default=None, help="directory that keeps apps and deployments")
    found.add_argument("--dialect", choices=DIALECTS, default="1.6", help="whose answers to give")
    found.add_argument("--max-running-deployments", type=int, default=100)
    found.add_argument("--host", default="", help="address to publish tasks on (default: the bridge's gateway)")
    found.add_argument("--cmd-image", default="", help="image for apps with a command and no container")
    found.add_argument("--cpus", type=float, default=1_000.0, help="cores that tasks may ask for in total")
    found.add_argument("--mem", type=float, default=1_000_000.0, help="MB that tasks may ask for in total")
    found.add_argument("--manual-clock", action="store_true", help="time moves by POST /standin/clock only")
    found.add_argument(
        "--end-tasks",
        action="store_true",
        help="end all tasks on exit; without it they go on and are taken over at the next start",
    )
    found.add_argument("--parent", type=int, default=0, help="leave when this is no longer the parent's pid")
    return found


class Server(uvicorn.Server):
    """A server that ends event streams first when it is told to stop: they would never end by themselves."""

    standin: Standin

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal; uvicorn's own handler raises the signal again and skips the remaining cleanup."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._leave)
        yield

    def _leave(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close streams, then everything else."""
        self.standin.bus.close()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    It names its protocol, because asyncio turns Nagle's algorithm off only for sockets that do: otherwise answers
    on a kept connection would take 40 ms instead of 2. Raises UsageError if the port cannot be had.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"Nobody can listen on port {port} of {host}: {why}.", repair="name another port; 0 takes a free one"
        ) from error
    return listener


async def serve(options: argparse.Namespace) -> None:
    """Run until a signal requests the end."""
    listener = listen(options.listen, options.port)  # before anything is started that would have to be ended
    options.state = options.state or cache.directory("marathon")
    state = load_state(options.state)
    clock = ManualClock(state.moment or RealClock().now()) if options.manual_clock else RealClock()
    # A manual clock does not wait: a task would be killed for its silence before it could answer.
    patience = START_LIMIT if options.manual_clock else 0
    runner = DockerRunner(engine.connect(), state.identity, options.host, options.cmd_image, patience=patience)
    settings = Settings(options.dialect, options.max_running_deployments, options.cpus, options.mem)
    standin = Standin(clock, runner, state, settings)
    given = os.environ.get(CREDENTIALS, "")
    credentials = given or random_credentials()
    port = listener.getsockname()[1]
    address = with_credentials(f"http://{options.listen}:{port}", credentials)
    await standin.start()
    config = uvicorn.Config(
        build(standin, credentials, options.listen),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    server = Server(config)
    server.standin = standin
    write_private(options.state / "address", address)
    # Credentials that were given are known to who gave them, and this may go to a log.
    shown = f"http://{options.listen}:{port}" if given else address
    print(f"Marathon stand-in at {shown}/ (tasks at {runner.host})", flush=True)
    leaving = asyncio.create_task(leave_with(options.parent, server))
    try:
        await server.serve(sockets=[listener])
    finally:
        leaving.cancel()
        await standin.stop(end_tasks=options.end_tasks)
        if not options.parent:
            print("Marathon stand-in: ended." + ("" if options.end_tasks else f" {TASKS_GO_ON}"), flush=True)


async def leave_with(parent: int, server: Server) -> None:
    """Stop the server when its parent is gone, for example a test run that was killed."""
    while parent and os.getppid() == parent:
        await asyncio.sleep(1)
    if parent:
        server.should_exit = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and serve; returns the exit code."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.WARNING)

    def work() -> int:
        with contextlib.suppress(KeyboardInterrupt):  # the usual end of a server
            asyncio.run(serve(options))
        return 0

    return faults.run_command("stand-in", work)


if __name__ == "__main__":
    sys.exit(main())
