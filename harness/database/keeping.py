"""Leave a copy of the database behind after the run, so that a finding's SQL can be run on it.

It belongs to the session like any other: the next run, and `make clean`, remove what an ended session left.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.database import NAME, USER, Database, programs
from harness.engine import session_network

SETTINGS = "/root/.my.cnf"
"""Option file of the server's own client with the account, so that no password is on a command line."""


@dataclass(frozen=True)
class LeftBehind:
    """A copy that stays. names: its container, volumes and networks. command: opens the server's own client on it.

    upgraded: True for the upgraded copy; False if its upgrade was not run or not completed.
    """

    names: frozenset[str]
    command: str
    upgraded: bool

    def __str__(self) -> str:
        """Return a sentence with its name and the command to open it."""
        what = "The upgraded copy" if self.upgraded else "The copy, whose upgrade was not run to its end,"
        return f"{what} stays until the next run or make clean: {self.command}"


def keep(database: Database, *, upgraded: bool = True) -> LeftBehind:
    """Give the client in a server's container an account, and return the resources that must stay.

    Raises InfrastructureError if the container has ended.
    """
    lines = ["[client]", f"user={USER}", f"password={database.credentials.password}", "protocol=tcp"]
    lines += ["host=127.0.0.1", "[mysql]", f"database={NAME}"]
    text = "\n".join(lines) + "\n"
    database.container.need(["sh", "-c", f"umask 077; cat >{SETTINGS}"], stdin=[text.encode()])
    attributes = database.container.docker.attrs
    names = {database.container.name, *attributes["NetworkSettings"]["Networks"]}
    names |= {mount["Name"] for mount in attributes["Mounts"] if mount.get("Name")}
    engine = "podman" if session_network.is_podman(database.container.client) else "docker"
    command = f"{engine} exec -it {database.container.name} {programs.client_name(database.server)}"
    return LeftBehind(frozenset(names), command, upgraded)
