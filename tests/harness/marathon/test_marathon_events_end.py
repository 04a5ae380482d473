"""The event stream ends whenever a leader changes: a deploy goes on, and a stop is only proven with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from fixtures.marathon_trial import Trial
from harness.common.waits import Retry, wait_until
from harness.errors import HarnessError, InfrastructureError
from harness.marathon import stop_proof
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.events import EventStream
from harness.marathon.model import Change
from harness.marathon.stop_proof import StopUnprovenError
from harness.marathon.stopall import replace_all
from tests.harness.marathon.deploying import ACROSS, Database, good, release, releases_live
from tests.harness.marathon.event_servers import ENDINGS, Way, brief_streams, way_to
from tests.harness.marathon.meddling import meddle


@pytest.mark.parametrize("ending", [*ENDINGS.values(), None], ids=[*ENDINGS, "without chunks"])
def test_a_stream_that_ends_is_attached_again_and_hides_no_error(ending: bytes | None) -> None:
    """Detaching from a stream that the server has ended once raised an error of its own in the error's place."""
    heard: list[str] = []
    stream: EventStream

    def second() -> None:
        heard.extend(event.data["id"] for event in stream.take())
        if len(heard) < 2:
            raise Retry(f"heard {heard}")

    def listen() -> None:
        nonlocal stream
        with EventStream(client) as stream:
            wait_until("The event of a second stream", second, 30)
            assert "event stream" in stream.trouble
            raise LookupError("ours")

    with brief_streams(ending) as url, Marathon(url) as client, pytest.raises(LookupError, match="ours"):
        listen()
    assert heard[:2] == ["1", "2"]


@pytest.fixture
def way(trial: Trial, deployer: Deployer) -> Iterator[Way]:
    """Return a way to the stand-in that the deployer takes."""
    if not trial.manual:
        pytest.skip("the way to a real Marathon is not ours to cut")
    direct = deployer.client.url
    with way_to(direct) as way:
        deployer.client.url = way.url
        yield way
        deployer.client.url = direct


@pytest.mark.engine
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_deploy_whose_stream_ends_is_judged_all_the_same(
    trial: Trial, deployer: Deployer, way: Way, ending: str
) -> None:
    """A good one is reported, and a bad one taken back."""
    moved = deployer.pace.clock

    def cutting() -> float:
        way.refuses = True
        way.cut(ENDINGS[ending])
        return moved()

    deployer.pace = replace(deployer.pace, clock=cutting)
    report = deployer.deploy(release(trial, "1"))
    good(report)
    assert "the event stream" in report.facts["events"]
    way.refuses = False
    report = deployer.deploy(release(trial, "2", health="503"))
    assert report.facts["old release live again"] is True, str(report)
    assert releases_live(trial, deployer) == ["1"]


def cut_at_the_stop(
    deployer: Deployer, way: Way, ending: bytes, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    """Cut the stream just before the app is told to stop. again: and attach again before that."""
    scale = deployer.client.scale

    def attached() -> None:
        if not way.streams:
            raise Retry("not attached again")

    def stopped(app_id: str, instances: int) -> Change:
        way.refuses = not again
        way.cut(ending)
        if again:
            wait_until("The stream again", attached, 30)
        return scale(app_id, instances)

    monkeypatch.setattr(deployer.client, "scale", stopped)


@pytest.mark.engine
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_stop_whose_stream_ends_is_taken_back(
    trial: Trial, deployer: Deployer, way: Way, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has heard of the end of its task: it may run on an agent that was cut off meanwhile."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    cut_at_the_stop(deployer, way, ENDINGS[ending], monkeypatch, again=False)
    with pytest.raises(HarnessError, match="no status of its end") as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, database.steps())
    assert "put back; the database was not touched, and it is proven live" in str(caught.value)
    assert "--without-events" in caught.value.repair
    assert (caught.value.exit_code, database.log, releases_live(trial, deployer)) == (2, [], ["1"])


@pytest.mark.engine
def test_a_stop_whose_stream_is_attached_again_in_time_is_proven(
    trial: Trial, deployer: Deployer, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the task is heard of, and that is all that counts."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    cut_at_the_stop(deployer, way, ENDINGS["clean end"], monkeypatch, again=True)
    good(replace_all(deployer, release(trial, "2", schema="2"), ACROSS, database.steps()))
    assert (database.log, releases_live(trial, deployer)) == ([("backup", 0), ("upgrade", 0)], ["2"])


@pytest.mark.engine
@pytest.mark.parametrize("events", [True, False], ids=["sent elsewhere", "switched off"])
def test_nothing_is_stopped_where_no_stream_could_prove_it(
    trial: Trial, deployer: Deployer, way: Way, events: bool
) -> None:
    """A standby sends the request for the stream elsewhere. Whoever knows better says so."""
    database = Database(trial, deployer)
    deployer.pace = replace(deployer.pace, events=events)
    way.refuses = True
    good(deployer.deploy(release(trial, "1")))
    meddler = meddle(deployer.client)
    with pytest.raises(StopUnprovenError, match="nothing was sent") as caught:
        replace_all(deployer, release(trial, "2", schema="2"), ACROSS, database.steps())
    assert ("--without-events" in caught.value.repair, meddler.count("PUT|POST|DELETE")) == (True, 0)
    knowing = replace(deployer, without_events=True)
    good(replace_all(knowing, release(trial, "2", schema="2"), ACROSS, database.steps()))
    assert (database.log, releases_live(trial, deployer)) == ([("backup", 0), ("upgrade", 0)], ["2"])


@pytest.mark.engine
@pytest.mark.parametrize("crashed", [True, False], ids=["crashed", "ended unheard"])
def test_a_task_that_was_replaced_before_the_stream(
    trial: Trial, deployer: Deployer, monkeypatch: pytest.MonkeyPatch, crashed: bool
) -> None:
    """An old release that crashes again and again is a reason to replace it, and Marathon says that it has.

    Any other may have been cut off with its agent. What is replaced a second time is quiet, and goes through.
    """
    database, listen = Database(trial, deployer), deployer.listen
    monkeypatch.setattr(stop_proof, "LATEST_STATUS", 0.5)
    good(deployer.deploy(release(trial, "1")))
    first = trial.ids()

    def late() -> AbstractContextManager[EventStream | None]:
        monkeypatch.setattr(Deployer, "listen", lambda _: listen())
        if crashed:
            trial.ask("/cgi-bin/crash")
            trial.eventually("Its end", lambda: not trial.ids() & first, step=0)
        else:
            deployer.client.kill(f"{trial.group}/app", *first)
        trial.eventually("A task in its place", lambda: len(trial.ids() - first) == 1 and not trial.ids() & first)
        return listen()

    monkeypatch.setattr(Deployer, "listen", lambda _: late())
    second = release(trial, "2", schema="2")
    if not crashed:
        with pytest.raises(StopUnprovenError, match="no status of its end") as caught:
            replace_all(deployer, second, ACROSS, database.steps())
        assert "nothing was sent" in str(caught.value)
        assert (database.log, releases_live(trial, deployer)) == ([], ["1"])
    good(replace_all(deployer, second, ACROSS, database.steps()))
    assert (database.log, releases_live(trial, deployer)) == ([("backup", 0), ("upgrade", 0)], ["2"])


@pytest.mark.engine
def test_a_stop_that_ends_in_an_error_of_any_kind_is_taken_back(
    trial: Trial, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of the harness's own: the site must not stay stopped for that."""
    database = Database(trial, deployer)
    good(deployer.deploy(release(trial, "1")))
    with monkeypatch.context() as broken:
        broken.setattr(deployer.client, "tasks", lambda _: [].pop())
        with pytest.raises(InfrastructureError, match="IndexError") as caught:
            replace_all(deployer, release(trial, "2", schema="2"), ACROSS, database.steps())
    assert "the database was not touched, and it is proven live" in str(caught.value)
    assert (database.log, releases_live(trial, deployer)) == ([], ["1"])
