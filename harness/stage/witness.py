"""Choose the witness, which tells what the old release would say of the untouched side, and make its copy.

It is the old release itself, or the closest release that can read its tables, on a server that this one supports.
"""

from __future__ import annotations

import contextlib

from harness.common.once import once
from harness.database import Database
from harness.database.baseline_record import Baseline
from harness.errors import UsageError
from harness.releases import neighbour
from harness.rt import Rt
from harness.stage.sides import Sides


class Witness:
    """The release that reads the untouched side, its server, and its copy."""

    def __init__(self, sides: Sides) -> None:
        """Keep the sides; nothing is started yet."""
        self._sides, self._pair = sides, sides.pair

    @once
    def release(self) -> str | None:
        """Return the release that reads the untouched side: the old one, else the closest that can."""
        if self._sides.lifecycle.has_image(self._pair.origin):
            return self._pair.origin
        return neighbour(self._pair.origin, self._sides.new().structural_steps())

    def server(self) -> str:
        """Return the server on which the witness runs: the pair's own, else one that this release supports."""
        version = self.release()
        return self._sides.choice.server_for(version) if version else self._pair.server

    @once
    def copy(self) -> Database | None:
        """Return the untouched copy that the witness reads; None if that server refuses the dump. Read-only."""
        if self.server() == self._pair.server:
            return self._sides.before()
        origin = self.baseline()
        if origin is None:
            return None
        return self._sides.copies.copy(f"copy on {origin.server.name}", origin)

    @once  # also where it fails: a large dump takes long to be refused
    def baseline(self) -> Baseline | None:
        """Return the dump restored on the witness's server; None if that server refuses it."""
        name = self.server()
        if name == self._pair.server:
            return self._sides.baseline()
        with contextlib.suppress(UsageError):
            return self._sides.copies.restored(self._sides.dump, name)
        return None

    @once
    def tools(self) -> Rt | None:
        """Return tools of the witness on its copy; None if no release can stand in for the old one."""
        version = self.release()
        if version is None or (version, self.server()) == (self._pair.origin, self._pair.server):
            return self._sides.old()
        if (copy := self.copy()) is None:
            return None
        return self._sides.copies.tools(version, copy, self._sides.lifecycle)

    def substitution_note(self, what: str) -> list[str]:
        """Return a remark if another release or server than the old one was used; [] for the pair itself."""
        version, elsewhere, why = self.release(), self.server(), []
        if version is None:
            return []
        if version != self._pair.origin:
            why.append(f"it has no image here, so RT {version} was asked, which reads the same tables")
        if elsewhere != self._pair.server:
            why.append(f"RT {version} does not run on {self._pair.server}, so it was asked on {elsewhere}")
        return [f"what RT {self._pair.origin} {what}: {', and '.join(why)}"] if why else []
