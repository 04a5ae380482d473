"""Groups, in which apps are: they outlive them, on disk too, and go with all that is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.marathon_trial import Trial
from harness.marathon.deploy import Deployer
from harness.marathon.errors import AppLockedError, NotFoundError
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Standin, load_state
from harness.marathon.standin.state import groups_of
from tests.harness.marathon.deploying import release
from tests.harness.marathon.scripted import ScriptedRunner, app, play
from tests.harness.marathon.small_world import DATABASE, LARGE, WEB, answers


def test_a_group_goes_with_its_apps_and_no_other() -> None:
    """What only begins like it stays, and an app is no group."""
    single, missing, gone, again, left = answers(
        ("DELETE", "/v2/groups/shop/web", None),
        ("DELETE", "/v2/groups/sho", None),
        ("DELETE", "/v2/groups/shop", None),
        ("DELETE", "/v2/groups/shop", None),
        ("GET", "/v2/apps", None),
    )
    assert [single.status_code, missing.status_code, gone.status_code, again.status_code] == [404, 404, 200, 404]
    assert [one["id"] for one in left.json()["apps"]] == [LARGE]
    assert WEB.startswith("/shop/")
    assert DATABASE.startswith("/shop/")


def test_an_empty_group_is_on_disk(tmp_path: Path) -> None:
    """A stand-in that is started again knows it yet."""

    async def before(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a/b/c": app(id="/a/b/c")}, force=False)
        await clock.settle()
        site.commands.delete("/a/b/c", force=False)
        await clock.settle()

    async def after(site: Standin, _: ScriptedRunner, __: ManualClock) -> None:
        assert site.state.groups == {"/a", "/a/b"}
        site.commands.delete_group("/a", force=False)
        assert site.state.groups == set()

    play(before, None, load_state(tmp_path))
    play(after, None, load_state(tmp_path))
    assert load_state(tmp_path).groups == set()
    assert groups_of("/alone") == []


@pytest.mark.engine
def test_the_client_removes_a_group(deployer: Deployer, trial: Trial) -> None:
    """It is asked for at the end of every session on a real Marathon, and nothing had ever answered it before."""
    change = deployer.client.put(f"{trial.group}/app", release(trial, "1", cpus=9999), whole=True)
    with pytest.raises(AppLockedError):
        deployer.client.delete_group(trial.group)
    deployer.client.cancel(change.deployment_id, force=True)
    trial.settle(change.deployment_id)
    deployer.client.delete_group(trial.group)
    trial.eventually("The end of the app", lambda: not trial.own_apps())
    with pytest.raises(NotFoundError, match="does not exist"):
        deployer.client.delete_group(trial.group)
