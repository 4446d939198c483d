"""`hub settle` and `hub retry`: a person decides what the hub cannot."""

from __future__ import annotations

import click

from hub.cli import arguments
from hub.cli.opening import open_hub
from hub.cli.output import Output, command
from hub.cli.shapes import delivery_shape
from hub.errors import UsageError
from hub.i18n import _
from hub.publishing.settling import decide, receipt_of, send_again
from hub.scheduling.hub import Hub
from hub.store.outbox import deliveries
from hub.store.outbox.deliveries import Delivery
from hub.words import word


@command("settle", help=_("Decide what became of a delivery that the hub cannot settle."))
@click.argument("delivery_id", type=click.IntRange(1))
@click.option("--sent", metavar="URL_OR_ID", help=_("It is out: its address, or its id on the network."))
@click.option(
    "--remote-id", metavar="ID", help=_("Its id on the network, where --sent is an address without one.")
)
@click.option("--again", is_flag=True, help=_("It is not out: send it again."))
@click.option("--drop", is_flag=True, help=_("Leave it be."))
def settle(
    out: Output, delivery_id: int, sent: str | None, remote_id: str | None, again: bool, drop: bool
) -> None:
    """Write down a person's word on a delivery."""
    if [sent is not None, again, drop].count(True) != 1:
        raise UsageError(
            "say one of --sent, --again and --drop", hint="`hub posts` shows where the post should be"
        )
    with open_hub(out) as hub:
        delivery = _get(hub, delivery_id)
        adapter = hub.adapter(delivery.account)
        receipt = None if sent is None else receipt_of(adapter, arguments.checked(sent, "--sent"), remote_id)
        decide(hub.store, adapter, delivery_id, hub.clock(), sent=receipt, again=again, notices=hub.notices)
        _answer(out, hub, delivery_id)


@command("retry", help=_("Send a delivery again that failed or was missed."))
@click.argument("delivery_id", type=click.IntRange(1))
def retry(out: Output, delivery_id: int) -> None:
    """Queue a delivery again, but never one that may be out already."""
    with open_hub(out) as hub:
        adapter = hub.adapter(_get(hub, delivery_id).account)
        send_again(hub.store, adapter, delivery_id, hub.clock(), notices=hub.notices)
        _answer(out, hub, delivery_id)


def _get(hub: Hub, delivery_id: int) -> Delivery:
    with hub.store.read() as connection:
        delivery = deliveries.get(connection, delivery_id)
    if delivery is None:
        raise UsageError("there is no delivery {id}", hint="`hub posts` lists them", id=delivery_id)
    return delivery


def _answer(out: Output, hub: Hub, delivery_id: int) -> None:
    delivery = _get(hub, delivery_id)
    out.line(
        _("Delivery {id} on {account} is now: {state}").format(
            id=delivery.id, account=delivery.account, state=word(delivery.state)
        )
    )
    out.done({"delivery": {"post": delivery.post_id, **delivery_shape(delivery)}})
