"""Perl programs run in a process with RT loaded as they would run alone, and never block for ever."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.checks.application import nightly_jobs
from harness.errors import InfrastructureError
from harness.rt import LITTLE, MOST_DATA, Rt, perl_server
from harness.rt.configuration import Configuration
from harness.rt.thaw import Thawer
from harness.upgrade.lifecycle import Lifecycle

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("warm")]
RELEASE = "5.0.3"
DIES = "/usr/local/bin/rt-dies"
READS = "/tmp/reads"
COUNTS = "use Digest::MD5 'md5_hex'; binmode STDIN; local $/; $_ = <STDIN> // ''; print length, ' ', md5_hex($_);"
_DATED = re.compile(r"^\[\d+\] \[[^]]*\] | at \S+ line| \(\S.*:\d+\)$", re.MULTILINE)
"""Parts of the output that differ between runs: pid, time, the path to a file, the logging code."""
LOADED = 'print join " ", map { $INC{$_} ? "loaded" : "missing" } "RT.pm", "RT/Ticket.pm";'


@pytest.fixture(scope="module")
def tools(lifecycle: Lifecycle) -> Iterator[Rt]:
    """Return an RT container without a database: the programs here do not need one."""
    made = lifecycle.tools(RELEASE, None)
    assert made.warm is not None
    assert made.warm.begin().result()
    yield made
    made.remove()


def test_rt_is_loaded_already(tools: Rt) -> None:
    """Loading RT once is the purpose of the process."""
    assert tools.perl(LOADED).out == "loaded loaded"


def test_a_program_sees_what_it_would_see_by_itself(tools: Rt) -> None:
    """Arguments, streams, exit code, empty stdin and the lack of inherited pragmas must be as in a run alone."""
    program = '$undeclared = <STDIN>; print "@ARGV|", defined $undeclared || 0; print STDERR "said\\n"; exit 3'
    done = tools.perl(program, "one", "two words", "ä\n")
    assert (done.code, done.out, done.err) == (3, "one two words ä\n|0", "said\n")


def test_a_program_without_an_end_takes_no_more_memory_than_it_may(tools: Rt) -> None:
    """Odd data lets RT recurse for ever: the machine's memory went with it, and everything else on the machine."""
    limit = "open my $limits, '<', '/proc/self/limits'; print grep { /^Max data size/ } <$limits>"
    allowed = str(MOST_DATA.hard)
    assert tools.perl(limit).out.split() == ["Max", "data", "size", allowed, allowed, "bytes"]
    assert tools.run("perl", "-e", limit).out.split()[3:5] == [allowed, allowed]


def test_a_program_that_dies(tools: Rt) -> None:
    """It must end as in Perl itself, and must not affect the next program."""
    done = tools.perl('die "no such thing\n"')
    assert (done.code != 0, done.err) == (True, "no such thing\n")
    assert tools.perl("print 1").out == "1"


def test_a_program_with_a_mistake(tools: Rt) -> None:
    """A syntax error must be reported as the program's own."""
    done = tools.perl("use strict; my $x = ;")
    assert done.code != 0
    assert "syntax error" in done.err


def test_a_tool_of_rts_own(tools: Rt) -> None:
    """Arguments, output and exit code must be as in a run alone; a missing tool as in a shell."""
    for words in (nightly_jobs.JOBS[-1], ("rt-validator", "--check")):  # both miss the database
        told, alone = tools.tool(*words), tools.run(*words)
        assert told.code == alone.code != 0
        assert _DATED.sub("", told.out + told.err) == _DATED.sub("", alone.out + alone.err) != ""
    missing = tools.tool("rt-no-such-tool")
    assert (missing.code, "No such file" in missing.err) == (127, True)


@pytest.mark.parametrize("size", [0, 3, LITTLE - 1, LITTLE])
def test_a_tool_reads_what_it_is_told(tools: Rt, size: int) -> None:
    """The whole input must arrive byte for byte, also one too long for a line to the shared process."""
    told = (bytes(range(256)) * (size // 256 + 1))[:size]
    tools.need("sh", "-c", 'printf "%s\n" "#!/usr/bin/perl" "$1" >"$2" && chmod 755 "$2"', "sh", COUNTS, READS)
    done = tools.tool(READS, stdin=told)
    assert (done.code, done.out) == (0, f"{len(told)} {hashlib.md5(told, usedforsecurity=False).hexdigest()}")


def test_what_is_frozen_is_thawed_in_either(tools: Rt, lifecycle: Lifecycle) -> None:
    """The shared process and a run alone must return the same values, also for damaged or large content."""
    freeze = (
        "use Storable 'nfreeze'; use MIME::Base64; print encode_base64(nfreeze({1 => [undef, 2, chr 228]}), '')"
    )
    contents = [tools.perl(freeze).out, "bm90IGZyb3plbg==", "", *("A" * 40_000 + str(one) for one in range(50))]
    with lifecycle.tools(RELEASE, None) as alone:
        assert alone.warm is not None
        assert not alone.warm.begun
        both = [Thawer(one) for one in (tools, alone)]
        for one in both:
            one.load(contents)
        told, own = ([one.value(content) for content in contents] for one in both)
    assert told[0] == {"1": [None, "2", "ä"]}
    assert told == own


def test_a_tool_that_dies_says_why(tools: Rt) -> None:
    """RT logs the error if its logging is initialised, and checks look for errors in the log."""
    dies = "use RT; RT::LoadConfig(); RT->Config->Set(LogToSTDERR => 'warning'); RT::InitLogging(); die 'too late'"
    tools.need("sh", "-c", 'printf "%s\n" "#!/usr/bin/perl" "$1" >"$2" && chmod 755 "$2"', "sh", dies, DIES)
    told, alone = tools.tool("rt-dies"), tools.run("rt-dies", environment={"PERL5LIB": "/opt/rt/share/lib"})
    assert told.code == alone.code != 0
    assert _DATED.sub("", told.err) == _DATED.sub("", alone.err)
    assert "[critical]: too late" in told.err


def test_what_waits_to_be_written_is_written(tools: Rt) -> None:
    """A program must end without destroying each remaining object, but with its buffers and END blocks done."""
    program = """
        open our $file, '>', '/tmp/last' or die; print {$file} 'kept';
        { package Left; sub DESTROY { print 'looked at' } } our $left = bless {}, 'Left';
        END { print 'by itself' } print 'said, '; $? = 0; exit 7;
    """
    done = tools.perl(program)
    assert (done.code, done.out) == (7, "said, by itself")
    assert tools.need("cat", "/tmp/last") == "kept"


def test_its_own_children_end_as_perl_ends_them(tools: Rt) -> None:
    """Only the program itself may be ended early, not its children."""
    program = "our $left = bless {}, 'Left'; sub Left::DESTROY { print $$ == $ARGV[0] ? 'own' : 'child' }"
    assert tools.perl(f"@ARGV = $$; {program}; fork // die or exit; wait").out == "child"


def test_the_configuration_and_the_words_are_read_once(tools: Rt) -> None:
    """Reading them takes longer than most programs; settings of one program must not affect the next."""
    program = "my $t = times; RT::LoadConfig(); RT::I18N->Init; print times() - $t < 0.1 ? 'known' : 'read';"
    assert tools.perl(program).out == "known"
    assert (
        tools.perl("RT::LoadConfig(); RT->Config->Set(rtname => 'mine'); print RT->Config->Get('rtname')").out
        == "mine"
    )
    assert tools.perl("RT::LoadConfig(); print RT->Config->Get('rtname')").out == "rt.example.org"


def test_a_program_that_is_killed(tools: Rt) -> None:
    """The exit code must be as in a shell: 128 plus the signal."""
    assert tools.perl("kill KILL => $$; sleep 60").code == 137


def test_a_program_that_takes_too_long(tools: Rt) -> None:
    """It must be ended, and be distinguishable from one that failed."""
    assert tools.perl("sleep 60", limit=1).timed_out


def test_programs_at_the_same_time(tools: Rt) -> None:
    """The outputs of concurrent programs must not be mixed up, however large they are."""

    def say(word: str) -> str:
        return tools.perl('print "$ARGV[0]\n" for 1 .. 30000', word).out

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(say, ("one", "two", "three")))
    assert said == [f"{word}\n" * 30000 for word in ("one", "two", "three")]


def test_lines_are_heard_as_they_come(tools: Rt) -> None:
    """A check acts on a program's output long before its end."""
    heard: list[str] = []
    tools.perl('$| = 1; print "first\nsecond\n"; print STDERR "other\n"', heard=heard.append)
    assert sorted(heard) == ["first", "other", "second"]


def test_chance_is_not_shared(tools: Rt) -> None:
    """Child processes must not draw the same random numbers: RT makes names and secrets from them."""
    assert tools.perl("print rand").out != tools.perl("print rand").out


def test_a_site_with_files_of_its_own_loads_rt_anew(lifecycle: Lifecycle) -> None:
    """Such files may replace RT's modules, which must therefore not be loaded already."""
    tools = lifecycle.tools(RELEASE, None, configuration=Configuration({"lib/RT/Ticket_Local.pm": b"1;\n"}))
    try:
        assert tools.warm is None
        assert tools.perl(LOADED).out == "missing missing"
    finally:
        tools.remove()


def test_a_site_that_only_sets_options_does_not(lifecycle: Lifecycle) -> None:
    """Most sites only set options, for which RT's modules are the same in each program."""
    files = {
        "own.pm": b"# do require\nuse utf8;\nSet($rtname, 'own');\n1;\n",
        "html/a.html": b"use X;",
    }
    with lifecycle.tools(RELEASE, None, configuration=Configuration(files)) as tools:
        tools.warm_up()
        told = tools.perl(LOADED + "RT::LoadConfig(); print ' ', RT->Config->Get('rtname')")
        assert told.out == "loaded loaded own"


def test_without_rt_programs_run_all_the_same(
    lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """If RT's modules do not load, the program itself must report that."""
    broken = tmp_path / "broken.pl"
    broken.write_text('die "not today\n"')
    monkeypatch.setattr(perl_server, "PROGRAM", broken)
    tools = lifecycle.tools(RELEASE, None)
    try:
        tools.warm_up()
        assert tools.perl(LOADED).out == "missing missing"
    finally:
        tools.remove()


def test_one_program_is_not_worth_it(lifecycle: Lifecycle) -> None:
    """Most containers run one program, so the shared process starts only with the second one."""
    tools = lifecycle.tools(RELEASE, None)
    try:
        assert [tools.perl(LOADED).out for _ in range(2)] == ["missing missing", "loaded loaded"]
    finally:
        tools.remove()


def test_a_container_that_ends(lifecycle: Lifecycle) -> None:
    """Callers must get an error instead of waiting for ever."""
    tools = lifecycle.tools(RELEASE, None)
    try:
        tools.warm_up()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(
                tools.perl, "$| = 1; print qq(here\n); sleep 60", heard=lambda _: tools.container.signal("KILL")
            )
            with pytest.raises(InfrastructureError, match="ended while a program ran"):
                waiting.result(120)
        assert tools.warm is not None
        assert tools.warm.run("print 1") is None
    finally:
        tools.remove()
