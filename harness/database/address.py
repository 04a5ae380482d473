"""Name the address of a server and its credentials, also before it is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Credentials:
    """Passwords of the application's user and of root; made per baseline, for throw-away servers only."""

    password: str
    root_password: str


class Reachable(Protocol):
    """The facts needed to connect to a server: its name in the network, and its passwords."""

    @property
    def host(self) -> str:
        """Return the host name."""

    @property
    def credentials(self) -> Credentials:
        """Return the passwords."""


@dataclass(frozen=True)
class Address:
    """The address of a server that is not started yet."""

    host: str
    credentials: Credentials
