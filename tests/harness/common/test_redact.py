"""Log lines are shown with the words of programs, and without anything that people wrote."""

from __future__ import annotations

import pytest

from fixtures import gate_trouble
from fixtures.rt import RtFactory
from harness.checks import run
from harness.common import redact
from harness.database import liveness
from harness.dumpmaking import vocabulary
from harness.releases import ROOT, parse, releases
from harness.verdict import Report
from tests.harness.mutants.run import good_run

STEPS = ["4.5.0", "4.5.1", "5.0.2"]
SAID = (
    (
        "System search Anna Mueller, cancer ward in attribute #12 not found",
        "System search ... in attribute #12 not found",
    ),
    (
        "Couldn't grant: Group Anna's friends (cancer) already has the right",
        "Couldn't grant: Group ... (...) already has the right",
    ),
    ("ValueError: bad row b'Anna Mueller, cancer ward'", "ValueError: bad row '...'"),
    ("bad value _binary'Anna'", "bad value '...'"),
    (
        'Argument "Anna Mueller 030-12345" isn\'t numeric in addition (+)'
        " at /opt/rt/share/lib/RT/Date.pm line 12.",
        'Argument "..." isn\'t numeric in addition (+) at /opt/rt/share/lib/RT/Date.pm line 12.',
    ),
    ("in 'Anna Mueller' of 'Anna' for 'Anna Mueller'", "in '...' of '...' for '...'"),
    ("no mail to anna@mailhost", "no mail to (address)"),
    ("born 12.03.1975, phone 030/12345 or 030-12345, number 1234567890123", "... N, ... N or N, number N"),
    ("Müller 図書館 \U0001f600 not found", "... not found"),
    ("Grant and Mark are not found", "... and ... are not found"),
    (f"session {'5f4dcc3b' * 4} not found", "session N not found"),
    (f"session {'deadbeef' * 4} not found", "session ... not found"),
    ("client 192.0.2.17:4711 or 2001:db8::1:2", "client (address):4711 or (address)"),
    ("client fd00::12ab:3, fe80::1c2b:3d4e:5f6a:7b8c or fe80::1", "client (address), (address) or (address)"),
    ("no file /var/lib/rt/attachments/Doe_Jane_x.pdf", "no file /var/lib/..."),
    ("no file /tmp/Doe.pdf, /home/jane/x.txt", "no file /tmp/..., /home/..."),
    ("total 12.50 or 3.1415", "total N or N"),
    ("date 1.2.80 or 1/2/80 or 4.5.80", "date N or N or N"),
    ("date 10.12.45 or 3.1.19 or 5.12.30, total 8.4.19", "date N or N or N, total N"),
    ("number +49 151 1234567", "number N"),
    ("RT 5.0.10-JaneDoe", "RT 5.0.10-..."),
    (
        "FAILED LOGIN for mark from 192.0.2.17 (/opt/rt/share/lib/RT.pm:1)",
        "FAILED LOGIN for '...' from (address) (/opt/rt/share/lib/RT.pm:1)",
    ),
    ("Successful login for 48211", "Successful login for '...'"),
)
STAYS = (
    "DBD::mysql::st execute failed: Unknown column 'main.lookuptype' in 'field list' at /usr/share/A.pm line 573",
    "Table 'rt.Tickets' doesn't exist",
    "CONSTRAINT `CachedGroupMembers_ibfk_1` FOREIGN KEY (`Via`) REFERENCES `CachedGroupMembers` (`id`)",
    "Illegal mix of collations (utf8mb4_uca1400_ai_ci,IMPLICIT) and (utf8mb4_general_ci,IMPLICIT)",
    "ERROR 2013 (HY000) at line 12: Lost connection to MySQL server during query",
    "[23] [Wed Nov 25 14:05:28 2026] [warning]: a portlet could not be shown (/opt/rt/share/lib/RT.pm:1)",
    '"GET /Ticket/Display.html?id=3 HTTP/1.1" 200 4686',
    "Record #12345678 in Links references a nonexistent record in Tickets",
    "Couldn't set DefaultDashboard to 5 for attribute #6: Name in use",
    "ERROR: Failed to load backcompat /opt/rt/upgrade/1.2.3/backcompat: syntax error",
    'Can\'t locate object method "Content" via package "RT::Gone" at RT/Gone.pm line 3',
    "[mpm_prefork:error] AH00161: server reached MaxRequestWorkers setting",
    "pymysql.err.IntegrityError: (1062, \"Duplicate entry '...' for key 'Users1'\")",
    "RT 5.0.10+dfsg-3 took 0.25 s",
    "applying 4.4.4, 3.7.81, 4.0.0rc7 and 5.0.10",
    "server 10.11.14-MariaDB, MySQL 8.4.19, package RT::Base::Ad in B::Deparse",
    "mariadb-10.11, server 10.11.14-MariaDB-1, version 8.4, Apache/2.4.62, Perl v5.36.0",
    "at 0x55d0c8a3f2 of container 88643183f2cd, 12:30:05, 100.5%, 12.3 MB",
)


@pytest.mark.parametrize(("said", "shown"), SAID, ids=range(len(SAID)))
def test_what_people_wrote_is_left_out(said: str, shown: str) -> None:
    """Personal text must be removed, with or without quotes, whatever precedes it."""
    assert redact.line(said) == shown
    assert redact.line(shown) == shown, "a text may go through it twice"


@pytest.mark.parametrize("said", STAYS, ids=range(len(STAYS)))
def test_what_a_finding_is_about_stays(said: str) -> None:
    """Tables, columns, steps, ids, error numbers, files and lines of code must stay."""
    assert redact.line(said) == said


def test_a_value_may_span_lines() -> None:
    """From the second line on, nothing shows that the text is quoted."""
    said = redact.lines("bad value 'Anna Mueller,\ncancer ward\nMainstreet 5' in table 'Users'")
    assert said.split("\n")[:2] == ["bad value '...,", "..."]
    assert "Mainstreet" not in said


def test_a_traceback_keeps_its_places_and_loses_its_values() -> None:
    """Errors quote the data that caused them: rows of a database are bytes, and may span lines."""
    try:
        raise ValueError(b"Anna Mueller, cancer ward", "Doe\nJane")
    except ValueError as error:
        said = gate_trouble.format_traceback(error)
    assert "Traceback (most recent call last)" in said
    assert f'File "{__file__}", line ' in said
    assert "raise ValueError(" in said
    assert not {"Anna", "cancer", "Doe", "Jane"} & {*said.split("ValueError: ")[1].replace("'", " ").split()}


def test_a_servers_log_as_well() -> None:
    """A server's log quotes statements, which contain data."""
    said = liveness.without_values("ERROR 1366: Incorrect string value: b'Anna' for Anna Mueller at row 1")
    assert said == "ERROR 1366: Incorrect string value: '...' for ... at row 1"


def logged(*messages: str) -> Report:
    """Return the report on an upgrade that logged these messages."""
    good = good_run("4.4.6", "5.0.3", STEPS)
    for one in messages:
        good.lines.insert(-1, (1.0, f"[11] [Mon Jan  1 10:00:00 2024] {one} (/opt/rt/upgrade/5.0.2/content:9)"))
    return run.check(good, STEPS)


def test_what_steps_say_of_people_is_left_out() -> None:
    """RT quotes titles and names without quotes, in warnings, which become facts, and in errors."""
    quiet = logged("[warning]: System search cancer ward, Doe in attribute #9 not found, skipping")
    assert quiet.facts["warnings"] == ["System search ... in attribute #9 not found, skipping"]
    loud = logged("[error]: Couldn't grant SeeDashboard to user #5: Group Doe already has the right")
    assert "Doe" not in str(loud)
    assert "Couldn't grant SeeDashboard to user #5: Group ... already has the right" in str(loud)


def test_not_all_warnings_are_shown() -> None:
    """A step that warns of each homepage would fill the report."""
    told = logged(*(f"[warning]: search #{number} not found" for number in range(57))).facts["warnings"]
    assert (len(told), told[-1]) == (21, "20 of 57 are shown")


def test_where_people_are_invented_is_left_out() -> None:
    """If an excluded path did not exist, the invented names there would become words that may be shown."""
    assert [name for name in vocabulary.MADE_UP if not (ROOT / "harness" / name).exists()] == []
    assert not {"Alice", "Bob", "Carol", "Dora", "Eve", "Frank", "Grace"} & set(
        redact.VOCABULARY.read_text().split()
    )


def test_words_of_a_program_are_told_from_what_is_put_into_them() -> None:
    """Only a program's own words count; comments may name people."""
    code = """=pod\n\nby Alice\n\n=cut\n
        RT->Logger->error("Missing search $bob->{carol} @{[ $dora ]}"); my $x = 'eve';"""
    assert vocabulary.words_of_perl(code) >= {"Missing", "search"}
    assert not vocabulary.words_of_perl(code) & {"Alice", "bob", "carol", "dora", "eve"}
    assert vocabulary.versions("4.4.6 4.0.0rc7 upgrade-sla 3.8-ical-extension") == {"4.4.6", "4.0.0rc7"}
    assert vocabulary.file_content(["not", "5.0.10", "NOT", "5.0.3"]) == "5.0.3 5.0.10\nnot\n"
    assert vocabulary.words_of_literals('"""Of alice."""\nprint(f"not {bob} found")') == {"not", "found"}


@pytest.mark.engine
@pytest.mark.parametrize("version", releases())
def test_the_words_of_every_release_are_known(rt_tools: RtFactory, version: str) -> None:
    """After adding a release, run python -m harness.dumpmaking.vocabulary."""
    tools = rt_tools(version, None)
    steps = [step for step in tools.upgrade_steps() if parse(step) > parse("4.4.2")]
    script = "for step; do cat /opt/rt/upgrade/$step/content 2>/dev/null; done; true"
    code = tools.need("sh", "-c", script, "sh", *steps)
    said = vocabulary.words_of_perl(code)
    assert len(said) > 20 or not steps
    assert sorted(word for word in said if redact.line(f"a {word}") != f"a {word}") == []
    assert [step for step in [version, *steps] if redact.line(f"after {step}") != f"after {step}"] == []
