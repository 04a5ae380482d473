"""Answers about an untouched database are cached, except for failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.dump.choice import choose
from harness.engine.containers import ExecError
from harness.rt import Rt
from harness.rt.memoized import MemoizedTools
from harness.stage import Scope, Stage
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
RELEASE = "5.0.10"


class Shelf:
    """A cache of answers by question, with tools that count how often they were started."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        """Start with an empty cache."""
        self.lifecycle, self.answers, self.starts = lifecycle, dict[str, Any](), 0

    def start(self) -> Rt:
        """Start the tools."""
        self.starts += 1
        return self.lifecycle.tools(RELEASE, None)

    def remember(self, question: str, make: Callable[[], Any]) -> Any:
        """Return the cached answer, or get and store it."""
        if question not in self.answers:
            self.answers[question] = make()
        return self.answers[question]

    def tools(self) -> MemoizedTools:
        """Return tools that share the cache, as those of a later run do."""
        return MemoizedTools(RELEASE, self.lifecycle.image_id(RELEASE), self.start, self.remember, (0, 71))


def test_a_known_answer_starts_no_container(lifecycle: Lifecycle) -> None:
    """Programs with a good or a usual negative answer, and Perl, must be answered from the cache."""
    shelf = Shelf(lifecycle)
    first, second = shelf.tools(), shelf.tools()
    try:
        for tools in (first, second, second):
            assert tools.need("cat", "/opt/rt/release").strip() == RELEASE
            assert tools.run("sh", "-c", "echo older >&2; exit 71").err.strip() == "older"
            assert tools.perl("print scalar @ARGV", "one", "two").out == "2"
            assert tools.upgrade_steps()[-1] == "5.0.8"
            assert shelf.starts == 1
    finally:
        first.remove()
    second.remove()
    assert shelf.starts == 1


def test_what_went_wrong_is_asked_again(lifecycle: Lifecycle) -> None:
    """If a failure were cached, a server that once did not answer would never answer again."""
    shelf = Shelf(lifecycle)
    tools = shelf.tools()
    try:
        assert [tools.run("sh", "-c", "echo x >>/tmp/asked; wc -l </tmp/asked; exit 70").out for _ in (1, 2)] == [
            "1\n",
            "2\n",
        ]
        assert tools.run("sleep", "60", limit=0.1).timed_out
        with pytest.raises(ExecError):
            tools.need("false")
        assert tools.run("cat", stdin=[b"fed"]).out == "fed"
        assert shelf.answers == {}
    finally:
        tools.remove()


def test_the_old_side_is_not_started_where_all_of_it_is_known(lifecycle: Lifecycle) -> None:
    """A second gate on the same dump must start three containers less, and report the same."""
    reports = []
    for known in (False, True):
        stage = Stage(lifecycle, choose(), scope=Scope(validates=False))
        try:
            reports.append(stage.preflight())
            if known:
                assert [name for name in stage.sides.logs() if "rt-tools" in name] == []
        finally:
            stage.close()
    assert [str(one) for one in reports[0].findings] == [str(one) for one in reports[1].findings]
    assert reports[0].facts == reports[1].facts
