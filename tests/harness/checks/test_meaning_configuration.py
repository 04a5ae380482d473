"""What CONFIG_NEW leaves out of a site's lifecycles and rights is a loss, though no row has changed."""

from __future__ import annotations

import pytest

from fixtures.databases import CloneFactory
from fixtures.rt import RtFactory
from harness.checks import meaning
from harness.checks.meaning import told as meaning_told
from harness.checks.meaning.allowances import Upgrade
from harness.checks.meaning.told import Meaning
from harness.rt.configuration import Configuration
from harness.upgrade.lifecycle import Lifecycle

RELEASE, SERVER = "5.0.3", "mariadb-10.11"
STATUSES = """
    initial => ['new'], active => ['open', 'stalled'], inactive => ['resolved', 'rejected', 'deleted'],
"""
TRANSITIONS = """
    transitions => {
        '' => ['new', 'open'], new => ['open', 'stalled', 'resolved', 'rejected', 'deleted'],
        open => ['stalled', 'resolved', 'rejected', 'deleted'],
        %s
    },
"""
WAY_OUT = "stalled => ['open'], resolved => ['open'], rejected => ['open'], deleted => ['open'],"
SITE = f"""
Set(%Lifecycles,
    default => {{ {STATUSES} {TRANSITIONS % WAY_OUT}
        defaults => {{ on_create => 'new', approved => 'open' }},
        rights => {{
            '* -> deleted' => 'DeleteTicket', '* -> resolved' => 'ResolveTicket', '* -> *' => 'ModifyTicket',
        }},
        actions => ['new -> open' => {{ label => 'Take it', update => 'Respond' }}],
    }},
    second => {{ {STATUSES} }},
    unused => {{ {STATUSES} }},
    __maps__ => {{ 'default -> second' => {{ stalled => 'open' }} }},
);
1;
"""
LESSENED = f"""
Set(%Lifecycles,
    default => {{ {STATUSES} {TRANSITIONS % ""} rights => {{ '* -> *' => 'CommentOnTicket' }},
        defaults => {{ on_create => 'open' }},
    }},
    second => {{
        initial => ['new', 'open'], active => ['stalled'], inactive => ['resolved', 'rejected', 'deleted'],
    }},
    another => {{ {STATUSES} }},
);
1;
"""
GRANTED = (
    "INSERT INTO ACL (PrincipalType, PrincipalId, RightName, ObjectType, ObjectId, Creator, LastUpdatedBy)"
    " SELECT 'Group', id, 'CloseAccount', 'RT::System', 1, 1, 1 FROM `Groups`"
    " WHERE Domain = 'SystemInternal' AND Name = 'Privileged'"
)
REGISTERED = Configuration(
    {
        "site.pm": b"1;\n",
        "lib/RT/Queue_Local.pm": b"package RT::Queue;\n"
        b"__PACKAGE__->AddRight(Staff => CloseAccount => 'Close');\n1;\n",
    }
)
"""A site's own right, as extensions bring them."""
NOTHING = Upgrade(RELEASE, RELEASE, ())


def site(text: str) -> Configuration:
    """Return a configuration with these settings."""
    return Configuration({"site.pm": text.encode()})


@pytest.mark.engine
@pytest.mark.mutants("meaning")
def test_each_part_of_a_lifecycle_that_is_lost_is_found(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """All statuses are still there, so that no ticket looks different; one lifecycle more takes nothing away."""
    database = clone(lifecycle.fresh(RELEASE, SERVER))
    old, same, new = (
        meaning_told.collect(rt_tools(RELEASE, database, configuration=site(text)))
        for text in (SITE, SITE, LESSENED)
    )
    assert meaning.changes(old.sections, same.sections) == []
    found = [one for one in meaning.check(old, new, NOTHING).findings if one.where == "lifecycles"]
    parts = {sample.partition(":")[0] for one in found for sample in one.samples}
    ways = {f"transitions from {one}" for one in ("stalled", "resolved", "rejected", "deleted")}
    rights = {f"rights from {one}" for one in ("new", "open", "stalled", "resolved", "rejected", "deleted")}
    others = {"actions from new", "default on_create", "default approved", "statuses moved to second"}
    assert parts >= {f"lifecycles default, {one}" for one in ways | rights | others}
    assert parts >= {
        "lifecycles second, initial statuses",
        "lifecycles second, active statuses",
        "lifecycles unused",
    }
    assert not [one for one in parts if "another" in one]
    assert "Take it" not in old.to_json()
    assert {"__maps__" in one.repair for one in found} == {True}


@pytest.mark.engine
@pytest.mark.mutants("meaning")
def test_a_right_that_nothing_registers_any_more_is_lost(
    lifecycle: Lifecycle, clone: CloneFactory, rt_tools: RtFactory
) -> None:
    """Its row is still there, and HasRight refuses its name; where nobody knew it before, nothing is lost."""
    database = clone(lifecycle.fresh(RELEASE, SERVER))
    database.execute(GRANTED)
    unknown, known = rt_tools(RELEASE, database), rt_tools(RELEASE, database, configuration=REGISTERED)
    old, new = meaning_told.collect(known), meaning_told.collect(unknown)
    found = [one for one in meaning.check(old, new, NOTHING).findings if one.where == "rights"]
    assert found
    assert all(line.endswith(" -CloseAccount") for one in found for line in one.samples)
    assert "CloseAccount" not in new.to_json()


@pytest.mark.control("meaning")
@pytest.mark.parametrize(
    ("origin", "field", "value", "silent"),
    [
        ("4.4.6", "default on_create", "", True),
        ("5.0.3", "default on_create", "", False),
        ("4.4.6", "default on_create", "open", False),
        ("4.4.6", "default approved", "", False),
    ],
)
def test_a_status_that_a_release_fills_in_is_no_loss(origin: str, field: str, value: str, silent: bool) -> None:
    """Since 5.0 a lifecycle that says nothing of new tickets takes its first initial status."""
    old, new = ({"lifecycles": {"default": {field: one}}} for one in (value, "new"))
    before, after = Meaning(origin, {}, old), Meaning("5.0.7", {}, new)
    found = meaning.check(before, after, Upgrade(origin, "5.0.7", ())).findings
    assert (not [one for one in found if one.where == "lifecycles"]) == silent
