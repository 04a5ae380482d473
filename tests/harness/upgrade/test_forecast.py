"""A forecast of a user's own dump reports what is impossible before hours are spent on it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from harness import dump, end_of_run, engine, forecast
from harness.dump.text import Text
from harness.errors import InfrastructureError, UsageError
from harness.setup import engine as engine_setup
from harness.verdict import Verdict

NOT_PROVEN, USAGE = Verdict.NOT_PROVEN.exit_code, UsageError.exit_code


@pytest.fixture
def own(tmp_path: Path) -> list[str]:
    """Return the arguments for a dump without a manifest."""
    path = tmp_path / "mine.sql.zst"
    path.write_bytes((dump.FOLDER / "rt-4.4.6-plain.sql.zst").read_bytes())
    return ["--dump", str(path), "--from", "4.4.6"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Text | None]:
    """Return the dump texts for which space on a full disk was requested.

    Nothing is restored, without an engine.
    """
    found: list[Text | None] = []

    class Full:
        """Replaces a lifecycle on an engine whose disk is full."""

        def __init__(self, *_: object) -> None:
            """Accept the real one's arguments."""

        def prepared(self, _: object, __: str, text: Text | None) -> NoReturn:
            """Raise the error for a lack of space."""
            found.append(text)
            raise InfrastructureError("There is no room for it.")

    class Client:
        """Replaces an engine's client."""

        def close(self) -> None:
            """Do nothing."""

    monkeypatch.setattr(forecast, "Lifecycle", Full)
    monkeypatch.setattr(engine_setup, "ensure", lambda: None)
    monkeypatch.setattr(engine, "connect", Client)
    monkeypatch.setattr(end_of_run, "clear", lambda _: None)
    return found


def test_one_that_is_too_large_is_refused_before_anything_starts(
    own: list[str], asked: list[Text | None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its size is known after it has been read, before it is restored."""
    assert forecast.main([*own, "--largest", "0.5"]) == USAGE
    assert "cannot be measured at three sizes up to" in capsys.readouterr().err
    assert asked == []


def test_half_a_dump_is_refused_before_anything_starts(
    own: list[str], asked: list[Text | None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A truncated dump must be refused, as in the gate."""
    path = Path(own[1])
    path.write_bytes(path.read_bytes()[:-1000])
    assert forecast.main(own) == USAGE
    assert "The dump mine.sql.zst is damaged" in capsys.readouterr().err
    assert asked == []


def test_the_disk_is_asked_for_room_first(
    own: list[str], asked: list[Text | None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Space must be requested with the facts read from the dump, as early as in a gate.

    A bundled dump needs none.
    """
    assert forecast.main(own) == NOT_PROVEN
    assert "There is no room for it" in capsys.readouterr().err
    assert forecast.main([]) == NOT_PROVEN
    assert [bool(text and text.least) for text in asked] == [True, False]
