"""The way back: the backup from before the upgrade, put back with the server's own client.

pytest tests/upgrade/test_rollback.py [--pair FROM:TO] [--server NAME] [--dump FILE]
"""

from __future__ import annotations

import pytest

from fixtures.outcome import Verify
from harness import releases
from harness.drills import rollback
from harness.dump import FOLDER
from harness.dump.choice import Choice, choose
from harness.upgrade.lifecycle import Lifecycle

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("rollback")]


def test_the_backup_brings_everything_back(lifecycle: Lifecycle, longest_upgrade: Choice, verify: Verify) -> None:
    """A backup that was never restored is unproven; this one is restored, compared and served."""
    verify(rollback.drill(lifecycle, longest_upgrade))


def test_a_backup_restored_over_the_upgraded_database_is_found(lifecycle: Lifecycle) -> None:
    """A dump re-creates its own tables, no others: tables of the new release stay, and break the next upgrade."""
    target = max(releases.releases(), key=releases.parse)
    small = choose(target=target, path=FOLDER / "rt-4.4.6-plain.sql.zst")
    report = rollback.drill(lifecycle, small, emptied=False)
    assert {"Configurations", "AuthTokens"} <= {finding.where for finding in report.findings}
