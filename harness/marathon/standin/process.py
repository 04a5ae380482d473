"""Run a stand-in as a child process, for tests and other parts of the harness.

The child belongs to its parent's session: its containers carry the parent's owner labels.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.common import owner
from harness.common.waits import Retry, wait_until
from harness.marathon.standin.credentials import CREDENTIALS, random_credentials

READY_WITHIN = 90.0
STOPPED_WITHIN = 90.0


class StandinProcess:
    """Starts and stops a stand-in whose state is in `directory`; its log is directory/log.

    options: further command line options, such as "--manual-clock" or "--end-tasks". credentials: user:password,
    random by default; they stay the same when it is started again.
    """

    def __init__(self, directory: Path, options: Sequence[str] = (), credentials: str = "") -> None:
        """Remember the arguments; nothing is started yet."""
        self.directory, self.options = directory, tuple(options)
        self.credentials = credentials or random_credentials()
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server and return its address, which carries user and password.

        Raises NotReadyError with its log if it does not come up.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        address = self.directory / "address"
        address.unlink(missing_ok=True)
        command = [sys.executable, "-m", "harness.marathon.standin", "--state", str(self.directory)]
        command += ["--parent", str(os.getpid())]
        root = Path(__file__).resolve().parents[3]
        environment = os.environ | {owner.SESSION_VARIABLE: owner.session(), CREDENTIALS: self.credentials}
        with (self.directory / "log").open("ab") as log:
            self._child = subprocess.Popen(
                [*command, *self.options], cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT
            )

        def listening() -> str:
            if not address.exists() or not (found := address.read_text(encoding="ascii")):
                raise Retry("it does not listen yet")
            return found

        return wait_until(
            "The Marathon stand-in",
            listening,
            READY_WITHIN,
            gone=self._ending,
            evidence=lambda: [("Log of the stand-in", self.log())],
        )

    def _ending(self) -> str | None:
        code = self._child.poll() if self._child else None
        return None if code is None else f"the process ended with {code}"

    @property
    def pid(self) -> int:
        """Return the server's process id, 0 if it does not run."""
        return self._child.pid if self._child else 0

    def log(self, lines: int = 40) -> str:
        """Return the end of the server's log."""
        text = (self.directory / "log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def stop(self) -> int:
        """End the server with the usual signal, and return its exit code; tasks continue unless --end-tasks."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End the server with SIGKILL, as a crash would, and return its exit code."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self._child is None:
            return 0
        if self._child.poll() is None:
            self._child.send_signal(number)
        code = self._child.wait(STOPPED_WITHIN)
        self._child = None
        return code
