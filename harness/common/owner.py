"""Who owns a container, network, volume or directory, and whether that owner is still alive.

Everything the harness starts carries these labels. A sweep removes a thing only when its creator was a
process of this machine that no longer exists; the process's start time guards against a pid given out again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PREFIX = "rt-harness"
SESSION, HOST, PID, STARTED, KIND = (
    f"{PREFIX}.{name}" for name in ("session", "host", "pid", "pid-started", "kind")
)
RUNNER = f"{PREFIX}.runner"
"""The container in which its creator ran, `<container id>@<engine id>`, where that engine has confirmed it."""
CACHE, BASELINE, PLACE = f"{PREFIX}.cache", f"{PREFIX}.baseline", f"{PREFIX}.cache-directory"
"""On a prepared database: that it outlives its session, what it is, and the cache directory that knows it."""
UNKNOWN = "unknown"
FIRST_NAMESPACE = "4026531836"
"""The pid namespace in which a kernel begins (PROC_PID_INIT_INO); containers have others below it."""
_PARTS, _MACHINE_ID = 4, 32
_confirmed: set[str] = set()
SESSION_VARIABLE = "RT_HARNESS_SESSION"
"""Set by the process that owns the run: workers and helpers it starts label their things as its own."""


def process_start_time(pid: int) -> str | None:
    """Return the start time of a process in clock ticks since boot, or None when there is no such process.

    Field 22 of /proc/PID/stat (proc(5)); field 2 may hold spaces, so read after the last ")".
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def lives(pid: int, started: str) -> bool:
    """Tell whether a process of this number and start time is there, or may be: others' can be hidden."""
    now = process_start_time(pid)
    if now is None:
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        except ProcessLookupError:
            pass
    return now == started


@dataclass(frozen=True)
class Host:
    """Where a process runs, for a pid means nothing after a restart or in another namespace.

    name: what it calls itself. boot: the kernel's own word for one run of it. space: the pid namespace. machine:
    one through all its boots; "" in a container, whose file of that name came with its image.
    """

    name: str
    boot: str
    space: str
    machine: str = ""

    @classmethod
    def read(cls, text: str) -> Host | None:
        """Return what a label says; None for one that is not ours. One of before has no machine."""
        parts = text.split("/")
        return cls(*parts) if len(parts) in (_PARTS - 1, _PARTS) else None

    def __str__(self) -> str:
        """Return it as a label has it."""
        return f"{self.name}/{self.boot}/{self.space}/{self.machine}"

    def shares_a_kernel(self, other: Host) -> bool:
        """Tell whether both run on one kernel, at the same time."""
        return self.boot == other.boot != UNKNOWN


@cache
def host() -> Host:
    """Return where this process runs."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        space = namespace("self")
    except OSError:
        boot, space = UNKNOWN, "0"
    return Host(socket.gethostname(), boot, space, _machine() if space == FIRST_NAMESPACE else "")


def namespace(pid: str) -> str:
    """Return the pid namespace of a process. Raises OSError where there is none, or it is hidden from us."""
    return str(Path(f"/proc/{pid}/ns/pid").readlink()).strip("pid:[]")


def _machine() -> str:
    """Return a digest of machine-id(5), which is nobody's business; "" where the file is missing or not set up."""
    try:
        text = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    whole = len(text) == _MACHINE_ID and text.isalnum()
    return hashlib.sha256(f"{PREFIX}:{text}".encode()).hexdigest()[:12] if whole else ""


def host_identity() -> str:
    """Name this machine, this boot and this namespace, as labels do."""
    return str(host())


def host_name() -> str:
    """Name this machine through all its boots, for what outlives them; where it has no id, for this boot alone.

    A name does not do: another machine of the same one may use the same engine.
    """
    here = host()
    return f"{here.name}/{here.machine or f'{here.boot}/{here.space}'}"


def session() -> str:
    """Return the session, `<pid>-<pid start>-<random>`, making this process its owner if none is yet."""
    if not os.environ.get(SESSION_VARIABLE):
        pid = os.getpid()
        os.environ[SESSION_VARIABLE] = f"{pid}-{process_start_time(pid)}-{secrets.token_hex(3)}"
    return os.environ[SESSION_VARIABLE]


def owns_session() -> bool:
    """Tell whether this process began the session. What a session starts joins it, and must not end it."""
    return session().split("-")[0] == str(os.getpid())


def runs_in(container: str, engine: str) -> None:
    """Take an engine's word that this process runs in that container of it: what is made from now on says so."""
    _confirmed.add(f"{container}@{engine}")


def runner() -> str:
    """Return what a RUNNER label says of this process; "" where no engine, or more than one, has confirmed it."""
    return next(iter(_confirmed)) if len(_confirmed) == 1 else ""


def labels(kind: str) -> dict[str, str]:
    """Return the labels of a new thing of this `kind` ("database", "rt", "network", "clone" ...)."""
    pid, started, _ = session().split("-")
    made = {SESSION: session(), HOST: host_identity(), PID: pid, STARTED: started, KIND: kind}
    return made | ({RUNNER: runner()} if runner() else {})


def creator_lives(found: Mapping[str, str]) -> bool | None:
    """Tell from a thing's labels whether the process that made it is there; None where it is out of our sight.

    Out of sight are things without our labels, other machines, and containers.
    """
    here, there = host(), Host.read(found.get(HOST, ""))
    if there is None or SESSION not in found:
        return None
    if there == here or (there.shares_a_kernel(here) and there.space == here.space):
        return lives(int(found[PID]), found[STARTED])
    # A reboot kills every process. The machine must be the same, and not only its name.
    rebooted = there.boot != here.boot and (there.name, there.machine) == (here.name, here.machine)
    return False if rebooted and here.machine and UNKNOWN not in (there.boot, here.boot) else None
