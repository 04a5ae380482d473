"""Turn errors of the engine and of the network into sentences."""

from __future__ import annotations

import contextlib
import errno
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pymysql
import requests
import urllib3
from docker.errors import DockerException
from filelock import Timeout

from harness import engine
from harness.common import cache, interrupts, redact
from harness.errors import HarnessError, InfrastructureError

_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EDQUOT)


def translate_error(error: BaseException) -> HarnessError | None:
    """Return the meaning of an engine, network or file error as a HarnessError.

    None for errors of our own code.
    """
    if isinstance(error, HarnessError):
        return error
    if isinstance(error, OSError) and (known := _of_a_file(error)):
        return known
    text = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    if isinstance(error, DockerException) and "no space left on device" in str(error).lower():
        return InfrastructureError(
            "The engine's disk is full.", [("Engine", text)], "make room below the engine's directory"
        )
    network = (requests.RequestException, urllib3.exceptions.HTTPError, DockerException, ConnectionError)
    if isinstance(error, DockerException) or (isinstance(error, network) and engine.answering() is None):
        return InfrastructureError(
            "The container engine gave way in the middle.",
            [("Engine", text)],
            "run `make engine` and then the same command again; leftovers are swept away then",
        )
    if isinstance(error, (*network, pymysql.err.OperationalError, pymysql.err.InterfaceError)):
        return InfrastructureError(
            "A container stopped answering in the middle.",
            [("Last answer", f"{type(error).__name__}: {text}")],
            "look at its log in the report, and whether the machine ran out of memory",
        )
    return None


def translate_any_error(error: Exception) -> HarnessError:
    """Return any error as a HarnessError, for callers that must roll back after every error."""
    return translate_error(error) or InfrastructureError(f"{type(error).__name__}: {redact.line(str(error))}")


def run_command(program: str, work: Callable[[], int]) -> int:
    """Run a command's work and return its exit code.

    An infrastructure error is printed as a sentence and exits with 2; so does an unexpected error, printed with
    the code locations it passed through, because Python's default exit code 1 means findings. Signals that end the
    process act like Ctrl-C, so that cleanup runs.
    """
    with interrupts.signals_as_interrupt():
        try:
            return work()
        except KeyboardInterrupt:
            _say(f"{program}: interrupted")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no finding
            if (known := translate_error(error)) is not None:
                _say(f"{program}: {known}")
                return known.exit_code
            places = "".join(traceback.format_tb(error.__traceback__))
            _say(f"{places}{program}: {type(error).__name__}: {redact.line(str(error))}")
    return InfrastructureError.exit_code


def _say(text: str) -> None:
    """Print to standard error, ignoring a closed terminal: an error here would make Python exit with 1."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


def _of_a_file(error: OSError) -> InfrastructureError | None:
    if isinstance(error, Timeout):
        path = Path(error.lock_file)
        who = cache.holder(path)
        return InfrastructureError(
            f"{who[0].upper()}{who[1:]} has held {path.stem} for too long, and this waited for it.",
            [("Lock", str(path))],
            "see what that process does, and end it if it hangs: its lock goes with it; then run this again",
        )
    if error.errno == errno.ENOSPC:
        return InfrastructureError(
            f"The disk is full: {error.filename or 'a file'} could not be written.",
            repair="make room (make distclean removes what the harness keeps) and run it again",
        )
    if error.errno in _FORBIDDEN and error.filename:
        return InfrastructureError(
            f"{error.filename} cannot be used: {error.strerror}.",
            repair=f"see whose it is; {cache.VARIABLE} names another directory for what the harness keeps",
        )
    return None
