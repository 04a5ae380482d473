"""Write a run's report: reports/<run>/ with text, JSON, JUnit XML, one HTML page, and the containers' logs.

`document` holds all of it, `facts` describes the run, `sentences` the wording; `text`, `junit` and `html` (with
`charts` and `timeline`) render it, `before` lists what to read before the upgrade; `acceptance` handles signed-off
findings.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.common import interrupts
from harness.common.plan import Step
from harness.errors import InfrastructureError, UsageError
from harness.report.document import Document, as_json, cleaned
from harness.report.facts import ImageFact, RunFacts, StepFact
from harness.report.html import as_html
from harness.report.junit import as_junit
from harness.report.text import as_text
from harness.verdict import Outcome

__all__ = [
    "ImageFact",
    "RunFacts",
    "StepFact",
    "need_folder",
    "reserve",
    "terminal",
    "write",
    "write_facts",
    "write_views",
]
_VIEWS, _WHOLE = ("verdict.txt", "report.html", "junit.xml"), "report.json"
_WAIT = "The report is being written; that ends by itself."


def need_folder(folder: Path) -> None:
    """Raise UsageError if the folder for reports cannot be made, or nothing be written there. Nothing is left."""
    try:
        there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UsageError(
            f"No report can be written in {folder}: {error.strerror}.",
            repair="name a folder of yours, on a disk with room, with --reports",
        ) from error


def reserve(directory: Path) -> Path:
    """Make the directory of a report and return it: `directory`, or with "-2" and so on if another run has it.

    Raises InfrastructureError if it cannot be made.
    """
    try:
        # Apart from the loop: a dangling link in its place also "exists", and no other name would help.
        directory.parent.mkdir(parents=True, exist_ok=True)
        names = (directory.name if number == 1 else f"{directory.name}-{number}" for number in itertools.count(1))
        for path in map(directory.with_name, names):
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                return path
    except OSError as error:
        raise _unwritten(directory.parent, error) from error
    raise AssertionError("numbers do not end")


def write(directory: Path, facts: RunFacts, outcome: Outcome, plan: Step, logs: Mapping[str, str]) -> list[Path]:
    """Write the whole report and return its files, the one to read first at the front.

    logs: name of a container to its log. All files are written or none, because a run whose report is not written
    is not proven, and a file of it must not say GO. The facts alone, with that reason, are written where there is
    room for them: a full disk loses renderings and logs first.
    Raises InfrastructureError if not all can be written. After any other error, or Ctrl-C, the caller knows the
    reason, and has `write_facts` do that.
    """
    document = cleaned(Document(facts, outcome, plan, _safe_names(logs)))
    kept = {directory / "logs" / f"{name}.log": text for name, text in document.logs.items()}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return _put({**_views(directory, document), **kept, directory / _WHOLE: as_json(document)})
    except OSError as error:
        failure = _unwritten(directory, error)
        write_facts(directory, facts, replace(outcome, unanswered=[*outcome.unanswered, str(failure)]), plan)
        raise failure from error


def write_facts(directory: Path, facts: RunFacts, outcome: Outcome, plan: Step) -> None:
    """Write report.json alone, if there is room for it, of a run whose report could not be written or was cut off.

    Files that may be there already are removed: without the reason, which is in `outcome`, they may say GO.
    """
    with interrupts.defer_signals(_WAIT), contextlib.suppress(OSError):
        for name in (*_VIEWS, _WHOLE):
            (directory / name).unlink(missing_ok=True)
        _put({directory / _WHOLE: as_json(cleaned(Document(facts, outcome, plan)))})


def write_views(directory: Path, document: Document) -> list[Path]:
    """Write the files that can be made again from report.json: the text, the page, and the XML.

    Raises InfrastructureError if not all can be written.
    """
    try:
        return _put(_views(directory, document))
    except OSError as error:
        raise _unwritten(directory, error) from error


def _views(directory: Path, document: Document) -> dict[Path, str]:
    texts = (as_text(document), as_html(document), as_junit(document, directory))
    return {directory / name: text for name, text in zip(_VIEWS, texts, strict=True)}


def terminal(facts: RunFacts, outcome: Outcome, plan: Step, colour: bool) -> str:
    """Return the report as it is printed; without colours it is identical to verdict.txt."""
    return as_text(cleaned(Document(facts, outcome, plan)), colour=colour)


def _put(files: Mapping[Path, str]) -> list[Path]:
    """Write files with these texts, all or none, and return their paths. Raises OSError.

    Each is written under another name beside its place, and gets its own name when all are complete.
    """
    parts = {path: path.with_name(f".{path.name}.part") for path in files}
    try:
        for path, part in parts.items():
            path.parent.mkdir(exist_ok=True)
            # A log may hold bytes that are no text; they are written as \udc80, which JSON reads back unchanged.
            part.write_text(files[path], encoding="utf-8", errors="backslashreplace")
        with interrupts.defer_signals(_WAIT):  # Ctrl-C between two of them would leave a part of the files
            for path, part in parts.items():
                part.replace(path)
    finally:
        for part in parts.values():
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    return [*files]


def _unwritten(directory: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"The report cannot be written: {error.filename or directory}: {error.strerror or error}.",
        repair="make room on its disk, see whose folder it is, or name another one (./gate --reports), and run "
        "it again",
    )


def _safe_names(logs: Mapping[str, str]) -> dict[str, str]:
    """Return the logs under names that are safe for files and still distinct."""
    safe: dict[str, str] = {}
    for name, text in logs.items():
        base = re.sub(r"[^A-Za-z0-9._@+-]+", "-", name).strip(".-")[:100] or "log"
        unique = next(one for one in (base, *(f"{base}-{n}" for n in range(2, len(logs) + 2))) if one not in safe)
        safe[unique] = text
    return safe
