"""What of the site's configuration the target release no longer knows, has absorbed, or cannot load.

Options are compared by name with those that the releases' own RT_Config.pm set; what is to be read about the way
between the releases comes from the target's UPGRADING documents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness import redact
from harness.releases import parse
from harness.rt import Configuration, Rt
from harness.verdict import Report

_SET = re.compile(r"^\s*Set\s*\(?\s*[\$\@%](\w+)", re.MULTILINE)
_DOCUMENTED = re.compile(r"^=item C<[\$\@%](\w+)>", re.MULTILINE)
_PLUGIN = re.compile(r"^\s*Plugin\s*\(?\s*['\"]?([\w:]+)", re.MULTILINE)
_PLUGINS = re.compile(r"^\s*(?:Set\s*\(\s*@Plugins\s*,|Plugins\s*\()(.*?)\)\s*;", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"\b(?:qw\b)?\W*([A-Z]\w*(?:::\w+)+)")
_HEAD = re.compile(r"^=head1\s+UPGRADING\s+FROM\s+(.*)$", re.MULTILINE | re.IGNORECASE)
_ABSORBED = re.compile(
    r"\b(?:integrated|incorporated|absorbed|added to core|part of (?:core|RT)|in core|no longer needed)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+\.\d+\.\d+")
PINNED = "options that the copies do not take from the site"
OWN = ("/opt/rt/etc/RT_Config.pm", "/opt/rt/share/etc/RT_Config.pm")
_DOCUMENTS = (
    'for f in /usr/share/doc/request-tracker*/UPGRADING-*; do [ -e "$f" ] || continue; '
    'echo "=document $f"; zcat -f "$f"; done'
)


@dataclass(frozen=True)
class Passage:
    """A part of an UPGRADING document: the releases that it is for (its heading) and its paragraphs."""

    heading: str
    paragraphs: tuple[str, ...]

    def applies(self, origin: str, target: str) -> bool:
        """Tell whether it is for the way from `origin` to `target`.

        "FROM 1.2.3 AND EARLIER" is for those who come from there or before and go past it; "FROM 1.2.0 and
        greater" heads a whole document, for those who leave that series.
        """
        numbers = [parse(one) for one in _NUMBER.findall(self.heading)]
        if not numbers:
            return False
        if re.search("greater|later", self.heading, re.IGNORECASE):
            return parse(origin) < (numbers[0][0], numbers[0][1] + 1, 0) <= parse(target)
        return parse(origin) <= max(numbers) < parse(target)


def options(configuration: Configuration) -> dict[str, set[str]]:
    """Return the options that the site sets, "plugins" among the keys of what is found: {"options", "plugins"}."""
    found: dict[str, set[str]] = {"options": set(), "plugins": set()}
    for name, content in configuration.files.items():
        if not name.endswith(".pm") or "/" in name:
            continue
        text = re.sub(r"^\s*#.*$", "", content.decode(errors="replace"), flags=re.MULTILINE)
        found["options"] |= set(_SET.findall(text)) - {"Plugins"}
        found["plugins"] |= set(_PLUGIN.findall(text))
        for names in _PLUGINS.findall(text):
            found["plugins"] |= set(_WORD.findall(names))
    return found


def known(release: Rt) -> set[str]:
    """Return the options that a release knows: those that its RT_Config.pm sets or documents."""
    text = release.need("sh", "-c", 'cat "$@" 2>/dev/null || true', "cat", *OWN)
    return set(_SET.findall(text)) | set(_DOCUMENTED.findall(text))


def passages(target: Rt) -> list[Passage]:
    """Return the parts of the target's UPGRADING documents; [] where the image has none."""
    found: list[Passage] = []
    for document in target.need("sh", "-c", _DOCUMENTS).split("=document ")[1:]:
        marks = list(_HEAD.finditer(document))
        for mark, end in zip(marks, [*(one.start() for one in marks[1:]), len(document)], strict=True):
            parts = re.split(r"\n\s*\n", document[mark.end() : end])
            found.append(Passage(mark[1].strip(), tuple(part.strip() for part in parts if part.strip())))
    return found


def check(
    report: Report, configuration: Configuration, origin: Rt | None, target: Rt, path: tuple[str, str]
) -> None:
    """Add what is to be said of the configuration. path: the releases, from and to."""
    used = options(configuration)
    new, old = known(target), known(origin) if origin else set()
    report.looked_at += sum(map(len, used.values()))
    if origin:
        report.facts["options that the target no longer knows"] = sorted((used["options"] & old) - new)
    elif used["options"]:
        report.not_checked.append(f"which options the target no longer knows: RT {path[0]} has no image here")
    report.facts["options that neither release knows"] = sorted(used["options"] - new - old)
    report.facts[PINNED] = sorted(used["options"] & Configuration.pinned())
    every = passages(target)
    if not every:
        report.not_checked.append("the UPGRADING documents of the target: its image does not hold them")
    mine = [one for one in every if one.applies(*path)]
    report.facts["UPGRADING passages for this way"] = [one.heading for one in mine]
    report.facts["UPGRADING on what the site uses"] = _mentions(mine, {*used["options"], *used["plugins"]})
    _absorbed(report, mine, used["plugins"])


def _mentions(mine: Sequence[Passage], names: set[str]) -> list[str]:
    found: list[str] = []
    for passage in mine:
        for paragraph in passage.paragraphs:
            hit = sorted(name for name in names if re.search(rf"(?<![\w:]){re.escape(name)}(?![\w:])", paragraph))
            if hit:
                found.append(f"FROM {passage.heading}, {', '.join(hit)}: {' '.join(paragraph.split())[:300]}")
    return found


def _absorbed(report: Report, mine: Sequence[Passage], plugins: set[str]) -> None:
    for passage in mine:
        said = ""  # a heading speaks for the list below it
        for paragraph in passage.paragraphs:
            if paragraph.startswith("=head"):
                said = paragraph if _ABSORBED.search(paragraph) else ""
            for name in sorted(plugins):
                if re.search(rf"(?<![\w:]){re.escape(name)}(?![\w:])", paragraph) and (
                    said or _ABSORBED.search(paragraph)
                ):
                    report.find(
                        f"Plugin {name}", "the target release has absorbed this extension; both together do harm",
                        samples=(" ".join((said or paragraph).split())[:300],),
                        repair=f"take {name} out of the new side's configuration; convert its data if any",
                    )  # fmt: skip
                    plugins = plugins - {name}


def loads(report: Report, probed: dict[str, object]) -> None:
    """Judge what the probe found: a configuration that cannot be read, plugins that cannot be loaded."""
    if trouble := str(probed.get("configuration") or ""):
        report.find(
            "configuration", "the target cannot read it", samples=(redact.line(trouble),),
            repair="mend the line of CONFIG that it stops at (CONFIG_NEW, where only the new side is to differ)",
        )  # fmt: skip
    missing = probed.get("missing")
    for name, why in (missing if isinstance(missing, dict) else {}).items():
        report.find(
            f"Plugin {name}", "the target cannot load this extension, so it does not start",
            samples=(redact.line(why),),
            repair="put a version for the target into CONFIG/plugins, or take it out of the configuration",
        )  # fmt: skip
