"""The REST interface: shapes, statuses and texts (conformance items C01-C05, C07-C14, C39).

Most apps here have no instances: the shapes are the same and nothing has to start.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from fixtures.marathon_trial import Trial, split_credentials
from fixtures.standin import VARIABLE

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("accept", "status", "body"),
    [
        ("*/*", 200, "pong"),
        ("text/plain", 200, "pong"),
        ("application/json", 200, '"pong"'),
        ("image/png", 204, ""),
    ],
)
def test_c01_ping_answers_in_the_form_that_is_asked_for(trial: Trial, accept: str, status: int, body: str) -> None:
    """Clients ask with different Accept headers, and some parse the answer as JSON."""
    answer = trial.call("GET", "/ping", headers={"Accept": accept})
    assert (answer.status_code, answer.text) == (status, body)


def test_c02_info_has_the_keys_that_clients_need(trial: Trial) -> None:
    """Client libraries fail on an answer without them."""
    info = trial.json("GET", "/v2/info")
    assert info["name"] == "marathon"
    assert {
        "version",
        "leader",
        "frameworkId",
        "elected",
        "marathon_config",
        "zookeeper_config",
        "http_config",
    } <= set(info)
    assert {"http_port", "https_port"} <= set(info["http_config"])
    assert [type(info[key]) for key in ("marathon_config", "zookeeper_config")] == [dict, dict]
    assert trial.json("GET", "/v2/leader") == {"leader": info["leader"]}


def test_c03_post_answers_201_with_the_app_its_deployment_and_no_tasks_yet(trial: Trial) -> None:
    """A client follows the deployment named there, so it must be in the body and in the header."""
    answer = trial.call("POST", "/v2/apps", trial.definition())
    app = answer.json()
    assert answer.status_code == 201
    assert {app[key] for key in ("tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy")} == {0}
    assert (app["instances"], app["tasks"]) == (1, [])
    assert [d["id"] for d in app["deployments"]] == [answer.headers["Marathon-Deployment-Id"]]
    assert app["versionInfo"]["lastConfigChangeAt"] == app["version"]


def test_c04_a_taken_id_is_409(trial: Trial) -> None:
    """A POST must never replace an app."""
    definition = trial.definition(instances=0)
    trial.create(definition)
    answer = trial.call("POST", "/v2/apps", definition)
    assert answer.status_code == 409
    assert answer.json()["message"] == f"An app with id [{definition['id']}] already exists."


def test_c05_a_wrong_type_is_422_invalid_json_with_its_path(trial: Trial) -> None:
    """The path leads a user to the value."""
    answer = trial.call("POST", "/v2/apps", trial.definition() | {"id": 7})
    assert (answer.status_code, answer.json()["message"]) == (422, "Invalid JSON")
    assert answer.json()["details"] == [{"path": "/id", "errors": ["error.expected.jsstring"]}]


@pytest.mark.parametrize(
    ("changes", "path", "text"),
    [
        ({"container": {"type": "DOCKER"}}, "/container/docker", "not defined"),
        ({"container": None, "networks": None}, "/", "AppDefinition must either contain one of 'cmd' or 'args'"),
        ({"constraints": [["hostname"]]}, "/constraints(0)", "Each constraint must have either 2 or 3 fields"),
        (
            {"healthChecks": [{"portIndex": 3}]},
            "/healthChecks(0)",
            "Health check port indices must address an element",
        ),
    ],
)
def test_c05_a_broken_rule_is_422_object_is_not_valid_with_its_path(
    trial: Trial, changes: dict[str, Any], path: str, text: str
) -> None:
    """It has another message than a wrong type, and the same form."""
    definition = {key: value for key, value in trial.definition(**changes).items() if value is not None}
    answer = trial.call("POST", "/v2/apps", definition)
    assert (answer.status_code, answer.json()["message"]) == (422, "Object is not valid")
    details = {detail["path"]: " ".join(detail["errors"]) for detail in answer.json()["details"]}
    assert text in details.get(path, ""), details


@pytest.mark.parametrize(("body", "text"), [(b"{", "Invalid JSON"), (b"", "Please specify data in JSON format")])
def test_c05_no_json_at_all_is_400(trial: Trial, body: bytes, text: str) -> None:
    """Here the details are text and not a list."""
    headers = {"Content-Type": "application/json"}
    answer = trial.call("POST", "/v2/apps", data=body, headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (400, text)


def test_c05_another_content_type_is_415(trial: Trial) -> None:
    """Marathon reads no body of another type."""
    answer = trial.call("POST", "/v2/apps", data=b"x", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_c07_get_shows_counts_tasks_and_deployments_and_leaves_out_what_is_empty(trial: Trial) -> None:
    """A client must not rely on keys that only some answers have."""
    trial.create(trial.definition())
    app = trial.app()
    assert {"tasksHealthy", "networks", "upgradeStrategy"} <= set(app)
    assert (app["tasksRunning"], len(app["tasks"]), app["deployments"]) == (1, 1, [])
    assert not {"healthChecks", "constraints", "args", "cmd", "lastTaskFailure"} & set(app)
    assert "network" not in app["container"]["docker"]


@pytest.mark.parametrize("prefix", ["apps.", "app.", ""])
def test_c08_embed_values_may_have_a_prefix(trial: Trial, prefix: str) -> None:
    """A list of apps has tasks only where they are requested, by either name."""
    trial.create(trial.definition(instances=0))
    listed = trial.json("GET", "/v2/apps", params={"id": trial.group, "embed": f"{prefix}tasks"})["apps"]
    bare = trial.json("GET", "/v2/apps", params={"id": trial.group})["apps"]
    assert [app.get("tasks") for app in listed + bare] == [[], None]


def test_c09_what_is_unknown_is_404_and_says_what(trial: Trial) -> None:
    """The client tells a missing app from a missing version, task or deployment by the text."""
    definition = trial.definition(instances=0)
    trial.create(definition)
    app = f"/v2/apps{definition['id']}"
    asked = {
        f"{app}-other": f"App '{definition['id']}-other' does not exist",
        f"{app}/versions/2000-01-01T00:00:00.000Z": "in version 2000-01-01T00:00:00.000Z",
    }
    ended = {
        f"{app}/tasks/other.1": "Task 'other.1' does not exist",
        "/v2/deployments/other": "DeploymentPlan other does not exist",
    }
    answers = {path: trial.call("GET", path) for path in asked} | {
        path: trial.call("DELETE", path) for path in ended
    }
    for path, text in (asked | ended).items():
        assert (answers[path].status_code, text in answers[path].json()["message"]) == (404, True), answers[
            path
        ].text


def test_c10_a_doubled_slash_before_the_id_means_the_same(trial: Trial) -> None:
    """Client libraries put an absolute id behind "/v2/apps/"."""
    trial.create(trial.definition(instances=0))
    app = trial.json("GET", f"/v2/apps/{trial.group}/app")["app"]
    tasks = trial.json("GET", f"/v2/apps/{trial.group}/app/tasks")["tasks"]
    assert (app["id"], tasks) == (f"{trial.group}/app", [])
    assert trial.json("GET", f"/v2/apps/{trial.group}/app/versions")["versions"] == [app["version"]]
    for method, path, document in (
        ("POST", f"{trial.group}/app/restart", {}),
        ("DELETE", f"{trial.group}/app", None),
    ):
        trial.settle(trial.json(method, f"/v2/apps/{path}", document)["deploymentId"])
    assert trial.call("GET", f"/v2/apps/{trial.group}/app").status_code == 404


def test_c11_a_version_can_be_listed_read_and_put_back(trial: Trial) -> None:
    """The way back to the old release after its deployment has ended."""
    definition = trial.definition(instances=0, labels={"release": "one"})
    trial.create(definition)
    first = trial.app()["version"]
    trial.update(definition | {"labels": {"release": "two"}})
    path = f"/v2/apps{definition['id']}"
    assert trial.json("GET", f"{path}/versions/{first}")["labels"] == {"release": "one"}
    trial.update({"id": definition["id"], "version": first})
    assert trial.app()["labels"] == {"release": "one"}
    versions = trial.json("GET", f"{path}/versions")["versions"]
    assert (len(versions), first in versions, trial.app()["version"] in versions) == (3, True, True)


def test_c12_a_put_that_changes_nothing_moves_no_version(trial: Trial) -> None:
    """It is answered with a deployment all the same, which a client must not wait for in the app."""
    definition = trial.definition(instances=0)
    trial.create(definition)
    before = trial.app()["version"]
    deployment = trial.update(definition)
    assert (trial.app()["version"], bool(deployment)) == (before, True)


@pytest.mark.parametrize(
    ("change", "action"),
    [({"instances": 2}, "ScaleApplication"), ({"labels": {"a": "b"}}, "RestartApplication")],
    ids=["c13_scale", "c14_label"],
)
def test_only_a_change_of_instances_is_a_scale(trial: Trial, change: dict[str, Any], action: str) -> None:
    """Anything else replaces the tasks, and moves the time of the last change of configuration."""
    definition = trial.definition()
    trial.create(definition)
    before = trial.app()["versionInfo"]
    with trial.events("deployment_info") as recorder:
        deployment = trial.update(definition | change)
        mine = trial.eventually(
            "deployment_info", lambda: [e for e in recorder.of() if e["plan"]["id"] == deployment], step=0
        )
    assert [[a["action"] for a in step["actions"]] for step in mine[0]["plan"]["steps"]] == [[action]]
    kept = trial.app()["versionInfo"]["lastConfigChangeAt"] == before["lastConfigChangeAt"]
    assert kept == (action == "ScaleApplication")


def test_a_group_is_removed_with_all_that_is_in_it(trial: Trial) -> None:
    """A group outlives its apps until it is removed: one request removes what a session leaves."""
    trial.create(trial.definition("below/app", instances=0))
    answer = trial.call("DELETE", f"/v2/groups{trial.group}")
    assert (answer.status_code, {*answer.json()}) == (200, {"version", "deploymentId"})
    trial.settle(answer.json()["deploymentId"])
    assert trial.own_apps() == []
    again = trial.call("DELETE", f"/v2/groups{trial.group}")
    assert (again.status_code, again.json()["message"]) == (404, f"Group '{trial.group}' does not exist")


def test_a_group_without_apps_stays_until_it_is_removed(trial: Trial) -> None:
    """The end of a session removes it on a real Marathon."""
    trial.create(trial.definition(instances=0))
    trial.settle(trial.json("DELETE", f"/v2/apps{trial.group}/app")["deploymentId"])
    assert trial.call("DELETE", f"/v2/groups{trial.group}").status_code == 200


@pytest.fixture
def guarded(trial: Trial) -> Trial:
    """Return a Marathon that requires credentials, with an address that does not carry them."""
    if not trial.headers:
        pytest.skip(f"{VARIABLE} names a Marathon without credentials: there is nothing to refuse")
    return replace(trial, url=split_credentials(trial.url)[0])


def test_c39_credentials_guard_every_path(guarded: Trial) -> None:
    """Marathon itself guards all of them; an admin router, which takes tokens, only has to guard /v2."""
    basic = guarded.headers["Authorization"].startswith("Basic ")
    paths = ("/ping", "/v2/info", "/", "/none") if basic else ("/v2/info",)
    refused = {path: requests.get(guarded.url + path, timeout=30) for path in paths}
    assert {path: answer.status_code for path, answer in refused.items()} == dict.fromkeys(paths, 401)
    assert guarded.call("GET", "/v2/info").status_code == 200
    if basic:
        assert refused["/ping"].headers["WWW-Authenticate"].lower().startswith("basic realm=")
        wrong = requests.get(f"{guarded.url}/ping", auth=("nobody", "wrong"), timeout=30)
        assert (wrong.status_code, guarded.call("GET", "/ping").text) == (401, "pong")
