"""Replace across a schema step, by the command line, on a real RT: stop all, back up, upgrade once, start all."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.database import NAME, Database
from harness.database.profiles import DURABLE
from harness.dump.choice import choose
from harness.marathon.__main__ import main
from harness.marathon.client import Marathon
from harness.marathon.deploy import Deployer
from harness.marathon.follow import Pace
from harness.marathon.probe import rt_probe
from harness.releases import ROOT
from harness.rt import Rt
from harness.upgrade import command
from harness.upgrade.lifecycle import Lifecycle
from tests.deploy.rt_on_marathon import definition, remove

pytestmark = pytest.mark.engine

INSIDE = """import sys
from harness import engine
code, said = engine.connect().containers.get(sys.argv[1]).exec_run(sys.argv[2:])
print(said.decode(errors="replace"))
sys.exit(code)
"""
NEW_TABLE = "AuthTokens"
"""A table that RT 4.4 lacks."""
PAIR = choose().pair


@dataclass
class Site:
    """The old release with a site's data, live on a Marathon; and the tools of the new one beside it."""

    marathon: Marathon
    database: Database
    tools: Rt
    app: dict[str, Any]
    folder: Path

    def inside(self, container: str, *words: str) -> str:
        """Return a shell line that runs a command in a container."""
        program = self.folder / "inside.py"
        program.write_text(INSIDE)
        return f"PYTHONPATH={ROOT} {shlex.join([sys.executable, str(program), container, *words])}"

    def in_server(self, line: str) -> str:
        """Return a shell line that runs another one on the database server, as its administrator."""
        secret = f"export MYSQL_PWD={shlex.quote(self.database.credentials.root_password)}"
        return self.inside(self.database.container.name, "sh", "-c", f"{secret}; {line}")

    def replace(self, image: str, upgrade: str) -> int:
        """Run the command line with a working backup and restore."""
        file = self.folder / "app.json"
        file.write_text(json.dumps(self.app))
        again = f"DROP DATABASE {NAME}; CREATE DATABASE {NAME}"
        return main(
            [
                "replace",
                str(file),
                "--image",
                image,
                "--ask-images",
                "--soak",
                "1",
                "--pull",
                "30",
                "--backup",
                self.in_server(f"mariadb-dump -uroot {NAME} >/tmp/before.sql"),
                "--upgrade",
                f'test "$RT_NEW_IMAGE" = {image} && {upgrade}',
                "--restore",
                self.in_server(f'mariadb -uroot -e "{again}" && mariadb -uroot {NAME} </tmp/before.sql'),
            ]
        )

    def live(self) -> list[str]:
        """Ask every instance for its release."""
        app = self.marathon.app(self.app["id"])
        return [
            rt_probe({**self.app, "labels": {}})(*where).identity
            for task in app.tasks
            if (where := app.endpoint(task))
        ]

    def data(self) -> tuple[int, bool]:
        """Return the number of tickets, and whether the schema is the new one."""
        return int(self.database.value("SELECT COUNT(*) FROM Tickets")), NEW_TABLE in self.database.tables()


@pytest.fixture
def site(
    lifecycle: Lifecycle,
    marathon: Marathon,
    marathon_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    """RT 4.4.6 on the bundled dump, deployed and proved; its definition then names the release after it."""
    monkeypatch.setenv("MARATHON_URL", marathon_url)
    dump = choose().dump
    assert dump.manifest
    database = lifecycle.baselines.clone(lifecycle.restored(dump, PAIR.server), DURABLE)
    tools = lifecycle.tools(PAIR.target, database)
    old = definition(
        lifecycle,
        database,
        tmp_path / "site",
        instances=1,
        release=PAIR.origin,
        healthcheck=dump.manifest.accounts["healthcheck"],
    )
    old["labels"] = {"RT_RELEASE": PAIR.origin, "RT_SCHEMA": PAIR.origin}
    old["healthChecks"][0] |= {"delaySeconds": 0, "intervalSeconds": 1}
    old["readinessChecks"][0] |= {"intervalSeconds": 2, "timeoutSeconds": 1}
    try:
        report = Deployer(marathon, pace=Pace(pull=30, interval=0.2, soak=1)).deploy(old)
        assert report, str(report)
        labels = {"RT_RELEASE": PAIR.target, "RT_SCHEMA": PAIR.target}
        yield Site(marathon, database, tools, old | {"labels": labels}, tmp_path)
    finally:
        remove(marathon, old["id"])
        tools.remove()
        lifecycle.baselines.discard(database)


def test_a_schema_step_is_taken_once_or_taken_back(
    site: Site, lifecycle: Lifecycle, capfd: pytest.CaptureFixture[str]
) -> None:
    """First the upgrade fails after it has changed the data: the backup must be back and the old release live.

    Then it is repeated, and works: the new release is live on upgraded data. Rolling is refused before that.
    """
    image, before = lifecycle.rt_image(PAIR.target), site.data()
    assert before == (before[0], False)
    assert before[0] > 0

    halfway = site.in_server(f'mariadb -uroot {NAME} -e "DROP TABLE Attributes; DELETE FROM Tickets"')
    assert site.replace(image, f"{halfway} && exit 7") == 1
    said = capfd.readouterr().out
    assert "replace stop-all: " in said
    assert "The upgrade failed: The command of --upgrade ended with exit code 7." in said
    assert '"then": "the old release is live again"' in said
    assert (site.live(), site.data()) == ([PAIR.origin], before)

    assert main(["deploy", str(site.folder / "app.json"), "--image", image, "--ask-images"]) == 3
    assert "must not roll" in capfd.readouterr().err

    upgrade = site.inside(site.tools.container.name, *command(PAIR.origin, PAIR.target))
    assert site.replace(image, upgrade) == 0, capfd.readouterr().out
    assert (site.live(), site.data()) == ([PAIR.target], (before[0], True))
