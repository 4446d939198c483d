"""What every room of tests shares: where the official contracts are, if they are here."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def contracts() -> Path:
    """The folder of official contracts and recorded answers; the test is skipped where it is absent."""
    folder = SHARED / "contracts" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/contracts/data beside this checkout")
    return folder
