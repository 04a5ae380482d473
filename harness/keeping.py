"""A copy of the database that stays behind, because somebody wants to run a finding's SQL on it.

It is the session's like any other: the next run, and `make clean`, remove what a session left that has ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness import session_network
from harness.database import NAME, USER, Database

SETTINGS = "/root/.my.cnf"
"""Where the server's own client looks for an account: so that no password is in a command line."""


@dataclass(frozen=True)
class Kept:
    """What stays. names: its container, volumes and networks. command: opens the server's own client on it."""

    names: frozenset[str]
    command: str


def keep(database: Database) -> Kept:
    """Give the client in a server's container an account, and return what must stay for it to work.

    Raises InfrastructureError where the container has ended.
    """
    lines = ["[client]", f"user={USER}", f"password={database.credentials.password}", "protocol=tcp"]
    lines += ["host=127.0.0.1", "[mysql]", f"database={NAME}"]
    text = "\n".join(lines) + "\n"
    database.container.need(["sh", "-c", f"umask 077; cat >{SETTINGS}"], stdin=[text.encode()])
    attributes = database.container.docker.attrs
    names = {database.container.name, *attributes["NetworkSettings"]["Networks"]}
    names |= {mount["Name"] for mount in attributes["Mounts"] if mount.get("Name")}
    engine = "podman" if session_network.is_podman(database.container.client) else "docker"
    program = "mariadb" if database.server.product == "mariadb" else "mysql"
    return Kept(frozenset(names), f"{engine} exec -it {database.container.name} {program}")
