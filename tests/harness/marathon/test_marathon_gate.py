"""The gate rule on literal snapshots: every condition is shown to keep the gate shut, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from harness.marathon.events import Event
from harness.marathon.live_rule import Snapshot
from harness.marathon.probe import ProbeResult
from harness.marathon.watch import State
from tests.harness.marathon.gate_rule import (
    BAD_PROBE,
    GOOD_PROBE,
    LIVE,
    OURS,
    PUT,
    THEIRS,
    app,
    failure,
    run,
    snapshot,
    stamp,
    task,
    watch,
)

NOBODY = ProbeResult(False, "http://127.0.0.1:31001/", "no answer (ConnectTimeout)", reached=False)
ANSWERED = snapshot(app(), probe=BAD_PROBE)


def test_two_good_polls_in_a_row_open_the_gate() -> None:
    """One is not enough: the next health check may fail."""
    assert run(LIVE, LIVE)[0] == [State.WAITING, State.GOOD]


def test_polls_closer_than_the_soak_do_not_count_as_two() -> None:
    """Two polls without a health check between them count as one."""
    one = watch()
    assert [one.observe(LIVE, (), now) for now in (0, 1, 9)] == [State.WAITING] * 3
    assert one.observe(LIVE, (), 10) is State.GOOD


def test_without_a_soak_it_takes_two_polls_all_the_same() -> None:
    """Only the time between them is left out."""
    one = watch()
    one.soak = 0
    assert [one.observe(LIVE, (), now) for now in (0, 0)] == [State.WAITING, State.GOOD]


def test_after_a_restart_tasks_from_before_do_not_count() -> None:
    """Their version is older than the restart, but not older than the configuration, which the restart keeps."""
    info = {"lastScalingAt": stamp(0), "lastConfigChangeAt": stamp(-60)}
    old = snapshot(app([task(1, version=-60), task(2)], versionInfo=info))
    assert run(old, old)[0] == [State.WAITING, State.GOOD], "after a scale they do"
    states, one = run(old, old, restarted=True)
    assert (states, [unmet.rule for unmet in one.unmet]) == ([State.WAITING] * 2, ["task version"])
    new = snapshot(app(versionInfo=info))
    assert run(old, new, new, restarted=True)[0][-1] is State.GOOD
    kept = snapshot(app(versionInfo=info, lastTaskFailure=failure(5, version=-60)))
    assert run(kept, kept, restarted=True)[0][-1] is State.GOOD, "that an old one died is no fault of the new"


SHUT: list[tuple[str, Snapshot]] = [
    ("deployment", snapshot(app(), OURS)),
    ("deployment", snapshot(app(deployments=[{"id": OURS}]))),
    ("deployment", snapshot(app(version=stamp(-60)))),
    ("image", snapshot(app(container={"docker": {"image": "registry.example.org/rt:5.0.3-1"}}))),
    ("task version", snapshot(app([task(1), task(2, version=-60)]))),
    ("instances", snapshot(app(instances=3))),
    ("counts", snapshot(app([task(1)]))),
    ("counts", snapshot(app([task(1), task(2, alive=False, cause="503 Service Unavailable")]))),
    ("counts", snapshot(app([task(1), task(2, alive=None)]))),
    ("counts", snapshot(app(tasksStaged=1))),
    ("probe", snapshot(app(), probe=BAD_PROBE)),
    ("probe", replace(LIVE, probes={"rt.1": GOOD_PROBE})),
    ("app", snapshot(None)),
]


@pytest.mark.parametrize(("rule", "poll"), SHUT)
def test_each_condition_keeps_the_gate_shut(rule: str, poll: Snapshot) -> None:
    """Without it the gate again needs two good polls."""
    states, seen = run(LIVE, poll)
    assert states[-1] is not State.GOOD
    assert rule in {one.rule for one in seen.unmet}
    assert run(poll, LIVE)[0][-1] is State.WAITING
    assert run(LIVE, poll, LIVE)[0][-1] is not State.GOOD


def test_an_empty_list_of_deployments_proves_nothing() -> None:
    """Right after the PUT the deployment is stored and not yet listed, while the old app is healthy."""
    old = app(
        [task(1, version=-60), task(2, version=-60)],
        version=stamp(-60),
        versionInfo={"lastScalingAt": stamp(-60), "lastConfigChangeAt": stamp(-60)},
    )
    assert run(*[snapshot(old)] * 5)[0][-1] is State.WAITING


def test_other_deployments_are_not_ours() -> None:
    """A deployment of another app must not delay this one."""
    assert run(snapshot(app(), THEIRS), snapshot(app(), THEIRS))[0][-1] is State.GOOD


def test_success_by_event_when_the_version_does_not_move() -> None:
    """A PUT that changes nothing returns a deployment, and the app keeps its version."""
    same = snapshot(app(version=stamp(-60)))
    events = {0: [Event("deployment_success", {"id": OURS})]}
    assert run(same, same, events=events, also=PUT - timedelta(seconds=60))[0][-1] is State.GOOD


def test_a_failed_deployment_ends_the_watch() -> None:
    """If others cancel or force a deployment away there is nothing to wait for. Only the own one counts."""
    ours, theirs = Event("deployment_failed", {"id": OURS}), Event("deployment_failed", {"id": THEIRS})
    assert run(snapshot(app(), OURS), events={0: [ours]})[0] == [State.BAD]
    assert run(LIVE, LIVE, events={0: [theirs]})[0][-1] is State.GOOD


def test_a_task_that_is_replaced_ends_the_watch() -> None:
    """Whether healthy and then dead, or never healthy and killed: another id in its place shows it."""
    states, seen = run(snapshot(app([task(1), task(2)])), snapshot(app([task(1), task(3)])))
    assert states[-1] is State.BAD
    assert list(seen.observations.replaced) == ["rt.2"]


def test_old_tasks_may_go_and_surplus_may_go() -> None:
    """A rolling deploy removes old tasks; scaling down removes tasks of the same version."""
    rolling = snapshot(app([task(1), task(8, version=-60)]), OURS)
    assert run(rolling, LIVE, LIVE)[0][-1] is State.GOOD
    fewer = snapshot(app([task(1), task(2), task(3)], instances=2), OURS)
    assert run(fewer, LIVE, LIVE)[0][-1] is State.GOOD


@pytest.mark.parametrize(("seconds", "state"), [(-1, State.GOOD), (0, State.BAD), (5, State.BAD)])
def test_last_failure_is_sticky(seconds: float, state: State) -> None:
    """A failure from before the PUT does not count; one after it does."""
    poll = snapshot(app(lastTaskFailure=failure(seconds)))
    assert run(poll, poll)[0][-1] is state


def test_a_rollback_does_not_count_the_failures_of_what_it_undoes() -> None:
    """The bad version's last failure stays on the app after the rollback."""
    before = PUT - timedelta(seconds=600)
    poll = snapshot(app(lastTaskFailure=failure(5, version=-60)))
    assert run(poll, poll, also=before)[0][-1] is State.GOOD
    own = snapshot(app(lastTaskFailure=failure(5)))
    assert run(own, own, also=before)[0][-1] is State.BAD


def test_a_check_that_always_passes_is_found_by_our_own_probe() -> None:
    """Marathon calls it healthy without end: patience must end before the deadline does."""
    lying = snapshot(app(), probe=BAD_PROBE)
    states, seen = run(lying, lying)
    assert states[-1] is State.BAD
    assert "/Install/index.html" in seen.summary()


def test_a_silence_of_marathon_is_not_held_against_the_deployment() -> None:
    """What happened meanwhile was not seen: neither lack of progress nor an instance that does not answer well."""
    none, lying = snapshot(app([task(1, alive=False)]), OURS), snapshot(app(), probe=BAD_PROBE)
    for poll, patience in ((none, 100), (lying, 10)):
        one = watch()
        assert one.observe(poll, (), 0) is State.WAITING
        one.miss()
        assert one.observe(poll, (), 200) is State.WAITING
        assert one.observe(poll, (), 200 + patience - 1) is State.WAITING
        assert one.observe(poll, (), 200 + patience) is State.BAD


def test_a_silence_without_a_missed_poll_is_no_silence() -> None:
    """A slow answer is one; and all silence together is forgiven for as long as a deployment may take at most."""
    none = snapshot(app([task(1, alive=False)]), OURS)
    one = watch()
    assert [one.observe(none, (), now) for now in (0, 100)] == [State.WAITING, State.BAD]
    one = watch()
    for now in (0, 150, 300, 450):
        assert one.observe(none, (), now) is State.WAITING
        one.miss()
    assert one.observe(none, (), 600) is State.BAD


@pytest.mark.parametrize(("first", "silent"), [([], True), ([LIVE], False), ([ANSWERED], False)])
def test_who_was_reached_once_is_not_out_of_reach(first: list[Snapshot], silent: bool) -> None:
    """An instance that stops listening has died, even if its COMMAND check passes; the route is known to work."""
    states, seen = run(*first, *[snapshot(app(), probe=NOBODY)] * 4)
    assert (states[-1], seen.silent) == (State.BAD, silent)


def test_nothing_without_asking_the_instances() -> None:
    """Marathon's counts alone must never open the gate."""
    assert run(*[snapshot(app(), probe=None)] * 9)[0][-1] is State.WAITING


def test_an_app_without_health_checks_is_never_proven() -> None:
    """Its counts stay 0 for ever, so waiting is pointless."""
    assert run(snapshot(app(healthChecks=[])))[0] == [State.BAD]


def test_no_progress_ends_at_the_wave_and_progress_earns_time() -> None:
    """One more healthy task than ever before resets the clock; a flapping one does not."""
    none = snapshot(app([task(1, alive=False)]), OURS)
    assert run(*[none] * 11)[0] == [State.WAITING] * 10 + [State.BAD]
    first = snapshot(app([task(1)]), OURS)
    assert run(*[none] * 9, *[first] * 10)[0][-1] is State.WAITING
    assert run(*[none] * 9, *[first] * 11)[0][-1] is State.BAD
