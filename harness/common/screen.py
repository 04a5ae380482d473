"""Display progress in one of two ways: as lines that stay, or as a frame that is redrawn in place."""

from __future__ import annotations

from typing import Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from harness.common.plan import Status, Step
from harness.common.wording import duration, one_line, plain

SHORT = 1.0
"""Seconds from which on a step gets a line when it begins; a shorter one is told when it ends, if at all."""
HEARTBEAT, LONGEST_SILENCE = 10.0, 120.0
"""Seconds of silence until a heartbeat line for all running steps: each time twice as long, up to the second."""
_STYLES = {
    Status.DONE: "green",
    Status.FOUND: "bold red",
    Status.FAILED: "bold red",
    Status.SKIPPED: "yellow",
}
_MARKS = {Status.DONE: "✓", Status.FOUND: "✗", Status.FAILED: "✗", Status.SKIPPED: "-"}


class Work(Protocol):
    """The part of `Progress` that a screen reads."""

    plan: Step

    def elapsed(self) -> float:
        """Return the seconds since the run began."""

    def running(self) -> list[tuple[int, Step]]:
        """Return the running steps, each with its depth."""


class Screen(Protocol):
    """The display of a progress. `interval`: seconds between two calls of `beat`."""

    interval: float

    def open(self) -> None:
        """Start showing, or resume after a pause."""

    def close(self) -> None:
        """Stop showing and release the stream."""

    def say(self, text: str) -> None:
        """Write lines that stay."""

    def began(self, step: Step, depth: int) -> None:
        """Show that a step has begun."""

    def ended(self, step: Step, depth: int) -> None:
        """Show that a step has ended."""

    def beat(self, elapsed: float) -> None:
        """Show that time has passed."""


class Lines:
    """A screen for consoles that keep all output, such as Jenkins': a line per event, with elapsed seconds.

    Steps within others that took less than SHORT are not told: the plan that is printed at the end has them.
    """

    def __init__(self, stream: TextIO, work: Work) -> None:
        """Write to `stream` only."""
        self._stream, self._work = stream, work
        self._spoke = 0.0
        self._patience = HEARTBEAT
        self._announced: list[Step] = []
        self.interval = SHORT

    def open(self) -> None:
        """Do nothing: lines need no setup."""

    def close(self) -> None:
        """Do nothing: lines need no teardown."""

    def say(self, text: str) -> None:
        """Write each line after the elapsed seconds."""
        self._spoke = self._work.elapsed()
        encoding = self._stream.encoding or "utf-8"
        for line in plain(text).splitlines():
            shown = f"[{self._spoke:7.1f} s] {line}"
            self._stream.write(shown.encode(encoding, "replace").decode(encoding) + "\n")
        self._stream.flush()

    def began(self, step: Step, depth: int) -> None:  # noqa: ARG002 - the plan has it
        """Write the title of a step that will last, by what it took last time."""
        if (step.expected or 0.0) >= SHORT:
            self._announce(step)

    def ended(self, step: Step, depth: int) -> None:
        """Write the result of the step and its duration, unless it was a short part of another one."""
        told = self._forget(step)
        if not told and depth > 1 and step.status is Status.DONE and step.seconds < SHORT:
            return
        self._announce(step, itself=False)
        after = "" if step.status is Status.SKIPPED else f" after {duration(step.seconds)}"
        note = f": {step.note}" if step.note and step.status is not Status.FOUND else ""
        self._tell(f"{'  ' * (depth - 1)}{step.title}: {step.result()}{after}{note}")

    def beat(self, elapsed: float) -> None:
        """Write the titles of steps that last; after long silence, one line with all running steps."""
        for _, step in self._work.running():
            if elapsed - (step.start or 0.0) >= SHORT:
                self._announce(step)
        leaves = _leaves(self._work)
        if leaves and elapsed - self._spoke >= self._patience:
            self.say("still " + "; ".join(_sentence(step, elapsed) for step in leaves))
            self._patience = min(2 * self._patience, LONGEST_SILENCE)

    def _announce(self, step: Step, *, itself: bool = True) -> None:
        """Write the title of a step, unless not `itself`, below those of what it is a part of; each once."""
        for depth, one in _path(self._work.plan, step):
            if depth and (itself or one is not step) and not any(one is known for known in self._announced):
                self._announced.append(one)
                expected = f" (last time {duration(one.expected)})" if one.expected is not None else ""
                self._tell(f"{'  ' * (depth - 1)}{one.title} ...{expected}")

    def _forget(self, step: Step) -> bool:
        """Return whether the step's title was written."""
        before = len(self._announced)
        self._announced = [one for one in self._announced if one is not step]
        return len(self._announced) < before

    def _tell(self, text: str) -> None:
        """Write about an event, after which silence is counted anew."""
        self.say(text)
        self._patience = HEARTBEAT


class Live:
    """A screen for terminals: finished steps stay as lines, running ones are redrawn below, with durations."""

    def __init__(self, stream: TextIO, work: Work) -> None:
        """Write to `stream` only; standard output and error are left alone."""
        self._work = work
        self._console = Console(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False)
        self._spinner = Spinner("dots")
        self._live: RichLive | None = None
        self.interval = 0.2

    def open(self) -> None:
        """Draw the first frame immediately."""
        self._live = RichLive(
            get_renderable=self._frame,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def close(self) -> None:
        """Remove the frame; the lines of finished steps stay."""
        if self._live:
            self._live.stop()
            self._live = None

    def say(self, text: str) -> None:
        """Write above the frame."""
        self._console.print(Text(plain(text)), soft_wrap=True)

    def began(self, step: Step, depth: int) -> None:  # noqa: ARG002 - the picture shows what runs anyway
        """Redraw."""
        self.beat(0.0)

    def ended(self, step: Step, depth: int) -> None:
        """Write a line for a top-level step, and for any step that failed or found something."""
        if depth == 1 or step.status in (Status.FAILED, Status.FOUND):
            line = Text("  " * (depth - 1) + f"{_MARKS[step.status]} ", style=_STYLES[step.status])
            line.append(plain(step.title), style="default")
            line.append(f"  {duration(step.seconds)}", style="dim")
            if step.note:
                line.append(f"  {plain(step.note)}", style=_STYLES[step.status])
            self._console.print(line, soft_wrap=True)
        self.beat(0.0)

    def beat(self, elapsed: float) -> None:  # noqa: ARG002 - the picture reads the clock itself
        """Redraw."""
        if self._live:
            self._live.refresh()

    def _frame(self) -> Group:
        elapsed = self._work.elapsed()
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        room = max(1, self._console.height - 3)
        for depth, step in self._work.running()[-room:]:
            line = Text(f"{'  ' * (depth - 1)}{plain(step.title)}  {duration(elapsed - (step.start or 0.0))}")
            if step.expected is not None:
                line.append(f" of about {duration(step.expected)}", style="dim")
            if step.note:
                line.append(f"  {plain(step.note)}", style="cyan")
            table.add_row(self._spinner, line)
        total = f"  {duration(elapsed)} in all"
        if self._work.plan.expected is not None:
            total += f", last time {duration(self._work.plan.expected)}"
        return Group(table, Text(total, style="dim"))


def _path(plan: Step, wanted: Step, depth: int = 0) -> list[tuple[int, Step]]:
    """Return a step and what it is a part of, the plan first, each with its depth; [] if it is not in the plan."""
    if plan is wanted:
        return [(depth, plan)]
    below = next((found for child in plan.children if (found := _path(child, wanted, depth + 1))), [])
    return [(depth, plan), *below] if below else []


def _leaves(work: Work) -> list[Step]:
    return [
        step for _, step in work.running() if not any(child.status is Status.RUNNING for child in step.children)
    ]


def _sentence(step: Step, elapsed: float) -> str:
    said = f"{step.title}: {duration(elapsed - (step.start or 0.0))} so far"
    if step.expected is not None:
        said += f", last time {duration(step.expected)}"
    return said + (f" ({one_line(step.note, 80)})" if step.note else "")
