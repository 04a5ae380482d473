"""The basic parts work: waits, errors, verdicts, ownership."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest
from docker import DockerClient

from harness.common import owner, wording
from harness.common.once import Once
from harness.common.waits import NotReadyError, Retry, wait_until
from harness.engine.runners import Runners
from harness.errors import InfrastructureError, UsageError
from harness.verdict import Finding, Outcome, Report, Verdict


def test_a_wait_hands_the_result_back() -> None:
    """The probe is called again until it has an answer."""
    answers = iter([Retry("no"), Retry("no"), "yes"])

    def probe() -> str:
        answer = next(answers)
        if isinstance(answer, Retry):
            raise answer
        return str(answer)

    assert wait_until("The answer", probe, timeout=5, interval=0) == "yes"


def test_a_wait_that_ends_says_why_and_shows_evidence() -> None:
    """A time-out without the last answer is hard to explain."""

    def probe() -> None:
        raise Retry("status 503")

    with pytest.raises(NotReadyError, match=r"(?s)did not happen within 0 s.*status 503.*the log"):
        wait_until("It", probe, timeout=0, evidence=lambda: [("Log", "the log")])
    with pytest.raises(NotReadyError, match="will not happen: it exited"):
        wait_until("It", probe, timeout=60, gone=lambda: "it exited")


def test_a_wait_lets_real_errors_through() -> None:
    """A programming error must not be retried for a minute."""
    with pytest.raises(ZeroDivisionError):
        wait_until("It", lambda: 1 / 0, timeout=60)


def test_errors_survive_pickling_with_all_their_parts() -> None:
    """Worker processes return errors to the controller by pickling."""
    error = pickle.loads(pickle.dumps(UsageError("One.", [("Title", "text")], "do it")))  # noqa: S301 - our own bytes
    assert (str(error), error.exit_code) == ("One.\nTitle:\n    text\nWhat to do: do it", 3)
    assert isinstance(error, UsageError)


def clean(name: str = "rows") -> Report:
    """Return a report that looked at something and found nothing."""
    return Report(name, "?", looked_at=3)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome([clean()], expected=("rows",)), Verdict.GO),
        (Outcome([]), Verdict.NOT_PROVEN),
        (Outcome([clean()], expected=("rows", "schema")), Verdict.NOT_PROVEN),
        (Outcome([clean()], ["the engine went away"]), Verdict.NOT_PROVEN),
        (Outcome([Report("rows", "?")]), Verdict.NOT_PROVEN),
        (Outcome([Report("rows", "?", looked_at=3, unanswered=["who can tell"])]), Verdict.NOT_PROVEN),
        (Outcome([Report("rows", "?", looked_at=3, out_of_scope=["not asked"])]), Verdict.GO),
        (Outcome([Report("rows", "?", [Finding("rows", "Users", "lost 1")])]), Verdict.NO_GO),
        (Outcome([Report("rows", "?", [Finding("rows", "Users", "lost 1")])], ["engine"]), Verdict.NO_GO),
    ],
)
def test_the_verdict_is_never_greener_than_what_was_proved(outcome: Outcome, expected: Verdict) -> None:
    """GO needs every check, each with something to look at; a finding outweighs unanswered questions."""
    assert outcome.verdict() is expected
    assert expected.exit_code == {"GO": 0, "NO-GO": 1, "NOT PROVEN": 2}[expected.value]


def test_reports_travel_as_json() -> None:
    """Workers submit reports as text."""
    report = clean()
    report.find("Users", "lost 1", samples=("id=1",), blocks=(("SQL", "SELECT 1"),))
    assert Report.from_json(report.to_json()) == report


def test_a_thing_is_made_once_and_an_error_is_everybodys() -> None:
    """The upgrade of a pair must not run twice because two tests need it."""
    once, calls = Once(), []

    def make() -> int:
        calls.append(1)
        raise InfrastructureError("no engine")

    for _ in range(2):
        with pytest.raises(InfrastructureError):
            once("run", make)
    assert len(calls) == 1
    assert once.done("run") is None
    assert once("other", lambda: 5) == once("other", lambda: 6) == once.done("other") == 5


def test_labels_tell_the_living_from_the_dead() -> None:
    """A sweep that removes a live run's containers is worse than none."""
    mine = owner.labels("test")
    assert owner.creator_lives(mine) is True
    assert owner.creator_lives({**mine, owner.STARTED: "1"}) is False  # the pid was reused
    assert owner.creator_lives({**mine, owner.HOST: "elsewhere.example/12345678/1", owner.STARTED: "1"}) is None
    assert owner.creator_lives({"maintainer": "somebody"}) is None
    program = (
        "from harness.common.owner import PID, STARTED, labels; print(labels('x')[PID], labels('x')[STARTED])"
    )
    alone = {key: value for key, value in os.environ.items() if key != owner.SESSION_VARIABLE}
    child = subprocess.run([sys.executable, "-c", program], env=alone, capture_output=True, text=True, check=True)
    pid, started = child.stdout.split()
    ended = {**mine, owner.PID: pid, owner.STARTED: started}
    assert owner.creator_lives(ended) is False
    asked = Runners(DockerClient.__new__(DockerClient))  # the process is enough to tell, so no engine is asked
    assert [asked.is_dead(one) for one in (mine, ended, {"maintainer": "somebody"})] == [False, True, False]


@pytest.mark.parametrize(
    ("amount", "things", "said"),
    [
        (0, "rows", "0 rows"),
        (48310, "rows", "48,310 rows"),
        (1, "validator runs", "1 validator run"),
        (1, "lines of output", "1 line of output"),
        (1, "things tried", "1 thing tried"),
    ],
)
def test_one_thing_is_said_in_the_singular(amount: int, things: str, said: str) -> None:
    """Units are given in the plural; "1 validator runs" would look like an error."""
    assert wording.amount(amount, things) == said


@pytest.mark.parametrize(
    ("items", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more")]
)
def test_a_long_list_says_how_many_more(items: list[str], said: str) -> None:
    """Only three dots would leave open whether one is missing or a hundred."""
    assert wording.listed(items, 2) == said
