"""A command with endless output, such as RT at a prompt without a terminal, ends before memory is exhausted."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness import upgrade
from harness.checks import run
from harness.engine.commands import TooMuchError
from harness.engine.containers import Container
from harness.rt import perl_server
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
RELEASE, SERVER = "5.0.3", "mariadb-10.11"
MOST = 1_000_000
LOOP = 'while :; do echo "Doesn\'t match #.#.#: "; done'
DEAF = f"trap '' TERM; {LOOP}"


def still_there(container: Container) -> str:
    """Return the processes that still run the loop."""
    return container.run(["sh", "-c", "grep -ls 'mat[c]h' /proc/[0-9]*/cmdline || true"]).out


@pytest.mark.parametrize("loop", [LOOP, DEAF], ids=["usual", "deaf"])
@pytest.mark.parametrize("stream", ["1", "2"], ids=["output", "errors"])
def test_it_is_ended_and_little_is_kept(rt_tools: RtFactory, loop: str, stream: str) -> None:
    """All its processes must end, even if they ignore SIGTERM, while other commands in the container continue."""
    container = rt_tools(RELEASE, None).container
    with pytest.raises(TooMuchError, match=rf"^sh in \S+ wrote more than {MOST} bytes, and was ended") as told:
        container.run(["sh", "-c", f"{{ {loop}; }} >&{stream}"], most=MOST, limit=300)
    done = told.value.done
    assert 0 < len(done.out + done.err) <= MOST
    assert still_there(container) == ""


def test_what_says_little_is_left_alone(rt_tools: RtFactory) -> None:
    """The limit must not be reached by an output of exactly that size."""
    container = rt_tools(RELEASE, None).container
    assert len(container.run(["head", "-c", str(MOST), "/dev/zero"], most=MOST).out) == MOST


def test_what_is_only_heard_is_not_kept(rt_tools: RtFactory) -> None:
    """The process that runs Perl programs for hours prints the output of all of them."""
    heard: list[str] = []
    done = rt_tools(RELEASE, None).container.run(["echo", "one"], heard=heard.append, most=None)
    assert (heard, done.out, done.code) == (["one"], "", 0)


def test_a_program_in_the_warm_perl_is_ended_too(rt_tools: RtFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the program is no command of its own, and must be ended in another way."""
    monkeypatch.setattr(perl_server, "MOST", MOST)
    tools = rt_tools(RELEASE, None)
    assert tools.warm is not None
    assert tools.warm.begin().result()
    with pytest.raises(TooMuchError, match="A Perl program wrote more than"):
        tools.perl(r'print "again\n" while 1')
    assert tools.perl("print 1").out == "1"


def test_an_upgrade_that_prompts_for_ever_is_a_finding(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a defect of the site or its operation, not of the infrastructure, and the prompt must be shown."""
    asking = tuple(one for one in upgrade.command("4.4.6", RELEASE) if one not in ("--upgrade-from", "4.4.6"))
    monkeypatch.setattr(upgrade, "command", lambda *_: asking)
    tools = rt_tools(RELEASE, clone(lifecycle.fresh("4.4.6", SERVER)))
    made = upgrade.run(tools, "4.4.6", RELEASE, most=MOST, limit=300)
    said = str(run.check(made, ["5.0.3"]))
    assert sum(len(text) for _, text in made.lines) <= MOST
    assert f"it wrote more than {MOST} bytes, and was ended" in said
    assert "the upgrade prompted" in said
