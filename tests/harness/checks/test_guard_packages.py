"""Sites upgraded by Debian's own packages must be accepted: their history lacks steps, their database nothing."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import dump, upgrade
from harness.checks.preflight import identity as preflight_identity
from harness.database import Database
from harness.database.schema import read
from harness.releases import parse, releases
from harness.rt import Rt
from harness.upgrade import expected_steps, guard
from harness.upgrade.lifecycle import Lifecycle
from harness.verdict import Report

pytestmark = pytest.mark.engine
SERVER = "mariadb-10.11"
HOPS = "/usr/share/dbconfig-common/scripts/request-tracker5/upgrade/mysql"
"""Scripts that dbconfig-common runs when a package is upgraded, one for each of its versions that has any."""
JUDGE = r"""
use strict; use warnings; use lib '/opt/rt/lib';
use JSON::PP; use Guard::History; use Guard::Release; use Guard::Verdict;
my ($events, $release) = @{ decode_json($ARGV[0]) };
my @steps = Guard::Release::steps_of('/opt/rt/upgrade');
my ($verdict, undef, $missing) =
    Guard::Verdict::from_history(Guard::History::summary(@$events), $release, @steps);
print encode_json([$verdict, $missing]);
"""
Event = dict[str, Any]
Events = list[Event]


def ended(event: Event) -> Events:
    """Return the two events of a successful action."""
    identity = json.dumps(event)
    end = {"stage": "after", "individual_id": identity, "return_value": [1]}
    return [{**event, "stage": "before", "individual_id": identity}, end]


def init(release: str) -> Events:
    """Return the history of a database that a release has just created."""
    return ended({"action": "insert", "filename": "/usr/share/rt/etc/initialdata", "rt_version": release})


def full(origin: str, target: str) -> Events:
    """Return the events of one whole upgrade, whose steps are all implied by its two ends."""
    return ended({"type": "full upgrade", "action": "upgrade", "from": origin, "to": target, "versions": [target]})


def insert(step: str, folder: str = "/usr/share/request-tracker4/etc/upgrade", **more: str) -> Events:
    """Return the events of inserting one step's data."""
    return ended({"action": "insert", "filename": f"{folder}/{step}/content", **more})


def walk(*releases: str) -> Events:
    """Return the events of consecutive upgrades, each from where the last one ended."""
    return [event for pair in itertools.pairwise(releases) for event in full(*pair)]


BY_HAND = [*insert("4.0.9"), *insert("4.0.18"), *insert("4.0.19")]
LATER = [
    *walk("4.2.3", "4.2.4", "4.2.6", "4.2.7"),
    *full("4.2.9", "4.2.10"),
    *full("4.2.10", "4.2.11"),
    *full("4.2.13", "4.4.1"),
    *walk("4.4.1", "4.4.2", "4.4.5", "4.4.6"),
]
OWN = {
    "trixie": ("5.0.7", [*init("5.0.3"), *walk("5.0.3", "5.0.4", "5.0.5")]),
    "forky": ("5.0.10", [*init("5.0.3"), *walk("5.0.3", "5.0.4", "5.0.5"), *full("5.0.6", "5.0.8")]),
    "by-the-gate": ("5.0.10", [*init("5.0.3"), *walk("5.0.3", "5.0.4", "5.0.5"), *full("5.0.7", "5.0.10")]),
    "jessie": ("4.4.6", [*init("4.2.7"), *LATER[LATER.index(full("4.2.9", "4.2.10")[0]) :]]),
    "wheezy": ("4.4.6", [*init("4.0.7"), *BY_HAND, *full("4.0.19", "4.2.3"), *LATER]),
}
"""Histories that Debian's packages leave, with the release of each."""
LACKING = {
    "step-left-out": ("5.0.10", [*init("5.0.3"), *walk("5.0.3", "5.0.4"), *full("5.0.6", "5.0.8")], ["5.0.5"]),
    "step-to-come": ("5.0.10", [*init("5.0.3"), *walk("5.0.3", "5.0.4", "5.0.5")], ["5.0.8"]),
    "data-left-out": ("4.4.6", [*init("4.0.7"), *BY_HAND[2:], *full("4.0.19", "4.2.3"), *LATER], ["4.0.9"]),
    "nothing-by-hand": (
        "4.4.6",
        [*init("4.0.7"), *full("4.0.19", "4.2.3"), *LATER],
        ["4.0.9", "4.0.12", "4.0.13", "4.0.18", "4.0.19"],
    ),
    "data-not-inserted": ("4.4.6", [*init("4.0.7"), *BY_HAND[:-1], *full("4.0.19", "4.2.3"), *LATER], ["4.0.19"]),
    "data-of-another": (
        "4.4.6",
        [*init("4.0.7"), *BY_HAND[2:], *insert("4.0.9", "/srv/notes"), *full("4.0.19", "4.2.3"), *LATER],
        ["4.0.9"],
    ),
    "data-within-a-step": (
        "4.4.6",
        [*init("4.0.7"), *BY_HAND[2:], *insert("4.0.9", full_id="x"), *full("4.0.19", "4.2.3"), *LATER],
        ["4.0.9"],
    ),
    "data-of-a-later-step": (
        "5.0.10",
        [*init("5.0.3"), *walk("5.0.3", "5.0.4", "5.0.5"), *insert("5.0.8")],
        ["5.0.8"],
    ),
}
"""Histories of databases that really lack something, with what they lack."""


def said(tools: Rt, events: Events) -> Any:
    """Return verdict and missing steps of an image's guard for a history."""
    return json.loads(tools.perl_alone(JUDGE, json.dumps([events, tools.release])).out)


def test_what_packages_leave_out_is_nothing_that_lacks(lifecycle: Lifecycle) -> None:
    """A site that Debian upgraded through its releases must be served, but not one that lacks a step."""
    for version in ("4.4.6", "5.0.7", "5.0.10"):
        with lifecycle.tools(version, None) as tools:
            for name, (release, events) in OWN.items():
                if release == version:
                    assert (name, *said(tools, events)) == (name, "ok", [])
            for name, (release, events, missing) in LACKING.items():
                if release == version:
                    assert (name, *said(tools, events)) == (name, "older", missing)


@pytest.mark.parametrize("version", releases())
def test_what_the_packages_leave_out_is_known(lifecycle: Lifecycle, version: str) -> None:
    """A release whose scripts leave out one more step must not be refused as soon as its image is built."""
    with lifecycle.tools(version, None) as tools:
        scripts = tools.need("sh", "-c", "cat /usr/share/dbconfig-common/scripts/request-tracker*/upgrade/mysql/*")
        told = tools.need(
            "perl", "-I/opt/rt/lib", "-MGuard::Release=%IDLE", "-e", "print join ' ', sort keys %IDLE"
        )
        steps = tools.upgrade_steps()
    whole = re.findall(r"--upgrade-from\s+(\S+)\s+--upgrade-to\s+(\S+)", scripts)
    first = min(parse(origin) for origin, _ in whole)
    applied = {step for pair in whole for step in expected_steps(steps, *pair)}
    left_out = [step for step in steps if parse(step) > first and step not in applied]
    assert left_out == [step for step in told.split() if step in steps]


def hop(tools: Rt, *versions: str) -> None:
    """Upgrade as a package does."""
    for version in versions:
        tools.need("sh", f"{HOPS}/{version}")


def test_a_site_that_its_packages_have_upgraded(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Debian's own scripts run here: both releases must recognise the database, and the gate must accept it."""
    database = clone(lifecycle.restored(dump.load(dump.bundled("5.0.3")), SERVER))
    middle, last = rt_tools("5.0.7", database), rt_tools("5.0.10", database)
    hop(middle, "5.0.4", "5.0.5")
    assert guard.ask(middle).code == 0
    for origin in ("5.0.5", "5.0.7"):
        report, steps = Report("preflight", ""), expected_steps(last.upgrade_steps(), origin, "5.0.10")
        stops = preflight_identity.judge(report, middle, last, (origin, "5.0.10"), steps)
        assert (report.findings, stops) == ([], [])
    hop(last, "5.0.8")
    assert guard.ask(last).code == 0


def state(database: Database) -> tuple[Any, ...]:
    """Return the contents of a database except for RT's upgrade history."""
    schema = read(database)
    tables = [name for name in schema.tables if name != "Attributes"]
    sums = database.rows(f"CHECKSUM TABLE {', '.join(f'`{name}`' for name in tables)}")
    others = "SELECT * FROM Attributes WHERE Name <> 'UpgradeHistory' ORDER BY id"
    return schema.tables, sums, database.rows(others)


@pytest.mark.parametrize(
    ("before", "step", "changes"), [("4.2.7", "4.2.8", False), ("5.0.5", "5.0.6", False), ("5.0.3", "5.0.4", True)]
)
def test_the_steps_that_are_said_to_do_nothing(
    lifecycle: Lifecycle, clone: CloneFactory, before: str, step: str, changes: bool
) -> None:
    """The guard's comments say so; here these steps run. One that changes something is included as a control."""
    database = clone(lifecycle.restored(dump.load(dump.bundled("5.0.3")), SERVER))
    with lifecycle.tools("5.0.10", database) as tools:
        if before == "5.0.5":
            hop(tools, "5.0.4", "5.0.5")
        old = state(database)
        done = upgrade.run(tools, before, step)
    assert (done.code, done.announced) == (0, [step])
    assert (state(database) != old) == changes
