"""The REST interface beyond the conformance items, in memory: a few apps, one request a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from harness.marathon.standin.api import build
from harness.marathon.standin.clock import ManualClock
from harness.marathon.standin.core import Settings, Standin
from harness.marathon.standin.task import STAGING
from tests.harness.marathon.scripted import ScriptedRunner, app, play
from tests.harness.marathon.small_world import DATABASE, LARGE, WEB, Json, answers, populate, sent


def ids(items: list[Json], key: str = "id") -> list[str]:
    """Return the ids of apps, or the apps of tasks."""
    return [item[key] for item in items]


def one(items: list[Json], app_id: str) -> Json:
    """Return one app of a list."""
    return next(item for item in items if item["id"] == app_id)


Look = Callable[[Any], object]
READS: list[tuple[str, Look, object]] = [
    ("/v2/apps/shop/*", lambda a: ids(a["*"]), [WEB, DATABASE]),
    ("/v2/apps/none/*", lambda a: a, {"*": []}),
    ("/v2/apps?cmd=SLEEP", lambda a: ids(a["apps"]), [DATABASE]),
    ("/v2/apps?id=SHOP", lambda a: ids(a["apps"]), [DATABASE, WEB]),
    ("/v2/apps?label=tier%3D%3Dweb", lambda a: ids(a["apps"]), [WEB]),
    ("/v2/apps?label=tier&cmd=sleep", lambda a: a, {"apps": []}),
    ("/v2/apps", lambda a: [one(a["apps"], WEB)[f"tasks{n}"] for n in ("Running", "Staged")], [2, 0]),
    ("/v2/apps", lambda a: {"tasks", "lastTaskFailure", "taskStats"} & set(one(a["apps"], DATABASE)), set()),
    ("/v2/apps?embed=failures", lambda a: one(a["apps"], DATABASE)["lastTaskFailure"]["state"], "TASK_FAILED"),
    ("/v2/apps?embed=apps.failures", lambda a: "lastTaskFailure" in one(a["apps"], WEB), False),
    ("/v2/apps?embed=apps.tasks&embed=nonsense", lambda a: len(one(a["apps"], WEB)["tasks"]), 2),
    (f"/v2/apps{WEB}", lambda a: {"taskStats", "readinessCheckResults"} & set(a["app"]), set()),
    (
        f"/v2/apps{WEB}?embed=app.taskStats",
        lambda a: {k: v["stats"]["counts"]["running"] for k, v in a["app"]["taskStats"].items()},
        {"startedAfterLastScaling": 1, "withLatestConfig": 2, "totalSummary": 2},
    ),
    (
        f"/v2/apps{WEB}?embed=app.taskStats",
        lambda a: a["app"]["taskStats"]["totalSummary"]["stats"]["lifeTime"],
        {"averageSeconds": 90, "medianSeconds": 90},
    ),
    ("/v2/tasks", lambda a: ids(a["tasks"], "appId"), [DATABASE, WEB, WEB]),
    ("/v2/tasks?status=running", lambda a: ids(a["tasks"], "appId"), [DATABASE, WEB, WEB]),
    ("/v2/tasks?status=staging", lambda a: a, {"tasks": []}),
    (f"/v2/apps{WEB}/tasks", lambda a: ids(a["tasks"], "appId"), [WEB, WEB]),
    ("/v2/queue", lambda a: [(q["app"]["id"], "lastUnusedOffers" in q) for q in a["queue"]], [(LARGE, False)]),
    ("/v2/queue?embed=lastUnusedOffers", lambda a: [q["lastUnusedOffers"] for q in a["queue"]], [[]]),
    ("/metrics", lambda a: a["gauges"]["marathon.apps.active.gauge"], {"value": 3}),
    ("/metrics", lambda a: a["gauges"]["marathon.instances.running.gauge"], {"value": 3}),
    ("/metrics", lambda a: {"version", "counters", "histograms", "meters", "timers"} <= set(a), True),
]


@pytest.mark.parametrize(
    ("path", "look", "expected"), READS, ids=[f"{i}-{p}" for i, (p, _, _) in enumerate(READS)]
)
def test_what_a_get_shows(path: str, look: Look, expected: object) -> None:
    """One row for each path and query: filters, embeds, groups."""
    answer = answers(("GET", path, None))[0]
    assert answer.status_code == 200
    assert look(answer.json()) == expected


@pytest.mark.parametrize(
    ("method", "path", "document", "status", "message"),
    [
        ("GET", "/nonsense", None, 500, "URI not found"),
        ("PATCH", "/v2/apps/none", {"instances": 1}, 404, "App '/none' does not exist"),
        ("PATCH", "/v2/apps", [{"id": "/none"}], 404, "App '/none' does not exist"),
        ("PUT", "/v2/apps", {"id": WEB}, 422, "Invalid JSON"),
        ("PUT", "/v2/apps", [{"id": WEB}, {"id": DATABASE, "instances": -1}], 422, "Invalid JSON"),
        ("POST", f"/v2/apps{WEB}/restart", None, 415, "Unsupported Media Type"),
        (
            "DELETE",
            f"/v2/apps{WEB}/tasks?wipe=true&scale=true",
            None,
            400,
            "You cannot use scale and wipe at the same time.",
        ),
        ("DELETE", "/v2/queue/none/delay", None, 404, "Application /none not found in tasks queue."),
        ("DELETE", "/v2/leader", None, 200, "Leadership abdicated"),
        ("GET", "/v2/apps?label=%28", None, 400, "Could not parse label selector: ("),
        (
            "POST",
            "/v2/tasks/delete",
            {"ids": ["nonsense"]},
            400,
            "Invalid task id 'nonsense'. Expected a task id of the form <app>.<uuid>",
        ),
    ],
)
def test_what_is_said(method: str, path: str, document: object, status: int, message: str) -> None:
    """One row for each refusal, with Marathon's own text."""
    answer = answers((method, path, document))[0]
    assert (answer.status_code, answer.json()["message"]) == (status, message)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_array_changes_several_apps_in_one_deployment(method: str) -> None:
    """All of them get the same version."""
    updates = [{"id": WEB, "instances": 1}, {"id": DATABASE, "labels": {"a": "b"}}]
    changed, web, database = answers(
        (method, "/v2/apps", updates), ("GET", f"/v2/apps{WEB}", None), ("GET", f"/v2/apps{DATABASE}", None)
    )
    assert changed.json()["deploymentId"] == changed.headers["Marathon-Deployment-Id"]
    assert (web.json()["app"]["instances"], web.json()["app"]["labels"]) == (1, {"tier": "web"})
    assert {a.json()["app"]["version"] for a in (web, database)} == {changed.json()["version"]}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("item", "path", "code"),
    [
        ({"cmd": "sleep 1"}, "(1)/id", "error.path.missing"),
        ({"id": None}, "(1)/id", "error.path.missing"),
        ({"id": 7}, "(1)/id", "error.expected.jsstring"),
        ("app", "(1)", "error.expected.jsobject"),
    ],
)
def test_an_array_names_each_of_its_apps(method: str, item: object, path: str, code: str) -> None:
    """One bad item refuses all, and changes none."""
    refused, listed = answers((method, "/v2/apps", [{"id": WEB, "instances": 1}, item]), ("GET", "/v2/apps", None))
    assert (refused.status_code, refused.json()["details"]) == (422, [{"path": path, "errors": [code]}])
    assert sorted(ids(listed.json()["apps"])) == sorted([WEB, DATABASE, LARGE])


def test_patch_changes_what_is_there_and_put_makes_what_is_not() -> None:
    """PATCH never creates."""
    patched, web, made = answers(
        ("PATCH", f"/v2/apps{WEB}", {"instances": 1}),
        ("GET", f"/v2/apps{WEB}", None),
        ("PUT", "/v2/apps/new", sent("new")),
    )
    assert (patched.status_code, web.json()["app"]["instances"]) == (200, 1)
    assert (made.status_code, made.json()["id"]) == (201, "/new")


@pytest.mark.parametrize(
    ("query", "killed"),
    [("", 2), ("?host=127.0.0.1", 2), ("?host=elsewhere", 0), ("?wipe=true", 2), ("?host=*", 2)],
)
def test_tasks_are_killed_by_host_and_wiped(query: str, killed: int) -> None:
    """The query chooses them, and each is replaced."""
    before, answer, after = answers(
        ("GET", f"/v2/apps{WEB}/tasks", None),
        ("DELETE", f"/v2/apps{WEB}/tasks{query}", None),
        ("GET", f"/v2/apps{WEB}/tasks", None),
    )
    assert len(answer.json()["tasks"]) == killed
    stayed = set(ids(before.json()["tasks"])) & set(ids(after.json()["tasks"]))
    assert (len(stayed), len(after.json()["tasks"])) == (2 - killed, 2)


@pytest.mark.parametrize(("selection", "kept"), [("YOUNGEST_FIRST", 0), ("OLDEST_FIRST", 1)])
def test_a_scale_down_takes_the_ones_that_kill_selection_names(selection: str, kept: int) -> None:
    """The youngest or the oldest."""

    async def story(site: Standin, _: ScriptedRunner, clock: ManualClock) -> None:
        site.commands.submit({"/a": app(killSelection=selection)}, force=False)
        await clock.advance(60)
        site.commands.update({"/a": {"instances": 2}}, force=False)
        await clock.settle()
        before = site.state.tasks_of("/a")
        site.commands.update({"/a": {"instances": 1}}, force=False)
        await clock.settle()
        assert site.state.tasks_of("/a") == [before[kept]]

    play(story)


def test_a_staging_task_is_listed_as_one() -> None:
    """And not counted as running."""

    async def story(site: Standin, runner: ScriptedRunner, clock: ManualClock) -> None:
        await populate(site, runner, clock)
        site.state.tasks_of(WEB)[0].state = STAGING
        async with AsyncClient(transport=ASGITransport(build(site)), base_url="http://localhost") as client:
            found = [
                (await client.get(f"/v2/tasks?{q}")).json()["tasks"]
                for q in ("status=staging", "status[]=running")
            ]
            counted = (await client.get(f"/v2/apps{WEB}")).json()["app"]
        assert [ids(tasks, "appId") for tasks in found] == [[WEB], [DATABASE, WEB]]
        assert (counted["tasksStaged"], counted["tasksRunning"]) == (1, 1)

    play(story, Settings(cpus=50))


def test_tasks_as_text_are_a_line_for_each_service_port() -> None:
    """Balancers of that time read this table; 1.10 has it no more."""
    text = {"Accept": "text/plain"}
    every, web = answers(("GET", "/v2/tasks", None), ("GET", f"/v2/apps{WEB}/tasks", None), headers=text)
    line = "shop_web\t10000\t127.0.0.1:9\t127.0.0.1:9\t\n"
    assert (every.text, web.text) == (f"shop_db\t10001\t127.0.0.1:9\t\n{line}", line)
    assert answers(("GET", "/v2/tasks", None), headers=text, dialect="1.10")[0].status_code == 406


def test_metrics_for_prometheus_are_text() -> None:
    """In the names that Marathon uses since 1.7."""
    answer = answers(("GET", "/metrics/prometheus", None))[0]
    assert answer.headers["content-type"].startswith("text/plain")
    assert "marathon_instances_running_gauge 3\n" in answer.text


def test_the_delay_of_a_queued_app_can_be_dropped() -> None:
    """After a repair nobody should have to wait for the backoff."""
    assert [a.status_code for a in answers(("DELETE", f"/v2/queue{LARGE}/delay", None))] == [204]


def test_the_page_for_people_needs_nothing_from_elsewhere() -> None:
    """It must work on a machine without the internet."""
    answer = answers(("GET", "/", None))[0]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Marathon stand-in</title>" in answer.text
    assert "/v2/apps" in answer.text
    assert not [word for word in ('src="http', 'href="http', "@import") if word in answer.text]


BRIDGE = {"networks": [{"mode": "container/bridge"}]}
IMAGE = {"docker": {"image": "x"}, "portMappings": [{"containerPort": 80}]}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({**BRIDGE, "portDefinitions": [{"port": 80}]}, "portDefinitions are only allowed with host-networking"),
        ({**BRIDGE, "ports": [80]}, "portDefinitions are only allowed with host-networking"),
        (
            {"networks": [{"mode": "host"}], "container": IMAGE},
            "portMappings are not allowed with host-networking",
        ),
        ({"ports": [80, 80]}, "ports must be unique"),
        ({**BRIDGE, "container": IMAGE, "portDefinitions": []}, ""),
        ({"container": IMAGE}, ""),
        ({"ipAddress": {"networkName": "a"}}, ""),
    ],
)
def test_a_part_is_taken_at_its_word_and_a_whole_is_folded(part: Json, said: str) -> None:
    """In a whole definition surplus keys are dropped; in a part Marathon requires an unambiguous form."""
    in_part, whole = answers(
        ("PUT", f"/v2/apps{WEB}", part),
        ("PUT", f"/v2/apps{WEB}?partialUpdate=false&force=true", {"cmd": "sleep 1", **part}),
    )
    assert [one["errors"] for one in in_part.json().get("details", [])] == ([[said]] if said else [])
    assert whole.status_code == (422 if "unique" in said else 200)


def test_a_version_in_a_whole_definition_is_passed_over() -> None:
    """It means a rollback only in a partial update, without other keys."""
    old = {"cmd": "sleep 1", "version": "2020-01-01T00:00:00.000Z"}
    part, whole = answers(
        ("PUT", f"/v2/apps{WEB}", old), ("PUT", f"/v2/apps{WEB}?partialUpdate=false&force=true", old)
    )
    assert (part.status_code, whole.status_code) == (422, 200)


@pytest.mark.parametrize("app_id", [f"{WEB}/below", WEB.rpartition("/")[0]])
def test_no_app_is_also_a_group(app_id: str) -> None:
    """`/shop/web` is an app, so nothing can be below it, and `/shop` is its group."""
    answer = answers(("POST", "/v2/apps", sent(app_id)))[0]
    assert (answer.status_code, answer.json()["details"][0]["errors"]) == (
        422,
        ["Groups and Applications may not have the same identifier."],
    )
