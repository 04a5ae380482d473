"""Provide the stages of the lifecycle on one engine: images, baselines, old and new side of an upgrade."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from docker import DockerClient

from harness import upgrade
from harness.common import cache, private
from harness.common.notify import Notify, quiet
from harness.common.wording import option
from harness.database import Database
from harness.database.address import Reachable
from harness.database.baseline import Baselines
from harness.database.baseline_record import PRIVATE, Baseline
from harness.database.copying import Room
from harness.dump import Dump
from harness.dump.choice import Choice
from harness.dump.text import Text
from harness.errors import UsageError
from harness.images import Images
from harness.releases import Pair, neighbour, pair, release, releases, server
from harness.rt import PERL, Rt, new_site
from harness.rt.configuration import Configuration
from harness.upgrade import UpgradeRun

COPIES = 3
"""Copies of a restored dump at once: the untouched side, the upgraded one, one where the old release mails."""
COPIES_WITH_ANOTHER = 2
"""Copies per server if the old release is asked on another server.

On the pair's server: the untouched side and the upgraded one; on the other one, which restores the dump again: the
one it is asked about, and one where it sends mails.
"""


def need_both_sides(old: Configuration, new: Configuration | None) -> None:
    """Raise UsageError if the new side has a configuration of the site's own and the old side has none."""
    if new is not None and new.files and not old.files:
        raise UsageError(
            f"{option('config-new')} was given without {option('config')}: the old release would run without the "
            "site's settings, and what they change would look like defects of the upgrade.",
            repair="give what the old release runs with as the latter; where both have the same, that one alone",
        )


@dataclass
class Lifecycle:
    """Everything a test needs to get a database or an RT container.

    configuration: the site's own, of the old side; also of the new side, unless `new_configuration` is given.
    """

    client: DockerClient
    configuration: Configuration
    notify: Notify = quiet
    new_configuration: Configuration | None = None
    _own: set[str] = field(default_factory=set)
    """Releases already verified to work on the copy with this configuration."""

    def __post_init__(self) -> None:
        """Connect the makers to the engine. Raises UsageError if only the new side has a configuration."""
        need_both_sides(self.configuration, self.new_configuration)
        self.images = Images(self.client, self.notify)
        self.baselines = Baselines(self.client, self.notify)
        self.new_side = self
        """The lifecycle of the new side: its containers have the site's configuration after the upgrade."""
        if self.new_configuration is not None:
            self.new_side = Lifecycle(self.client, self.new_configuration, self.notify)
            self.new_side.images, self.new_side.baselines = self.images, self.baselines

    def server_image(self, name: str) -> str:
        """Return the image of a database server, building it if needed."""
        return self.images.server(server(name))

    def rt_image(self, version: str) -> str:
        """Return the image of an RT release, building it if needed."""
        return self.images.rt(release(version))

    def image_id(self, version: str) -> str:
        """Return the id of that image: the same tag has other packages if it was built at another time."""
        return str(self.client.images.get(self.rt_image(version)).id)

    def has_image(self, version: str) -> bool:
        """Tell whether releases.toml has a row for this release, so that its code can be run."""
        return version in releases()

    def restored(self, dump: Dump, server_name: str) -> Baseline:
        """Return the baseline of a dump on a server."""
        return self.baselines.of_dump(dump, server(server_name), self.server_image(server_name))

    def server_of_old_release(self, choice: Choice) -> str | None:
        """Return the server on which the old release, or the neighbour that replaces it, is asked.

        None for the pair's own.
        """
        pair, version = choice.pair, choice.pair.origin
        if not self.has_image(version):
            with self.tools(pair.target, None, configuration=Configuration()) as target:
                version = neighbour(version, target.structural_steps()) or ""
        name = choice.server_for(version) if version else pair.server
        return None if name == pair.server else name

    def prepared(self, dump: Dump, server_name: str, text: Text | None, another: str | None = None) -> Baseline:
        """Return the baseline of a dump for a gate or a forecast, which will make copies of it.

        text: facts read from the dump, if it has been read. another: the server on which the old release is asked,
        where the dump is restored and copied as well.
        Raises InfrastructureError if the engine's disk has no room for all of it, as early as that can be known,
        and otherwise the errors of `restored`.
        """
        image, name = self.server_image(server_name), dump.path.name
        copies = COPIES_WITH_ANOTHER if another else COPIES
        there = self._room_on(another, dump) if another else Room(0, 0)
        elsewhere = f"; and for it on {another}, where the old release is asked" if another else ""
        upgraded = 1  # of the copies; if they share blocks, an upgrade may rewrite all blocks of its own
        if text and not self.baselines.has(dump, server(server_name), image):
            room = (Room(1 + copies, 1 + upgraded) + there).times(text.least // 1000)
            what = f"{name}, restored and copied {copies} times, at the least{elsewhere}"
            self.baselines.need_room(image, room, what)
        baseline = self.restored(dump, server_name)
        whole, largest = baseline.size  # a table that is rebuilt lies beside the old one
        room = (Room(copies, upgraded) + there).times(whole) + Room(largest, 0)
        what = f"{copies} copies of {name} as restored, one of them upgraded{elsewhere}"
        self.baselines.need_room(image, room, what, baseline)
        return baseline

    def _room_on(self, name: str, dump: Dump) -> Room:
        """Return the space that another server needs to restore and copy a dump, in multiples of its size."""
        missing = int(not self.baselines.has(dump, server(name), self.server_image(name)))
        return Room(missing + COPIES_WITH_ANOTHER, missing)

    def tools(self, version: str, database: Reachable | None, **options: object) -> Rt:
        """Return an idle container of a release, connected to a database. The caller removes it.

        database: must answer if the site has a configuration of its own.
        Raises UsageError if that configuration connects RT to another database.
        """
        options.setdefault("configuration", self.configuration)
        rt = Rt(self.client, version, self.rt_image(version), database, **options)  # type: ignore[arg-type]
        configuration = options["configuration"]
        own = isinstance(configuration, Configuration) and bool(configuration.files)
        if isinstance(database, Database) and own and version not in self._own:
            try:
                _need_own_server(rt, database)
            except BaseException:
                rt.remove()
                raise
            self._own.add(version)
        return rt

    def site(
        self, version: str, database: Database, *, wait: bool = True, form: bool = True, **options: object
    ) -> Rt:
        """Return a serving container of a release. The caller removes it. form: as for `Rt.wait`."""
        site = self.tools(version, database, serve=True, **options)
        try:
            return site.wait(form=form) if wait else site
        except BaseException:
            site.remove()
            raise

    def fresh(self, version: str, server_name: str) -> Baseline:
        """Return a baseline made by this release's own `init`: a new site."""

        def work(database: Database) -> None:
            with self.tools(version, database, configuration=Configuration()) as tools:
                new_site.need_initialised(tools)

        return self.baselines.of_work(
            ["init", self.image_id(version)],
            server(server_name),
            self.server_image(server_name),
            f"initialising RT {version} on {server_name}",
            work,
        )

    def upgraded(self, pair: Pair, dump: Dump) -> tuple[Baseline, UpgradeRun]:
        """Return a baseline of the upgraded dump, and the run that made it, with the new side's configuration.

        For tests that plant defects into an upgraded database. A gate never uses it: a verdict requires an upgrade
        that ran for it.
        """
        return self._upgraded(self.restored(dump, pair.server), pair, dump.name)

    def upgraded_along(
        self, path: Sequence[str], server_name: str, dump: Dump
    ) -> tuple[Baseline, list[UpgradeRun]]:
        """Return a baseline of the dump upgraded through the releases of a path, and the runs.

        Intermediate releases also have the new side's configuration. See `upgraded`.
        """
        baseline, runs = self.restored(dump, server_name), []
        for origin, target in itertools.pairwise(path):
            baseline, run = self._upgraded(baseline, pair(origin, target, server_name), dump.name)
            runs.append(run)
        return baseline, runs

    def _upgraded(self, before: Baseline, pair: Pair, name: str) -> tuple[Baseline, UpgradeRun]:
        configuration = self.new_side.configuration
        own = configuration.inside() if configuration.files else ()
        files = [f"{path}:{cache.digest(content)}" for path, content in own]
        parts = ["upgrade", before.key, self.image_id(pair.target), pair.origin, *files]
        # The output of an upgrade may quote its data.
        kept = private.directory() if before.key.startswith(PRIVATE) else cache.directory("runs")
        record = kept / f"{cache.digest(*parts)}.json"

        def work(database: Database) -> None:
            with self.new_side.tools(pair.target, database) as tools:
                run = upgrade.run(tools, pair.origin, pair.target)
            record.with_suffix(f".{database.container.id[:12]}").write_text(json.dumps(asdict(run)))
            record.with_suffix(f".{database.container.id[:12]}").replace(record)

        baseline = self.baselines.of_clone(before, parts, f"upgrading {name} {pair}", work)
        facts = json.loads(record.read_text(encoding="utf-8"))
        facts["lines"] = [tuple(line) for line in facts["lines"]]
        return baseline, UpgradeRun(**facts)


_WHERE = """
use RT; RT::LoadConfig(); RT::ConnectToDatabase();
print $RT::Handle->dbh->selectrow_array('SELECT @@hostname');
"""


def _need_own_server(tools: Rt, database: Database) -> None:
    """Raise UsageError if RT's own connection leads to another server than the copy's.

    The site's code may build that connection in any way. A failing connection is harmless here; the checks report
    it.
    """
    done = tools.container.run([*PERL, "-"], stdin=[_WHERE.encode()], limit=120)
    if done.code == 0 and done.out.strip() != database.value("SELECT @@hostname"):
        raise UsageError(
            f"With this configuration RT {tools.release} works on another database server than the copy's.",
            repair="take what changes the connection (lib/RT/Handle_Local.pm, a plugin) out of CONFIG",
        )
