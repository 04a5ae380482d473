"""The stand-in must map a definition to the engine: limits, mounts, labels, addresses, loopback checks."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from fixtures.marathon_trial import Trial, split_credentials
from harness.common import owner
from harness.common.waits import Retry, wait_until
from harness.engine.listed import containers_of
from harness.marathon.standin.execution import Executions
from harness.marathon.standin.probes import Result
from harness.marathon.standin.process import StandinProcess

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("standin-docker")]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandinProcess]:
    """Return a stand-in on the real clock."""
    found = StandinProcess(tmp_path_factory.mktemp("standin"), ["--end-tasks"])
    found.start()
    yield found
    assert found.stop() == 0


@pytest.fixture
def site(process: StandinProcess, tiny_image: str, request: pytest.FixtureRequest) -> Iterator[Trial]:
    """Return a way to drive it, with a group of the test's own."""
    address = (process.directory / "address").read_text(encoding="ascii")
    name = request.node.name.partition("[")[0].replace("_", "-")
    url, headers = split_credentials(address)
    found = Trial(url, f"/docker/{name}", tiny_image, manual=False, headers=headers)
    yield found
    found.clean()


def container(engine: DockerClient, task_id: str) -> Any:
    """Return the container of a task."""
    return containers_of(engine, {"MESOS_TASK_ID": task_id})[0]


def test_limits_mounts_and_labels_reach_the_container(site: Trial, engine: DockerClient, tmp_path: Path) -> None:
    """A secret can be read there and not changed, and the container has an owner."""
    (tmp_path / "secret").write_text("told", encoding="utf-8")
    definition = site.definition(cpus=0.5, mem=32)
    volume = {"containerPath": "/www/secrets", "hostPath": str(tmp_path), "mode": "RO"}
    definition["container"]["volumes"] = [volume]
    definition["container"]["docker"]["forcePullImage"] = True
    site.create(definition)
    assert site.ask("/secrets/secret") == "told"
    found = container(engine, site.tasks()[0]["id"])
    limits = found.attrs["HostConfig"]
    assert (limits["Memory"], limits["CpuShares"]) == (32 * 1024 * 1024, 512)
    assert found.labels[owner.SESSION] == owner.session()
    status, _ = found.exec_run(["sh", "-c", "echo x > /www/secrets/other"])
    assert status != 0


def test_a_task_reaches_itself_at_its_own_host_and_port(site: Trial, engine: DockerClient) -> None:
    """A COMMAND check that asks $HOST:$PORT0 depends on it."""
    site.create(site.definition())
    site.ask("/cgi-bin/env")
    question = ["sh", "-c", "wget -q -O - http://$HOST:$PORT0/cgi-bin/health"]
    status, output = container(engine, site.tasks()[0]["id"]).exec_run(question)
    assert (status, output) == (0, b"200\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="entering a task's network needs root")
def test_checks_of_the_agent_reach_a_service_on_loopback_and_others_do_not(site: Trial) -> None:
    """They run in the task's network, where Mesos runs its own."""
    lonely = "trap 'exit 0' TERM; httpd -f -p 127.0.0.1:8080 -h /www & wait"
    check = {
        "path": "/cgi-bin/health",
        "portIndex": 0,
        "gracePeriodSeconds": 0,
        "intervalSeconds": 1,
        "timeoutSeconds": 2,
        "maxConsecutiveFailures": 9,
        "delaySeconds": 1,
    }
    for name, protocol in (("inside", "MESOS_HTTP"), ("outside", "HTTP")):
        checks = [check | {"protocol": protocol}]
        site.create(site.definition(name, cmd=lonely, healthChecks=checks), settled=False)
    site.eventually("The agent's success", lambda: [r for r in site.results("inside") if r["alive"]])
    site.eventually(
        "Marathon's failures", lambda: [r for r in site.results("outside") if r["consecutiveFailures"] > 1]
    )


NO_SLEEP = "! ps -o args | grep -q '[s]leep 300'"
NOBODY = 65534
CAP_KILL, CAPABILITIES = 5, 0x20080522
"""From linux/capability.h: the capability to kill others' processes, and the version of the two calls below."""


def no_more_killing() -> None:
    """Remove from this thread alone the capability to kill others' processes, which root has (capset(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, data) == 0
    data[0] &= ~(1 << CAP_KILL)
    assert libc.capset(header, data) == 0


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process of this machine that leads a group, and has nothing to do with the engine."""
    started = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield started
    started.kill()
    started.wait()


@pytest.mark.parametrize("way", ["allowed", "not allowed", "engine elsewhere"])
def test_a_command_that_is_late_ends_with_its_children(
    engine: DockerClient,
    tiny_image: str,
    way: str,
    bystander: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise each check would leave children, which keep its output open and its thread waiting.

    An engine on another machine numbers the command's process as that machine does. The process that has this
    number here must live on.
    """
    started = engine.containers.run(
        tiny_image, detach=True, user=str(NOBODY), labels=owner.labels("marathon-task")
    )
    name = str(started.id)
    executions = Executions(engine, threads=1)
    if way == "not allowed":
        executions._ending = ThreadPoolExecutor(1, initializer=no_more_killing)
    if way == "engine elsewhere":
        inspect = engine.api.exec_inspect

        def inspect_elsewhere(execution: str) -> dict[str, Any]:
            answer = inspect(execution)
            return answer | {"Pid": bystander.pid if answer["Pid"] else 0}

        monkeypatch.setattr(engine.api, "exec_inspect", inspect_elsewhere)

    async def story() -> list[Result]:
        late = await executions.run(name, "sleep 300 & sleep 300; true", 0.5)
        return [late, await asyncio.wait_for(executions.run(name, NO_SLEEP, 10), 20)]

    try:
        assert asyncio.run(story()) == [Result(False, "timed out after 0.5 s"), Result(True)]
        assert bystander.poll() is None
    finally:
        started.remove(force=True)
        executions.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"container": None, "networks": None, "cmd": "sleep 1"}, "--cmd-image"),
        ({"container": {"docker": {"image": "nowhere.invalid/none:1"}}}, "is not on this machine"),
        ({"cmd": "exec tail /dev/zero"}, "Container exited with status 137 (out of memory)"),
    ],
)
def test_a_task_that_cannot_run_says_why(site: Trial, changes: dict[str, Any], words: str) -> None:
    """The engine's message is all that a user gets."""
    definition = {key: value for key, value in site.definition(**changes).items() if value is not None}
    site.create(definition, settled=False)
    site.eventually("The failure", lambda: words in str(site.app().get("lastTaskFailure")))


def test_the_server_leaves_with_its_parent(tmp_path: Path) -> None:
    """A killed test run must not leave a server behind."""
    program = (
        "import os, pathlib, sys\n"
        "from harness.marathon.standin.process import StandinProcess\n"
        "found = StandinProcess(pathlib.Path(sys.argv[1]))\n"
        "found.start()\n"
        "print(found.pid, flush=True)\n"
        "os._exit(1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    pid = int(done.stdout)

    def gone() -> None:
        if owner.process_start_time(pid) is not None:
            raise Retry(f"process {pid} is still there")

    wait_until("The end of the server", gone, 90)
