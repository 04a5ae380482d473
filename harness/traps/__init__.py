"""Real traps: small patches of a good dump, each with the verdict it must get and the finding that says why.

`scene` springs one.
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
    """What must be said: by which check, a part of its words. note: it has no weight for the verdict."""

    check: str
    text: str
    note: bool = False


@dataclass(frozen=True)
class Trap:
    """A patch of a bundled dump, and what the harness must make of it.

    dump: name of a bundled dump. declared: the release that it is said to be of. patch: SQL as the application's
    user, administrator: SQL as the server's. prior: a release to which it is upgraded first; cut_at: the step
    before whose middle that upgrade is killed. configuration: the site's own files. refused: whether
    preflight must keep the upgrade from being run. everyday: short and telling enough for every test run.
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
        """Return the names of the checks that must speak."""
        return tuple(dict.fromkeys(sign.check for sign in self.signs))


def read(path: Path = FILE) -> list[Trap]:
    """Read the traps. Raises TypeError or ValueError for a word that is not understood."""
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
