"""`make test` includes certain tests at every change, which must not be moved to the slow ones to save time."""

from __future__ import annotations

import pytest

from fixtures.pairs import newest
from harness import releases
from harness.dump.choice import DEFAULT_SERVER

pytestmark = pytest.mark.xdist_group("collected")
STATE = "tests/deploy/test_rt_state_on_disk.py::test_state_on_an_instances_disk_is_found"
UPGRADE = "tests/upgrade/test_upgrade.py::test_every_row_is_accounted_for"
GATE = "tests/harness/gate/test_gate_ends.py::test_the_main_job_ends_with_go"
HEALTH = "tests/smoke/test_healthcheck.py::test_install_mode"


def parameters(every_test: dict[str, bool], test: str) -> set[str]:
    """Return the parameters with which a test is run at every change."""
    listed = [name for name, slow in every_test.items() if name.startswith(f"{test}[") and not slow]
    return {name.partition("[")[2].partition("]")[0] for name in listed}


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        (STATE, {"sessions on a disk", "attachments on a disk"}),
        (HEALTH, {"4.4.6", "5.0.3", "5.0.10"}),
    ],
    ids=["state on a disk", "both sides of the usual upgrade, and the newest release"],
)
def test_it_is_there(every_test: dict[str, bool], test: str, wanted: set[str]) -> None:
    """It must not have the mark that `make test` leaves out."""
    assert parameters(every_test, test) >= wanted


def test_every_adjacent_upgrade_is_checked(every_test: dict[str, bool]) -> None:
    """All but the newest by their own tests, that one by a gate."""
    adjacent = [one for one in releases.pairs() if releases.adjacent(one.origin, one.target)]
    wanted = {one for one in adjacent if one.server == DEFAULT_SERVER}
    by_gate = {one for one in wanted if (one.origin, one.target) == newest()}
    assert len(by_gate) == 1
    assert parameters(every_test, UPGRADE) == {str(one) for one in wanted - by_gate}
    assert every_test[GATE] is False
