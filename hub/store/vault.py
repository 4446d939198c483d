"""The vault: secrets that the hub renews by itself, encrypted with the row's identity bound in."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from hub.errors import ConfigError, TransientError
from hub.store.database import Store, upsert
from hub.store.running import clock
from hub.store.tables import secrets

_LEASE = timedelta(seconds=60)
# AES-GCM's usual nonce: 96 bits, drawn anew for every write.
_NONCE_BYTES = 12


class StoreVault:
    """One account's secrets. `key` gives the 32 bytes that lock them; it is asked only when it is needed."""

    def __init__(self, store: Store, account: str, key: Callable[[], bytes]) -> None:
        self._store = store
        self._account = account
        self._key = key

    def read(self, name: str) -> str | None:
        """Return the secret, or None; raise `ConfigError` if the key does not open it."""
        with self._store.read() as connection:
            row = connection.execute(sa.select(secrets.c.nonce, secrets.c.sealed).where(*self._mine(name))).first()
        if row is None or not row.sealed:
            return None
        # Imported where a secret is handled: most hubs have none, and the library weighs 7 MB.
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._key()).decrypt(row.nonce, row.sealed, self._identity(name)).decode()
        except InvalidTag:
            raise ConfigError(
                "the vault's secret {name} of {account} cannot be opened with this key",
                hint=(
                    "bring back the key file it was written with, "
                    "or put the secret anew: hub vault put {account} {name}"
                ),
                name=name,
                account=self._account,
            ) from None

    def write(self, name: str, secret: str) -> None:
        """Put a secret, in place of the one there is."""
        self._store.write(self.put, name, secret)

    def put(self, connection: sa.Connection, name: str, secret: str) -> None:
        """Put a secret as part of a transaction."""
        nonce, sealed = self._seal(name, secret)
        insert = upsert(connection, secrets).values(
            account=self._account, name=name, nonce=nonce, sealed=sealed, lease_owner=""
        )
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["account", "name"],
                set_={"nonce": nonce, "sealed": sealed, "lease_owner": "", "lease_until": None},
            )
        )

    def rotate(self, name: str, seen: str | None, renew: Callable[[str | None], str]) -> str:
        """Replace a secret once, however many threads and processes ask; see `hub.adapter.Vault`."""
        owner = uuid.uuid4().hex
        until = time.monotonic() + _LEASE.total_seconds()
        while True:
            stored = self.read(name)
            if stored is not None and stored != seen:
                return stored
            if self._claim(name, owner):
                break
            if time.monotonic() > until:
                raise TransientError("another process holds the renewal of {name}", name=name)
            time.sleep(0.05)
        try:
            stored = self.read(name)
            if stored is not None and stored != seen:
                return stored
            fresh = renew(stored)
            # The network may have made the old one worthless by now.
            self._store.keep(self.put, name, fresh)
            return fresh
        finally:
            self._store.write(
                lambda connection: connection.execute(
                    secrets.update()
                    .where(*self._mine(name), secrets.c.lease_owner == owner)
                    .values(lease_owner="", lease_until=None)
                )
            )

    def _claim(self, name: str, owner: str) -> bool:
        def work(connection: sa.Connection) -> bool:
            # Of two machines whose clocks differ by more than a lease both would renew it.
            now = clock.now_of(connection)
            connection.execute(
                upsert(connection, secrets)
                .values(account=self._account, name=name, nonce=b"", sealed=b"", lease_owner="")
                .on_conflict_do_nothing()
            )
            changed = connection.execute(
                secrets.update()
                .where(*self._mine(name), sa.or_(secrets.c.lease_until.is_(None), secrets.c.lease_until < now))
                .values(lease_owner=owner, lease_until=now + _LEASE)
            )
            return changed.rowcount == 1

        return self._store.write(work)

    def _seal(self, name: str, secret: str) -> tuple[bytes, bytes]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        return nonce, AESGCM(self._key()).encrypt(nonce, secret.encode(), self._identity(name))

    def _identity(self, name: str) -> bytes:
        """A sealed secret moved to another row does not open."""
        return f"account:{self._account}:{name}".encode()

    def _mine(self, name: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
        return secrets.c.account == self._account, secrets.c.name == name
