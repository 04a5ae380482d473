"""Tell whether a process id that the engine names is that process on this machine too."""

from __future__ import annotations

from pathlib import Path


def is_in_container(pid: int, container: str) -> bool:
    """Tell whether process `pid` of this machine runs in a container, given by its full id.

    The engine numbers processes as its own machine does. If that is another machine, or this process runs in a
    container itself, the number belongs to nothing here, or to an unrelated process. The control group of a
    container's process has the container's id in its path, in both versions of control groups.
    """
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return container in groups
