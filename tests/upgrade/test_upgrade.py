"""What must be true of an upgraded site. One test a question; the answers are the checks' own.

pytest tests/upgrade --pair 4.4.6:5.0.3 --server mariadb-10.11 [--dump FILE] [--site-config PATH]
"""

from __future__ import annotations

import pytest

from fixtures.outcome import Verify
from harness.stage import Stage

pytestmark = pytest.mark.engine


@pytest.mark.gate("schema")
def test_the_schema_is_a_fresh_installs(stage: Stage, verify: Verify) -> None:
    """Later upgrades are written for a fresh install's schema; what differs today breaks then."""
    verify(stage.schema())


@pytest.mark.gate("rows")
def test_every_row_is_accounted_for(stage: Stage, verify: Verify) -> None:
    """Nothing was lost, and nothing was changed but by a step that is known to change it so."""
    verify(stage.rows())
