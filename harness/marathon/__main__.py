"""Marathon from the command line: python -m harness.marathon COMMAND.

Commands:
  lint      look at an app definition without deploying it
  status    show what Marathon says about an app and its tasks
  deploy    deploy a definition, prove the new tasks live, or roll back and prove the old ones live
  replace   across a schema step: stop all, back up, upgrade once, start all, or the way back
  deadline  show how long a deployment of a definition may take, and why

The stand-in for a Marathon is started with `python -m harness.marathon.standin`.
Exit codes: 0 good, 1 findings, 2 not proven, 3 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from harness.common.arguments import Parser
from harness.engine import faults
from harness.marathon import commands
from harness.marathon.lint import command_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = Parser(
        prog="python -m harness.marathon",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    chosen = parser.add_subparsers(metavar="COMMAND", required=True)
    one = chosen.add_parser(
        "lint",
        help="look at an app definition",
        description=command_line.__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    command_line.add_arguments(one)
    one.set_defaults(run=command_line.run)
    commands.add_commands(chosen)
    options = parser.parse_args(arguments)
    return faults.run_command("marathon", lambda: int(options.run(options)))


if __name__ == "__main__":
    sys.exit(main())
