"""A search that fails in both releases for the same reason is no loss; one that fails anew is named."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import meaning
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.allowances import Upgrade
from harness.upgrade.lifecycle import Lifecycle

pytestmark = pytest.mark.engine
SERVER = "mariadb-11.8"
ORIGIN, TARGET = "4.4.6", "5.0.10"
FOR_ALL = Upgrade(ORIGIN, TARGET, ())
SEARCH = """
use RT -init;
RT->System->AddAttribute(Name => 'SavedSearch', Description => 'of a field that is gone', Content => {
    SearchType => 'Ticket', Query => "Subject LIKE 'it' AND id > 0", OrderBy => '%s', Order => 'ASC' }) or die;
"""


def test_a_search_by_a_column_that_is_gone_fails_alike(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Releases log its SQL with values or with places for them; what the server says of it is the same."""
    old, new = (rt_tools(release, clone(lifecycle.fresh(release, SERVER))) for release in (ORIGIN, TARGET))
    for tools in (old, new):
        assert tools.perl(SEARCH % "CustomerTier").code == 0
    before, after = meaning_told.collect(old), meaning_told.collect(new)
    assert [one for one in after.complaints if "CustomerTier" in one], "it fails"
    report = meaning.check(before, after, FOR_ALL)
    assert [one for one in report.findings if one.where == f"RT {TARGET}"] == []
    assert new.perl(SEARCH % "CustomerRank").code == 0
    report = meaning.check(before, meaning_told.collect(new), FOR_ALL)
    [finding] = [one for one in report.findings if one.where == f"RT {TARGET}"]
    keys = {one.partition(": ")[0] for one in finding.samples}
    [added] = after.sections["searches"].keys() ^ meaning_told.collect(new).sections["searches"].keys()
    assert keys == {f"searches {added}"}, finding
