"""Read the traps: small patches of a good dump, each with the verdict and the findings it must lead to.

`run`: patch, upgrade and check as one of them says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.verdict import Verdict

FILE = Path(__file__).with_name("traps.toml")


@dataclass(frozen=True)
class Sign:
    """An expected message: the check that gives it, and part of its text.

    note: True if it does not affect the verdict.
    """

    check: str
    text: str
    note: bool = False


@dataclass(frozen=True)
class Trap:
    """A patch of a bundled dump, and the result that the harness must give for it.

    dump: name of a bundled dump. declared: the release that it is declared to be. patch: SQL run as the
    application's user; administrator: SQL run as root. prior: a release to which it is upgraded first; cut_at: the
    step in whose middle that upgrade is killed. configuration: the site's own files. refused: whether preflight
    must prevent the upgrade.
    everyday: short and relevant enough for every test run.
    """

    name: str
    dump: str
    declared: str
    target: str
    server: str
    verdict: Verdict
    symptom: str
    cause: str
    signs: tuple[Sign, ...]
    patch: tuple[str, ...] = ()
    administrator: tuple[str, ...] = ()
    prior: str = ""
    cut_at: str = ""
    configuration: Mapping[str, str] = field(default_factory=dict)
    refused: bool = False
    everyday: bool = False

    @property
    def checks(self) -> tuple[str, ...]:
        """Return the names of the checks that must report."""
        return tuple(dict.fromkeys(sign.check for sign in self.signs))


def read(path: Path = FILE) -> list[Trap]:
    """Read the traps. Raises TypeError or ValueError for an unknown key or value."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["trap"]
    return [_trap(row) for row in rows]


def _trap(row: dict[str, Any]) -> Trap:
    values = {**row, "verdict": Verdict(row["verdict"])}
    values["signs"] = tuple(Sign(**one) for one in row.get("signs", ()))
    for name in ("patch", "administrator"):
        values[name] = tuple(row.get(name, ()))
    made = Trap(**values)
    if made.verdict is Verdict.NO_GO and not [sign for sign in made.signs if not sign.note]:
        raise ValueError(f"{made.name}: a trap that stops must say by which finding")
    if made.refused and set(made.checks) != {"preflight"}:
        raise ValueError(f"{made.name}: what is not run can only be judged by preflight")
    return made
