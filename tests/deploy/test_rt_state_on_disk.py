"""State on an instance's own disk must be found; otherwise the kill test proves nothing."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from fixtures.databases import CloneFactory
from fixtures.healthcheck_user import CHEAP
from harness.common.waits import wait_until
from harness.database.baseline_record import Baseline
from harness.rt.configuration import SITE_CONFIGURATION
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy.people_at_work import let_people_work, require_serving
from tests.deploy.shared import RELEASE
from tests.deploy.state_on_disk import LOCAL, Local

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("state-on-disk")]


@pytest.mark.mutants("acknowledged")
@pytest.mark.parametrize("local", [pytest.param(one, id=f"{name} on a disk") for name, one in LOCAL.items()])
def test_state_on_an_instances_disk_is_found(
    lifecycle: Lifecycle, deployable: Baseline, clone: CloneFactory, local: Local
) -> None:
    """Two instances, users at work, one of them dies: state that only it had is missing."""
    database = clone(deployable)
    # Read after the file that keeps a copy to its own database: this is no copy, and its disk is under test.
    files = [(f"{SITE_CONFIGURATION}/~~.pm", local.setting.encode())]
    with ExitStack() as stack:
        sites = [lifecycle.site(RELEASE, database, wait=False, configuration=CHEAP, files=files) for _ in range(2)]
        for site in sites:
            stack.callback(site.remove)
        with let_people_work([site.wait() for site in sites], database) as (found, balancer):
            # A job moves files to external storage, and it runs on one of the instances.
            sites[0].need(local.job)
            sites[0].container.signal("KILL")
            wait_until("The balancer knowing", lambda: require_serving(balancer, 1), 30)
            report = found.judge()
    assert local.told in str(report), str(report)
