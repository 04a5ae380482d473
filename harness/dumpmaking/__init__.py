"""Make the bundled dumps: fill an old release with a seeded generator through RT itself, then dump its database.

    python -m harness.dumpmaking [NAME ...]

Without names, all of fixtures/dumps/recipes.toml are made. The generator is Perl, in fixtures/dumps/generator.

`writing` writes a dump and its manifest, `promises` states what the content must hold, `vocabulary` collects the
words that log lines may show.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient

from harness import end_of_run, engine
from harness.common.arguments import Parser
from harness.common.notify import Notify
from harness.database import Database
from harness.database.address import Credentials
from harness.dump import FOLDER
from harness.dumpmaking import promises, writing
from harness.engine import faults
from harness.errors import InfrastructureError, UsageError
from harness.images import Images
from harness.releases import release, server
from harness.rt import Rt, new_site
from harness.rt.configuration import Configuration

GENERATOR = FOLDER / "generator"
RECIPES = FOLDER / "recipes.toml"
INSIDE = "/opt/generator"
CHEAP_LOGINS = {"~cheap-logins.pm": b"Set($BcryptCost, 4);\n1;\n"}
"""Settings for cheap password hashes: tests check these passwords a hundred times, and measure RT, not bcrypt."""
LIMIT = 1800.0
"""Time limit of the generator in seconds; it needs one to twelve minutes on two cores."""


@dataclass(frozen=True)
class Recipe:
    """How one bundled dump is made: a [[dump]] of recipes.toml, which explains the fields."""

    name: str
    release: str
    server: str
    why: str
    seed: int = 1
    tickets: int = 220
    added: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    config: str = ""

    @property
    def arguments(self) -> list[str]:
        """Return the generator's command line."""
        variants = [f"--with={name}" for name in self.added] + [f"--without={name}" for name in self.left_out]
        return [f"--seed={self.seed}", f"--tickets={self.tickets}", *variants]


@dataclass(frozen=True)
class Content:
    """The generator's summary: counts by kind, test accounts, features the release lacks, variants."""

    made: dict[str, int]
    accounts: dict[str, str]
    lacking: list[str]
    variants: list[str]
    seconds: float


def recipes(path: Path = RECIPES) -> dict[str, Recipe]:
    """Return the recipes by name, in the order of the file. Raises UsageError if one is invalid."""
    found: dict[str, Recipe] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("dump", []):
        values: dict[str, Any] = {**entry}
        values["added"] = tuple(values.pop("with", ()))
        values["left_out"] = tuple(values.pop("without", ()))
        try:
            recipe = Recipe(**values)
        except TypeError as error:
            raise UsageError(f"A dump in {path.name} cannot be made: {error}.") from error
        if recipe.name in found or not recipe.name.startswith(f"rt-{recipe.release}-"):
            raise UsageError(f"The name {recipe.name} in {path.name} is taken or not rt-<release>-<keyword>.")
        found[recipe.name] = recipe
    return found


def generator_files(folder: Path = GENERATOR) -> list[tuple[str, bytes]]:
    """Return (absolute path in the container, content) of the generator's files."""
    return [
        (f"{INSIDE}/{path.relative_to(folder)}", path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".pl", ".pm"}
    ]


def generator_hash(folder: Path = GENERATOR) -> str:
    """Return the version of the generator: a sha256 over the names and contents of its files."""
    total = hashlib.sha256()
    for name, content in generator_files(folder):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def populate(site: Rt, recipe: Recipe, notify: Notify = print) -> Content:
    """Run the generator in a serving container of RT whose database is freshly initialised.

    Raises InfrastructureError if it fails, or if RT logged an error while it ran.
    """
    started = time.monotonic()

    def heard(line: str) -> None:
        if line.endswith(" s") and ": " in line and not line.startswith("["):
            notify(f"{recipe.name}: {line}")

    done = site.container.run(
        ["perl", f"{INSIDE}/populate.pl", *recipe.arguments],
        environment={"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"},
        limit=LIMIT,
        heard=heard,
    )
    if done.code:
        raise InfrastructureError(
            f"RT {recipe.release} could not be filled with the content of {recipe.name} "
            f"(exit code {done.code}{', time limit' if done.timed_out else ''}).",
            [("Last lines of the generator", "\n".join(done.err.splitlines()[-15:])), *site.container.evidence()],
            f"python -m harness.dumpmaking {recipe.name}",
        )
    summary = json.loads(done.out.splitlines()[-1])
    if summary["release"] != recipe.release:
        raise InfrastructureError(f"{recipe.name} was made by RT {summary['release']}, not {recipe.release}.")
    seconds = round(time.monotonic() - started, 1)
    return Content(summary["made"], summary["accounts"], summary["left_out"], summary["variants"], seconds)


def check_integrity(site: Rt, recipe: Recipe) -> None:
    """Check the content with the release's own rt-validator. Raises InfrastructureError with its findings."""
    done = site.run("rt-validator", "--check", limit=600)
    if done.code:
        raise InfrastructureError(
            f"rt-validator of RT {recipe.release} finds faults in {recipe.name}: it must not be bundled.",
            [("rt-validator --check", done.err[-4000:] or done.out[-4000:])],
        )


def generate(database: Database, site: Rt, recipe: Recipe, folder: Path = FOLDER, notify: Notify = print) -> Path:
    """Fill the site and write dump and manifest into `folder`; return the dump's path.

    The site serves the database, which is freshly initialised, and contains `generator_files()`.
    """
    generator = generator_hash()  # before the long run, during which the files may be edited
    content = populate(site, recipe, notify)
    check_integrity(site, recipe)
    if missing := promises.broken(database, recipe.release, content.lacking, content.variants):
        raise InfrastructureError(
            f"The content of {recipe.name} does not keep {len(missing)} of its promises.",
            [("Promised in fixtures/dumps/promises.toml", "\n".join(missing))],
        )
    notify(f"{recipe.name}: dumping")
    command = f"python -m harness.dumpmaking {recipe.name}  # populate.pl {shlex.join(recipe.arguments)}"
    facts: dict[str, Any] = {
        "release": recipe.release,
        "server": recipe.server,
        "server_version": str(database.value("SELECT VERSION()")),
        "why": recipe.why,
        "made_with": command,
        "seed": recipe.seed,
        "generator": generator,
        "variants": content.variants,
        "config": recipe.config,
        "release_lacks": content.lacking,
        "seconds": content.seconds,
        "healthcheck_ticket": 1,
        "made": content.made,
        "accounts": content.accounts,
    }
    return writing.write(database, folder / f"{recipe.name}.sql.zst", facts)


def make(client: DockerClient, recipe: Recipe, folder: Path = FOLDER, notify: Notify = print) -> Path:
    """Make one dump from nothing: start the server, initialise, serve, fill, dump, remove."""
    images = Images(client, notify)
    where, code = server(recipe.server), images.rt(release(recipe.release))
    own = recipe.config and (FOLDER / recipe.config)
    configuration = Configuration({**Configuration.read(own or None).files, **CHEAP_LOGINS})
    credentials = Credentials("generator", "generator-root")
    with Database(client, where, images.server(where), credentials, first_start=True) as database:
        with Rt(client, recipe.release, code, database, configuration=configuration) as tools:
            new_site.need_initialised(tools)
        files = generator_files()
        with Rt(
            client, recipe.release, code, database, configuration=configuration, serve=True, files=files
        ) as site:
            return generate(database, site.wait(), recipe, folder, notify)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the dumps named on the command line, or all of them."""
    return faults.run_command("dumpmaking", lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    known = recipes()
    parser = Parser(prog="python -m harness.dumpmaking", description="Make the bundled dumps.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(known)}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write them (default: %(default)s)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"there is no recipe for {', '.join(unknown)}; there are: {', '.join(known)}")
    try:
        with contextlib.closing(engine.connect()) as client:
            for name in options.names or known:
                path = make(client, known[name], options.folder)
                print(f"{path} ({path.stat().st_size / 1000:.0f} kB)", flush=True)
    finally:
        end_of_run.clear("dumpmaking")
    return 0
