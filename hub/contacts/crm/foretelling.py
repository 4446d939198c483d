"""Says what the CRMs would be told of a merge: what each of them takes, and what may leave the hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hub.adapter import Adapter, ContactSync
from hub.contacts.crm.fields import base_name
from hub.contacts.identity.merging import Preview, Told
from hub.errors import HubError
from hub.settings import Settings


class House(Protocol):
    """What knows the CRMs; `hub.scheduling.hub.Hub` is one."""

    @property
    def settings(self) -> Settings: ...
    def adapter(self, name: str) -> Adapter:
        """Return an account's adapter."""


def told(house: House, preview: Preview) -> Sequence[Told]:
    """Return what of the preview would reach a CRM; all of one whose account cannot be opened just now."""
    takes = {account: _takes(house, account) for account in {one.account for one in preview.crm}}
    return [one for one in preview.crm if _goes(takes[one.account], base_name(one.field))]


def _takes(house: House, account: str) -> frozenset[str] | None:
    configured = house.settings.accounts.get(account)
    if configured is None or not configured.options.push:
        return frozenset()
    try:
        adapter = house.adapter(account)
        if not isinstance(adapter, ContactSync):
            return frozenset()
        return (adapter.writes & adapter.reads) - set(house.settings.contacts.never)
    except HubError:
        return None


def _goes(takes: frozenset[str] | None, field: str) -> bool:
    return takes is None or field in takes
