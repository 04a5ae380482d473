"""Test what the pipeline decides before and after its shell steps: read as text, because no Groovy runs here."""

from __future__ import annotations

import re

import pytest

from harness.errors import UsageError
from harness.releases import ROOT
from harness.verdict import Verdict

TEXT = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
PARAMETERS = re.findall(r"(?:string|booleanParam)\(name: '(\w+)'", TEXT)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("params.DEPLOY && !(params.IMAGE && params.DUMP && params.TO)", "A deploy needs IMAGE, DUMP and TO"),
        ("params.DEPLOY && !marathon.url", "The Jenkinsfile names no Marathon"),
        (
            "marathon.credentials && !marathon.url.startsWith('https://')",
            "The token for Marathon is sent to an address with https:// alone",
        ),
        ("params.IMAGE && !params.IMAGE.contains('@sha256:')", "IMAGE must be named by its digest"),
    ],
    ids=["own-data", "address", "secret", "digest"],
)
def test_parameters_that_cannot_be_deployed_end_the_build_first(condition: str, said: str) -> None:
    """Otherwise a GO on the bundled dump would deploy, or another image than the one that was judged."""
    guard = f"\nif ({condition}) {{\n    error('{said}"
    assert 0 < TEXT.find(guard) < TEXT.index("stage('Plan')")


def test_only_a_go_is_deployed() -> None:
    """Whatever failed before, even what only counts and ends nothing, must keep the stage from being begun."""
    assert TEXT.count("stage('Deploy')") == 1
    gate, last = TEXT.split("stage('Gate')")
    assert "stage('Deploy')" not in gate
    assert re.search(
        r"^boolean asked = params\.DEPLOY\n"
        r"if \(asked && currentBuild\.currentResult != 'SUCCESS'\) \{[^{}]*(?:\$\{[^{}]*\}[^{}]*)?"
        r"^\} else if \(asked\) \{\n    stage\('Deploy'\)",
        last,
        re.MULTILINE,
    )


def steps_on_a_node() -> list[tuple[str, ...]]:
    """Return the steps that run while a node is held, each with the minutes of its innermost limit, if any."""
    (function,) = re.findall(r"^def onAgent\(.*?^\}$", TEXT, re.MULTILINE | re.DOTALL)
    code = re.sub(r"//[^\n]*|'''.*?'''|\$\{\w+\}", "", function, flags=re.DOTALL)
    around, found = list[str](), list[tuple[str, ...]]()
    for before, brace in re.findall(r"([^{}]*)([{}])", code):
        limit = re.findall(r"timeout\(time: (\w+), unit: 'MINUTES'\)", " ".join(around))[-1:]
        found += [
            (step, *limit) for step in re.findall(r"\b(checkout|sh|junit|archiveArtifacts|body)[ (]", before)
        ]
        around = [*around, before] if brace == "{" else around[:-1]
    return found


def test_nothing_holds_a_node_without_a_time_limit() -> None:
    """A dead SCM or a hung engine would keep it, and with it every later build, for builds are not concurrent.

    One limit around all would end reports and clean-up with what has hung.
    """
    assert len(re.findall(r"^ *node\(", TEXT, re.MULTILINE)) == 1
    assert steps_on_a_node() == [
        ("checkout", "10"),
        ("sh", "10"),
        ("body", "minutes"),
        ("junit", "10"),
        ("archiveArtifacts", "10"),
        ("sh", "10"),
    ]


def test_a_build_ends_as_its_verdict_says() -> None:
    """Only GO is a success; NOT PROVEN is neither a success nor a failure."""
    (line,) = re.findall(r"return \[(.*)\]\[code\] \?: '(\w+)'", TEXT)
    results = {int(number): name for number, name in re.findall(r"(\d): '(\w+)'", line[0])}
    verdicts = {Verdict.GO: "SUCCESS", Verdict.NO_GO: "FAILURE", Verdict.NOT_PROVEN: "UNSTABLE"}
    assert results == {one.exit_code: name for one, name in verdicts.items()} | {UsageError.exit_code: "FAILURE"}
    assert line[1] == "FAILURE", "an exit code that nobody knows is no success"


def test_every_parameter_is_used() -> None:
    """A parameter without an effect would be believed to have one."""
    rest = TEXT[TEXT.index("])\n\n") :]
    unused = [name for name in PARAMETERS if not re.search(rf"\b{name}\b", rest)]
    assert not unused


def test_no_parameter_chooses_a_secret_or_where_it_goes() -> None:
    """Everybody who may start a build could send any secret text of the Jenkins to a server of theirs."""
    ids = re.findall(r"credentialsId: ([\w.]+)", TEXT)
    addresses = re.findall(r'"MARATHON_URL=\$\{([\w.]+)\}"', TEXT)
    assert (ids, addresses) == (["marathon.credentials"], ["marathon.url"])
    assert len(re.findall(r"\bmarathon = ", TEXT)) == 1
    assert "params" not in TEXT[TEXT.index("\nmarathon = [") : TEXT.index("\nproperties(")]
    assert not {name for name in PARAMETERS if "MARATHON" in name or "CREDENTIALS" in name}
