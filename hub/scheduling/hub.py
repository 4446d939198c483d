"""One hub: its settings, its plugins, its store, and the accounts that are open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from hub.adapter import Adapter, ContactSync, Listener, Publisher, Searcher, ThreadReader, Timeline
from hub.contacts.activities import telling
from hub.engine.choosing import check, choose, prepare
from hub.errors import AuthError, StoreError, UsageError
from hub.models import Identity
from hub.registry import Registry
from hub.scheduling import due
from hub.scheduling.opened import Opened
from hub.settings import Settings, webhook_secret
from hub.store import Store, migrate
from hub.store.privacy.tombstones import Tombstones
from hub.store.running import accounts, webhooks
from hub.store.running.clock import DatabaseClock
from hub.store.running.notices import Notices
from hub.store.vault import StoreVault

PUBLISH, LISTEN, CONTACTS = "publish", "listen", "contacts"
# Seconds, and how often an answer of the database may fail to come within a lease.
_SHORTEST_PATIENCE = 5.0
_PATIENCES = 4


def utc_now() -> datetime:
    return datetime.now(UTC)


def clock_of(store: Store) -> Callable[[], datetime]:
    """Return the time that a hub on this database goes by: one for all machines, where there can be several."""
    return utc_now if store.is_sqlite else DatabaseClock(store)


class Hub:
    """Everything that a command, the daemon or the page works with. Close it when done."""

    def __init__(
        self, settings: Settings, registry: Registry, store: Store, clock: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.store = store
        self.clock = clock
        self.notices = Notices({name: section.events for name, section in settings.webhooks.items()})
        self.tombstones = Tombstones(settings.key, settings.contacts.region)
        # Accounts of which a person said, to this process, that many deletions at once are meant.
        self.accepted: set[str] = set()
        self.engine = choose(settings, store, clock)
        store.on_due = self._put
        self._opened = Opened(settings, registry, store, clock)

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        clock: Callable[[], datetime] | None = None,
        plugins: Mapping[str, object] | None = None,
        registry: Registry | None = None,
        migrate_first: bool = True,
    ) -> Hub:
        """Check all settings, open the database (made if it is not there), and register accounts and webhooks.

        Without a `clock` it goes by the database's time on PostgreSQL, and by this machine's on SQLite.
        `plugins` are modules beside the installed plugins, `registry` replaces those.
        Raises `ConfigError`, `PluginError` or `StoreError`; nothing was called or sent then.
        """
        registry = registry or Registry.discover(plugins)
        # A database that is away for long must be noticed well before the leases are over.
        patience = max(_SHORTEST_PATIENCE, settings.hub.lease.total_seconds() / _PATIENCES)
        store = Store.open(settings.database_url, patience=patience)
        try:
            if migrate_first:
                migrate.upgrade(store)
            elif migrate.version(store) != migrate.head():
                raise StoreError("the database is not of this program's version", hint="run `hub db upgrade`")
            clock = clock or clock_of(store)
            if migrate_first:
                prepare(settings, store, clock())
            else:
                check(settings, store)
            hub = cls(settings, registry, store, clock)
            registry.check_accounts(settings, hub.vault)
            store.write(
                accounts.register,
                {name: account.platform for name, account in settings.accounts.items()},
                {name: hub.kinds(name) for name in settings.accounts},
                clock(),
                lambda names: due.first_runs(names, settings.schedule.listen, clock()),
            )
            telling.prepare(store, settings, hub.adapter, clock())
            for name in settings.webhooks:
                webhook_secret(settings, name)
            if settings.webhooks:
                store.write(webhooks.register, settings.webhooks)
        except BaseException:
            store.close()
            raise
        return hub

    def vault(self, account: str) -> StoreVault:
        """Return an account's secrets."""
        return StoreVault(self.store, account, self.settings.key)

    def adapter(self, name: str) -> Adapter:
        """Return an account's adapter, opened once; raise `UsageError` for a name that is no account."""
        if name not in self.settings.accounts:
            raise UsageError(
                "{name} is no account",
                hint="they are the [accounts.NAME] tables of {file}",
                name=name,
                file=self.settings.path,
            )
        return self._opened.adapter(name, self.vault)

    def kinds(self, name: str) -> list[str]:
        """Say which kinds of work an account can do."""
        account = self.settings.accounts[name]
        adapter = self.registry.adapter_class(account, self.settings)
        found = []
        if issubclass(adapter, Publisher):
            found.append(PUBLISH)
        is_source = name in self.settings.sources
        if issubclass(adapter, Listener | ThreadReader | Searcher) or (
            issubclass(adapter, Timeline) and is_source
        ):
            found.append(LISTEN)
        if issubclass(adapter, ContactSync):
            found.append(CONTACTS)
        return found

    def check(self, name: str) -> Identity:
        """Ask the network who an account is; a paused one goes on when it answers.

        Raises what the adapter raises; an `AuthError` pauses the account.
        """
        try:
            identity = self.adapter(name).check()
        except AuthError as error:
            self.pause(name, error)
            raise
        self.store.write(self._resume, name, identity, self.clock())
        return identity

    def pause(self, name: str, error: AuthError) -> bool:
        """Stop an account until a person has seen to it; True if it was not paused before."""
        now = self.clock()
        opened = self._opened.known(name)
        reason = opened.http.redact(str(error)) if opened else str(error)

        def work(connection: Connection) -> bool:
            news = accounts.pause(connection, name, reason, now)
            if news:
                self.notices.account(connection, "account.paused", name, now)
            return news

        return self.store.write(work)

    def _resume(self, connection: Connection, name: str, identity: Identity, now: datetime) -> None:
        event = "account.resumed"
        news = self.notices.wants(event) and accounts.is_paused(connection, name)
        accounts.resume(
            connection,
            name,
            identity.remote_id,
            identity.name,
            now,
            token_kind=identity.kind,
            missing=identity.missing,
            expires_at=identity.expires_at,
        )
        if news:
            self.notices.account(connection, event, name, now)

    def _put(self, connection: Connection, falling_due: Mapping[str, datetime]) -> None:
        """Tell the engine what has become due: in the transaction that makes it so, from whatever process."""
        now = self.clock()
        ready = [account for account, due_at in falling_due.items() if due_at <= now]
        if ready:
            self.engine.put(connection, ready)

    def close(self) -> None:
        self._opened.close()
        self.store.close()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
