"""Progress reports events immediately, limits console output, and leaves a complete plan."""

import io
import os
import pty
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.common.plan import Status, Step
from harness.common.progress import Progress
from harness.common.timings import Timings
from harness.common.waits import Retry, wait_until
from harness.errors import InfrastructureError


class Clock:
    """A clock that only moves when told."""

    now = 100.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that only moves when told."""
    return Clock()


@pytest.fixture
def stream() -> io.StringIO:
    """Return a stream that is no terminal."""
    return io.StringIO()


@pytest.fixture
def progress(stream: io.StringIO, clock: Clock) -> Iterator[Progress]:
    """Return a running progress on a plan of three steps."""
    with Progress(stream, Step("gate", [Step("engine"), Step("upgrade"), Step("checks")]), clock=clock) as made:
        yield made


def test_what_lasts_has_a_line_when_it_begins(progress: Progress, stream: io.StringIO, clock: Clock) -> None:
    """Jenkins' console keeps everything: two lines for each of a hundred short steps would hide the long ones."""
    with progress.step("engine"):
        clock.now += 0.2
    with progress.step("upgrade"):
        with progress.step("4.5.1"):
            clock.now += 0.3
        clock.now += 1.5
        progress.beat()
        with progress.step("4.5.2"):
            clock.now += 0.5
        with progress.step("4.5.3"):
            clock.now += 1.2
    assert stream.getvalue().splitlines() == [
        "[    0.2 s] engine: done after 0.2 s",
        "[    2.0 s] upgrade ...",
        "[    3.7 s]   4.5.3: done after 1.2 s",
        "[    3.7 s] upgrade: done after 3.5 s",
    ]


def test_a_part_that_lasts_is_told_below_its_whole(progress: Progress, stream: io.StringIO, clock: Clock) -> None:
    """Otherwise a reader could not know what it is a part of; so for one that fails at once."""
    with progress.step("upgrade"), progress.step("4.5.2"):
        clock.now += 1
        progress.beat()
    with pytest.raises(InfrastructureError), progress.step("checks"), progress.step("rows"):
        raise InfrastructureError("The server ended.")
    assert stream.getvalue().splitlines() == [
        "[    1.0 s] upgrade ...",
        "[    1.0 s]   4.5.2 ...",
        "[    1.0 s]   4.5.2: done after 1.0 s",
        "[    1.0 s] upgrade: done after 1.0 s",
        "[    1.0 s] checks ...",
        "[    1.0 s]   rows: FAILED after 0.00 s: The server ended.",
        "[    1.0 s] checks: FAILED after 0.00 s",
    ]


def test_silence_is_broken_ever_less_often(progress: Progress, stream: io.StringIO, clock: Clock) -> None:
    """A wait of minutes must not fill the console, however many notes there are; events begin it anew."""
    with progress.step("upgrade") as step:
        for second in range(240):
            clock.now += 1
            step.note(f"line {second}")
            progress.beat()
    with progress.step("checks"):
        for _ in range(11):
            clock.now += 1
            progress.beat()
    lines = [line for line in stream.getvalue().splitlines() if "still" in line]
    assert [line[1:8].strip() for line in lines] == ["11.0", "31.0", "71.0", "151.0", "251.0"]
    assert lines[0] == "[   11.0 s] still upgrade: 11 s so far (line 10)"


def test_a_failure_is_told_once_and_marked_in_the_plan(progress: Progress, stream: io.StringIO) -> None:
    """The error's sentence must be at the step that raised it, not at its parents."""
    with pytest.raises(InfrastructureError), progress.step("upgrade"), progress.step("4.5.2"):
        raise InfrastructureError("The server ended.", [("Log", "secret details")])
    upgrade = progress.plan.children[1]
    assert (upgrade.status, upgrade.children[0].note) == (Status.FAILED, "The server ended.")
    assert stream.getvalue().count("The server ended.") == 1
    assert "secret details" not in stream.getvalue()


def test_a_check_that_finds_something_says_how_much(progress: Progress, stream: io.StringIO) -> None:
    """It did not fail: the plan must use the words of the table of checks, and mark the step all the same."""
    with progress.step("checks"):
        with progress.step("rows") as rows:
            rows.find("2 findings")
        with progress.step("schema") as schema:
            schema.skip("no fresh installation to compare with")
    checks = progress.plan.children[2]
    assert [step.status for step in (checks, *checks.children)] == [Status.FOUND, Status.FOUND, Status.SKIPPED]
    assert "rows: 2 findings after 0.00 s\n" in stream.getvalue()
    text = progress.plan.text()
    assert ("FAILED" in text, text.count("2 findings"), text.count("<== here")) == (False, 1, 1)


def test_what_fails_because_it_is_stopped_is_no_failure_of_its_own(
    progress: Progress, stream: io.StringIO
) -> None:
    """After Ctrl-C the containers are ended under the steps that use them, which says nothing about the site."""
    progress.interrupt()
    with pytest.raises(InfrastructureError), progress.step("upgrade"):
        raise InfrastructureError("mariadb-10.11 went away: exit code 137.")
    assert "upgrade: FAILED after 0.00 s: interrupted" in stream.getvalue()
    assert "137" not in stream.getvalue() + progress.plan.text()


def test_ctrl_c_is_named(progress: Progress) -> None:
    """After an interruption, the plan must show which step was interrupted."""
    with pytest.raises(KeyboardInterrupt), progress.step("upgrade"):
        raise KeyboardInterrupt
    assert progress.plan.children[1].note == "interrupted"


def test_planned_steps_are_filled_in_and_others_added(progress: Progress, clock: Clock) -> None:
    """The tree printed before the run must be the one that is filled in."""
    clock.now += 3
    with progress.step("engine"), progress.step("starting"):
        clock.now += 2
    assert [step.title for _, step in progress.plan.walk()] == ["gate", "engine", "starting", "upgrade", "checks"]
    engine = progress.plan.children[0]
    assert (engine.start, engine.seconds) == (3.0, 2.0)


def test_threads_have_their_own_steps(progress: Progress) -> None:
    """Checks run in parallel threads, and each must be a substep of its own parent."""
    together = threading.Barrier(3)

    def work(name: str) -> None:
        with parent.step(name), progress.step("inner"):
            together.wait(10)

    with progress.step("checks") as parent:
        threads = [threading.Thread(target=work, args=(name,)) for name in ("rows", "schema", "log")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    checks = progress.plan.children[2]
    assert sorted(step.title for step in checks.children) == ["log", "rows", "schema"]
    assert all([inner.title for inner in step.children] == ["inner"] for step in checks.children)
    assert all(step.status is Status.DONE for _, step in checks.walk())


def test_foreign_text_cannot_steer_the_console(progress: Progress, stream: io.StringIO) -> None:
    """Container logs may contain anything, including escape sequences."""
    progress.say("\x1b[2Jgone\u202e")
    assert stream.getvalue() == "[    0.0 s] \\x1b[2Jgone\\u202e\n"


def test_a_reader_who_went_away_does_not_end_the_run() -> None:
    """`make gate | head` must still end with a verdict."""
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", buffering=1)
    with Progress(stream) as progress, progress.step("upgrade"):
        pass
    assert progress.plan.children[0].status is Status.DONE
    os.close(writing)
    with pytest.raises(OSError, match=r"Bad file descriptor|Broken pipe"):
        stream.close()


def test_a_stream_without_unicode_gets_question_marks(clock: Clock) -> None:
    """A console in the C locale must not end the run."""
    raw = io.BytesIO()
    with Progress(io.TextIOWrapper(raw, "ascii", write_through=True), clock=clock) as progress:
        progress.say("straße")
    assert raw.getvalue() == b"[    0.0 s] stra?e\n"


def test_a_terminal_shows_the_running_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real terminal must show the step, its duration, its note and last time's duration while it still runs."""
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    shown = bytearray()

    def read() -> None:
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                return
            shown.extend(piece)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def sees(*patterns: str) -> None:
        def probe() -> None:
            missing = [one for one in patterns if not re.search(one, shown.decode(errors="replace"))]
            if missing:
                raise Retry(f"{missing} not in {bytes(shown[-400:])!r}")

        wait_until(f"showing {patterns}", probe, 20)

    with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        plan = Step("gate", [Step("upgrade", expected=1.5)])
        with Progress(terminal, plan, live=True) as progress:
            with progress.step("upgrade") as step:
                step.note("processing 4.5.2")
                sees("upgrade", "of about 1.5 s", "processing 4.5.2", "in all")
                shown.clear()
                sees(r"upgrade  (?!0\.0 )\d+\.\d s")
            sees(r"✓ .*upgrade")
    reader.join(2)
    os.close(ours)


def test_durations_are_remembered_for_what_was_done(tmp_path: Path, stream: io.StringIO, clock: Clock) -> None:
    """A failed step is no estimate of the next run's duration."""
    timings = Timings(tmp_path / "steps.json")
    with Progress(stream, Step("gate"), timings=timings, clock=clock) as progress:
        with progress.step("upgrade"):
            clock.now += 4.2
        with progress.step("checks") as checks:
            checks.find("1 finding")
    again = Timings(tmp_path / "steps.json")
    assert again.expected(("gate", "upgrade")) == pytest.approx(4.2)
    assert again.expected(("gate", "checks")) is None
    with Progress(stream, Step("gate"), timings=again, clock=clock) as progress, progress.step("upgrade"):
        pass
    assert "upgrade ... (last time 4.2 s)" in stream.getvalue()


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"gate": "soon", "gate / upgrade": -1}'])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, text: str) -> None:
    """A damaged cache file must not fail a run."""
    (tmp_path / "steps.json").write_text(text)
    assert Timings(tmp_path / "steps.json").expected(("gate",)) is None
