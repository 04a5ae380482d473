"""The defects that are planted in the decision, `replace` and its claim, each with a test that must then fail."""

from __future__ import annotations

from collections.abc import Sequence

from tests.harness.marathon.planted import UNIT, Mutant

PACKAGE = "harness/marathon"
ROLLING, SWITCHES, MOUNTS, REPLACING, CLAIM = (
    f"{UNIT}/test_marathon_{name}.py" for name in ("rolling", "image_switches", "mounts", "replacing", "claim")
)
STOPALL, BESIDE, MEANWHILE = (f"{UNIT}/test_marathon_stopall{name}.py" for name in ("", "_beside", "_meanwhile"))
PIPE = f"{REPLACING}::test_each_part_of_a_pipe_counts"
BAD_END = f"{REPLACING}::test_what_a_bad_end_means"
NOT_RUNNING = f"{REPLACING}::test_what_does_not_run_is_not_replaced_without_a_word"
RESTORED = f"{STOPALL}::test_a_failed_upgrade_is_restored_and_the_old_release_started"
NOT_BELOW = f"{BESIDE}::test_nothing_is_restored_below_another_app"
NOT_BEGUN = f"{BESIDE}::test_an_app_that_was_started_meanwhile_keeps_the_upgrade_from_being_begun"
SILENT = f"{UNIT}/test_marathon_way_back.py::test_an_election_after_a_failed_upgrade_is_no_failed_restore"
CAME_AND_WENT = f"{MEANWHILE}::test_instances_that_came_and_went_are_found"


def _in(module: str, old: str, new: str, tests: Sequence[str]) -> Mutant:
    return Mutant(module, old, new, tests, PACKAGE)


UNITS = [ROLLING, SWITCHES, MOUNTS, CLAIM, PIPE, BAD_END, NOT_RUNNING]
PURE = [
    _in("rolling", "steps_live or None, steps_wanted or None", "steps_live, steps_wanted", [ROLLING]),
    _in("rolling", "    if gone:\n", "    if not pending:\n", [ROLLING]),
    _in("rolling", "lies + unguarded(wanted) + pinned", "lies + pinned", [ROLLING]),
    _in("rolling", "unguarded(wanted) + pinned(wanted)", "unguarded(wanted)", [SWITCHES]),
    _in("rolling", "return max(every, key", "return min(every, key", [ROLLING]),
    _in("rolling", "before == after or decision.how", "decision.how", [ROLLING]),
    _in("rolling", "secrets_of(live), secrets_of(wanted)", "secrets_of(live), secrets_of(live)", [MOUNTS]),
    _in("image_switches", "return OF_IMAGE.startswith(inside) or", "return inside == OF_IMAGE or", [MOUNTS]),
    _in("image_switches", "        if not given:\n", "        if not value:\n", [ROLLING]),
    _in(
        "image_switches", "    if not given:\n        return f", "    if not value:\n        return f", [SWITCHES]
    ),
    _in("replacing", '[BASH, "-o", "pipefail", "-c"]', '[BASH, "-c"]', [PIPE]),
    _in("replacing", 'if name == "backup":', 'if name == "restore":', [BAD_END]),
    _in("replacing", "(live is not None and instances_of(live))", "live is not None", [NOT_RUNNING]),
    _in("claim", "if other and other not in ended:", "if other and not ended:", [CLAIM]),
    _in("claim", "absolute(app.definition) != own and", "app.instances and", [CLAIM]),
]
"""Defects that a test without an engine catches."""

ENGINE_UNITS = [RESTORED, NOT_BELOW, NOT_BEGUN, SILENT, CAME_AND_WENT]
ON_ENGINE = [
    _in("claim", "    if _version(now) != claim.version:\n", "    if not _version(now):\n", [CAME_AND_WENT]),
    _in("claim", "    if met:\n", "    if met and not claim:\n", [NOT_BEGUN]),
    _in("stopall", 'touched=facts["phase"] == "upgrade"', "touched=False", [RESTORED]),
    _in(
        "way_back", "except (SomebodyStartedError, OtherAppRunsError)", "except SomebodyStartedError", [NOT_BELOW]
    ),
    _in(
        "way_back",
        "except Exception as caught:  # noqa: BLE001 - whatever",
        "except ValueError as caught:  # ",
        [SILENT],
    ),
]
"""Defects that show only on a Marathon."""
