"""Parse RT's log into records (level, message, step), and tell which records are complaints.

RT hides many failures: an object that cannot be created, a last action that dies and an SQL error during RT's own
start are only logged, and the exit code stays 0. SQL complaints come at any level, often as warnings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("log_allowances.toml")
BAD_LEVELS = ("error", "critical", "alert", "emergency")
START = "start"
"""Name of the part of a run before its first step."""
_RECORD = re.compile(r"^\[\d+\] \[[^\]]*\] \[(\w+)\]: ?(.*)$")
_SERVER = re.compile(r"^\[[^\]]*\] \[\w*:(\w+)\] \[pid [^\]]*\](?: \[client [^\]]*\])? ?(.*)$")
"""Format of Apache's error log: messages of a Perl that died within it, and Apache's own messages."""
_SERVERS_LEVELS = {"crit": "critical", "alert": "alert", "emerg": "emergency", "error": "error"}
_PLACE = re.compile(r" \((?:/|\(eval)[^()]*:\d+\)\s*$")
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
READING = r", <[^>]*> (?:line|chunk) "
"""Perl's addition to the place, before a number, if a file was being read: its own DATA, for example."""
_WHERE = re.compile(
    r" \(you may need to install [^)]*\)| \(@INC [^:]*:.*\)| \(/[^()]*:N\)"
    rf"| at (?:/\S+|\(eval N\)\S*) line N|{READING}N"
)
"""Place in the Perl code, and module search path: the wording differs between Perl's releases."""
_QUERY = re.compile(r"(couldn't (?:execute|prepare) the query) '.*'(?= at )", re.DOTALL)
"""A query that failed: releases write it with values or with places for them, and the server's words apart."""
_STACK = re.compile(r"\n\t\S.* called at .*", re.DOTALL)
_STEP = re.compile(r"^Processing (\d+\.\d+\.\d+)$")

SQL_COMPLAINTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"DBD::\w+",
        r"couldn't (?:execute|prepare) the query",
        r"you have an error in your SQL syntax",
        r"unknown column '|table '[^']*' doesn't exist|duplicate (?:entry|column|key) ",
        r"illegal mix of collations|data too long for column|incorrect (?:string|datetime|date|integer) value",
        r"foreign key constraint|cannot add or update a child row|deadlock found|lock wait timeout",
        r"server has gone away|lost connection to|got a packet bigger than",
    )
)
PROGRAM_COMPLAINTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^Couldn't finish '",
        r"^ERROR: ",
        r"^Failed to (?:load|run|create) ",
        r"^Unable to open ",
        r"^Can't locate (?:object method|\S+\.pm)|^Undefined subroutine|^Attempt to call undefined ",
        r"^Unknown option: ",
        r"^(?:Segmentation fault|Killed|Out of memory|Bus error)",
        r"exit signal (?:Segmentation fault|Aborted|Bus error)",
        r"BEGIN failed--compilation aborted|Compilation failed in require|^syntax error at ",
    )
)
"""Messages of Perl, the shell or rt-setup-database itself after a failure, without a level."""


@dataclass(frozen=True)
class LogRecord:
    """A log record: `level` is "" if it was not written through RT's logger; `text` may have several lines."""

    step: str
    level: str
    text: str

    @property
    def message(self) -> str:
        """Return the first line without the place in the code, which differs between releases."""
        return _PLACE.sub("", self.text.splitlines()[0] if self.text else "").strip()

    @property
    def complaint(self) -> str:
        """Return why this record is bad: a level, "SQL" or "failure"; "" if it is not."""
        if any(pattern.search(self.text) for pattern in SQL_COMPLAINTS):
            return "SQL"
        if self.level in BAD_LEVELS:
            return self.level
        return "failure" if not self.level and any(p.search(self.text) for p in PROGRAM_COMPLAINTS) else ""


def shape(message: str) -> str:
    """Return the part that is equal in messages of one kind: no numbers, addresses, queries or places in the code.

    Releases, processes and moments differ in these.
    """
    return _WHERE.sub("", _NUMBERS.sub("N", _QUERY.sub(r"\1", _STACK.sub("", message))))


def records(lines: Iterable[str]) -> list[LogRecord]:
    """Return the records of a run's output, with the lines that belong to a record's text joined to it.

    A line belongs to the record before it if it starts no record and is not written by the run itself: stack
    traces and queries span lines.
    """
    found: list[LogRecord] = []
    step, joined = START, False
    for line in lines:
        if match := _STEP.match(line):
            step, joined = match[1], False
        if match := _RECORD.match(line):
            found.append(LogRecord(step, match[1], match[2]))
            joined = True
        elif match := _SERVER.match(line):
            found.append(LogRecord(step, _SERVERS_LEVELS.get(match[1], ""), match[2]))
            joined = False
        elif joined and line[:1] in ("\t", " ") and line.strip():
            last = found[-1]
            found[-1] = LogRecord(last.step, last.level, f"{last.text}\n{line}")
        else:
            joined = False
            if line.strip():
                found.append(LogRecord(step, "", line))
    return found


@dataclass(frozen=True)
class LogAllowance:
    """A complaint that is known and harmless: a pattern of its message, the steps it may come in, the reason."""

    pattern: re.Pattern[str]
    steps: tuple[str, ...]
    reason: str
    tool: str = "*"

    def covers(self, record: LogRecord, tool: str = "*") -> bool:
        """Tell whether a record is this complaint, from an allowed step and tool."""
        where = "*" in self.steps or record.step in self.steps
        return where and self.tool in ("*", tool) and bool(self.pattern.search(record.message))


@cache
def allowances(path: Path = FILE) -> tuple[LogAllowance, ...]:
    """Read the allow-list. Raises KeyError for an entry without a reason."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        LogAllowance(re.compile(row["pattern"]), tuple(row["step"]), row["reason"], row.get("tool", "*"))
        for row in data.get("allow", [])
    )


def complaints(
    found: Iterable[LogRecord], allowed: Sequence[LogAllowance], tool: str = "*"
) -> tuple[list[LogRecord], list[LogAllowance]]:
    """Return the records that are bad and not allowed, and the allowances that were used."""
    bad: list[LogRecord] = []
    used: list[LogAllowance] = []
    for record in found:
        if not record.complaint:
            continue
        cover = next((one for one in allowed if one.covers(record, tool)), None)
        if cover is None:
            bad.append(record)
        elif cover not in used:
            used.append(cover)
    return bad, used
