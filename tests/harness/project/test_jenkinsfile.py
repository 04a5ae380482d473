"""Test the pipeline without Jenkins: its shell steps are run, and its list of pairs is the harness's.

With MAKEFLAGS=n, `make` only prints the commands of a step; unknown targets still make it fail.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from fixtures import gate_command
from harness import releases
from harness.common import owner
from harness.errors import UsageError
from harness.images import named
from harness.marathon import scratch
from harness.releases import ROOT
from harness.verdict import Verdict

TEXT = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
_STEP = re.compile(r"\bsh\(?\s*label: '([^']+)'.*?script: '''(.*?)'''", re.DOTALL)
STEPS: dict[str, str] = dict(_STEP.findall(TEXT))
PAIR = {"PAIR": "4.4.6-to-5.0.3@mariadb-10.11", "ORIGIN": "4.4.6", "TARGET": "5.0.3", "ON": "mariadb-10.11"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a directory like an agent's checkout, in which the reports of a step stay."""
    for path in ROOT.iterdir():
        if path.name not in (".git", "reports"):
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


def step(name: str, workspace: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell step as Jenkins does: as a script of its own, with the parameters in the environment."""
    script = workspace / "step.sh"
    script.write_text(STEPS[name], encoding="utf-8")
    script.chmod(0o755)
    ours = ("PYTEST_", "MAKE", "MFLAGS", owner.SESSION_VARIABLE)
    alone = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return subprocess.run(
        [script], cwd=workspace, env=alone | environment, capture_output=True, text=True, check=False
    )


def test_every_shell_step_is_known_and_plain() -> None:
    """With Groovy's interpolation a parameter could become a command, and Groovy removes backslashes."""
    assert len(STEPS) == len(re.findall(r"(?<![/`])\bsh[ (]", TEXT))
    assert not any("\\" in script for script in STEPS.values())
    assert all(script.startswith("#!/bin/sh") for script in STEPS.values()), "otherwise -x prints what is secret"


def test_the_pairs_come_from_the_harness(workspace: Path) -> None:
    """A list of pairs in the pipeline would be outdated by the next release."""
    done = step("list pairs", workspace, MARATHON_URL="", FROM="4.4.6")
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [one["id"] for one in found] == [str(pair) for pair in releases.pairs()]
    assert {one[side] for one in found for side in ("origin", "target")} == {*releases.releases()}, "the branches"
    assert all({"id", "origin", "target", "server"} <= set(one) for one in found), "what the Jenkinsfile reads"
    broken = {one["id"]: one["broken"] for one in found}
    assert broken["4.4.6-to-5.0.10@mariadb-10.11"] == {}
    assert "LookupType" in broken["4.4.6-to-5.0.7@mariadb-10.11"]["run"]


@pytest.mark.parametrize(
    "name", ["libraries", "engine", "lint and images", "images", "engine for the deploy", "clean up"]
)
def test_every_make_target_exists(workspace: Path, name: str) -> None:
    """make -n checks all targets that a step names, and their prerequisites."""
    done = step(name, workspace, MAKEFLAGS="n", FROM="4.4.6", SERVER="x y", CONFIG="/tmp")
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize(("wanted", "green"), [("True", True), ("False", False)])
def test_own_tests_are_green_only_when_they_pass(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory, wanted: str, green: bool
) -> None:
    """The real step, narrowed to two small files, must be green or red as its tests are."""
    small, planted = (
        ROOT / "tests" / "harness" / "common" / "test_basics.py",
        tmp_path_factory.mktemp("planted") / "test_planted.py",
    )
    planted.write_text(f"def test_planted():\n    assert {wanted}\n", encoding="utf-8")
    beside = [one for folder in small.parents[:2] for one in folder.iterdir() if one not in (small, small.parent)]
    others = [f"--ignore={one.relative_to(ROOT)}" for one in beside]
    narrowed = shlex.join([*others, "-p", "no:cacheprovider", str(planted)])
    done = step("own tests", workspace, PYTEST_ADDOPTS=narrowed, MARATHON_URL="http://127.0.0.1:9")
    assert re.search(r"\b[1-9]\d* passed\b", done.stdout), done.stdout + done.stderr
    assert (done.returncode == 0) == green, done.stdout
    assert f'failures="{int(not green)}"' in (workspace / "reports/harness.xml").read_text(encoding="utf-8")


def test_an_upgrade_of_the_matrix_is_its_pair_and_nothing_else(workspace: Path) -> None:
    """The gate's parameters are in the environment too, and must have no effect."""
    done = step("upgrade", workspace, **PAIR, PYTEST_ADDOPTS="--collect-only -q", DUMP="/own.sql", FROM="5.0.3")
    assert done.returncode == 0, done.stdout
    assert {*re.findall(r"::\w+\[(.*)\]", done.stdout)} == {PAIR["PAIR"]}


@pytest.mark.parametrize(("release", "picked"), [("5.0.10", {"5.0.10"}), ("5.0.1", set())])
def test_smoke_tests_are_picked_by_release(workspace: Path, release: str, picked: set[str]) -> None:
    """All tests of a release must be selected, and none of another one that begins like it."""
    done = step("smoke", workspace, RELEASE=release, PYTEST_ADDOPTS="--collect-only -q")
    assert {*re.findall(r"::\w+\[([\d.]+)[]-]", done.stdout)} == picked, done.stdout
    assert (done.returncode == pytest.ExitCode.OK) == bool(picked), "no tests at all are no success"


@pytest.mark.xdist_group("collected")
def test_no_test_is_left_out(workspace: Path, every_test: dict[str, bool]) -> None:
    """All tests that `make test` runs must have been run by the pipeline before it deploys."""
    listed = "--collect-only -q -p no:cacheprovider"
    steps = [step(name, workspace, PYTEST_ADDOPTS=listed) for name in ("own tests", "deploys, kills and traps")]
    run = {line for done in steps for line in done.stdout.splitlines() if "::" in line}
    assert run
    left = {name for name, slow in every_test.items() if not slow and not {name, name.rpartition("@")[0]} & run}
    one_of = "|".join(map(re.escape, releases.releases()))
    by_release = re.compile(rf"tests/(?:smoke/|upgrade/test_control\.py::).*\[(?:{one_of})[]-]")
    by_pair = re.compile(r"tests/upgrade/test_upgrade\.py::\w+\[")
    assert {one for one in left if not by_release.match(one) and not by_pair.match(one)} == set()
    assert len(left) > len(releases.releases()), "the branches of the releases have something to do"


def gate_in(folder: Path, ends_with: int) -> Path:
    """Put a gate into the workspace that records its arguments; return the file with them."""
    program = folder / "gate"
    program.unlink()
    program.write_text(
        f'#!/bin/sh\nfor one; do printf "%s\\0" "$one"; done >arguments\n'
        f'echo "${{RT_IMAGE-}} ${{RT_HARNESS_IMAGES-}}" >images\nexit {ends_with}\n'
    )
    program.chmod(0o755)
    return folder / "arguments"


def test_the_gate_is_asked_what_the_parameters_say(workspace: Path) -> None:
    """Spaces and quotes in paths must be kept, and every option must exist in the gate."""
    noted = gate_in(workspace, 0)
    given = {
        "FROM": "4.4.6",
        "TO": "5.0.3",
        "SERVER": "mariadb-10.11",
        "DUMP": "/a dump/it's.sql",
        "CONFIG": "/c $(d)",
        "ACCEPT": "/signed off.toml",
        "CONFIG_NEW": "/new",
        "DEPLOY": "true",
    }
    assert step("gate", workspace, **given).returncode == 0
    options = gate_command.parser().parse_args(noted.read_text(encoding="utf-8").split("\0")[:-1])
    asked = (
        options.origin,
        options.target,
        options.server,
        options.dump,
        options.config,
        options.accept,
        options.config_new,
    )
    assert [*map(str, asked)] == list(given.values())[:-1]
    assert options.marathon_url == scratch.STAND_IN, "a real Marathon's agents cannot reach the upgraded copy"


def test_parameters_left_empty_are_not_said(workspace: Path) -> None:
    """An empty parameter is in the environment as well, and must mean the gate's own default."""
    noted = gate_in(workspace, 0)
    names = ("FROM", "TO", "SERVER", "DUMP", "CONFIG", "CONFIG_NEW", "ACCEPT")
    step("gate", workspace, **dict.fromkeys(names, ""), DEPLOY="false")
    assert noted.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(
    ("target", "judged"), [("5.0.7", "registry.example.org/rt:7"), ("", "")], ids=["named", "unnamed"]
)
def test_the_image_that_is_deployed_is_judged(workspace: Path, target: str, judged: str) -> None:
    """All checks must run in it, not only the deploy."""
    gate_in(workspace, 0)
    image = "registry.example.org/rt:7"
    assert step("gate", workspace, TO=target, IMAGE=image, RT_HARNESS_IMAGES="").returncode == 0
    said = f"rt-{target}={judged}" if judged else ""
    assert (workspace / "images").read_text(encoding="utf-8") == f"{image} {said}\n"


def test_images_that_the_agent_names_are_judged_too(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All branches were tested with them; only for the deployed release, the deployed image replaces them."""
    gate_in(workspace, 0)
    own = "mariadb-10.11=registry.example.org/mariadb:10.11,rt-5.0.7=old,rt-4.4.6=registry.example.org/rt:6"
    assert step("gate", workspace, TO="5.0.7", IMAGE="new", RT_HARNESS_IMAGES=own).returncode == 0
    said = (workspace / "images").read_text(encoding="utf-8").split()[1]
    monkeypatch.setenv(named.OVERRIDE_VARIABLE, said)
    names = ("mariadb-10.11", "rt-4.4.6", "rt-5.0.7")
    found = [named.named_by_user(name) for name in names]
    assert found == ["registry.example.org/mariadb:10.11", "registry.example.org/rt:6", "new"]


def git(folder: Path, *words: str) -> str:
    """Run git and return its output."""
    own = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    done = subprocess.run(["git", *own, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_node_works_on_the_commit_of_the_plan(tmp_path: Path) -> None:
    """If a commit is pushed during a build, the deployed code would not be the tested one."""
    git(tmp_path, "init", "-q", "-b", "main")
    for name in ("tried", "pushed"):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", name)
    planned = git(tmp_path, "rev-parse", "HEAD~")
    assert step("commit of the plan", tmp_path, COMMIT=planned).returncode == 0
    assert git(tmp_path, "rev-parse", "HEAD") == planned
    assert step("commit of the plan", tmp_path, COMMIT="0" * 40).returncode != 0, (
        "one that is gone is no other one"
    )


@pytest.mark.parametrize("code", [0, 1, 2, 3, 143])
def test_the_gates_exit_code_reaches_the_pipeline(workspace: Path, code: int) -> None:
    """The verdict is the exit code; make would turn all codes but 0 into 2."""
    gate_in(workspace, code)
    assert step("gate", workspace).returncode == code


def test_the_real_gate_refuses_what_cannot_be(workspace: Path) -> None:
    """Wrong usage must be detected before anything is started."""
    done = step("gate", workspace, FROM="5.0.3", TO="4.4.6")
    assert (done.returncode, "backwards" in done.stderr) == (UsageError.exit_code, True), done.stderr


def test_the_deploy_looks_before_it_leaps(workspace: Path) -> None:
    """Without a Marathon that answers, it must end with NOT PROVEN, and its commands must be real ones."""
    done = step(
        "deploy", workspace, MARATHON_URL="http://127.0.0.1:1", MARATHON_TOKEN="", IMAGE="example.org/rt:1"
    )
    assert (done.returncode, "no errors" in done.stdout) == (Verdict.NOT_PROVEN.exit_code, True), done.stderr
    assert "--ask-images" in STEPS["deploy"], "labels stay as they are when --image names another image"
