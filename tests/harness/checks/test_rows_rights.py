"""A step cannot grant anything to a group that is gone: that nothing was granted is no effect that is missing."""

from __future__ import annotations

import pytest

from harness.checks import rows
from harness.upgrade.lifecycle import Lifecycle
from tests.harness.checks.upgraded_pair import upgraded_pair
from tests.harness.mutants.planting import by_sql, planted

_RIGHT = (
    "INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, Creator, LastUpdatedBy)"
    " SELECT 'Group', id, 'ModifySelf', 'RT::System', 1, 1, 1 FROM {}"
)
OF_NOBODY = by_sql("rows", "of-nobody", "ACL", "its group is gone", _RIGHT.format("(SELECT 999999 AS id) gone"))
_WITHOUT = (
    "`Groups` g WHERE NOT EXISTS (SELECT 1 FROM CachedGroupMembers m JOIN ACL a ON a.PrincipalId = m.GroupId"
    " WHERE m.MemberId = g.id AND a.RightName IN ('SuperUser', 'SeeOwnDashboard')) ORDER BY id LIMIT 1"
)
OF_A_GROUP = by_sql("rows", "of-a-group", "ACL", "it lacks what the step grants", _RIGHT.format(_WITHOUT))


@pytest.mark.engine
@pytest.mark.xdist_group("rows-mutants")
def test_nothing_is_granted_to_nobody(lifecycle: Lifecycle) -> None:
    """Of a group that is there it would be missing."""
    with upgraded_pair(lifecycle) as sides:
        found = []
        for mutant in (OF_NOBODY, OF_A_GROUP):
            with planted(mutant, sides.after, sides.tools):
                report = rows.check(sides.before, sides.after, sides.steps, sides.thaw, known=sides.digests)
            found.append([one.what for one in report.findings])
    assert [any("added" in what for what in one) for one in found] == [True, True], "the rows themselves are new"
    assert [any("may have dashboards of their own" in what for what in one) for one in found] == [False, True]
