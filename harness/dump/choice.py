"""Determine the subject of a run: pair, server, dump and configuration, from given arguments and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness import dump as dumps
from harness import releases
from harness.common.wording import option
from harness.dump import Dump
from harness.errors import UsageError
from harness.releases import Pair

DEFAULT_ORIGIN, DEFAULT_TARGET, DEFAULT_SERVER = "4.4.6", "5.0.3", "mariadb-10.11"


@dataclass(frozen=True)
class Choice:
    """A pair and the dump that it is tested on."""

    pair: Pair
    dump: Dump

    def server_for(self, version: str) -> str:
        """Return the server on which a release can read the dump: the pair's own, else one that it runs on.

        RT before 5.0.4 does not run on MySQL 8 and later; its sites move there with the upgrade.
        """
        able = releases.release(version).servers
        made_on = self.dump.manifest.server if self.dump.manifest else ""
        return next((name for name in (self.pair.server, made_on, DEFAULT_SERVER) if name in able), able[0])


def choose(
    origin: str | None = None, target: str | None = None, server: str | None = None, path: Path | None = None
) -> Choice:
    """Return the pair and dump, with defaults for arguments that are not given.

    Defaults: the origin is the dump's own release, else 4.4.6; the target 5.0.3 (or the origin's successor if that
    would be a downgrade); the server MariaDB 10.11 (or the first that the target may run on); the dump the bundled
    one of the origin. Raises UsageError for arguments that do not fit together.
    """
    dump = dumps.load(path) if path else None
    if origin is None:
        if dump and dump.manifest is None:
            raise UsageError(
                f"Which RT release is {dump.path.name} from? It has no manifest beside it.",
                repair=f"say it with {option('from')}, as in 4.4.6; RT shows it at the foot of every page",
            )
        origin = dump.manifest.release if dump and dump.manifest else DEFAULT_ORIGIN
    target = _target(origin) if target is None else target
    goal = releases.release(target)
    if server is None:
        server = DEFAULT_SERVER if DEFAULT_SERVER in goal.servers else goal.servers[0]
    pair = releases.pair(origin, target, server)
    if dump and dump.manifest and dump.manifest.release != origin:
        raise UsageError(
            f"{dump.path.name} is a dump of RT {dump.manifest.release}, its manifest says, not of {origin}.",
            repair=f"say {dump.manifest.release} with {option('from')}, or leave it out",
        )
    return Choice(pair, dump or dumps.load(dumps.bundled(origin)))


def doubt(choice: Choice) -> str | None:
    """Return why a verdict on the default server may not apply to the site's own; None if there is no doubt.

    Which names collide, and which rows are too large, depends on the server. The bundled dumps were made for the
    servers that the tests name.
    """
    written = choice.dump.written_on()
    if choice.dump.path.parent == dumps.FOLDER or not written:
        return None
    product, _, version = written.partition(" ")
    here, _, judged = choice.pair.server.partition("-")
    if product.lower() == here and _numbers(version) <= _numbers(judged):
        return None
    return (
        f"The dump was read from {written}, and this was tried on {choice.pair.server}, for no server was named: "
        f"say with {option('server')} on which one it will run."
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _target(origin: str) -> str:
    if releases.parse(origin) < releases.parse(DEFAULT_TARGET):
        return DEFAULT_TARGET
    known = list(releases.releases())
    if releases.parse(origin) > releases.parse(known[-1]):
        raise UsageError(
            f"RT {origin} is newer than every release that there is an image of, up to {known[-1]}.",
            repair=f"correct {option('from')}: RT shows its release at the foot of every page; or add a release "
            "to upgrade to (docs/add-a-release.md)",
        )
    return next((one for one in known if releases.parse(one) > releases.parse(origin)), origin)
