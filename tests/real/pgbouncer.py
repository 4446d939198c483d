"""PgBouncer before a PostgreSQL of its own, in transaction mode: each transaction may get another session."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import ClassVar

from cluster.server import Server as PostgreSQL
from real.serving import Server, free_port, one_at_a_time, run

# So few sessions for all clients that they are surely shared.
SESSIONS = 4
_SETTINGS = """\
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = trust
auth_file = {room}/users.txt
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 500
"""


class PgBouncer(Server):
    """The pooler; `database` is what stands behind it."""

    name = "pgbouncer"
    recipe: ClassVar[str] = "pgbouncer of Debian"
    alone = False

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()

    def install(self) -> str:
        with one_at_a_time("apt"):
            run(["apt-get", "download", "pgbouncer", "libc-ares2", "libevent-2.1-7"], cwd=self.home)
        for package in sorted(self.home.glob("*.deb")):
            run(["dpkg-deb", "-x", package, self.home])
        return run([self._program, "--version"], env=self._libraries).splitlines()[0].removeprefix("PgBouncer ")

    @property
    def _program(self) -> Path:
        return self.home / "usr/sbin/pgbouncer"

    @property
    def _libraries(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": os.pathsep.join(str(path) for path in self.home.glob("usr/lib/*-linux-gnu"))}

    def start(self) -> None:
        self.database = self._held.enter_context(PostgreSQL())
        # As root it takes another user's rights, who reads these files.
        self.room.chmod(0o755)
        settings = self.room / "pgbouncer.ini"
        facts = {"host": self.database.host, "port": self.database.port, "own": self.port, "room": self.room}
        settings.write_text(_SETTINGS.format(**facts, sessions=SESSIONS))
        (self.room / "users.txt").write_text('"postgres" ""\n')
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.spawn([self._program, *user, settings], env=self._libraries)

    def ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
