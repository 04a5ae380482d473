"""What one release says that its database means: the program that asks RT, and what came of it.

A Perl program (harness/checks/perl) runs inside the release. It says what people see: tickets, histories,
attachments, values, roles, links, searches with what they find, homepages, articles, assets, logins, rights. Texts
leave RT as digests, everything else as ids.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.checks.cached_fact import Remembered
from harness.common import cache as caches
from harness.common import redact
from harness.database import Database
from harness.errors import InfrastructureError
from harness.rt import Rt

FOLDER = Path(__file__).with_name("perl")
SUBJECTS = ("tickets.pl", "objects.pl", "searches.pl", "rights.pl", "code.pl")
LIMIT = 2000
"""Above this number of a kind only one in so many is looked at, the same ones on both sides."""
SAMPLED = {"tickets": "Tickets", "users": "Users", "articles": "Articles", "assets": "Assets"}
"""Kinds of which there may be any number, and their tables. Of users, privileged ones are always looked at."""
BELONGING = {"tickets": ("transactions", "attachments"), "dashboards": ("subscriptions",)}
"""Sections that a subject tells of beside the one of its own name: where it dies, nobody knows how far it came."""
HELD = "held"
"""What the program says first: all that follows is about the database as it was at that moment."""
PATIENCE = 2 * 3600.0
"""Seconds. What is asked of some thousand people, on each object that rights can be given on, takes a while."""
PARTS = 2
"""Lines of JSON that the program says then: of tickets, and of all the rest."""
COMPLAINTS = "complaints"
Sections = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Meaning(Remembered):
    """What one side said. sections: section to key to fields. every: kind to N, where one in N was looked at.

    It holds no text that people wrote. Rights are told once for all who have the same: see `meaning.by_holder`.
    """

    release: str
    every: dict[str, int]
    sections: Sections = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Processor time that each subject took."""
    organization: str = ""
    """By what name RT took links for its own."""


@cache
def program() -> str:
    """Return the Perl program: the subjects put into the frame."""
    subjects = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SUBJECTS)
    return (FOLDER / "main.pl").read_text(encoding="utf-8").replace("END_OF_SUBJECTS", subjects)


def sampling(database: Database) -> dict[str, int]:
    """Return of how many of a kind one is looked at, where not every one is. Ask the old side, use it on both."""
    there = set(database.tables())
    counts = {
        kind: int(database.value(f"SELECT COUNT(*) FROM `{table}`"))
        for kind, table in SAMPLED.items()
        if table in there
    }
    return {kind: math.ceil(count / LIMIT) for kind, count in counts.items() if count > LIMIT}


def sorting(database: Database) -> str:
    """Return by which rules the server sorts text: the tables' collation without its character set."""
    query = (
        "SELECT table_collation FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = 'Tickets'"
    )
    return str(database.value(query) or "").partition("_")[2]


def key(accounts: Mapping[str, str], every: Mapping[str, int], now: int) -> str:
    """Return what the answer depends on beside the database and the release: what `collect` is told."""
    return caches.keyed(json.dumps([sorted(accounts.items()), sorted(every.items()), now]))


def collect(
    tools: Rt, accounts: Mapping[str, str] | None = None, every: Mapping[str, int] | None = None, *,
    held: Callable[[], None] | None = None, now: int | None = None,
) -> Meaning:  # fmt: skip
    """Let the release that `tools` is say what its database means. accounts: name to password, for logins.

    Nothing is written. held: called once the answer is about the database as it is then, so that from there on
    others may write to it. now: seconds since 1970, the time that RT is to believe it is; searches may ask for the
    last day. Raises InfrastructureError when the program ends without an answer.
    """
    request = {"every": dict(every or {}), "accounts": dict(accounts or {}), "key": caches.secret(), "now": now}

    def hear(line: str) -> None:
        if line == HELD and held:
            held()

    done = tools.perl(program(), json.dumps(request), limit=PATIENCE, heard=hear)
    try:
        if done.code:
            raise ValueError(f"exit code {done.code}")
        begin, *told_of = done.out.rstrip("\n").split("\n")
        parts: list[Sections] = [json.loads(line) for line in told_of]
        if begin != HELD or len(parts) != PARTS:
            raise ValueError(f"{len(parts)} parts of {PARTS} after {begin[:20]!r}")
    except ValueError as error:
        lines = "\n".join(redact.line(line) for line in done.err.splitlines()[-15:])
        raise InfrastructureError(
            f"RT {tools.release} did not say what its database means (exit code {done.code}).", [("Errors", lines)]
        ) from error
    told = Meaning(tools.release, dict(every or {}))
    complaints: set[str] = set()
    for sections in parts:
        complaints |= set(sections.pop(COMPLAINTS, {}))
        told.organization = str(sections.pop("organization", {}).get("is") or "")
        told.seconds |= {name: float(str(value)) for name, value in sections.pop("seconds", {}).items()}
        told.sections |= {name: _as_texts(keys) for name, keys in sections.items()}
    told.complaints = sorted(complaints)
    return told


def _as_texts(keys: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the fields of a section with numbers as text: which of them Perl takes for one is chance."""
    return {
        key: {name: str(value) if isinstance(value, int | float) else value for name, value in fields.items()}
        for key, fields in keys.items()
    }
