"""Across a schema step: stop all, back up, upgrade once, start all.

Where an upgrade step lies between the release that runs and the wanted one, instances of both must never meet on
one database. So every instance is stopped, then your own commands are run, one after the other, and only after a
good upgrade the wanted definition is started and proved live. What goes wrong leads back:

  the backup fails         the old release is started again, as nothing was touched
  the upgrade fails        --restore is run, then the old release is started and proved live
  the new one is no good   it is stopped, --restore is run, then the old release is started and proved live
  without --restore        everything stays stopped, and the report says so
  the restore fails        everything stays stopped, and the report says so
  Marathon is silent       before the restore: that is not begun, everything stays stopped, and the exit code is 2
  the stop hangs           it is cancelled, and the old release proved live, as nothing was touched
  somebody starts it       nothing is upgraded, restored or started beside that, and the report says so
  another app is started   one with the same secrets: before the upgrade the old release is started again, after it
                           nothing is restored

  the new one served       it is left as it is, whatever was wrong: a restore would lose what people wrote since;
                           an instance that answers as the wanted release counts, whatever its health checks say

No other app may run on the database, so scale it to 0 before; --beside permits it during a deploy only.

An app that is stopped or unknown is refused: after a run that ended in the middle a second one would back the half
upgraded database up, and under another id RT may still be running. Where all is as it must be, --from-stopped says
so. While it is stopped the label RT_REPLACING of the app says whose it is (RT_RUN): another run, or a deploy, is
refused until --ended says that this one is over.

A stop counts when no instance is listed and Marathon's event stream has reported the end of each: the list alone
knows nothing of one on an agent that is cut off. Where that stream cannot be read nothing is begun, unless
--without-events says that the backup command asks the database server who is still connected.

Commands are lines for bash (sh where there is none), run here, with input at its end and output on this terminal.
An exit code of 0 is good; in bash each part of a pipe counts. They find in their environment:

  RT_NEW_IMAGE   the image that will be started, in which the upgrade is best run
  RT_STEP        backup, upgrade or restore
  RT_RUN         a word that no other run has, so that no backup is written over another

An example (options may stand in any order):

  python -m harness.marathon replace marathon.json --image registry.example.org/rt:5.0.3-7 --ask-images \\
    --backup  'mariadb-dump --single-transaction --routines --events rt >/backup/before-$RT_RUN.sql' \\
    --upgrade 'docker run --rm -v /etc/rt:/opt/share/docker/secrets/rt:ro "$RT_NEW_IMAGE" rt-setup-database \\
               --action upgrade --force --skip-create --upgrade-from 4.4.6 --upgrade-to 5.0.3' \\
    --restore 'mariadb -e "DROP DATABASE rt; CREATE DATABASE rt" && mariadb rt </backup/before-$RT_RUN.sql'

RT's own upgrade ends with 0 although steps failed: so try it with ./gate before, and let the command look at its
log. The image's guard is the last hold: it does not serve a database that is not of its schema.

Exit codes: 0 the wanted release is live, 1 findings (the report says what runs now), 2 not proven, 3 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from harness.common import interrupts
from harness.common.waits import NotReadyError, Retry, wait_until
from harness.errors import HarnessError, InfrastructureError, UsageError
from harness.marathon.definition import App, instances_of
from harness.marathon.interrupted import OngoingChange, Phase
from harness.marathon.stopall import DatabaseCommand, DatabaseCommands, StepFailedError

NOT_RUN = (126, 127)
"""Exit codes of a shell if the command cannot be run at all."""
END_WITHIN = 10.0
"""Seconds for a terminated command to end, and again after SIGKILL."""
BASH = shutil.which("bash")
SHELL = [BASH, "-o", "pipefail", "-c"] if BASH else ["/bin/sh", "-c"]
LEFT = (
    "Instances that were stopped stay stopped, and the database is as the last command left it. A container that "
    "the command started may go on: see to its end first; look at the database, or restore it, before anything is "
    "started."
)
"""What an interruption leaves behind."""
AS_IT_IS = "The database is as the last command left it: look at it before anything else is started."


def new_run() -> str:
    """Return an identifier for a run. Two runs in two containers can have the same second and process id."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


RUN = new_run()
"""Identifier of this run."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the commands that change the database."""
    parser.add_argument("--backup", required=True, metavar="COMMAND", help="makes a backup of the database")
    parser.add_argument("--upgrade", required=True, metavar="COMMAND", help="upgrades the database")
    parser.add_argument("--restore", metavar="COMMAND", help="brings the backup back (without: all stays stopped)")
    parser.add_argument(
        "--from-stopped",
        action="store_true",
        help="the app is stopped or new, and the database is whole and as the old release left it",
    )
    parser.add_argument(
        "--without-events",
        action="store_true",
        help="take a stop for one although Marathon's event stream did not report the end of each instance",
    )


def need_running(options: argparse.Namespace, live: App | None) -> None:
    """Raise UsageError if nothing runs under the id, unless the options say that this is right."""
    if options.from_stopped or (live is not None and instances_of(live)):
        return
    what = "is stopped" if live is not None else "does not exist on this Marathon"
    raise UsageError(
        f"The app {what}: either RT runs under another id, or an earlier run ended in the middle.",
        repair="look at the database and its backups; where it is whole and nothing uses it, add --from-stopped",
    )


def steps(options: argparse.Namespace, image: str) -> DatabaseCommands:
    """Return the commands in the form that the procedure takes."""
    restore = shell("restore", options.restore, image) if options.restore else None
    return DatabaseCommands(
        shell("backup", options.backup, image), shell("upgrade", options.upgrade, image), restore
    )


def left_behind(ongoing: OngoingChange) -> str:
    """Return what an interruption leaves behind: the instances, the database, and Marathon's deployments."""
    match ongoing.phase:
        case Phase.UNTOUCHED | Phase.STOPPED:
            return LEFT
        case Phase.STOPPING:
            return f"{LEFT} {ongoing.message}"
        case _:
            return f"{ongoing.message} {AS_IT_IS}"


def shell(name: str, command: str, image: str) -> DatabaseCommand:
    """Return a step that runs a command.

    It reports that it ran and its exit code; neither the command, which may contain a password, nor its output,
    which may contain rows, goes into a report. A failed upgrade is a finding (StepFailedError). A backup that
    failed, or a command that does not exist, says nothing about the release and is not proven
    (InfrastructureError).
    """

    def run() -> None:
        _say(f"{name}: begun")
        code = _run([*SHELL, command], os.environ | {"RT_NEW_IMAGE": image, "RT_STEP": name, "RT_RUN": RUN})
        _say(f"{name}: ended with exit code {code}")
        if code == 0:
            return
        kind: type[HarnessError] = StepFailedError
        repair = "what the command wrote is on the terminal above its exit code"
        if name == "backup":
            kind = InfrastructureError
        if code in NOT_RUN:
            kind, repair = InfrastructureError, "try it by hand: a program is missing, or may not be run"
        raise kind(f"The command of --{name} ended with exit code {code}.", repair=repair)

    return run


def _say(text: str) -> None:
    """Print, ignoring a broken pipe: a reader that has gone must not decide about a database."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command in a session of its own and return its exit code; end all its processes at an interruption.

    A shell that is ended alone leaves its children behind, and they would go on upgrading. In a session of its own
    a terminal's Ctrl-C reaches only the harness: so the command is always ended in the same way.
    """
    child = None
    try:
        with interrupts.hold_signals():  # an interruption in between would leave a child that nobody knows
            child = subprocess.Popen(
                list(words), stdin=subprocess.DEVNULL, env=dict(environment), start_new_session=True
            )
        return child.wait()
    except BaseException:
        if child is not None:
            _end(child)
        raise


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the processes of a command, with SIGKILL if they do not go."""

    def gone() -> None:
        child.poll()
        try:
            os.killpg(child.pid, 0)
        except ProcessLookupError:
            return
        raise Retry("some of its processes are left")

    with interrupts.defer_signals(
        "replace: ending the command, so that it is not left half ended; it ends by itself"
    ):
        try:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, number)
                with suppress(NotReadyError):
                    wait_until("The end of the command", gone, END_WITHIN)
                    return
        except PermissionError:
            with suppress(OSError):
                print("The command runs as somebody else and could not be ended: it goes on.", file=sys.stderr)
