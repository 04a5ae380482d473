"""Checks of an upgraded site. One test for each check; the answers are the checks' own.

pytest tests/upgrade --pair 4.4.6:5.0.3 --server mariadb-10.11 [--dump FILE] [--site-config PATH]
"""

from __future__ import annotations

import pytest

from fixtures.outcome import Verify
from harness.stage import Stage

pytestmark = pytest.mark.engine


@pytest.mark.gate("preflight")
@pytest.mark.control("preflight")
def test_nothing_speaks_against_it_beforehand(stage: Stage, verify: Verify) -> None:
    """Most causes that stop an upgrade, or make it lose data, can be seen in the old database."""
    verify(stage.preflight())


@pytest.mark.gate("run")
@pytest.mark.control("run")
def test_the_upgrade_ends_well(stage: Stage, verify: Verify) -> None:
    """RT exits with 0 even if steps failed; its log, its steps and its closing line are what counts."""
    verify(stage.ran())


@pytest.mark.gate("history")
@pytest.mark.control("history")
def test_the_history_is_closed(stage: Stage, verify: Verify) -> None:
    """An entry without its end is the mark of a half-upgraded database."""
    verify(stage.history())


@pytest.mark.gate("schema")
@pytest.mark.control("schema")
def test_the_schema_is_a_fresh_installs(stage: Stage, verify: Verify) -> None:
    """Later upgrades are written for a fresh install's schema; what differs today breaks then."""
    verify(stage.schema())


@pytest.mark.gate("rows")
@pytest.mark.control("rows")
def test_every_row_is_accounted_for(stage: Stage, verify: Verify) -> None:
    """Nothing may be lost, and nothing changed except by a step that is known to change it so."""
    verify(stage.rows())


@pytest.mark.gate("integrity")
@pytest.mark.control("integrity")
def test_the_validator_finds_nothing_new(stage: Stage, verify: Verify) -> None:
    """RT's own validator knows relations that no table declares; new faults are losses, old ones are common."""
    verify(stage.integrity())


@pytest.mark.gate("meaning")
@pytest.mark.control("meaning")
def test_rt_says_the_same_about_the_data(stage: Stage, verify: Verify) -> None:
    """Unchanged rows may have another meaning for the new code: rights, merges, searches, logins."""
    verify(stage.meaning())


@pytest.mark.gate("application")
@pytest.mark.control("application")
def test_the_site_works(stage: Stage, verify: Verify) -> None:
    """A correct database is not yet a working site: pages, REST, mail in and out, nightly jobs."""
    verify(stage.application())
