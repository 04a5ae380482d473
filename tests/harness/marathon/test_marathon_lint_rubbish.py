"""Lint must report files that are no definition, and good ones with rubbish in one place, and never crash."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.marathon.definition import load
from harness.marathon.lint import lint
from harness.marathon.lint.catalogue import DIALECTS
from harness.releases import ROOT

GOOD: dict[str, Any] = load(ROOT / "marathon.json")


def test_unreadable_files_are_wrong_usage(tmp_path: Path) -> None:
    """A missing file, no JSON, too deep nesting: wrong usage, reported in a sentence."""
    (tmp_path / "deep.json").write_text("[" * 100_000)
    for name in ("absent.json", "deep.json"):
        with pytest.raises(UsageError):
            load(tmp_path / name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def known_paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every path into the repository's definition, so that damage lands where rules look."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deep for key, one in children for deep in known_paths(one, (*path, key)))]


@given(JSON, st.sampled_from(DIALECTS))
@settings(deadline=None)
def test_any_json_is_answered(value: Any, dialect: str) -> None:
    """Lint must report the defects of a file, and not crash on it."""
    assert lint(value, dialect) or isinstance(value, dict)


@given(st.sampled_from(known_paths(GOOD)[1:]), JSON | st.integers(10**300, 10**310), st.sampled_from(DIALECTS))
@settings(deadline=None, max_examples=300)
def test_any_damage_to_a_good_definition_is_answered(path: tuple[Any, ...], value: Any, dialect: str) -> None:
    """The same with rubbish in one place of an otherwise good definition."""
    app = copy.deepcopy(GOOD)
    place: Any = app
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert all(str(one) for one in lint(app, dialect, previous=GOOD, measured_start=1.0))
