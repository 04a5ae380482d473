"""Groups of apps: they outlive their apps, on disk too, and are removed with all apps in them."""

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
from tests.harness.marathon.small_world import DATABASE, LARGE, WEB, answers, sent


def test_a_group_goes_with_its_apps_and_no_other() -> None:
    """A group with the same prefix must stay, and an app is no group."""
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


def test_apps_that_come_together_get_ports_of_their_own() -> None:
    """A balancer would mix apps with a shared port; a port that one app requests is left to it."""
    held = sent("/held")
    held["container"] = {**held["container"], "portMappings": [{"containerPort": 80, "servicePort": 10_003}]}
    put, after = answers(("PUT", "/v2/apps", [held, sent("/one"), sent("/two")]), ("GET", "/v2/apps", None))
    assert put.status_code == 200, put.text
    ports = {app["id"]: app["container"]["portMappings"][0]["servicePort"] for app in after.json()["apps"]}
    assert ports["/held"] == 10_003
    assert len(set(ports.values())) == len(ports) == 6, ports


@pytest.mark.parametrize("ids", [["/a", "/a/b"], ["/a/b/c", "/a/b"]])
def test_of_what_comes_together_nothing_is_app_and_group(ids: list[str]) -> None:
    """Such a request must be rejected as a whole."""
    refused, left = answers(("PUT", "/v2/apps", [sent(one) for one in ids]), ("GET", "/v2/apps", None))
    assert (refused.status_code, "same identifier" in refused.text) == (422, True), refused.text
    assert not {app["id"] for app in left.json()["apps"]} & {*ids}


def test_an_empty_group_is_on_disk(tmp_path: Path) -> None:
    """A restarted stand-in must still know it."""

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
    """It is requested at the end of every session on a real Marathon, and must be tested here first."""
    change = deployer.client.put(f"{trial.group}/app", release(trial, "1", cpus=9999), whole=True)
    with pytest.raises(AppLockedError):
        deployer.client.delete_group(trial.group)
    deployer.client.cancel(change.deployment_id, force=True)
    trial.settle(change.deployment_id)
    deployer.client.delete_group(trial.group)
    trial.eventually("The end of the app", lambda: not trial.own_apps())
    with pytest.raises(NotFoundError, match="does not exist"):
        deployer.client.delete_group(trial.group)
