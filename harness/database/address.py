"""Where a server is, or will be: what one has to know of it to ask it something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Credentials:
    """Passwords of the application's user and of root; made per baseline, for throw-away servers only."""

    password: str
    root_password: str


class Reachable(Protocol):
    """What one has to know of a server to ask it: its name in the network, and its passwords."""

    @property
    def host(self) -> str:
        """Return the name."""

    @property
    def credentials(self) -> Credentials:
        """Return the passwords."""


@dataclass(frozen=True)
class Address:
    """A server that is still to be started."""

    host: str
    credentials: Credentials
