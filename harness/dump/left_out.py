"""Tell from the text of a dump whether rows were left out while it was made.

With --force the servers' programs go on after a table whose rows they cannot read (error 1412: somebody altered it
meanwhile), and with --where they leave out what does not meet a condition. Either way the file closes with
'-- Dump completed'. A block of rows that was begun and not ended gives it away, or the line of the
condition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.dump.replaced import NAME

_BLOCK = re.compile(rb"/\*!40000 ALTER TABLE " + NAME + rb" (DISABLE|ENABLE) KEYS")
_HEADING = re.compile(rb"-- Dumping data for table " + NAME)
_CONDITION = b"-- WHERE:"
_UNNEEDED = "sessions"
"""Its rows are wanted by nobody: dumped with a condition that no row meets, it has its structure alone."""


@dataclass
class LeftOut:
    """Tables without all of their rows. cut: those not written to their end. chosen: those with a condition."""

    cut: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    _begun: str = ""
    _headed: str = ""

    def take(self, line: bytes) -> None:
        """Note a line that holds no rows."""
        if match := _BLOCK.match(line):
            name, begins = match[1].decode(errors="replace"), match[2] == b"DISABLE"
            if self._begun and (begins or self._begun != name):
                self.cut.append(self._begun)
            self._begun = name if begins else ""
        elif match := _HEADING.match(line):
            self._headed = match[1].decode(errors="replace")
        elif line.startswith(_CONDITION):
            self.chosen += [self._headed] if self._headed not in (_UNNEEDED, *self.chosen) else []
        elif line.startswith(b"-- Dump completed") and self._begun:
            self.cut.append(self._begun)
            self._begun = ""
