"""Parse the command lines of all entry points: wrong usage exits with 3, because 2 means NOT PROVEN.

Empty arguments are refused: `--to "$RELEASE"` with an unset variable must not silently select the default.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from harness.errors import UsageError

_NO = ("", "0", "no", "false", "off")
_EMPTY = re.compile(r"(--[\w-]+)=\s*")


class Parser(argparse.ArgumentParser):
    """An argument parser that exits with UsageError's exit code instead of argparse's 2."""

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parse as argparse does, after refusing empty arguments as wrong usage."""
        words = list(sys.argv[1:] if args is None else args)
        for before, word in zip(["", *words], words, strict=False):
            option = _EMPTY.fullmatch(word)
            if option or not word.strip():
                where = option[1] if option else before if before.startswith("-") else "an argument"
                self.error(f"{where} has an empty value: give it one, or leave it out")
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error message, then exit with UsageError's exit code."""
        self.print_usage(sys.stderr)
        self.exit(UsageError.exit_code, f"{self.prog}: {message}\n")


def positive(text: str) -> float:
    """Return an option's value as a finite number above 0. Raises ArgumentTypeError for any other value."""
    number = float(text)
    if not math.isfinite(number) or number <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def count(text: str) -> int:
    """Return an option's value as an integer of 1 or more. Raises ArgumentTypeError for a smaller one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def is_on(variable: str) -> bool:
    """Tell whether an environment variable is set to anything other than "", 0, no, false or off."""
    return os.environ.get(variable, "").strip().lower() not in _NO
