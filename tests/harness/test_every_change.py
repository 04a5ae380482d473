"""`make test` includes certain tests at every change, which must not be moved to the slow ones to save time."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.xdist_group("collected")
STATE = "tests/deploy/test_rt_state_on_disk.py::test_state_on_an_instances_disk_is_found"
HEALTH = "tests/smoke/test_healthcheck.py::test_install_mode"


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
    listed = [name for name, slow in every_test.items() if name.startswith(f"{test}[") and not slow]
    assert {name.partition("[")[2].partition("]")[0] for name in listed} >= wanted
