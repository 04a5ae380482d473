"""Identify the owner of a container, network, volume or directory, and tell whether that owner is still alive.

Everything the harness starts carries these labels. A sweep removes a resource only if its creator was a process of
this machine that no longer exists; the process's start time guards against a reused pid.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PREFIX = "rt-harness"
SESSION, HOST, PID, STARTED, KIND = (
    f"{PREFIX}.{name}" for name in ("session", "host", "pid", "pid-started", "kind")
)
RUNNER = f"{PREFIX}.runner"
"""Label: the container in which the creator ran, `<container id>@<engine id>`, if that engine confirmed it."""
CACHE, BASELINE, PLACE = f"{PREFIX}.cache", f"{PREFIX}.baseline", f"{PREFIX}.cache-directory"
"""Labels of a prepared database: that it outlives its session, its key, and the cache directory that lists it."""
HELD = f"{PREFIX}.held"
"""Label of what --keep leaves behind: `<end, seconds since 1970>:<cache directory>`."""
HELD_SECONDS = 24 * 3600
UNKNOWN = "unknown"
FIRST_NAMESPACE = "4026531836"
"""The initial pid namespace of a kernel (PROC_PID_INIT_INO); containers run in other namespaces below it."""
_PARTS, _MACHINE_ID = 4, 32
_confirmed: set[str] = set()
SESSION_VARIABLE, HELD_VARIABLE = "RT_HARNESS_SESSION", "RT_HARNESS_HELD"
"""Set by the process that owns the run, so that its workers and helpers label their resources as the session's."""


def process_start_time(pid: int) -> str | None:
    """Return the start time of a process in clock ticks since boot, or None if there is no such process.

    Field 22 of /proc/PID/stat (proc(5)); field 2 may hold spaces, so read after the last ")".
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def lives(pid: int, started: str) -> bool:
    """Tell whether a process with this pid and start time exists, or may exist: other users' may be hidden."""
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
    """The host of a process: a pid means nothing after a reboot or in another pid namespace.

    name: the host name. boot: the kernel's identifier of this boot. space: the pid namespace. machine: an
    identifier that survives reboots; "" in a container, whose machine-id file comes from its image.
    """

    name: str
    boot: str
    space: str
    machine: str = ""

    @classmethod
    def read(cls, text: str) -> Host | None:
        """Parse the value of a HOST label; return None for a foreign one. Older labels have no machine."""
        parts = text.split("/")
        return cls(*parts) if len(parts) in (_PARTS - 1, _PARTS) else None

    def __str__(self) -> str:
        """Return the value of a HOST label."""
        return f"{self.name}/{self.boot}/{self.space}/{self.machine}"

    def shares_a_kernel(self, other: Host) -> bool:
        """Tell whether both are on the same kernel in the same boot."""
        return self.boot == other.boot != UNKNOWN


@cache
def host() -> Host:
    """Return the host of this process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        space = namespace("self")
    except OSError:
        boot, space = UNKNOWN, "0"
    return Host(socket.gethostname(), boot, space, _machine() if space == FIRST_NAMESPACE else "")


def namespace(pid: str) -> str:
    """Return the pid namespace of a process. Raises OSError if it does not exist or may not be inspected."""
    return str(Path(f"/proc/{pid}/ns/pid").readlink()).strip("pid:[]")


def _machine() -> str:
    """Return a digest of machine-id(5), which is confidential; "" if the file is missing or not initialised."""
    try:
        text = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    whole = len(text) == _MACHINE_ID and text.isalnum()
    return hashlib.sha256(f"{PREFIX}:{text}".encode()).hexdigest()[:12] if whole else ""


def host_identity() -> str:
    """Return the identity of this machine, boot and pid namespace, as used in HOST labels."""
    return str(host())


def host_name() -> str:
    """Return a name of this machine that survives reboots, for resources that do.

    Without a machine id, of this boot.
    A host name alone is not enough: another machine with the same host name may use the same engine.
    """
    here = host()
    return f"{here.name}/{here.machine or f'{here.boot}/{here.space}'}"


def session() -> str:
    """Return the session, `<pid>-<pid start>-<random>`; this process becomes its owner if none is set."""
    if not os.environ.get(SESSION_VARIABLE):
        pid = os.getpid()
        os.environ[SESSION_VARIABLE] = f"{pid}-{process_start_time(pid)}-{secrets.token_hex(3)}"
    return os.environ[SESSION_VARIABLE]


def owns_session() -> bool:
    """Tell whether this process started the session. Processes it starts join the session and must not end it."""
    return session().split("-")[0] == str(os.getpid())


def runs_in(container: str, engine: str) -> None:
    """Record that an engine confirmed this process runs in that container; new resources are labelled with it."""
    _confirmed.add(f"{container}@{engine}")


def runner() -> str:
    """Return this process's value of the RUNNER label; "" unless exactly one engine has confirmed a container."""
    return next(iter(_confirmed)) if len(_confirmed) == 1 else ""


def labels(kind: str, *, kept: bool = False) -> dict[str, str]:
    """Return the labels of a new resource of this `kind` ("database", "rt", "network", "clone" ...).

    kept: it is one of those that --keep leaves behind.
    """
    pid, started, _ = session().split("-")
    common = {SESSION: session(), HOST: host_identity(), PID: pid, STARTED: started, KIND: kind}
    optional = {RUNNER: runner(), HELD: os.environ.get(HELD_VARIABLE, "") if kept else ""}
    return common | {label: value for label, value in optional.items() if value}


def hold_for(place: str) -> None:
    """Label what this session makes to be kept: for a day only runs with this cache directory sweep it."""
    os.environ[HELD_VARIABLE] = f"{int(time.time()) + HELD_SECONDS}:{place}"


def is_held_for_another(found: Mapping[str, str], place: str) -> bool:
    """Tell from a resource's labels whether it is left to a run with another cache directory than `place`."""
    end, _, holder = found.get(HELD, "").partition(":")
    return end.isdigit() and time.time() < int(end) and holder != place


def creator_lives(found: Mapping[str, str]) -> bool | None:
    """Tell from a resource's labels whether the process that made it still exists.

    None if that cannot be determined.
    That is so for resources without our labels, of other machines, and of other containers.
    """
    here, there = host(), Host.read(found.get(HOST, ""))
    if there is None or SESSION not in found:
        return None
    if there == here or (there.shares_a_kernel(here) and there.space == here.space):
        return lives(int(found[PID]), found[STARTED])
    # A reboot ends every process. The same name is not enough: it must be the same machine.
    rebooted = there.boot != here.boot and (there.name, there.machine) == (here.name, here.machine)
    return False if rebooted and here.machine and UNKNOWN not in (there.boot, here.boot) else None
