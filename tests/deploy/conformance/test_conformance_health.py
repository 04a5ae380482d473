"""Marathon's judgement of health (conformance items C15-C25 and C40).

The tasks answer as their variables say, one answer per probe: HEALTH="200 503" is healthy once, then never.
"""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.marathon_trial import Trial

pytestmark = pytest.mark.engine
HTTP: dict[str, Any] = {
    "protocol": "HTTP",
    "path": "/cgi-bin/health",
    "portIndex": 0,
    "gracePeriodSeconds": 0,
    "intervalSeconds": 2,
    "timeoutSeconds": 5,
    "maxConsecutiveFailures": 3,
}
COMMAND: dict[str, Any] = {
    "protocol": "COMMAND",
    "command": {"value": "check"},
    "gracePeriodSeconds": 0,
    "intervalSeconds": 2,
    "timeoutSeconds": 5,
    "maxConsecutiveFailures": 3,
    "delaySeconds": 1,
}
MESOS_HTTP = HTTP | {"protocol": "MESOS_HTTP", "delaySeconds": 1}
MESOS_TCP = {key: value for key, value in MESOS_HTTP.items() if key != "path"} | {"protocol": "MESOS_TCP"}
TCP = {key: value for key, value in HTTP.items() if key != "path"} | {"protocol": "TCP"}
NEVER = 0


def with_check(
    trial: Trial, check: dict[str, Any], env: dict[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """Return a definition with one health check, created without waiting for it."""
    definition = trial.definition(healthChecks=[check], env=env or {}, **more)
    trial.create(definition, settled=False)
    return definition


def counts(trial: Trial) -> tuple[int, int]:
    """Return (tasksHealthy, tasksUnhealthy)."""
    app = trial.app()
    return app["tasksHealthy"], app["tasksUnhealthy"]


def test_c15_healthy_only_after_the_first_success(trial: Trial) -> None:
    """No result is not the same as good health."""
    grace = trial.seconds(300, 30)
    with_check(trial, HTTP | {"gracePeriodSeconds": grace}, {"HEALTH": "503 503 503 200"})
    trial.eventually("The first answer", trial.results)
    assert counts(trial) == (0, 1)
    trial.eventually("A healthy task", lambda: counts(trial) == (1, 0))
    assert trial.results()[0]["firstSuccess"]


def test_c15_every_protocol_finds_a_task_healthy_that_is(trial: Trial) -> None:
    """HTTP and MESOS_HTTP: C16 and C40."""
    checks = {"tcp": TCP, "command": COMMAND, "mesos-tcp": MESOS_TCP}
    for name, check in checks.items():
        trial.create(trial.definition(name, healthChecks=[check], env={"CHECKS": "0"}), settled=False)
    trial.eventually(
        "A healthy task of each", lambda: [trial.app(name)["tasksHealthy"] for name in checks] == [1, 1, 1]
    )


@pytest.mark.parametrize("answer", ["302,/elsewhere", "307", "204"])
def test_c16_two_and_three_hundreds_pass_and_redirects_are_not_followed(trial: Trial, answer: str) -> None:
    """So a redirect to a login page or an installer counts as healthy."""
    with_check(trial, HTTP | {"path": f"/cgi-bin/answer?{answer}"})
    trial.eventually("A healthy task", lambda: counts(trial) == (1, 0))


@pytest.mark.parametrize("status", [401, 404, 500])
def test_c17_other_answers_fail(trial: Trial, status: int) -> None:
    """The cause names the status, which is all that a user learns."""
    with_check(trial, HTTP | {"path": f"/cgi-bin/answer?{status}", "maxConsecutiveFailures": NEVER})

    def refused() -> list[dict[str, Any]]:
        return [r for r in trial.results() if str(r.get("lastFailureCause")).startswith(f"{status} ")]

    assert trial.eventually(f"A failure with {status}", refused)[0]["alive"] is False


def test_c18_the_grace_period_hides_failures(trial: Trial) -> None:
    """They show as not alive, without a count and without a kill."""
    grace, interval = trial.seconds(300, 12), trial.seconds(20, 2)
    changes = {"gracePeriodSeconds": grace, "intervalSeconds": interval, "maxConsecutiveFailures": 1}
    with_check(trial, HTTP | changes, {"HEALTH": "503"})
    trial.eventually("The first answer", trial.results)
    first = trial.ids()

    def hidden() -> bool:
        results = trial.results()
        return [(r["alive"], r["consecutiveFailures"], r.get("lastFailure")) for r in results] == [
            (False, 0, None)
        ]

    with trial.events("failed_health_check_event") as recorder:
        trial.throughout("Failures stay invisible", hidden, grace - trial.seconds(10, 6), step=20)
        assert (counts(trial), trial.ids(), recorder.of(app=trial.definition()["id"])) == ((0, 1), first, [])
        trial.eventually("The kill after the grace period", lambda: trial.ids() != first)


def test_c19_the_first_success_ends_the_grace_period(trial: Trial) -> None:
    """A failure after it counts, even within the period."""
    grace = trial.seconds(300, 60)
    with_check(trial, HTTP | {"gracePeriodSeconds": grace, "maxConsecutiveFailures": 1}, {"HEALTH": "200 503"})
    first = trial.eventually("A task", trial.ids)
    trial.eventually("The kill inside the grace period", lambda: trial.ids() - first, within=40)


def test_c20_a_single_failure_flips_alive_and_a_success_flips_it_back(trial: Trial) -> None:
    """A balancer stops using an instance after one slow answer."""
    with trial.events("health_status_changed_event") as recorder:
        definition = with_check(trial, HTTP | {"maxConsecutiveFailures": 9}, {"HEALTH": "200 503 200"})
        trial.eventually("Three flips", lambda: len(recorder.of(app=definition["id"])) >= 3)
    assert [event["alive"] for event in recorder.of(app=definition["id"])] == [True, False, True]
    # The task says "503 Told"; akka-http replaces an unusual reason by its own words.
    assert trial.results()[0]["lastFailureCause"].startswith("503 ")


@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
def test_c21_marathon_kills_on_failure_n_plus_one(trial: Trial, protocol: str) -> None:
    """The limit is the number of failures that are allowed."""
    check = {**HTTP, "protocol": protocol, "maxConsecutiveFailures": 2}
    if protocol == "TCP":
        del check["path"]
        check["port"] = 9  # the discard port has no listener
        del check["portIndex"]
    kinds = ("failed_health_check_event", "unhealthy_instance_kill_event")
    with trial.events(*kinds) as recorder:
        definition = with_check(trial, check, {"HEALTH": "503"})
        kill = trial.eventually("The kill", lambda: recorder.of(kinds[1], app=definition["id"]))[0]
        failures = [e for e in recorder.of(kinds[0], app=definition["id"]) if e["taskId"] == kill["taskId"]]
    assert len(failures) == 3


def failures_before_the_agents_kill(trial: Trial, check: dict[str, Any], env: dict[str, str]) -> int:
    """Return how many failures of a new task the agent reported before it ended the task."""
    with trial.events("failed_health_check_event", "status_update_event") as recorder:
        definition = with_check(trial, check, env)
        ended = trial.eventually(
            "The kill",
            lambda: [e for e in recorder.of(app=definition["id"]) if e.get("taskStatus") == "TASK_KILLED"],
        )[0]
        failed = recorder.of("failed_health_check_event", app=definition["id"])
    return len([event for event in failed if event["taskId"] == ended["taskId"]])


@pytest.mark.parametrize("protocol", ["COMMAND", "MESOS_HTTP", "MESOS_TCP"])
def test_c22_the_agent_kills_on_failure_n(trial: Trial, protocol: str) -> None:
    """One failure earlier than Marathon, and without a record of the failure."""
    check = {"COMMAND": COMMAND, "MESOS_HTTP": MESOS_HTTP, "MESOS_TCP": MESOS_TCP | {"port": 9}}[protocol]
    if "port" in check:
        check = {key: value for key, value in check.items() if key != "portIndex"}
    env = {"HEALTH": "503", "CHECKS": "1"}
    assert failures_before_the_agents_kill(trial, check | {"maxConsecutiveFailures": 2}, env) == 2
    assert "lastTaskFailure" not in trial.app()


def test_c23_for_the_agent_zero_failures_allowed_means_killed_at_the_first(trial: Trial) -> None:
    """For Marathon zero means never."""
    assert (
        failures_before_the_agents_kill(trial, COMMAND | {"maxConsecutiveFailures": NEVER}, {"CHECKS": "1"}) == 1
    )


def test_c23_zero_failures_allowed_means_never_killed_yet_unhealthy(trial: Trial) -> None:
    """The deployment waits for ever."""
    with_check(trial, HTTP | {"maxConsecutiveFailures": NEVER}, {"HEALTH": "503"})
    trial.eventually("Five failures", lambda: [r for r in trial.results() if r["consecutiveFailures"] >= 5])
    assert (counts(trial), len(trial.app()["deployments"])) == ((0, 1), 1)


@pytest.mark.parametrize("protocol", ["HTTP", "COMMAND"])
def test_c24_no_answer_in_time_is_a_failure(trial: Trial, protocol: str) -> None:
    """An instance that hangs is found by nothing else."""
    check = HTTP if protocol == "HTTP" else COMMAND | {"command": {"value": "sleep 30"}}
    with_check(trial, check | {"timeoutSeconds": 1, "maxConsecutiveFailures": 9}, {"HEALTH": "hang"})
    trial.eventually("A failure", lambda: [r for r in trial.results() if r["consecutiveFailures"]])
    assert counts(trial) == (0, 1)


def test_c25_without_checks_nothing_is_healthy_or_unhealthy(trial: Trial) -> None:
    """A client that waits for tasksHealthy would wait for ever."""
    trial.create(trial.definition())
    trial.throughout("No health at all", lambda: counts(trial) == (0, 0), trial.seconds(120, 6), step=30)
    assert trial.app()["tasksRunning"] == 1


def test_c40_the_agent_follows_redirects_and_marathon_does_not(trial: Trial) -> None:
    """The same path can be healthy for one and not for the other."""
    bad, good = (f"/cgi-bin/answer?302,/cgi-bin/answer?{status}" for status in (503, 200))
    for name, check in (
        ("marathon", HTTP | {"path": bad}),
        ("agent", MESOS_HTTP | {"path": bad}),
        ("satisfied", MESOS_HTTP | {"path": good}),
    ):
        definition = trial.definition(name, healthChecks=[check | {"maxConsecutiveFailures": 9}])
        trial.create(definition, settled=False)
    trial.eventually(
        "The agent's failure", lambda: [r for r in trial.results("agent") if r["consecutiveFailures"]]
    )
    for name in ("marathon", "satisfied"):
        trial.eventually("A success", lambda: [r for r in trial.results(name) if r["alive"]])  # noqa: B023
    assert [trial.app(name)["tasksUnhealthy"] for name in ("marathon", "satisfied")] == [0, 0]
