"""The code is ordered by stages: a module imports only earlier ones, and no check names a release."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from harness.dumpmaking.vocabulary import string_literals
from harness.releases import ROOT

STAGES: dict[str, tuple[str, ...]] = {
    "what all stand on": ("common", "errors", "verdict"),
    "releases": ("releases",),
    "engine": ("engine", "images", "leftovers", "end_of_run", "setup"),
    "dump": ("dump",),
    "baseline, clone": ("database",),
    "site": ("rt", "load"),
    "upgrade": ("upgrade", "dumpmaking"),
    "checks": ("checks",),
    "what asks them": ("stage", "drills", "forecast", "traps"),
    "deploy": ("marathon",),
    "verdict": ("report",),
}
"""Modules and packages of harness/ by stage, in the order of the design; `verdict` is used by all."""
ORDER = {name: number for number, names in enumerate(STAGES.values()) for name in names}
SOURCES = sorted((ROOT / "harness").rglob("*.py"))
PACKAGES = [path for path in SOURCES if path.name == "__init__.py" and path.parent != ROOT / "harness"]
CHECKS = sorted((ROOT / "harness" / "checks").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PYTHON = [path for room in ("harness", "fixtures", "tests", "benchmarks") for path in (ROOT / room).rglob("*.py")]
RELEASE = re.compile(r"(?<![\w.])[1-9]\d*\.\d+\.\d+(?![\w.])")
"""Three numbers; an address has four."""


def part(path: Path) -> str:
    """Return the module or package just below harness/ that a file belongs to; "" for harness itself."""
    first = path.relative_to(ROOT / "harness").parts[0]
    return first.removesuffix(".py").replace("__init__", "")


def offenders(
    paths: Iterable[Path], problem: Callable[[str], Collection[object]]
) -> dict[str, Collection[object]]:
    """Return the files with a problem in their source, each with what it is."""
    found = {str(path.relative_to(ROOT)): problem(path.read_text(encoding="utf-8")) for path in paths}
    return {path: problems for path, problems in found.items() if problems}


@functools.cache
def imports(source: str) -> frozenset[str]:
    """Return the full names of everything a module imports, also within functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return frozenset(found)


def module(path: Path) -> str:
    """Return the full name of a file's module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def circles(sources: dict[str, str]) -> list[list[str]]:
    """Return the import cycles among modules, given as name to source: one list per cycle."""
    needed = {
        name: {one if one in sources else one.rpartition(".")[0] for one in imports(source)}
        & set(sources) - {name}
        for name, source in sources.items()
    }
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            found.append([*way[way.index(name) :], name])
        elif name not in done:
            for other in sorted(needed[name]):
                visit(other, [*way, name])
            done.add(name)

    for name in sorted(sources):
        visit(name, [])
    return found


def backwards(here: str, source: str) -> list[str]:
    """Return the parts of the harness that a module of part `here` imports although they come later."""
    known = {name.split(".")[1] for name in imports(source) if name.startswith("harness.")}
    return sorted(name for name in known if name in ORDER and ORDER[name] > ORDER[here])


def releases_in(source: str) -> list[str]:
    """Return version numbers in code; docstrings and comments may name one as an example."""
    return [found for text in string_literals(source) for found in RELEASE.findall(text)]


def test_every_module_has_its_stage() -> None:
    """A module without a stage could import anything."""
    assert sorted({part(path) for path in SOURCES} - {""} - set(ORDER)) == []
    assert sorted(set(ORDER) - {part(path) for path in SOURCES}) == []


def test_nothing_is_imported_from_a_later_stage() -> None:
    """A stage can be changed without reading those after it."""
    found = {
        module(path): later
        for path in SOURCES
        if (here := part(path)) and (later := backwards(here, path.read_text(encoding="utf-8")))
    }
    assert found == {}


def foreign(source: str) -> list[str]:
    """Return the packages outside of the library that a module imports."""
    return sorted({name.split(".")[0] for name in imports(source)} & {"pytest", "fixtures", "tests", "benchmarks"})


def test_the_harness_is_a_plain_library() -> None:
    """It must be usable without pytest, by the gate's command and by other programs."""
    assert offenders(SOURCES, foreign) == {}


def unnamed_parts(package: Path) -> list[str]:
    """Return the modules of a package that its docstring does not name in backquotes."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    parts = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    return sorted(parts - set(re.findall(r"`(\w+)`", docstring)))


def test_a_package_says_what_its_parts_are() -> None:
    """Readers of a package must find the right module without reading all of them."""
    found = {module(path): unnamed_parts(path.parent) for path in PACKAGES}
    assert {package: parts for package, parts in found.items() if parts} == {}


def hidden_parts(source: str, package: str, parts: Collection[str]) -> list[str]:
    """Return names that a package's module binds to something else than its part of that name."""
    bound: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.module != package:
            bound += [one.asname or one.name for one in node.names]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.append(node.name)
        elif isinstance(node, ast.Assign):
            bound += [one.id for one in node.targets if isinstance(one, ast.Name)]
    return sorted({*bound} & {*parts})


def test_no_package_hides_its_parts() -> None:
    """Whichever is imported last would have the name: a function is a module then, depending on the order."""
    found = {
        module(path): hidden_parts(
            path.read_text(encoding="utf-8"),
            module(path),
            [one.stem for one in path.parent.iterdir() if one.suffix == ".py" or one.is_dir()],
        )
        for path in PACKAGES
    }
    assert {package: names for package, names in found.items() if names} == {}


def test_no_modules_need_each_other() -> None:
    """Such modules could not be read, tested or changed separately; an import within a function only hides it."""
    assert circles({module(path): path.read_text(encoding="utf-8") for path in SOURCES}) == []


def test_signals_have_one_home() -> None:
    """Signals must be handled in one place; a second one would forget the signals that nohup ignores."""
    own = re.compile(r"\bsignal\.signal\(|\bSIGHUP\b")
    found = [module(path) for path in SOURCES if own.search(path.read_text(encoding="utf-8"))]
    assert found == ["harness.common.interrupts"]


def of_pytest(source: str) -> list[str]:
    """Return the imported modules that pytest collects or loads by itself."""
    named = sorted(name for name in imports(source) if name.startswith("tests."))
    return [name for name in named if re.search(r"\.(test_\w+|conftest)(\.|$)", name)]


def test_no_test_is_imported() -> None:
    """Shared code belongs into a plain module, so that each test can be changed on its own."""
    assert offenders(TESTS, of_pytest) == {}


def careless_lists(source: str) -> list[int]:
    """Return the lines that list images or containers so that one which goes meanwhile is an error."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(ast.Attribute(ast.Attribute(attr="images"), "list")):
                found.append(node.lineno)
            case ast.Call(ast.Attribute(ast.Attribute(attr="containers"), "list"), keywords=given):
                kept = any(ast.unparse(one) == "ignore_removed=True" for one in given)
                found += [] if kept else [node.lineno]
            case _:
                pass
    return found


def test_what_others_remove_ends_no_listing() -> None:
    """An engine is shared: the client looks at each thing listed, of whatever run, and some have gone by then."""
    assert offenders(PYTHON, careless_lists) == {}, "containers_of, api.images"


def test_a_check_names_no_release() -> None:
    """What a step may change is data beside the check; code for one release is wrong for the next one."""
    assert offenders(CHECKS, releases_in) == {}


def test_what_must_not_be_is_noticed(tmp_path: Path) -> None:
    """Imports within functions, and versions in code but not in docstrings, must be detected."""
    (tmp_path / "__init__.py").write_text('"""Holds `one`."""')
    for name in ("__main__", "one", "two"):
        (tmp_path / f"{name}.py").touch()
    assert unnamed_parts(tmp_path) == ["two"]
    module_of_p = "from a.b import one\nfrom p import two\ndef three(): pass\nfour = 4"
    assert hidden_parts(module_of_p, "p", ["one", "two", "three"]) == ["one", "three"]
    assert foreign("import pytest\nfrom fixtures.gate import main\nimport ast") == ["fixtures", "pytest"]
    assert set(offenders(CHECKS, lambda source: [len(source)])) == {str(path.relative_to(ROOT)) for path in CHECKS}
    assert backwards("database", "def work():\n    from harness.upgrade import lifecycle") == ["upgrade"]
    assert backwards("checks", "from harness.report import text\nimport harness.stage") == ["report", "stage"]
    assert backwards("stage", "from harness.checks import rows") == []
    hidden = {
        "a.b": "def work():\n    from a.c import thing",
        "a.c": "from a import d",
        "a.d": "import a.b",
        "a": "",
    }
    assert circles(hidden) == [["a.b", "a.c", "a.d", "a.b"]]
    assert circles({"a.b": "import a.c\nfrom a import c", "a.c": "import os"}) == []
    assert len(of_pytest("from tests.a.test_b import c\nfrom tests.a import conftest, shared, test_d")) == 3
    kept = "ignore_removed=True"
    assert careless_lists(f"a.containers.list(all=True)\nb.images.list({kept})\nc.containers.list({kept})") == [
        1,
        2,
    ]
    assert releases_in('"""As 5.0.3 does."""\nif release >= "5.0.3": pass\nurl = "http://127.0.0.1/"') == ["5.0.3"]
