"""What must be true of an upgraded site. One test a question; the answers are the checks' own.

pytest tests/upgrade --pair 4.4.6:5.0.3 --server mariadb-10.11 [--dump FILE] [--site-config PATH]
"""

from __future__ import annotations

import pytest

from fixtures.outcome import Verify
from harness.stage import Stage

pytestmark = pytest.mark.engine


@pytest.mark.gate("preflight")
def test_nothing_speaks_against_it_beforehand(stage: Stage, verify: Verify) -> None:
    """What will stop an upgrade, or make it lose something, can mostly be seen in the old database."""
    verify(stage.preflight())


@pytest.mark.gate("run")
def test_the_upgrade_ends_well(stage: Stage, verify: Verify) -> None:
    """RT exits with 0 although steps failed; its log, its steps and its closing word are what counts."""
    verify(stage.ran())


@pytest.mark.gate("history")
def test_the_history_is_closed(stage: Stage, verify: Verify) -> None:
    """An entry without its end is the mark of a half-upgraded database."""
    verify(stage.history())


@pytest.mark.gate("schema")
def test_the_schema_is_a_fresh_installs(stage: Stage, verify: Verify) -> None:
    """Later upgrades are written for a fresh install's schema; what differs today breaks then."""
    verify(stage.schema())


@pytest.mark.gate("rows")
def test_every_row_is_accounted_for(stage: Stage, verify: Verify) -> None:
    """Nothing was lost, and nothing was changed but by a step that is known to change it so."""
    verify(stage.rows())


@pytest.mark.gate("integrity")
def test_the_validator_finds_nothing_new(stage: Stage, verify: Verify) -> None:
    """RT's own validator knows relations that no table declares; old data is rarely clean, new dirt is a loss."""
    verify(stage.integrity())


@pytest.mark.gate("meaning")
def test_rt_says_the_same_about_the_data(stage: Stage, verify: Verify) -> None:
    """Rows may be right and yet mean something else to the new code: rights, merges, searches, logins."""
    verify(stage.meaning())


@pytest.mark.gate("application")
def test_the_site_works(stage: Stage, verify: Verify) -> None:
    """A database that is right is not yet a site that works: pages, REST, mail in and out, nightly jobs."""
    verify(stage.application())
