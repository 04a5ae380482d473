"""Each bundled dump has a recipe, a fitting manifest, and all content that it promises."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixtures.databases import CloneFactory
from harness import dump, dumpmaking
from harness.database import Database
from harness.dump import FOLDER
from harness.dumpmaking import promises, writing
from harness.errors import UsageError
from harness.upgrade.lifecycle import Lifecycle

NAMES = sorted(dumpmaking.recipes())
FACTS = {
    "release": "4.4.6",
    "server": "mariadb-10.11",
    "why": 'a "quoted" word, größer, C:\\n',
    "sha256": "0" * 64,
}


def test_recipes_and_files_are_the_same_set() -> None:
    """A dump without a recipe cannot be made again; a recipe without a dump is incomplete."""
    assert sorted(path.name.removesuffix(".sql.zst") for path in FOLDER.glob("*.sql.zst")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_dump_is_what_its_manifest_says(name: str) -> None:
    """The dump is read to its closing line, so that a damaged or shortened file in the repository is detected."""
    found = dump.load(FOLDER / f"{name}.sql.zst")
    recipe = dumpmaking.recipes()[name]
    assert found.manifest is not None
    assert (found.manifest.release, found.manifest.server) == (recipe.release, recipe.server)
    assert sum(len(chunk) for chunk in found.chunks()) > 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        '[[dump]]\nname = "rt-4.4.6-x"\nrelease = "4.4.6"\nserver = "mariadb-10.11"\n',
        '[[dump]]\nname = "rt-4.4.6-x"\nrelease = "4.4.6"\nserver = "s"\nwhy = "w"\nsede = 1\n',
        '[[dump]]\nname = "rt-4.4.4-x"\nrelease = "4.4.6"\nserver = "s"\nwhy = "w"\n',
    ],
    ids=["no reason", "misspelt", "name of another release"],
)
def test_a_wrong_recipe_is_refused(tmp_path: Path, text: str) -> None:
    """A wrong recipe must be refused before anything is started for it."""
    (tmp_path / "recipes.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        dumpmaking.recipes(tmp_path / "recipes.toml")


def test_a_manifest_reads_back_as_written(tmp_path: Path) -> None:
    """A manifest that cannot be read makes its dump useless, so any text in it must survive."""
    text = writing.manifest_text({**FACTS, "rows": {"Users": 3, "ACL": 0}, "accounts": {"a.b c": 'p"w'}})
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    manifest = dump.read_manifest(tmp_path / "x.toml")
    assert (manifest.why, manifest.rows, manifest.accounts) == (
        FACTS["why"],
        {"Users": 3, "ACL": 0},
        {"a.b c": 'p"w'},
    )


def test_the_generators_hash_changes_with_its_files(tmp_path: Path) -> None:
    """The hash identifies the generator's state that made a dump: names and contents of files both count."""
    copy = shutil.copytree(dumpmaking.GENERATOR, tmp_path / "generator")
    same = dumpmaking.generator_hash(copy)
    (copy / "Populate" / "Words.pm").rename(copy / "Populate" / "Texts.pm")
    renamed = dumpmaking.generator_hash(copy)
    (copy / "populate.pl").write_text("1;\n", encoding="utf-8")
    assert len({same, renamed, dumpmaking.generator_hash(copy)}) == 3
    assert same == dumpmaking.generator_hash()


def restored(lifecycle: Lifecycle, clone: CloneFactory, name: str) -> tuple[Database, str, list[str], list[str]]:
    """Return a bundled dump restored, its release, the features that release lacks, and the dump's variants."""
    found = dump.load(FOLDER / f"{name}.sql.zst")
    assert found.manifest is not None
    facts = found.manifest.facts
    database = clone(lifecycle.restored(found, found.manifest.server))
    return database, found.manifest.release, facts["release_lacks"], facts.get("variants", [])


@pytest.mark.engine
@pytest.mark.parametrize("name", NAMES)
def test_a_restored_dump_keeps_its_promises(lifecycle: Lifecycle, clone: CloneFactory, name: str) -> None:
    """Every check needs data to look at, after a restore and not only where the dump was made."""
    assert promises.broken(*restored(lifecycle, clone, name)) == []


@pytest.mark.engine
def test_a_broken_promise_is_noticed(lifecycle: Lifecycle, clone: CloneFactory) -> None:
    """Each loss must be reported under its own name."""
    database, release, lacking, variants = restored(lifecycle, clone, "rt-4.4.6-campus")
    losses = {
        "merged tickets": "UPDATE Tickets SET IsMerged = NULL",
        "kinds of links": "DELETE FROM Links",
        "groups three levels deep": "DELETE FROM GroupMembers",
        "attachments with every byte, empty, and large": "UPDATE Attachments SET Content = LEFT(Content, 100)",
        "homepages of single users": "DELETE FROM Attributes WHERE Name LIKE 'Pref-Home%'",
    }
    for what, sql in losses.items():
        database.execute(sql)
        assert any(
            line.startswith(f"{what}:") for line in promises.broken(database, release, lacking, variants)
        ), what
