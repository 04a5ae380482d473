"""The page loads nothing, runs no code from findings, and draws charts within their borders."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.common.plan import Step
from harness.report import RunFacts, before
from harness.report.document import Document
from harness.report.facts import ImageFact
from harness.report.html import LOG_LINES, MOST_FINDINGS, as_html, excerpt, tail
from harness.verdict import Outcome, Report
from tests.harness.report import example_run, examples

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Parses a page and collects its tags; fails unless each tag is closed in the right order."""

    def __init__(self, text: str) -> None:
        """Parse the page."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a self-closing tag."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect an opening tag."""
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag."""
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every tag with this name."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def page(written: Path) -> Page:
    """Return the parsed page of an example run."""
    return Page((written / "report.html").read_text(encoding="utf-8"))


def test_it_asks_nobody_for_anything(page: Page) -> None:
    """The page must open offline, from an archive or a mail."""
    links = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}
    ]
    assert links
    assert all(link.startswith("#") or link == "data:," for link in links)


def test_only_our_own_style_and_script_may_run(written: Path, page: Page) -> None:
    """The page's policy allows only its own script and style, by their hashes."""
    text = (written / "report.html").read_text(encoding="utf-8")
    (policy,) = (tag["content"] for tag in page.all("meta") if "http-equiv" in tag)
    assert "default-src 'none'" in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert not [name for _, attributes in page.tags for name in attributes if name == "style" or name[:2] == "on"]


def test_hostile_text_stays_text() -> None:
    """A finding with markup and control characters must be shown literally."""
    text = as_html(examples.no_go())
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_it_says_what_the_text_says(example: Document, written: Path) -> None:
    """The page must contain the verdict, the reason, and every section that the run has."""
    text = (written / "report.html").read_text(encoding="utf-8")
    assert f"<h1>{example.facts.trial or example.outcome.verdict().value}" in text
    for finding in example.outcome.findings():
        assert finding.what[:12] in text.replace("&lt;", "<")
    for name in example.outcome.missing():
        assert f"[{name}] never reported." in text
    sections = set(re.findall(r'<section id="([a-z-]+)"', text))
    assert sections >= {"checks", "plan", "not-checked", "reproduce", "environment", "logs"}
    assert ("findings" in sections) is bool(example.outcome.findings())
    assert ("accepted" in sections) is bool(example.outcome.accepted)
    assert ("before" in sections) is bool(before.groups(example.outcome))
    assert ("remarks" in sections) is bool(example.outcome.remarks)


def test_what_to_read_before_is_whole_and_stands_once() -> None:
    """Each passage's text must be there, folded, and the facts must not be repeated at the end of the page."""
    text = as_html(examples.go())
    _, _, section = text.partition('<section id="before">')
    section = section.partition("</section>")[0]
    assert section.index("AssetSearchFormat") < section.index("ReferrerWhitelist") < section.index("kept twice")
    assert section.count('<details class="fact passage">') == len(example_run.PASSAGES)
    assert section.count("history from the newest on") == len(example_run.PASSAGES)
    assert section.count("kept twice") == text.count("kept twice") == 12
    assert text.index('<section id="before">') < text.index('<section id="plan">')


def test_a_tick_is_for_those_who_looked_and_found_nothing(example: Document, written: Path) -> None:
    """A check that is unanswered, or looked at nothing, must not be shown in green."""
    text = (written / "report.html").read_text(encoding="utf-8")
    pattern = r'<td class="result (\w+)">.*?href="#i-(\w+)".*?<th scope="row" class="mono">(.*?)</th>'
    shown = re.findall(pattern, text, re.DOTALL)
    ticked = {name for state, mark, name in shown if "ok" in (state, mark)}
    assert ticked == {report.check for report in example.outcome.reports if report}


def test_a_check_with_nothing_to_look_at_did_not_run(example: Document, written: Path) -> None:
    """The number on top would else promise more than the table below holds."""
    text = (written / "report.html").read_text(encoding="utf-8")
    [shown] = re.findall(r"<dt>checks that ran</dt><dd>(\d+)</dd>", text)
    assert int(shown) == len([report for report in example.outcome.reports if report.looked_at])


def test_identifiers_are_unique(page: Page) -> None:
    """Links within the page must have exactly one target."""
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    for attributes in (*page.all("a"), *page.all("use")):
        assert attributes["href"][1:] in names


def test_charts_stay_within_their_borders(page: Page) -> None:
    """Every bar must begin and end between 0 and 100 percent."""
    bars = [one for one in page.all("rect") if one.get("x", "").endswith("%") and one["width"].endswith("%")]
    assert bars
    for bar in bars:
        left, width = float(bar["x"][:-1]), float(bar["width"][:-1])
        assert 0 <= left <= 100
        assert 0 <= width <= 100.01 - left


def test_a_thousand_findings_and_endless_texts_keep_the_page_small() -> None:
    """Browsers cannot open a page of 100 MB; report.json has everything."""
    report = Report("rows", "?", looked_at=1)
    for at in range(3000):
        report.find(f"Table{at}", "is gone", samples=("x" * 30_000,))
    text = as_html(Document(RunFacts("run", "pair"), Outcome([report]), Step("gate"), {"rt": "line\n" * 100_000}))
    assert text.count("is gone.") == MOST_FINDINGS + 1, "the findings that are shown, and the reason on top"
    assert "2,900 more of this check" in text
    assert len(text) < 5_000_000
    assert "10,000 characters left out" in excerpt("x" * 30_000)
    assert tail("line\n" * (LOG_LINES + 7)).startswith("[... 7 lines left out ...]\n")


def test_an_image_is_shown_with_the_digest_that_a_deploy_needs() -> None:
    """Under the same tag, another machine may find another image."""
    digest = f"registry.example.org/rt@sha256:{'0a' * 32}"
    image = ImageFact("RT 5.0.3", "registry.example.org/rt:5.0.3-7", f"sha256:{'0b' * 32}", digest)
    page = as_html(
        Document(RunFacts("1", "4.4.6-to-5.0.3@mariadb-10.11", images=[image]), Outcome(), Step("gate"))
    )
    assert digest in page
