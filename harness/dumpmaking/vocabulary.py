"""Collect the words that may stay in log lines: those in messages of RT, Perl, the servers and the harness.

So may the versions that RT's releases and upgrade steps are named by.

    python -m harness.dumpmaking.vocabulary

Writes vocabulary.txt, by which harness.common.redact tells words of programs from words of people. Run it after
adding a release or a server: words that are missing there are removed from findings, never shown.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import sys
import textwrap
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from docker import DockerClient

from harness import end_of_run, engine
from harness.common import owner, redact
from harness.common.arguments import Parser
from harness.engine import faults
from harness.engine.containers import Container
from harness.images import Images
from harness.releases import ROOT, releases, servers

LIBRARIES = ("docker", "pymysql", "requests", "rt", "urllib3")
"""Python packages whose errors the harness passes on."""
MADE_UP = ("common/redact.py", "dumpmaking/vocabulary.py", "traps")
"""Parts of the harness that contain invented people."""
_RT = (
    "find /opt/rt/share/lib/ -name '*.pm' ! -path '*/RT/Test*' | xargs cat; "
    "cat /opt/rt/upgrade/*/content /opt/rt/upgrade/*/indexes /opt/rt/upgrade/*/backcompat 2>/dev/null; "
    "cat /usr/local/bin/rt-*"
)
_RT_NAMES = (
    "cd /opt/rt/share && find html -type f | sort; cat etc/schema.mysql /opt/rt/etc/RT_Config.pm 2>/dev/null"
)
_RT_STEPS = "ls /opt/rt/upgrade"
_PERL = (
    "perl -MOpcode=opdesc,opset_to_ops,full_opset -le 'print for opdesc(opset_to_ops(full_opset()))'; "
    "cat /usr/share/perl/*/pod/perldiag.pod 2>/dev/null | grep '^=item '"
)
_APACHE = (
    "ls /usr/lib/apache2/modules | tr _ ' '; "
    "grep -aoh 'AH[0-9]*: [ -~]*' /usr/sbin/apache2 /usr/lib/apache2/modules/*.so"
)
_SERVER = "for f in $(find / -xdev -path '*/english/errmsg.sys'); do tr -c ' -~' '\\n' <$f; done"
_POD = re.compile(r"^=[a-z]\w*.*?(?:^=cut\s*$|\Z)", re.DOTALL | re.MULTILINE)
_SPEECH = re.compile(
    r"\b(?:Logger->\w+|die|warn|croak|confess|loc|print\w*|return|Message|Description|AddRight)\b[^;]{0,800};"
)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'')
_VARIABLE = re.compile(
    r"[$@%]\{?[\w:]+\}?(?:(?:->)?(?:\[[^\]]*\]|\{[^}]*\}))*|\\[a-z]|%[-\d.]*[a-z]\b|@\{\[.*?\]\}"
)
_CAMEL = re.compile(r"\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+\b")
_CALENDAR = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*")
_WORD = redact.WORD
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:rc\d)?")


def words(text: str) -> set[str]:
    """Return the words of a text, except names of days and months."""
    return {word for word in _WORD.findall(text) if len(word) > 1 and not _CALENDAR.fullmatch(word)}


def versions(text: str) -> set[str]:
    """Return the versions of three numbers among the words of a text."""
    return {word for word in text.split() if _VERSION.fullmatch(word)}


def words_of_perl(perl: str) -> set[str]:
    """Return the words that Perl code logs, prints or returns, without variables, and of its CamelCase names."""
    code = _POD.sub("", perl)
    found: set[str] = set(_CAMEL.findall(code))
    for speech in _SPEECH.findall(code):
        for double, single in _TEXT.findall(speech):
            found |= words(_VARIABLE.sub(" ", double or single))
    return found


def words_of_literals(python: str) -> set[str]:
    """Return the words of the string literals in Python code, without docstrings."""
    return words("\n".join(string_literals(python)))


def string_literals(python: str) -> list[str]:
    """Return the string literals in Python code, without docstrings."""
    tree = ast.parse(python)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


def words_of_identifiers(python: str) -> set[str]:
    """Return the words in the identifiers of Python code: tracebacks quote them."""
    kinds = ("name", "attr", "id", "arg", "module")
    identifiers = [
        getattr(node, name)
        for node in ast.walk(ast.parse(python))
        for name in kinds
        if isinstance(getattr(node, name, None), str)
    ]
    return words(" ".join(identifiers).replace("_", " "))


def words_of_harness() -> set[str]:
    """Return the words of the harness's texts and identifiers, of its libraries' texts, and of system errors."""
    found = words("\n".join(os.strerror(number) for number in range(134)))
    made_up = [ROOT / "harness" / name for name in MADE_UP]
    for path in (path for folder in ("harness", "fixtures") for path in sorted((ROOT / folder).rglob("*.py"))):
        if not any(part in (path, *path.parents) for part in made_up):
            code = path.read_text(encoding="utf-8")
            found |= words_of_literals(code) | words_of_identifiers(code)
    for spec in filter(None, map(find_spec, LIBRARIES)):
        for path in (
            path for folder in spec.submodule_search_locations or () for path in Path(folder).rglob("*.py")
        ):
            found |= words_of_literals(path.read_text(encoding="utf-8"))
    return found


def words_of_release(code: str, names: str, diagnostics: str) -> set[str]:
    """Return the words of an RT image: of its code, its pages, tables and options, and of Perl's diagnostics."""
    return words_of_perl(code) | words(_POD.sub("", names)) | words(diagnostics)


def _container(client: DockerClient, image: str) -> Container:
    return Container(client, image, "words", command=["sleep", "infinity"], entrypoint=[])


def collect(client: DockerClient) -> set[str]:
    """Return the words of all images. Raises the engine's errors."""
    images, found = Images(client), words_of_harness() | versions(" ".join(releases()))
    for release in releases().values():
        with _container(client, images.rt(release)) as container:
            code, names, steps, perl, apache = (
                container.run(["sh", "-c", command]).out for command in (_RT, _RT_NAMES, _RT_STEPS, _PERL, _APACHE)
            )
            found |= words_of_release(code, names, f"{perl}\n{apache}") | versions(steps)
    for server in servers().values():
        with _container(client, images.server(server)) as container:
            found |= words(container.run(["sh", "-c", _SERVER]).out)
    return found


def file_content(collected: Iterable[str]) -> str:
    """Return the content of the file: sorted words, wrapped into lines, after the versions.

    A word is in capitals only if never in lower case.
    """
    every = set(collected)
    numbers = sorted(
        filter(_VERSION.fullmatch, every), key=lambda one: [int(part) for part in re.findall(r"\d+", one)]
    )
    kept = sorted(word for word in every.difference(numbers) if not (word.isupper() and word.lower() in every))
    return "".join(f"{line}\n" for part in (numbers, kept) for line in _wrapped(part))


def _wrapped(parts: Iterable[str]) -> list[str]:
    return textwrap.wrap(" ".join(parts), 115, break_long_words=False, break_on_hyphens=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file."""
    parser = Parser(
        prog="python -m harness.dumpmaking.vocabulary",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)

    def work() -> int:
        owner.session()
        try:
            with contextlib.closing(engine.connect()) as client:
                redact.VOCABULARY.write_text(file_content(collect(client)), encoding="utf-8")
        finally:
            end_of_run.clear("vocabulary")
        return 0

    return faults.run_command("vocabulary", work)


if __name__ == "__main__":
    sys.exit(main())
