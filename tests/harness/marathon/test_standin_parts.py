"""The small parts: clock, backoff, task variables, placement, label selectors, task ids."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from docker import DockerClient

from harness.marathon.standin.backoff import Backoff
from harness.marathon.standin.clock import ManualClock, RealClock, moment_of, stamp
from harness.marathon.standin.environment import environment
from harness.marathon.standin.errors import ApiError
from harness.marathon.standin.flags import parameters
from harness.marathon.standin.labels import ending
from harness.marathon.standin.labelselector import matches
from harness.marathon.standin.placement import satisfied
from harness.marathon.standin.runner import LaunchError
from harness.marathon.standin.task import app_id_of, instance_id, new_task_id, unique_part
from harness.marathon.standin.tasks import DockerRunner
from tests.harness.marathon.scripted import app


def test_stamps_have_three_digits_and_a_z() -> None:
    """Clients refuse other forms."""
    assert stamp(0) == "1970-01-01T00:00:00.000Z"
    assert stamp(1.9996) == "1970-01-01T00:00:02.000Z"
    assert moment_of(stamp(1234.5)) == 1234.5


def test_a_manual_clock_fires_in_order_each_at_its_own_moment() -> None:
    """An action that plans another one within the same advance included."""

    async def story() -> list[tuple[str, float]]:
        clock, seen = ManualClock(0), list[tuple[str, float]]()

        def again() -> None:
            seen.append(("again", clock.now()))
            clock.call_later(5, again)

        clock.call_later(5, again)
        clock.call_later(7, lambda: seen.append(("once", clock.now())))
        clock.call_later(8, lambda: seen.append(("never", clock.now()))).cancel()
        await clock.advance(11)
        assert clock.now() == 11
        return seen

    assert asyncio.run(story()) == [("again", 5), ("once", 7), ("again", 10)]


def test_a_real_clock_fires_by_itself() -> None:
    """Nobody advances it."""

    async def story() -> bool:
        clock, fired = RealClock(), asyncio.Event()
        clock.call_later(0.01, fired.set)
        return await asyncio.wait_for(fired.wait(), 5)

    assert asyncio.run(story())


def test_a_delay_reaches_300_seconds_at_the_42nd_crash() -> None:
    """With Marathon's defaults, as computed from its formula."""
    backoff, crashing = Backoff(), app(backoffSeconds=1, backoffFactor=1.15, maxLaunchDelaySeconds=300)
    delays = [backoff.ended(crashing, 0).seconds for _ in range(43)]
    assert [number for number, delay in enumerate(delays, 1) if delay == 300] == [42, 43]


def test_a_delay_is_forgotten_when_the_longest_has_passed_without_a_crash() -> None:
    """A crash after that begins anew."""
    backoff, crashing = Backoff(), app(backoffSeconds=10, maxLaunchDelaySeconds=100)
    backoff.ended(crashing, 0)
    assert [backoff.left(crashing, now) for now in (0, 4, 10)] == [10, 6, 0]
    assert backoff.ended(crashing, 109).seconds == 11.5
    assert backoff.current(crashing, 109 + 11.5 + 100) is None


def test_task_variables() -> None:
    """The user's own win, and the ports are the host's."""
    two = {"docker": {"image": "x"}, "portMappings": [{"containerPort": 80}, {"name": "spare-port"}]}
    variables = {"PORT0": "own", "S": {"secret": "s"}}
    definition = app(labels={"a.b": "x"}, env=variables, mem=64, container=two, secrets={"s": {"source": "s"}})
    found = environment(definition, "a.1", "192.0.2.1", [31000, 31001], [80, 0])
    assert found["PORT0"] == "own"
    assert (found["PORT"], found["PORTS"], found["PORT1"]) == ("31000", "31000,31001", "31001")
    assert (found["PORT_80"], found["PORT_31001"], found["HOST"]) == ("31000", "31001", "192.0.2.1")
    assert (found["MARATHON_APP_LABELS"], found["MARATHON_APP_LABEL_A_B"]) == ("A_B", "x")
    assert found["MARATHON_APP_RESOURCE_MEM"] == "64.0"
    assert found["PORT_SPARE_PORT"] == "31001"
    assert "S" not in found


@pytest.mark.parametrize(
    ("constraint", "siblings", "fits"),
    [
        (["hostname", "UNIQUE"], 0, True),
        (["hostname", "UNIQUE"], 1, False),
        (["hostname", "MAX_PER", "2"], 1, True),
        (["hostname", "MAX_PER", "2"], 2, False),
        (["hostname", "CLUSTER", "other"], 0, False),
        (["hostname", "LIKE", "10.*"], 0, True),
        (["hostname", "UNLIKE", "10.*"], 0, False),
        (["hostname", "GROUP_BY"], 5, True),
        (["rack", "CLUSTER", "r1"], 0, False),
        (["rack", "UNLIKE", "r1"], 0, True),
    ],
)
def test_constraints_on_one_agent(constraint: list[str], siblings: int, fits: bool) -> None:
    """There is one agent, so UNIQUE means one task."""
    assert satisfied(constraint, siblings, "10.0.0.1") is fits


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("a", True),
        ("b", False),
        ("a==1", True),
        ("a!=1", False),
        ("a in (1, 2)", True),
        ("a notin (1),c==3", False),
    ],
)
def test_label_selectors(selector: str, fits: bool) -> None:
    """In the syntax of Kubernetes, which Marathon took over."""
    assert matches(selector, {"a": "1", "c": "3"}) is fits


def test_an_unreadable_label_selector_is_400() -> None:
    """A filter that is ignored would list everything."""
    with pytest.raises(ApiError, match="Could not parse"):
        matches("a==(", {})


@pytest.mark.parametrize("dialect", ["1.6", "1.10"])
@pytest.mark.parametrize("app_id", ["/group/rt", "/rt.prod/web"])
def test_task_ids_carry_their_app_and_instance(app_id: str, dialect: str) -> None:
    """Events name instances, and a client finds the app by the id."""
    task_id = new_task_id(app_id, dialect)
    assert app_id_of(task_id) == app_id
    prefix = {"1.6": "marathon-", "1.10": "instance-"}[dialect]
    assert instance_id(task_id) == f"{app_id[1:].replace('/', '_')}.{prefix}{uuid.UUID(unique_part(task_id))}"
    assert task_id.endswith("._app.1") == (dialect == "1.10")


@pytest.mark.parametrize("text", ["nonsense", ".uuid", "app.", "._app.1"])
def test_what_is_no_task_id_has_no_app(text: str) -> None:
    """A kill by such an id is refused."""
    assert app_id_of(text) is None


@pytest.mark.engine
@pytest.mark.parametrize("dialect", ["1.4", "1.6", "1.10"])
def test_no_two_tasks_of_an_app_share_a_container_name(engine: DockerClient, dialect: str) -> None:
    """1.10 ends every task id in the same "._app.1"."""
    runner = DockerRunner(engine, "state")
    made = [runner.arguments(app(), new_task_id("/a", dialect), 0, [], []) for _ in range(2)]
    assert made[0]["name"] != made[1]["name"]


@pytest.mark.parametrize(
    ("engine_at", "override", "told"),
    [
        ("tcp://engine.example.org:2375", "", "engine.example.org"),
        ("unix:///var/run/docker.sock", "host.example.org", "host.example.org"),
    ],
    ids=["another machine", "outside of this container"],
)
def test_tasks_of_an_engine_elsewhere_are_published_where_they_are_reached(
    monkeypatch: pytest.MonkeyPatch, engine_at: str, override: str, told: str
) -> None:
    """The loopback address there is not that of this machine."""
    monkeypatch.setenv("TESTCONTAINERS_HOST_OVERRIDE", override)
    client = DockerClient(engine_at, version="1.41")  # with a version, so that the engine is not asked for it
    given = app(container={"docker": {"image": "x"}, "portMappings": [{"containerPort": 80, "hostPort": 0}]})
    runner = DockerRunner(client, "state")
    made = runner.arguments(given, "task.1", 0, [31000], [80])
    assert (runner.host, made["environment"]["HOST"]) == (told, told)
    assert made["ports"] == {"80/tcp": ("0.0.0.0", 31000)}
    client.close()


def test_docker_parameters_are_translated_or_refused() -> None:
    """One that is silently left out would change what is tested."""

    def with_parameter(key: str, value: str) -> dict[str, object]:
        docker = {"image": "x", "parameters": [{"key": key, "value": value}]}
        return parameters(app(container={"docker": docker}))

    assert with_parameter("add-host", "db:192.0.2.1")["extra_hosts"] == {"db": "192.0.2.1"}
    assert with_parameter("env", "A=b=c")["environment"] == {"A": "b=c"}
    with pytest.raises(LaunchError, match="'made-up' is not known"):
        with_parameter("made-up", "1")


def test_how_a_container_ended_decides_the_task_state() -> None:
    """Memory that ran out is named, because its exit status says nothing of it."""
    assert ending(0)[0] == "TASK_FINISHED"
    assert ending(137, out_of_memory=True) == ("TASK_FAILED", "Container exited with status 137 (out of memory)")
