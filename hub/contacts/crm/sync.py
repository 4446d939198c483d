"""Keeps a CRM and the hub in step: takes in what changed there, gives it what changed here, each once."""

from __future__ import annotations

from hub.contacts.activities import telling
from hub.contacts.crm import creating, deleting, pulling, pushing, settling
from hub.contacts.crm.exchange import Exchange
from hub.contacts.identity import matching

__all__ = ["Exchange", "sync"]


def sync(exchange: Exchange, *, push: bool) -> None:
    """Take in what changed in the CRM, then, with `push`, give it what changed here.

    The taking comes first, so that nobody is created there who is there already. One contact that the CRM refuses
    does not stop the others.
    """
    started = exchange.clock()
    pulling.pull(exchange)
    deleting.depart(exchange)
    deleting.check(exchange)
    deleting.follow(exchange)
    matching.match(exchange.store, exchange.settings, exchange.clock())
    if not push:
        return
    settling.settle(exchange, started)
    pushing.push_changes(exchange)
    creating.create_missing(exchange)
    deleting.withdraw(exchange)
    telling.tell(exchange, exchange.settings)
