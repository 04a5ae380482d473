"""Ask one release for the meaning of its database: the Perl program that runs inside RT, and its answer.

A Perl program (harness/checks/perl) runs inside the release. It reports what users see: tickets, histories,
attachments, values, roles, links, searches and their results, homepages, articles, assets, logins, rights,
lifecycles, preferences; and which code loads. Texts leave RT as digests, modules of the site's own by their path,
everything else as ids.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.checks.cached_fact import CachedFact
from harness.checks.in_time import need_in_time
from harness.common import cache as caches
from harness.common import redact
from harness.database import Database
from harness.errors import InfrastructureError
from harness.rt import Rt

FOLDER = Path(__file__).parents[1] / "perl"
SUBJECTS = ("tickets.pl", "objects.pl", "lifecycles.pl", "preferences.pl", "searches.pl", "rights.pl", "code.pl")
LIMIT = 2000
"""Above this number of objects of a kind only a sample of one in N is read, the same one on both sides."""
SAMPLED = {"tickets": "Tickets", "users": "Users", "articles": "Articles", "assets": "Assets"}
"""Kinds with an unlimited number of objects, and their tables. Privileged users are always read."""
BELONGING = {"tickets": ("transactions", "attachments"), "dashboards": ("subscriptions",)}
"""Further sections that a subject writes, besides the one of its own name: if it dies, all are incomplete."""
HELD = "held"
"""The program's first line: all that follows describes the database as it was at that moment."""
PATIENCE = 2 * 3600.0
"""Seconds on a small database. Reading the rights of some thousand users, on each object with any, takes long."""
FOR_A_SEARCH = 10.0
"""Seconds more for each saved search: all of them are made, also those that read every ticket."""
_SEARCHES = "SELECT COUNT(*) FROM Attributes WHERE Name = 'SavedSearch' OR Name LIKE 'Search - %'"
PARTS = 2
"""Lines of JSON that follow: one for tickets, one for all the rest."""
COMPLAINTS = "complaints"
Sections = dict[str, dict[str, dict[str, Any]]]
HOLDERS = "holders"
"""Field of an entry that is stored once for several users, in the section of rights: their ids."""


@dataclass
class Meaning(CachedFact):
    """The answer of one side. sections: section to key to fields. every: kind to N, if one in N was read.

    It holds no text that people wrote. Rights are stored once for all users with equal rights: see
    `by_holder`.
    """

    release: str
    every: dict[str, int]
    sections: Sections = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    reading: dict[str, str] = field(default_factory=dict)
    """Complaint to what was being read when it came first, as "searches 12"; only where that is known."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Processor time of each subject."""
    organization: str = ""
    """The organization by which RT recognised links as its own."""


@cache
def program() -> str:
    """Return the Perl program: the subjects inserted into the frame."""
    subjects = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SUBJECTS)
    return (FOLDER / "main.pl").read_text(encoding="utf-8").replace("END_OF_SUBJECTS", subjects)


def sampling(database: Database) -> dict[str, int]:
    """Return N for each kind of which only one in N is read. Compute it on the old side, use it on both."""
    there = set(database.tables())
    counts = {
        kind: int(database.value(f"SELECT COUNT(*) FROM `{table}`"))
        for kind, table in SAMPLED.items()
        if table in there
    }
    return {kind: math.ceil(count / LIMIT) for kind, count in counts.items() if count > LIMIT}


def patience(database: Database) -> float:
    """Return the seconds that a release may take to tell what a database means, by its size."""
    return database.patience(PATIENCE) + FOR_A_SEARCH * int(database.value(_SEARCHES))


def sorting(database: Database) -> str:
    """Return the server's rules for sorting text: the tables' collation without its character set."""
    query = (
        "SELECT table_collation FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = 'Tickets'"
    )
    return str(database.value(query) or "").partition("_")[2]


def key(accounts: Mapping[str, str], every: Mapping[str, int], now: int) -> str:
    """Return what the answer depends on besides the database and the release: the arguments of `collect`."""
    return caches.keyed_digest(json.dumps([sorted(accounts.items()), sorted(every.items()), now]))


def collect(
    tools: Rt,
    accounts: Mapping[str, str] | None = None,
    every: Mapping[str, int] | None = None,
    *,
    held: Callable[[], None] | None = None,
    now: int | None = None,
    limit: float = PATIENCE,
) -> Meaning:
    """Ask the release of `tools` for the meaning of its database. accounts: name to password, for logins.

    Nothing is written. held: called as soon as the program reads from a snapshot of the database; from then on
    others may write to it. now: seconds since 1970, the time that RT is made to believe; searches may ask for the
    last day. limit: seconds, as by `patience`. Raises InfrastructureError if the program ends without an answer.
    """
    request = {"every": dict(every or {}), "accounts": dict(accounts or {}), "key": caches.secret(), "now": now}

    def hear(line: str) -> None:
        if line == HELD and held:
            held()

    done = tools.perl(program(), json.dumps(request), limit=limit, heard=hear)
    need_in_time(done, f"RT {tools.release} did not say what its database means", limit)
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
    complaints: dict[str, str] = {}
    for sections in parts:
        complaints |= {text: str(reading) for text, reading in sections.pop(COMPLAINTS, {}).items()}
        told.organization = str(sections.pop("organization", {}).get("is") or "")
        told.seconds |= {name: float(str(value)) for name, value in sections.pop("seconds", {}).items()}
        told.sections |= {name: _as_texts(keys) for name, keys in sections.items()}
    told.complaints = sorted(complaints)
    told.reading = {text: reading for text, reading in complaints.items() if reading}
    return told


def _as_texts(keys: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the fields of a section with numbers as text: which values Perl writes as numbers is arbitrary."""
    return {
        key: {name: str(value) if isinstance(value, int | float) else value for name, value in fields.items()}
        for key, fields in keys.items()
    }


def by_holder(section: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the section of rights by user, one object for users with equal rights; other sections as they are."""
    found: dict[str, dict[str, Any]] = {}
    for key, fields in section.items():
        if HOLDERS in fields:
            same = {name: value for name, value in fields.items() if name != HOLDERS}
            found.update(dict.fromkeys(fields[HOLDERS].split(), same))
        else:
            found[key] = fields
    return found
