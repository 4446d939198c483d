"""The pluggy hooks: who is there, and who wants to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from hub.adapter import Adapter
    from hub.models import Mention, Post, Receipt

hookspec = pluggy.HookspecMarker("hub")
hookimpl = pluggy.HookimplMarker("hub")


@hookspec
def register_adapters() -> list[type[Adapter]]:  # type: ignore[empty-body]  # pluggy calls the implementations
    """Return the adapter classes of this plugin. Does nothing else: no network, no disk, no heavy import."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to the `hub` command line."""


@hookspec
def prepare_post(post: Post, account: str) -> Post | None:
    """Return `post` changed for one account, or None to leave it. Raise `RejectedError(reason)` to veto it."""


@hookspec
def post_published(account: str, post: Post, receipt: Receipt) -> None:
    """Learn that a post is out; it is stored already. What is raised here is logged and changes nothing."""


@hookspec
def mention_received(account: str, mention: Mention) -> None:
    """Learn of a new mention; it is stored already. What is raised here is logged and changes nothing."""


@hookspec
def delivery_needs_attention(account: str, delivery: int, state: str, reason: str) -> None:
    """Learn that a person must look at a delivery: it is `failed`, `asked` or `missed`."""
