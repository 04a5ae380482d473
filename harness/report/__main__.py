"""Render text, page and XML again from the JSON: `python -m harness.report reports/RUN/report.json`.

Exit codes: 0 if they were written, whatever the verdict; 2 if they could not be; 3 if it is not a report.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from harness.common.arguments import Parser
from harness.engine import faults
from harness.report import write_views
from harness.report.document import load
from harness.report.text import as_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; print the verdict and the paths of the files."""
    parser = Parser(prog="python -m harness.report", description="Render a report again.")
    parser.add_argument("report", type=Path, help="a report.json that a run has left")
    asked = parser.parse_args(arguments)
    path: Path = asked.report / "report.json" if asked.report.is_dir() else asked.report

    def work() -> int:
        document = load(path)
        written = write_views(path.parent, document)
        print(as_text(document, colour=sys.stdout.isatty()))
        for one in written:
            print(one)
        return 0

    return faults.run_command("report", work)


if __name__ == "__main__":
    sys.exit(main())
