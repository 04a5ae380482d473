"""Who owns a container, network, volume or directory, and whether that owner is still alive.

Everything the harness starts carries these labels. A sweep removes a thing only when its creator was a
process of this host that no longer exists; the process's start time guards against a pid given out again.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PREFIX = "rt-harness"
SESSION, HOST, PID, STARTED, KIND = (
    f"{PREFIX}.{name}" for name in ("session", "host", "pid", "pid-started", "kind")
)
CACHE, BASELINE, PLACE = f"{PREFIX}.cache", f"{PREFIX}.baseline", f"{PREFIX}.cache-directory"
"""On a prepared database: that it outlives its session, what it is, and the cache directory that knows it."""
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


@cache
def host_identity() -> str:
    """Name this host and this boot, because a pid means nothing after a restart or in another namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        boot, space = "unknown", "0"
    return f"{socket.gethostname()}/{boot}/{space}"


def host_name() -> str:
    """Name this host through all its boots, for what outlives them."""
    return socket.gethostname()


def session() -> str:
    """Return the session, `<pid>-<pid start>-<random>`, making this process its owner if none is yet."""
    if not os.environ.get(SESSION_VARIABLE):
        pid = os.getpid()
        os.environ[SESSION_VARIABLE] = f"{pid}-{process_start_time(pid)}-{secrets.token_hex(3)}"
    return os.environ[SESSION_VARIABLE]


def owns_session() -> bool:
    """Tell whether this process began the session. What a session starts joins it, and must not end it."""
    return session().split("-")[0] == str(os.getpid())


def labels(kind: str) -> dict[str, str]:
    """Return the labels of a new thing of this `kind` ("database", "rt", "network", "clone" ...)."""
    pid, started, _ = session().split("-")
    return {SESSION: session(), HOST: host_identity(), PID: pid, STARTED: started, KIND: kind}


def creator_is_dead(found: Mapping[str, str]) -> bool:
    """Tell from a thing's labels whether its creator ran on this host and is gone.

    Things without our labels, or from another host, are never dead as far as we can know.
    """
    if found.get(HOST) != host_identity() or SESSION not in found:
        # A reboot kills every process: the same host name under an older boot id is dead as well.
        name, _, rest = found.get(HOST, "").partition("/")
        boot = rest.partition("/")[0]
        mine = host_identity().split("/")
        return bool(rest) and name == mine[0] and boot != mine[1] and SESSION in found
    return not lives(int(found[PID]), found[STARTED])
