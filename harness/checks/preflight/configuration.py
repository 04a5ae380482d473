"""Check the site's configuration for things that the target has dropped, has absorbed, or cannot load.

Options are compared by name with those that the releases' own RT_Config.pm set; the notes about the releases in
between come from the target's UPGRADING documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from harness.checks.preflight.upgrading import Passage, passages, unmarked
from harness.common import redact
from harness.common.wording import one_line
from harness.database import Database
from harness.database.normalise import as_text
from harness.database.schema import Schema
from harness.rt import Rt
from harness.rt.configuration import Configuration
from harness.verdict import Report

_SET = re.compile(r"^\s*Set\s*\(?\s*[\$\@%](\w+)", re.MULTILINE)
_DOCUMENTED = re.compile(r"^=item C<[\$\@%](\w+)>", re.MULTILINE)
_PLUGIN = re.compile(r"^\s*Plugin\s*\(?\s*['\"]?([\w:]+)", re.MULTILINE)
_PLUGINS = re.compile(r"^\s*(?:Set\s*\(\s*@Plugins\s*,|Plugins\s*\()(.*?)\)\s*;", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"\b(?:qw\b)?\W*([A-Z]\w*(?:::\w+)+)")
_ABSORBED = re.compile(
    r"\b(?:integrated|incorporated|absorbed|added to core|part of (?:core|RT)|in core|no longer needed)\b",
    re.IGNORECASE,
)
LOST, STRANGE = "options that the target no longer knows", "options that neither release knows"
ABSORBED = "plugins that the target has absorbed"
SAID = "UPGRADING on what the site uses"
PASSAGES = "what UPGRADING says of this way"
"""A list of {file, heading, speaks_of, text}. speaks_of: the site's own options and plugins that it mentions."""
FORGOTTEN = "set in CONFIG and not in CONFIG_NEW"
PINNED = "options that the copies do not take from the site"
SEARCH = "FullTextSearch"
_TABLE = "Configurations"
OWN = ("/opt/rt/etc/RT_Config.pm", "/opt/rt/share/etc/RT_Config.pm")


def options(configuration: Configuration) -> dict[str, set[str]]:
    """Return the options that the site sets and the plugins that it loads, as {"options", "plugins"}."""
    found: dict[str, set[str]] = {"options": set(), "plugins": set()}
    for text in texts(configuration):
        found["options"] |= set(_SET.findall(text)) - {"Plugins"}
        found["plugins"] |= set(_PLUGIN.findall(text))
        for names in _PLUGINS.findall(text):
            found["plugins"] |= set(_WORD.findall(names))
    return found


def texts(configuration: Configuration) -> Iterator[str]:
    """Yield the texts of the files that RT reads as configuration, in its order, without comments."""
    for name, content in sorted(configuration.files.items()):
        if name.endswith(".pm") and "/" not in name:
            yield re.sub(r"^\s*#.*$", "", content.decode(errors="replace"), flags=re.MULTILINE)


def options_in_database(database: Database, schema: Schema) -> dict[str, str]:
    """Return the options set in the database itself, as name to content; RT has a table for them since 5.0.

    A half-made table, or another program's of that name, may lack the columns; that is for others to find.
    """
    table = schema.tables.get(_TABLE)
    if table is None or not {"Name", "Content", "Disabled"} <= {*table.columns}:
        return {}
    rows = database.rows(f"SELECT Name, Content FROM {_TABLE} WHERE Disabled = 0")
    return {as_text(name): as_text(content or "") for name, content in rows}


def known(release: Rt) -> set[str]:
    """Return the options that a release knows: those that its RT_Config.pm sets or documents."""
    text = release.of_image("sh", "-c", 'cat "$@" 2>/dev/null || true', "cat", *OWN)
    return set(_SET.findall(text)) | set(_DOCUMENTED.findall(text))


def judge(
    report: Report,
    configuration: Configuration,
    origin: Rt | None,
    target: Rt,
    path: tuple[str, str],
    *,
    former: Configuration | None = None,
    elsewhere: Collection[str] = (),
) -> None:
    """Add findings and facts about the new side's configuration. path: the releases, from and to.

    former: the old side's configuration. elsewhere: options that are set in the database, and so on both sides.
    """
    used = options(configuration)
    named = used["options"] | {*elsewhere}
    new, old = known(target), known(origin) if origin else set()
    report.looked_at += sum(map(len, used.values()))
    if origin:
        report.facts[LOST] = sorted((named & old) - new)
    elif named:
        report.out_of_scope.append(f"which options the target no longer knows: RT {path[0]} has no image here")
    report.facts[STRANGE] = sorted(named - new - old)
    report.facts[PINNED] = sorted(used["options"] & Configuration.pinned())
    documented = passages(target)
    if not documented:
        report.out_of_scope.append("the UPGRADING documents of the target: its image does not hold them")
    applicable = [passage for passage in documented if passage.applies(*path)]
    names = {*named, *used["plugins"]}
    report.facts[SAID] = _mentions(applicable, names)
    report.facts[PASSAGES] = [
        {
            "file": passage.file,
            "heading": passage.heading,
            "speaks_of": _named(passage.raw(), names),
            "text": passage.text(),
        }
        for passage in applicable
    ]
    report.facts[ABSORBED] = absorbed_plugins(report, applicable, used["plugins"])
    if former:
        then = options(former)
        needless = (old if origin else then["options"]) - new
        needless |= {*elsewhere, *Configuration.pinned(), *_integrated(applicable, then["plugins"])}
        report.facts[FORGOTTEN] = _forgotten(configuration, {*then["options"], *then["plugins"]} - needless)


def _forgotten(configuration: Configuration, names: set[str]) -> list[str]:
    """Return those of the names that a configuration does not mention at all.

    An option that seems not to be set may still be set by code in an unusual way, so only an unmentioned one is
    called missing.
    """
    return sorted(names.difference(_named("\n".join(texts(configuration)), names)))


def _named(text: str, names: Iterable[str]) -> list[str]:
    """Return those of the names that a text mentions."""
    return sorted(name for name in names if re.search(rf"(?<![\w:]){re.escape(name)}(?![\w:])", text))


def _mentions(applicable: Sequence[Passage], names: set[str]) -> list[str]:
    found: list[str] = []
    for passage in applicable:
        for paragraph in passage.paragraphs:
            if hit := _named(paragraph, names):
                said = " ".join(unmarked(paragraph).split())
                found.append(f"FROM {passage.heading}, {', '.join(hit)}: {one_line(said, 300)}")
    return found


def _integrated(applicable: Sequence[Passage], plugins: set[str]) -> dict[str, str]:
    """Return the plugins that RT now contains, by name, with the place in its documents that says so."""
    found: dict[str, str] = {}
    for passage in applicable:
        said = ""  # a heading applies to the list below it
        for paragraph in passage.paragraphs:
            if paragraph.startswith("=head"):
                said = paragraph if _ABSORBED.search(paragraph) else ""
            if said or _ABSORBED.search(paragraph):
                for name in _named(paragraph, plugins.difference(found)):
                    found[name] = said or paragraph
    return found


def absorbed_plugins(report: Report, applicable: Sequence[Passage], plugins: set[str]) -> list[str]:
    """Report the plugins that RT now contains; return their names."""
    found = _integrated(applicable, plugins)
    for name, said in found.items():
        report.find(
            f"Plugin {name}",
            "the target release has absorbed this extension; both together do harm",
            samples=(" ".join(said.split())[:300],),
            repair=f"take {name} out of the new side's configuration; convert its data if any",
        )
    return sorted(found)


def loads(report: Report, probed: dict[str, object]) -> None:
    """Judge the probe's result: a configuration that cannot be read or served, plugins that cannot be loaded."""
    if path := str(probed.get("web_path") or ""):
        _below(report, path)
    if trouble := str(probed.get("configuration") or ""):
        report.find(
            "configuration",
            "the target cannot read it",
            samples=(redact.line(trouble),),
            repair="mend the line of CONFIG that it stops at (CONFIG_NEW, where only the new side is to differ)",
        )
    missing = probed.get("missing")
    for name, why in (missing if isinstance(missing, dict) else {}).items():
        report.find(
            f"Plugin {name}",
            "the target cannot load this extension, so it does not start",
            samples=(redact.line(why),),
            repair="put a version for the target into CONFIG/plugins, or take it out of the configuration",
        )


def _below(report: Report, path: str) -> None:
    """Report that the site is set to be below a path (WebPath), which no instance would serve."""
    repair = "Set($WebPath, '') in CONFIG, or in a CONFIG_NEW that has all the rest as well"
    if path == "/":
        report.find(
            "WebPath",
            "the configuration sets it to /, and RT wants no / at its end: the image takes only '', which is the "
            "same place, and no instance would start",
            repair=repair,
        )
        return
    report.find(
        "WebPath",
        f"the configuration sets it to {path}, and the image serves RT at /: no instance would start, for all "
        "links, the login's form and the cookie would be for another place, and nobody could log in",
        repair=f"{repair}; let what stands in front redirect {path} to /",
    )


def index(
    report: Report,
    schema: Schema,
    probed: dict[str, Any],
    former: Configuration | None,
    *,
    append_structure: Callable[[str], str],
) -> None:
    """Report a full-text index whose table is missing in the dump, because backups leave it out.

    former: the old side's configuration, if it has another one. An index that the site has not had so far is
    created after the upgrade. The target's log messages about such a table are removed from the probe's result:
    this finding replaces them. append_structure: returns the repair of a dump that lacks the table of this name.
    """
    name = probed.get("index")
    if not isinstance(name, str) or (former is not None and SEARCH not in options(former)["options"]):
        return
    report.looked_at += 1
    if name.lower() in {table.lower() for table in schema.tables}:
        return
    probed["complaints"] = [one for one in probed.get("complaints", []) if name not in one]
    probed["said"] = [one for one in probed.get("said", []) if name not in one.text]
    report.find(
        SEARCH,
        f"the configuration searches for words in the table {name}, which the dump lacks: RT logs an "
        "error at each start and turns that search off; what it finds cannot be tried without the table's rows",
        repair=append_structure(name),
    )
