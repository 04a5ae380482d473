"""Install and start a container engine if none answers: `python -m harness.setup.engine`.

Only as root on Debian or Ubuntu, only the distribution's own package, and never if the user named an engine. The
machine's settings are not changed: options that help an engine to start are passed to that engine alone.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness import engine
from harness.common import cache, owner
from harness.common.arguments import Parser
from harness.common.waits import Retry, wait_until
from harness.engine import faults
from harness.errors import InfrastructureError
from harness.images import mirror
from harness.setup import started

PACKAGES = ("docker.io", "iptables", "ca-certificates")
OUTLIVES = {"JENKINS_NODE_COOKIE": "dontKillMe", "BUILD_ID": "dontKillMe"}
"""Environment that keeps Jenkins from killing the engine.

At the end of a node's block it kills every process with that block's cookie (in freestyle jobs, the build's id),
while other branches on the agent still use the engine.
"""
PATIENCE = 30.0
"""Seconds for an engine's API to answer."""


@dataclass(frozen=True)
class Attempt:
    """One way to start the engine: options, and programs it uses instead of the usual ones."""

    title: str
    options: tuple[str, ...] = ()
    programs: dict[str, str] = field(default_factory=dict)


ATTEMPTS = (
    Attempt("its defaults"),
    Attempt(
        "legacy iptables",
        programs={
            "iptables": "/usr/sbin/iptables-legacy",
            "ip6tables": "/usr/sbin/ip6tables-legacy",
        },
    ),
    Attempt("the vfs storage driver", ("--storage-driver=vfs",)),
    Attempt(
        "legacy iptables and the vfs storage driver",
        ("--storage-driver=vfs",),
        {"iptables": "/usr/sbin/iptables-legacy", "ip6tables": "/usr/sbin/ip6tables-legacy"},
    ),
)


def log_path() -> Path:
    """Return the path of the log of an engine started from here."""
    return cache.directory("logs") / "engine.log"


def ensure() -> str:
    """Return the address of an engine that answers, installing and starting one if needed.

    Raises InfrastructureError, with a repair, if that is not possible.
    """
    if found := engine.answering():
        return found
    with cache.lock("engine"):
        answers, asked = engine.find_engine()
        if answers:
            return answers.address
        if any(one.chosen for one in engine.candidates()):
            raise engine.no_engine_error(
                asked,
                f"You named {', '.join(asked)}, and no engine answers there.",
                "start that engine, or unset DOCKER_HOST and DOCKER_CONTEXT and run `docker context use default`",
            )
        _refuse_where_not_possible(asked)
        _install()
        if Path("/run/systemd/system").is_dir():
            subprocess.run(["systemctl", "start", "docker"], check=False, capture_output=True)
            with contextlib.suppress(InfrastructureError):
                return _wait_for_answer("the service docker", lambda: None)
        return _start()


def _refuse_where_not_possible(asked: dict[str, str]) -> None:
    if os.geteuid() != 0:
        raise engine.no_engine_error(
            asked, "No container engine answers, and only root may install and start one."
        )
    release = Path("/etc/os-release").read_text(encoding="utf-8") if Path("/etc/os-release").exists() else ""
    family = [line for line in release.splitlines() if line.startswith(("ID=", "ID_LIKE="))]
    if not any(name in " ".join(family) for name in ("debian", "ubuntu")):
        raise InfrastructureError(
            "No container engine answers, and this is neither Debian nor Ubuntu.",
            repair="install and start Docker or Podman the way this system does it",
        )


def _install() -> None:
    if mirror.find_program("dockerd"):
        return
    print("engine: installing the distribution's Docker (about 20 s, once)", flush=True)
    done = mirror.install(*PACKAGES)
    if done.returncode or not mirror.find_program("dockerd"):
        raise InfrastructureError(
            f"The packages {', '.join(PACKAGES)} could not be installed (apt-get: {done.returncode}).",
            [("Last lines", "\n".join((done.stdout + done.stderr).splitlines()[-10:]))],
            "run apt-get update and install them by hand",
        )


def _start() -> str:
    tried = []
    for attempt in ATTEMPTS:
        if not all(Path(program).exists() for program in attempt.programs.values()):
            continue
        print(f"engine: starting with {attempt.title}", flush=True)
        process = _spawn(attempt)
        # At once, so that an engine can be stopped even if this process is interrupted while it starts.
        started.record(process.pid)
        try:
            address = _wait_for_answer(f"Docker with {attempt.title}", partial(_describe_end, process))
        except InfrastructureError as error:
            tried.append(f"{attempt.title}: {error.sentence}")
            _end(process)
            continue
        except BaseException:
            _end(process)
            raise
        return address
    log = log_path().read_text(encoding="utf-8", errors="replace") if log_path().exists() else ""
    raise InfrastructureError(
        f"Docker is installed but does not start; {len(tried)} ways were tried.",
        [
            ("Tried", "\n".join(tried)),
            ("Last lines of its log", "\n".join(log.splitlines()[-15:])),
            ("Log", str(log_path())),
        ],
        "mend what the log says, then run `make engine` again",
    )


def _spawn(attempt: Attempt) -> subprocess.Popen[bytes]:
    """Start dockerd in its own session, so that it outlives this process and its terminal."""
    environment = os.environ | OUTLIVES | {"PATH": mirror.search_path()}
    if attempt.programs:
        environment["PATH"] = f"{link_programs(attempt.programs)}:{environment['PATH']}"
    for name in (owner.SESSION_VARIABLE, started.RUN_VARIABLE):
        environment.pop(name, None)
    with log_path().open("ab") as log:
        return subprocess.Popen(
            ["dockerd", *attempt.options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


def link_programs(programs: Mapping[str, str]) -> Path:
    """Return a new directory of the cache with links to these programs, by the names they are looked up by."""
    folder = Path(tempfile.mkdtemp(prefix="engine-", dir=cache.directory()))
    for name, program in programs.items():
        (folder / name).symlink_to(program)
    return folder


def _describe_end(process: subprocess.Popen[bytes]) -> str | None:
    """Return a sentence once an engine's process has ended; None while it runs."""
    return None if process.poll() is None else f"dockerd ended with {process.returncode}"


def _wait_for_answer(what: str, gone: Callable[[], str | None]) -> str:
    """Wait until an engine answers; return its address. gone: returns why it never will, else None."""

    def ask() -> str:
        address = engine.answering()
        if address is None:
            raise Retry("its API does not answer")
        return address

    return wait_until(f"{what} answering", ask, PATIENCE, gone=gone)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
        return
    process.kill()
    process.wait(10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ensure an engine, or stop the one started from here with --stop; return the exit code."""
    parser = Parser(prog="python -m harness.setup.engine", description=__doc__)
    parser.add_argument("--stop", action="store_true", help="stop the engine that this command started")
    chosen = parser.parse_args(arguments)

    def work() -> int:
        print(started.stop() if chosen.stop else f"engine: {ensure()} answers")
        return 0

    return faults.run_command("engine", work)


if __name__ == "__main__":
    sys.exit(main())
